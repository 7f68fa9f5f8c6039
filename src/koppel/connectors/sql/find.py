"""Whole-table look-up: which records hold these values, blanks around them and (if asked) case left aside.

Two ways to the candidates, one comparison. Where an index begins with one of the fields, the index finds for every
value the texts that begin with it and go on with a blank, and the few texts that begin with a blank; else the table is
read once, page by page. Polars then compares the candidates, so both ways mean the same.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime

import polars as pl

from koppel.connectors.agreed.look_up import comparable, hits, nothing_found
from koppel.connectors.agreed.names import quoted
from koppel.connectors.sql.database import Database
from koppel.connectors.sql.read import Query, all_pages, keyed, read_page
from koppel.connectors.sql.reflect import Relation
from koppel.model.values import OP, Kind
from koppel.ports import Want

_BLANKS = (
    ("\t", "\x0e"),
    (" ", "!"),
    ("\x85", "\xa1"),
    ("\u1680", "\u1681"),
    ("\u2000", "\u2060"),
    ("\u3000", "\u3001"),
)
"""Ranges [from, to) that hold every Unicode blank (and a few other signs, which the comparison sorts out)."""

_INDEXABLE = frozenset({Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.INTEGER})


def find(
    database: Database, relation: Relation, keys: pl.DataFrame, ignore_case: bool, now: Callable[[], datetime]
) -> pl.DataFrame:
    """OP and ID of every record equal to a row of `keys` in all its fields; null and blank equal nothing."""
    fields = tuple(name for name in keys.columns if name != OP)
    wanted = comparable(keys, fields, ignore_case)
    if wanted.is_empty():
        return nothing_found()
    field = None if ignore_case else _indexed(database, relation, fields)
    if field is None:
        pages = all_pages(database, relation, Want(fields), now)
    else:
        queries = _queries(relation, field, wanted[field].unique().sort().to_list())
        pages = _candidates(database, relation, queries, fields, now)
    return hits(pages, wanted, fields, ignore_case)


def _indexed(database: Database, relation: Relation, fields: tuple[str, ...]) -> str | None:
    """A field whose values SQLite would look up in an index (it will not when the index has another collation)."""
    for name in fields:
        column = relation.columns[name]
        if column.shape.kind in _INDEXABLE and column.affinity in ("TEXT", "INTEGER"):
            with database.connection() as connection:
                plans = [_plan(connection, query) for query in _queries(relation, name, [])]
            if all(plan.startswith("SEARCH t ") for plan in plans):
                return name
    return None


def _plan(connection: sqlite3.Connection, query: Query) -> str:
    """What SQLite would do to the table `t`."""
    rows = connection.execute(f"EXPLAIN QUERY PLAN SELECT 1 {query.tail}", query.parameters).fetchall()
    return next((str(row[3]) for row in rows if str(row[3]).split()[1] == "t"), "")


def _queries(relation: Relation, field: str, values: list[object]) -> list[Query]:
    """The value itself; then, for text, the value followed by a blank, and texts that begin with a blank."""
    column, source = f"t.{quoted(field)}", quoted(relation.name)
    rules = " AND ".join(keyed(relation))
    joined = f"FROM json_each(?) AS w CROSS JOIN {source} AS t WHERE {rules} AND {column}"
    queries = [Query(f"{joined} = w.value", (json.dumps(values),))]
    if relation.columns[field].affinity == "TEXT":
        texts = json.dumps([str(value) for value in values])
        for start, end in _BLANKS:
            queries.append(Query(f"{joined} >= w.value || ? AND {column} < w.value || ?", (texts, start, end)))
            alone = f"FROM {source} AS t WHERE {rules} AND {column} >= ? AND {column} < ?"
            queries.append(Query(alone, (start, end)))
    return queries


def _candidates(
    database: Database, relation: Relation, queries: list[Query], fields: tuple[str, ...], now: Callable[[], datetime]
) -> Iterator[pl.DataFrame]:
    for query in queries:
        with database.connection() as connection:
            yield read_page(connection, relation, fields, query, now()).frame
