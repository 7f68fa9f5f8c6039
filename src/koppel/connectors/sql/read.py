"""Reading: pages of changed records, and records by their ids.

A page is one short read: keyset paging by key, or by change stamp and key, so that a writer of a rollback-journal
database never waits longer than for one page. Values are fetched in chunks small enough to stay in the processor's
cache and become columns at once.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.page import PAGE_ROWS
from koppel.connectors.sql.database import Database, immediate
from koppel.connectors.sql.decode import Decoded, Undecodable, decode, expression, lenient_text, raw
from koppel.connectors.sql.encode import UUID_FORMS, uuid_form
from koppel.connectors.sql.push import filter_rules
from koppel.connectors.sql.reflect import Column, Relation
from koppel.connectors.sql.stamps import mixed
from koppel.errors import BadAnswer
from koppel.model.values import FAULT, ID, VERSION, Kind, key_parts, key_text
from koppel.ports import Want

_CHUNK_ROWS = 1_000
_BLIND_LAG = timedelta(seconds=60)
"""How far a cursor is set back when the database cannot be locked to prove that nobody is writing."""


@dataclass(frozen=True)
class Query:
    """The part of a SELECT after its columns; the table is called `t` in it."""

    tail: str
    parameters: tuple[object, ...] = ()


@dataclass(frozen=True)
class Page:
    """Records in the canonical form, and beside them, row by row, the stored key and change stamp."""

    frame: pl.DataFrame
    keys: tuple[pl.Series, ...]
    stamps: pl.Series | None
    last: tuple[object, ...]
    """The last row's stamp (where there is one) and key as stored, for the next page."""


# ---- one page


def read_page(
    connection: sqlite3.Connection, relation: Relation, fields: Sequence[str], query: Query, now: datetime
) -> Page:
    """Read the records of `query`: ID, VERSION, FAULT, `fields`. `now` was read before, so no version is too fresh."""
    stamp = relation.stamp
    names = list(dict.fromkeys((*relation.key, *fields)))
    columns = [relation.columns[name] for name in names]
    items = [expression(column, f"t.{quoted(column.shape.name)}") for column in columns]
    if stamp is not None:  # once more as it is stored, first, so that its place is known
        columns, items = [relation.columns[stamp.field], *columns], [f"t.{quoted(stamp.field)}", *items]
    fetched, last = _fetched(connection, f"SELECT {', '.join(items)} {query.tail}", query.parameters, columns)
    stamps = fetched.pop(0)[0] if stamp is not None else None
    decoded = {name: decode(relation.columns[name], stored) for name, stored in zip(names, fetched, strict=True)}
    keys = tuple(stored[0] for stored in fetched[: len(relation.key)])
    frame = pl.DataFrame(
        [
            _ids(relation, decoded, keys),
            _versions(relation, stamps, now)
            if stamps is not None
            else pl.Series(VERSION, [None] * len(keys[0]), pl.String),
            _faults(decoded),
            *(decoded[name][0].alias(name) for name in fields),
        ]
    )
    at = len(relation.key) + (stamp is not None)
    return Page(frame, keys, stamps, last[:at])


def _fetched(
    connection: sqlite3.Connection, sql: str, parameters: tuple[object, ...], columns: Sequence[Column]
) -> tuple[list[Decoded], tuple[object, ...]]:
    try:
        return _chunks(connection.execute(sql, parameters), columns)
    except sqlite3.OperationalError as error:
        if "decode to UTF-8" not in str(error):
            raise
    connection.text_factory = lenient_text
    try:
        return _chunks(connection.execute(sql, parameters), columns)
    finally:
        connection.text_factory = str


def _chunks(cursor: sqlite3.Cursor, columns: Sequence[Column]) -> tuple[list[Decoded], tuple[object, ...]]:
    chunks: list[list[Decoded]] = [[raw(column, ())] for column in columns]
    last: tuple[object, ...] = ()
    while rows := cursor.fetchmany(_CHUNK_ROWS):
        for column, parts, values in zip(columns, chunks, zip(*rows, strict=True), strict=True):
            parts.append(raw(column, values))
        last = rows[-1]
    return [_joined(parts) for parts in chunks], last


def _joined(parts: list[Decoded]) -> Decoded:
    values = pl.concat([values for values, _ in parts], rechunk=True)
    if all(reasons is None for _, reasons in parts):
        return values, None
    none = [
        pl.Series([None] * len(values), dtype=pl.String) if reasons is None else reasons for values, reasons in parts
    ]
    return values, pl.concat(none)


