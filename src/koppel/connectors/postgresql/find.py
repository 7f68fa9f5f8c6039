"""Whole-table look-up: which records hold these values, blanks around them and (if asked) case left aside.

The database narrows the table down to candidates, Polars compares them, so all connectors agree. `lower()` depends on
the database's locale and often knows ASCII only: without case, a text that is not plain ASCII is always a candidate.
"""

import polars as pl

from koppel.connectors.agreed.look_up import comparable, hits, nothing_found
from koppel.connectors.agreed.names import BLANKS, literal, quoted
from koppel.connectors.postgresql.cursor import Clock
from koppel.connectors.postgresql.database import Database
from koppel.connectors.postgresql.encode import array, encode
from koppel.connectors.postgresql.read import all_pages
from koppel.connectors.postgresql.reflect import TEXTS, Relation
from koppel.model.values import OP
from koppel.ports import Want


def find(database: Database, relation: Relation, keys: pl.DataFrame, ignore_case: bool, clock: Clock) -> pl.DataFrame:
    """OP and ID of every record equal to a row of `keys` in all its fields; null and blank equal nothing."""
    fields = tuple(name for name in keys.columns if name != OP)
    wanted = comparable(keys, fields, ignore_case)
    if wanted.is_empty():
        return nothing_found()
    with database.connection() as connection:
        unicode = connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
    rules = (
        [rule for name in fields for rule in _candidates(relation, name, wanted[name], ignore_case)] if unicode else []
    )
    return hits(all_pages(database, relation, Want(fields), clock, rules), wanted, fields, ignore_case)


def _candidates(relation: Relation, name: str, values: pl.Series, ignore_case: bool) -> list[str]:
    """The SQL rule that every record equal to one of the values fits."""
    column = relation.columns[name]
    texts = encode(column, values.unique(), relation.zone)[0]
    if column.type not in TEXTS:
        if values.dtype == pl.String and column.type != "uuid":
            return []  # shown as text, compared as shown
        return [f"t.{quoted(name)} = ANY({literal(array(texts))}::{column.attribute.cast}[])"]
    texts = texts.filter(~texts.str.contains("\0", literal=True))
    bare = f'btrim(t.{quoted(name)}::text, {literal(BLANKS)}) COLLATE "C"'
    if not ignore_case:
        return [f"{bare} = ANY({literal(array(texts))}::text[])"]
    return [f"(lower({bare}) = ANY({literal(array(texts))}::text[]) OR t.{quoted(name)}::text ~ '[^\\x01-\\x7f]')"]
