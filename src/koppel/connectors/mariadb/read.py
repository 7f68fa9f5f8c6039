"""Reading: pages of changed records, and records by their ids.

A page is one statement: keyset paging by key, or by change stamp and key, so no transaction stays open between pages.
Key texts are compared as their column compares them, which is how its index is sorted; a view, whose index nobody
knows, byte by byte. A version is the change stamp, once no transaction and no statement that might repeat it is open.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

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
    moments_until,
)
from koppel.connectors.agreed.values import UUID, Reasoned
from koppel.connectors.mariadb.cursor import Watch
from koppel.connectors.mariadb.database import Connection, Database
from koppel.connectors.mariadb.decode import as_utf8, cell, decode, line, raw_dtype
from koppel.connectors.mariadb.encode import sql_rows, sql_texts
from koppel.connectors.mariadb.filter import filter_rules
from koppel.connectors.mariadb.reflect import TEXTS, TIMES, WHOLE, Column, Relation
from koppel.errors import BadAnswer
from koppel.model.values import Kind
from koppel.ports import Want

FETCH_KEYS = 5_000
"""Keys in one statement: the range optimizer gives up on much longer lists and reads the whole table."""

_BINARY = "COLLATE utf8mb4_nopad_bin"


class Reader:
    """Reads one table. `lag`: how long hidden transactions may be open."""

    def __init__(self, database: Database, relation: Relation, watch: Watch, lag: timedelta) -> None:
        self.database = database
        self.relation = relation
        self._watch = watch
        self._lag = lag

    # ---- one page

    def page(self, connection: Connection, fields: Sequence[str], query: Query) -> Page:
        """Read the records of `query`: ID, VERSION, FAULT, `fields`."""
        relation, limit = self.relation, self._version_limit()
        items = {ROW: query.row}
        schema: dict[str, pl.DataType] = {ROW: pl.Int64()}
        if relation.stamp is not None:
            items[STAMP], schema[STAMP] = f"t.{quoted(relation.stamp.field)}", pl.String()
        for name in dict.fromkeys((*relation.key, *fields)):
            column = relation.columns[name]
            items[name], schema[name] = cell(column), raw_dtype(column)
        answer = connection.execute(f"SELECT {line(items.values())} {query.tail}")
        if any(row[0] is None for row in answer.rows):
            remedy = "raise max_allowed_packet of the server"
            raise BadAnswer(relation.system, f"a record of {relation.name} is longer than the server sends", remedy)
        lines = b"".join([row[0] + b"\n" for row in answer.rows])  # type: ignore[misc, operator]

        def decoded(name: str, values: pl.Series) -> Reasoned:
            return decode(relation.columns[name], values, relation.zone)

        def versions(raw: pl.DataFrame) -> pl.Series:
            if limit is None:
                return pl.Series([None], dtype=pl.String).new_from_index(0, len(raw))
            return moments_until(raw[STAMP], limit)

        return csv_page(relation, fields, lines, schema, decoded, versions)

    def _version_limit(self) -> str | None:
        """The last stamp that no edit from now on can have."""
        stamp = self.relation.stamp
        if stamp is None:
            return None
        look = self._watch.look()
        ripe = look.safe - stamp.granularity - (self._lag if look.hidden else timedelta(0))
        return ripe.replace(tzinfo=None).isoformat(" ", timespec="microseconds")

    # ---- by id

    def fetch(self, connection: Connection, ids: pl.Series, fields: Sequence[str]) -> pl.DataFrame:
        """The records with these ids. Ids that cannot be keys of this table are simply not found."""
        relation, wanted = self.relation, ids.drop_nulls().unique()
        keys = key_texts(relation, wanted).drop_nulls()
        literals = [key_literals(relation.columns[name], keys[name]) for name in relation.key]
        tuples = sql_rows(literals).sort().to_list()  # neighbours in the index are read together
        columns = ", ".join(f"t.{quoted(name)}" for name in relation.key)
        some = [tuples[start : start + FETCH_KEYS] for start in range(0, len(tuples), FETCH_KEYS)]
        rules = [f"({columns}) IN ({', '.join(part)})" for part in some] or ["FALSE"]
        queries = (Query(f"FROM {relation.sql} AS t WHERE {rule}") for rule in rules)
        return pl.concat(self.page(connection, fields, query).only(wanted).frame for query in queries)

    # ---- what changed

    def everything(self, want: Want, rules: Sequence[str] = ()) -> Iterator[pl.DataFrame]:
        """Every record that has a key (and fits the SQL `rules`), in the order of the key."""
        return self._paged(want, [*keyed(self.relation), *rules], by_stamp=False)

    def changed(self, want: Want, after: datetime) -> Iterator[pl.DataFrame]:
        """Records whose stamp is not before `after`; those without a stamp are named every time.

        In the order of stamp and key where an index begins with the stamp, else of the key. Either way a record that is
        edited meanwhile is named by the next feed, whose cursor is not later than the first page.
        """
        stamp, key = self.relation.stamp, keyed(self.relation)
        assert stamp is not None, "a feed by change stamp needs one"
        column = f"t.{quoted(stamp.field)}"
        if stamp.nullable:
            yield from self._paged(want, [*key, f"{column} IS NULL"], by_stamp=False)
        tick = (after - datetime(1970, 1, 1, tzinfo=UTC)) % stamp.granularity
        since = literal((after - tick).replace(tzinfo=None).isoformat(" ", timespec="microseconds"))
        yield from self._paged(want, [*key, f"{column} >= {since}"], by_stamp=stamp.indexed)

    def _paged(self, want: Want, rules: list[str], by_stamp: bool) -> Iterator[pl.DataFrame]:
        relation = self.relation
        rules = [*rules, *filter_rules(relation, want.filter)]
        names = ([relation.stamp.field] if by_stamp and relation.stamp is not None else []) + list(relation.key)
        order = [_sorted(relation, relation.columns[name]) for name in names]
        after: list[str] = []
        while True:
            where = f"WHERE {' AND '.join([*rules, *after])} " if rules or after else ""
            tail = f"FROM {relation.sql} AS t {where}ORDER BY {', '.join(order)} LIMIT {PAGE_ROWS}"
            with self.database.connection() as connection:
                page = self.page(connection, want.fields, Query(tail))
            if len(page.frame):
                yield page.frame
            if len(page.frame) < PAGE_ROWS:
                return
            values = [literal(text) for text in page.last[-len(names) :]]
            after = [_beyond(list(zip(order, values, strict=True)))]


def _sorted(relation: Relation, column: Column) -> str:
    """What the column is ordered and compared by."""
    name = f"t.{quoted(column.shape.name)}"
    if column.sorts and not (relation.table.view and column.type in TEXTS):
        return name
    return f"{as_utf8(column, name)} {_BINARY}"


def _beyond(place: list[tuple[str, str]]) -> str:
    """Later in the order than `place`, in words that lead the server to the index."""
    (column, value), rest = place[0], place[1:]
    if not rest:
        return f"{column} > {value}"
    return f"{column} >= {value} AND ({column} > {value} OR {_beyond(rest)})"


def keyed(relation: Relation) -> list[str]:
    """A record without a key is none."""
    names = (name for name in relation.key if not relation.columns[name].attribute.not_null)
    return [f"t.{quoted(name)} IS NOT NULL" for name in names]


# ---- keys


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
    if column.type == "decimal":
        return text.str.contains(r"^-?\d+(\.\d+)?$")
    if column.type in TIMES:
        return text.str.contains(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$")
    if column.type == "enum":
        return text.is_in(list(column.shape.choices))
    length = column.shape.length
    return text.is_not_null() if length is None else text.str.len_chars() <= length


def key_literals(column: Column, texts: pl.Series) -> pl.Series:
    """Key texts as SQL compares them with the column, in the column's own encoding, so that its index serves."""
    plain = sql_texts(texts)
    if not column.of_another_encoding:
        return plain
    return "CONVERT(" + plain + f" USING {column.attribute.charset}) COLLATE {column.attribute.collation}"