def _ids(relation: Relation, decoded: dict[str, Decoded], keys: tuple[pl.Series, ...]) -> pl.Series:
    if any(decoded[name][1] is not None for name in relation.key):  # an unreadable key still has a name to show
        decoded = {
            name: (pl.select(pl.coalesce(decoded[name][0].cast(pl.String), key.cast(pl.String))).to_series(), None)
            for name, key in zip(relation.key, keys, strict=True)
        }
    frame = pl.DataFrame([decoded[name][0].alias(name) for name in relation.key])
    return frame.select(key_text(relation.key).alias(ID)).to_series()


def _versions(relation: Relation, stamps: pl.Series, now: datetime) -> pl.Series:
    """The stamp's text, where an edit from now on would make it another one."""
    assert relation.stamp is not None
    form = relation.stamp.form
    ripe = stamps <= form.text_of(relation.stamp.floor(now - relation.stamp.granularity))
    known = ripe & stamps.str.contains(form.regex)
    return stamps.set(~known.fill_null(False), None).alias(VERSION)


def _faults(decoded: dict[str, Decoded]) -> pl.Series:
    reasons = [(f"{name}: " + reason) for name, (_, reason) in decoded.items() if reason is not None]
    rows = len(next(iter(decoded.values()))[0])
    nothing = pl.Series(FAULT, [None] * rows, dtype=pl.String)
    return pl.select(pl.coalesce(*reasons, nothing).alias(FAULT)).to_series() if reasons else nothing


# ---- by id


def fetch_page(
    connection: sqlite3.Connection, relation: Relation, ids: pl.Series, fields: Sequence[str], now: datetime
) -> Page:
    """The records with these ids. Ids that cannot be keys of this table are simply not found."""
    wanted = ids.unique().drop_nulls()
    columns = [relation.columns[name] for name in relation.key]
    if len(columns) == 1 and columns[0].shape.kind is Kind.UUID:
        page = _by_keys(connection, relation, uuid_form(wanted, columns[0].uuid).to_list(), fields, now)
        missing = wanted.filter(~wanted.is_in(page.frame[ID].implode()))
        if len(missing):
            others = [form for form in UUID_FORMS if form != columns[0].uuid]
            keys = [text for form in others for text in uuid_form(missing, form)]
            page = _both(page, _by_keys(connection, relation, keys, fields, now))
    else:
        rows: list[object] = wanted.to_list()
        if len(columns) > 1 or columns[0].affinity == "BLOB":
            found = [parts for id_ in wanted.to_list() for parts in keys_of(id_, columns)]
            rows = [parts[0] for parts in found] if len(columns) == 1 else list(found)
        page = _by_keys(connection, relation, rows, fields, now)
    return _only(page, page.frame[ID].is_in(wanted.implode()))


def keys_of(id_: str, columns: Sequence[Column]) -> list[list[object]]:
    """What may be stored for an id: its texts, and whole numbers where nothing makes SQLite convert them."""
    try:
        texts: list[object] = list(key_parts(id_, len(columns)))
    except ValueError:
        return []
    loose = [at for at, column in enumerate(columns) if column.affinity == "BLOB"]
    if loose and all(re.fullmatch(r"-?[1-9]\d{0,17}|0", str(texts[at])) for at in loose):
        return [texts, [int(str(text)) if at in loose else text for at, text in enumerate(texts)]]
    return [texts]


def _by_keys(
    connection: sqlite3.Connection, relation: Relation, keys: list[object], fields: Sequence[str], now: datetime
) -> Page:
    """`keys`: what is stored, or lists of it where several columns are the key.

    CROSS JOIN makes SQLite look every key up in the table's index instead of scanning the table for them.
    """
    if len(relation.key) == 1:
        keys = sorted(keys, key=str)  # neighbours in the index are read together
        tests = [f"t.{quoted(relation.key[0])} = w.value"]
    else:
        tests = [f"t.{quoted(name)} = json_extract(w.value, '$[{at}]')" for at, name in enumerate(relation.key)]
    tail = f"FROM json_each(?) AS w CROSS JOIN {quoted(relation.name)} AS t ON {' AND '.join(tests)}"
    return read_page(connection, relation, fields, Query(tail, (json.dumps(keys),)), now)


def _only(page: Page, kept: pl.Series) -> Page:
    if kept.all():
        return page
    stamps = None if page.stamps is None else page.stamps.filter(kept)
    return Page(page.frame.filter(kept), tuple(key.filter(kept) for key in page.keys), stamps, page.last)


def _both(one: Page, other: Page) -> Page:
    stamps = None if one.stamps is None or other.stamps is None else pl.concat([one.stamps, other.stamps])
    keys = tuple(pl.concat([a, b]) for a, b in zip(one.keys, other.keys, strict=True))
    return Page(pl.concat([one.frame, other.frame]), keys, stamps, ())


