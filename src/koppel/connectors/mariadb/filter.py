"""The part of a filter that SQL says exactly, so that a page need not bring what the filter leaves out.

Text is compared byte by byte (`utf8mb4_nopad_bin`): the column's own collation would take 'A' and 'a ' for 'a'. Numbers
and moments are compared as MariaDB keeps them, exactly. What is not the same here and on a page is left to the engine:
codes, because `upper()` knows fewer letters than Unicode; floats; times of day of another zone. Of an AND the other
terms are used all the same.
"""

from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect

from koppel.connectors.filter_sql import OPERATORS, STRINGS, Column, Condition, text_of, to_sql
from koppel.connectors.mariadb.reflect import BINARY, FLOATS, Relation
from koppel.model.filter import And, Comparison, Filter, Literal, fields_of
from koppel.model.values import FieldShape, Kind

_DIALECT = DefaultDialect(paramstyle="qmark")
"""Plain SQL: double quotes around names, no escapes in texts, as the session understands it."""
_BINARY = "utf8mb4_nopad_bin"


class MariaTerms:
    """How MariaDB says what a filter looks at."""

    def comparable(self, column: Column, field: FieldShape) -> Column:
        """The column in the one form in which its values can be compared."""
        if field.kind is Kind.BOOLEAN:  # anything else than 0 and 1 is unreadable, thus null
            return sa.case((column.in_([0, 1]), column))
        if field.kind is Kind.UUID:
            return sa.func.replace(sa.cast(column, sa.CHAR(36)), "-", "")
        if field.kind in STRINGS:
            return sa.cast(column, sa.CHAR).collate(_BINARY)
        return column

    def compare(self, column: Column, field: FieldShape, operator: Comparison, value: Literal) -> Condition:
        """One comparison; against '' a null counts as ''."""
        comparable = self.comparable(column, field)
        if field.kind in (Kind.INTEGER, Kind.DECIMAL):
            return OPERATORS[operator](comparable, sa.literal_column(format(Decimal(str(value)), "f")))
        if field.kind is Kind.BOOLEAN:
            return OPERATORS[operator](comparable, sa.literal_column(str(int(bool(value)))))
        text = text_of(value, field.kind)
        if text == "":
            comparable = sa.func.coalesce(comparable, "", type_=sa.TEXT).collate(_BINARY)
        return OPERATORS[operator](comparable, sa.literal(text, sa.TEXT))

    def like(self, text: Column, pattern: str) -> Condition:
        """A comparable text like the pattern, case by case."""
        return text.like(sa.literal(pattern, sa.TEXT), escape="\\")


def filter_rules(relation: Relation, filter_: Filter | None) -> list[str]:
    """Conditions on the table called `t` that every record within the filter fits."""
    terms = filter_.terms if isinstance(filter_, And) else () if filter_ is None else (filter_,)
    columns: dict[str, Column] = {name: sa.column(name, _selectable=sa.table("t")) for name in relation.columns}
    shapes = {name: column.shape for name, column in relation.columns.items()}
    conditions = (to_sql(term, columns, shapes, MariaTerms()) for term in terms if _exact(relation, term))
    return [f"({c.compile(dialect=_DIALECT, compile_kwargs={'literal_binds': True})})" for c in conditions]


def _exact(relation: Relation, filter_: Filter) -> bool:
    columns = [relation.columns.get(name) for name in fields_of(filter_)]
    return all(
        column is not None
        and column.shape.kind is not Kind.CODE
        and column.type not in BINARY
        and column.type not in FLOATS
        and (column.shape.kind is not Kind.DATETIME or column.zone(relation.zone) == "UTC")
        for column in columns
    )
