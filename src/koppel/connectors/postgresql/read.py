"""Reading: pages of changed records, and records by their ids, by COPY.

A page is one statement: keyset paging by key, or by change stamp and key, so no transaction stays open between pages. A
version is the change stamp and the number of the transaction that wrote the row (xmin): every edit moves it, also two
within one tick or one whose program forgot the stamp. The same stamp with another number (after a dump and restore)
only means "look again"; a number that comes round after 2^32 transactions is told apart by the stamp.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import polars as pl

from koppel.connectors.agreed.names import literal, quoted
from koppel.connectors.agreed.page import (
    PAGE_ROWS,
    ROW,
    STAMP,
    Page,
    Query,
    csv_page,
    is_whole,
    key_frame,
)
from koppel.connectors.agreed.values import UUID, Reasoned
from koppel.connectors.postgresql.cursor import Clock, present
from koppel.connectors.postgresql.database import Connection, Database, copied
from koppel.connectors.postgresql.decode import decode, expression, raw_dtype
from koppel.connectors.postgresql.encode import array
from koppel.connectors.postgresql.reflect import TEXTS, WHOLE, Column, Relation
from koppel.model.values import VERSION, Kind
from koppel.ports import Want

# ---- one page


def read_page(
    connection: Connection, relation: Relation, fields: Sequence[str], query: Query, clock: Clock = None
) -> Page:
    """Read the records of `query`: ID, VERSION, FAULT, `fields`."""
    names = list(dict.fromkeys((*relation.key, *fields)))
    items = {ROW: query.row, VERSION: "lpad(t.xmin::text, 10, '0')" if relation.transactions else "0"}
    schema: dict[str, pl.DataType] = {ROW: pl.Int64(), VERSION: pl.String()}
    now = None
    if relation.stamp is not None:
        items[STAMP], schema[STAMP] = f"t.{quoted(relation.stamp.field)}", pl.String()
        now = None if relation.transactions else present(connection, clock)
    for name in names:
        items[name], schema[name] = expression(relation.columns[name]), raw_dtype(relation.columns[name])
    answer = copied(connection, f"SELECT {', '.join(items.values())} {query.tail}")

    def decoded(name: str, values: pl.Series) -> Reasoned:
        return decode(relation.columns[name], values, relation.zone)

    return csv_page(relation, fields, answer, schema, decoded, lambda raw: _versions(relation, raw, now))


def _versions(relation: Relation, raw: pl.DataFrame, now: datetime | None) -> pl.Series:
    """Texts whose order is that of the stamps. Of views, whose rows tell no transaction: the stamp once it is older
    than one tick.
    """
    number = raw[VERSION]
    if relation.stamp is None:
        return (
            number if relation.transactions else number.set(pl.Series([True]).new_from_index(0, len(raw)), None)
        ).alias(VERSION)
    stamp = raw[STAMP]
    usual = ((stamp.str.slice(4, 1) == "-") & ~stamp.str.ends_with("BC")).fill_null(False)
    moment = stamp.str.strip_suffix("+00")
    if relation.transactions:  # '#' sorts before '.' and the digits, '-' before every year
        return (moment.set(~usual, "-").fill_null("-") + "#" + number).alias(VERSION)
    assert now is not None, "the time was asked for"
    ripe = now - relation.stamp.granularity
    limit = ripe.replace(tzinfo=None).isoformat(" ", timespec="microseconds")
    return moment.set(~(usual & (moment <= limit)), None).alias(VERSION)


# ---- by id


def fetch_page(
    connection: Connection, relation: Relation, ids: pl.Series, fields: Sequence[str], clock: Clock = None
) -> Page:
    """The records with these ids. Ids that cannot be keys of this table are simply not found."""
    wanted = ids.drop_nulls().unique()
    parts = key_texts(relation, wanted).drop_nulls()
    if len(relation.key) == 1:
        name = relation.key[0]
        tail = f"FROM {relation.sql} AS t WHERE {as_key(relation.columns[name])} = ANY({_array(relation, parts, name)})"
    else:
        arrays = ", ".join(_array(relation, parts, name) for name in relation.key)
        names = ", ".join(f"k{at}" for at in range(len(relation.key)))
        same = " AND ".join(f"{as_key(relation.columns[name])} = w.k{at}" for at, name in enumerate(relation.key))
        tail = f"FROM {relation.sql} AS t JOIN unnest({arrays}) AS w({names}) ON {same}"
    return read_page(connection, relation, fields, Query(tail), clock).only(wanted)


def key_texts(relation: Relation, ids: pl.Series) -> pl.DataFrame:
    """The key texts in the ids; null where there is no id or it cannot be one of this table's."""
    return key_frame(relation, ids, lambda name: _fits(relation.columns[name]))


