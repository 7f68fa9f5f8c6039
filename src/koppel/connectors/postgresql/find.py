"""Whole-table look-up: which records hold these values, blanks around them and (if asked) case left aside.

The database narrows the table down to candidates, Polars compares them, so all connectors agree. `lower()` depends on
the database's locale and often knows ASCII only: without case, a text that is not plain ASCII is always a candidate.
"""

import polars as pl

from koppel.connectors.agreed import comparable
from koppel.connectors.postgresql.cursor import Clock
from koppel.connectors.postgresql.database import Database, literal, quoted
from koppel.connectors.postgresql.encode import array, encode
from koppel.connectors.postgresql.read import all_pages
from koppel.connectors.postgresql.reflect import TEXTS, Relation
from koppel.model.values import FAULT, ID, OP
from koppel.ports import Want

_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""Every Unicode blank."""


def find(database: Database, relation: Relation, keys: pl.DataFrame, ignore_case: bool, clock: Clock) -> pl.DataFrame:
    """OP and ID of every record equal to a row of `keys` in all its fields; null and blank equal nothing."""
    fields = tuple(name for name in keys.columns if name != OP)
    wanted = comparable(keys, fields, ignore_case)
    none = pl.DataFrame(schema={OP: pl.Int64, ID: pl.String})
    if wanted.is_empty():
        return none
    with database.connection() as connection:
        unicode = connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
    rules = (
        [rule for name in fields for rule in _candidates(relation, name, wanted[name], ignore_case)] if unicode else []
    )
    hits = [
        comparable(page.filter(pl.col(FAULT).is_null()), fields, ignore_case).join(wanted, on=fields).select(OP, ID)
        for page in all_pages(database, relation, Want(fields), clock, rules)
    ]
    return pl.concat([none, *hits]).unique()


def _candidates(relation: Relation, name: str, values: pl.Series, ignore_case: bool) -> list[str]:
    """The SQL rule that every record equal to one of the values fits."""
    column = relation.columns[name]
    texts = encode(column, values.unique(), relation.zone)[0]
    if column.type not in TEXTS:
        if values.dtype == pl.String and column.type != "uuid":
            return []  # shown as text, compared as shown
        return [f"t.{quoted(name)} = ANY({literal(array(texts))}::{column.attribute.cast}[])"]
    texts = texts.filter(~texts.str.contains("\0", literal=True))
    bare = f'btrim(t.{quoted(name)}::text, {literal(_BLANKS)}) COLLATE "C"'
    if not ignore_case:
        return [f"{bare} = ANY({literal(array(texts))}::text[])"]
    return [f"(lower({bare}) = ANY({literal(array(texts))}::text[]) OR t.{quoted(name)}::text ~ '[^\\x01-\\x7f]')"]
