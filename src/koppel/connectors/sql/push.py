"""A filter pushed down into SQL, where SQL can say exactly what the filter means."""

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite as dialect

from koppel.connectors.filter_sql import to_sql
from koppel.connectors.sql.filter import SqliteTerms
from koppel.connectors.sql.reflect import Relation
from koppel.model.filter import Filter, fields_of
from koppel.model.values import Kind


def filter_rules(relation: Relation, filter_: Filter | None) -> list[str]:
    """The filter as a condition on the table called `t`; nothing where the engine has to judge it.

    Its values are written out, because the rest of the statement is SQL text too. A date-time without offset means
    another moment in every time zone; the SQL of a filter takes it for UTC.
    """
    if filter_ is None or not fields_of(filter_) <= relation.columns.keys():
        return []
    columns = [relation.columns[name] for name in fields_of(filter_)]
    if relation.zone != "UTC" and any(column.shape.kind is Kind.DATETIME for column in columns):
        return []
    table = sa.table(relation.name, *(sa.column(name) for name in relation.columns)).alias("t")
    shapes = {name: column.shape for name, column in relation.columns.items()}
    condition = to_sql(filter_, dict(table.c.items()), shapes, SqliteTerms())
    text = condition.compile(dialect=dialect.dialect(), compile_kwargs={"literal_binds": True})
    return [f"({text})"]