def _fits(column: Column) -> pl.Expr:
    """Whether a text is what a value of this key column reads as."""
    text = pl.col(column.shape.name)
    if column.type in WHOLE:
        return is_whole(text)
    if column.type == "uuid":
        return text.str.contains(UUID)
    if column.shape.kind is Kind.DATE:
        return text.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    if column.type == "numeric":
        return text.str.contains(r"^-?\d+(\.\d+)?$")
    return ~text.str.contains("\0", literal=True)


def key_cast(column: Column) -> str:
    """The type in which a key text is compared: the column's, so that its index serves, where every text has it."""
    if column.type in WHOLE:
        return "int8"
    if column.type in TEXTS or column.type in ("uuid", "date", "numeric"):
        return column.attribute.cast
    return "text"


def as_key(column: Column, table: str = "t") -> str:
    """The key column as it is compared."""
    name = f"{table}.{quoted(column.shape.name)}"
    return f"{name}::text" if key_cast(column) == "text" and column.type != "text" else name


def _array(relation: Relation, parts: pl.DataFrame, name: str) -> str:
    return f"{literal(array(parts[name]))}::{key_cast(relation.columns[name])}[]"


# ---- what changed


def keyed(relation: Relation) -> list[str]:
    """A record without a key is none."""
    return [f"t.{quoted(name)} IS NOT NULL" for name in relation.key if not relation.columns[name].attribute.not_null]


def all_pages(
    database: Database, relation: Relation, want: Want, clock: Clock, rules: Sequence[str] = ()
) -> Iterator[pl.DataFrame]:
    """Every record that has a key (and fits the SQL `rules`), in the order of the key."""
    return _paged(database, relation, want, clock, [*keyed(relation), *rules], by_stamp=False)


def changed_pages(
    database: Database, relation: Relation, want: Want, clock: Clock, after: datetime
) -> Iterator[pl.DataFrame]:
    """Records whose stamp is not before `after`; those without a stamp are named every time.

    In the order of stamp and key where an index begins with the stamp, else of the key. Either way a record that is
    edited meanwhile is named by the next feed, whose cursor is not later than the first page.
    """
    stamp = relation.stamp
    assert stamp is not None
    column = f"t.{quoted(stamp.field)}"
    if stamp.nullable:
        yield from _paged(database, relation, want, clock, [*keyed(relation), f"{column} IS NULL"], by_stamp=False)
    tick = (after - datetime(1970, 1, 1, tzinfo=after.tzinfo)) % stamp.granularity
    since = literal((after - max(tick, timedelta(0))).replace(tzinfo=None).isoformat(" ", timespec="microseconds"))
    zoned = "::timestamp" if relation.columns[stamp.field].type == "timestamp" else "::timestamp AT TIME ZONE 'UTC'"
    rules = [*keyed(relation), f"{column} >= {since}{zoned}"]
    yield from _paged(database, relation, want, clock, rules, by_stamp=stamp.indexed)


def _paged(
    database: Database, relation: Relation, want: Want, clock: Clock, rules: list[str], by_stamp: bool
) -> Iterator[pl.DataFrame]:
    names = ([relation.stamp.field] if by_stamp and relation.stamp is not None else []) + list(relation.key)
    order = ", ".join(f"t.{quoted(name)}" for name in names)
    after: list[str] = []
    while True:
        where = f"WHERE {' AND '.join([*rules, *after])} " if rules or after else ""
        query = Query(f"FROM {relation.sql} AS t {where}ORDER BY {order} LIMIT {PAGE_ROWS}")
        with database.connection() as connection:
            page = read_page(connection, relation, want.fields, query, clock)
        if len(page.frame):
            yield page.frame
        if len(page.frame) < PAGE_ROWS:
            return
        place = zip(names, page.last[-len(names) :], strict=True)
        values = (f"{literal(text)}::{relation.columns[name].attribute.cast}" for name, text in place)
        after = [f"({order}) > ({', '.join(values)})"]