# ---- what changed


def take_cursor(database: Database, now: Callable[[], datetime]) -> str:
    """The present moment, taken while nobody can be in the middle of a write (DESIGN 14)."""
    with database.connection() as connection:
        try:
            with immediate(connection):
                _write_nothing(connection)
                return now().isoformat(timespec="microseconds")
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error):
                raise
            return (now() - _BLIND_LAG).isoformat(timespec="microseconds")


def keyed(relation: Relation) -> list[str]:
    """A record without a key is none. The plus keeps SQLite from taking this for a reason to use the key's index."""
    return [f"+t.{quoted(name)} IS NOT NULL" for name in relation.key]


def _write_nothing(connection: sqlite3.Connection) -> None:
    """Fails where BEGIN IMMEDIATE has locked nothing: SQLite makes it a mere reader where the file is read-only."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' LIMIT 1"
    for (name,) in connection.execute(sql).fetchall():
        connection.execute(f"DELETE FROM {quoted(name)} WHERE 0")


def all_pages(
    database: Database, relation: Relation, want: Want, now: Callable[[], datetime]
) -> Iterator[pl.DataFrame]:
    """Every record that has a key, in the order of the key."""
    key = [f"t.{quoted(name)}" for name in relation.key]
    yield from _paged(database, relation, want, now, keyed(relation), key)


def changed_pages(
    database: Database, relation: Relation, want: Want, now: Callable[[], datetime], after: datetime
) -> Iterator[pl.DataFrame]:
    """Records whose stamp is not before `after`, in the order of stamp and key: one that is edited meanwhile moves
    backwards and is named again. Records without a stamp are named every time."""
    stamp = relation.stamp
    assert stamp is not None
    key = [f"t.{quoted(name)}" for name in relation.key]
    rules = keyed(relation)
    column = f"t.{quoted(stamp.field)}"
    if stamp.nullable:
        yield from _paged(database, relation, want, now, [*rules, f"{column} IS NULL"], key)
    since = stamp.form.text_of(stamp.floor(after))
    with (
        database.connection() as connection
    ):  # a stamp of another form may sort before `since`: look from a day earlier
        day = (after - timedelta(days=1)).date().isoformat()
        sql = f"SELECT {column} FROM {quoted(relation.name)} AS t WHERE {column} >= ? AND {column} NOT GLOB ? LIMIT 1"
        strange = connection.execute(sql, (day, stamp.form.glob)).fetchone()
    if strange is not None:
        raise mixed(f"{relation.system}.{relation.name}", stamp.field, [str(strange[0]), since])
    yield from _paged(database, relation, want, now, [*rules, f"{column} >= ?"], [column, *key], (since,))


def _paged(
    database: Database,
    relation: Relation,
    want: Want,
    now: Callable[[], datetime],
    rules: list[str],
    order: list[str],
    parameters: tuple[object, ...] = (),
) -> Iterator[pl.DataFrame]:
    source = f"FROM {quoted(relation.name)} AS t"
    rules = [*rules, *filter_rules(relation, want.filter)]
    tail = f"ORDER BY {', '.join(order)} LIMIT {PAGE_ROWS}"
    after = ""
    place: tuple[object, ...] = ()
    while True:
        query = Query(f"{source} WHERE {' AND '.join(rules)}{after} {tail}", (*parameters, *place))
        with database.connection() as connection:
            page = read_page(connection, relation, want.fields, query, now())
        _check_stamps(relation, page)
        if len(page.frame):
            yield page.frame
        if len(page.frame) < PAGE_ROWS:
            return
        place = page.last[-len(order) :]
        if any(isinstance(value, bytes) and not isinstance(value, Undecodable) for value in place):
            raise BadAnswer(relation.system, f"{relation.name} has binary keys", "only text and numbers can be keys")
        marks = ", ".join("CAST(? AS TEXT)" if isinstance(value, Undecodable) else "?" for value in place)
        after = f" AND ({', '.join(order)}) > ({marks})"


def _check_stamps(relation: Relation, page: Page) -> None:
    """The order of texts is the order of time only if all have one form."""
    if relation.stamp is None or page.stamps is None:
        return
    form = relation.stamp.form
    strange = page.stamps.filter(~page.stamps.str.contains(form.regex))
    if len(strange):
        good = form.text_of(datetime.fromisoformat("2026-01-31T09:30:00+00:00"))
        raise mixed(f"{relation.system}.{relation.name}", relation.stamp.field, [strange[0], good])
