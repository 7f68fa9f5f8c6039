"""Whole-table look-up: which records hold these values, blanks around them and (if asked) case left aside.

The server narrows the table down to candidates, Polars compares them, so all connectors agree. `lower()` knows other
letters than Unicode does today: without case, a text that is not plain ASCII is always a candidate.
"""

import polars as pl

from koppel.connectors.agreed.look_up import comparable, hits, nothing_found
from koppel.connectors.agreed.names import BLANKS, literal, quoted
from koppel.connectors.mariadb.decode import as_utf8
from koppel.connectors.mariadb.encode import encode, sql_texts
from koppel.connectors.mariadb.read import Reader
from koppel.connectors.mariadb.reflect import FLOATS, TEXTS, WHOLE, Relation
from koppel.model.values import OP
from koppel.ports import Want

MOST_VALUES = 10_000
"""A longer list of values would be longer than a statement may be; then the table is read once."""

_BINARY = "COLLATE utf8mb4_nopad_bin"
_BLANK = "[" + BLANKS + "]"
_EDGES = literal(f"^{_BLANK}+|{_BLANK}+$")


def find(reader: Reader, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
    """OP and ID of every record equal to a row of `keys` in all its fields; null and blank equal nothing."""
    fields = tuple(name for name in keys.columns if name != OP)
    wanted = comparable(keys, fields, ignore_case)
    if wanted.is_empty():
        return nothing_found()
    rules = [rule for name in fields for rule in _candidates(reader.relation, name, wanted[name], ignore_case)]
    return hits(reader.everything(Want(fields), rules), wanted, fields, ignore_case)


def _candidates(relation: Relation, name: str, values: pl.Series, ignore_case: bool) -> list[str]:
    """The SQL rule that every record equal to one of the values fits."""
    column, values = relation.columns[name], values.unique()
    if len(values) > MOST_VALUES or column.type in FLOATS or column.is_bit:
        return []
    texts = ", ".join(sql_texts(encode(column, values, relation.zone)[0]).sort())
    bare = f"t.{quoted(name)}"
    if column.type not in TEXTS:
        exact = column.type in WHOLE | {"uuid", "date", "datetime", "timestamp", "decimal"}
        return [f"{bare} IN ({texts})"] if exact else []  # an enum is compared as shown
    stripped = f"regexp_replace({as_utf8(column, bare)}, {_EDGES}, '') {_BINARY}"
    if not ignore_case:
        return [f"{stripped} IN ({texts})"]
    return [f"(lower({stripped}) {_BINARY} IN ({texts}) OR {as_utf8(column, bare)} REGEXP '[^\\x01-\\x7f]')"]
