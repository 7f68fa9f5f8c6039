"""What SQLite stores anywhere, and what a page makes of it: exact, or null with a reason; never lost, never twice."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Thread

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koppel.connectors.sql import read
from koppel.connectors.sql.read import Query
from koppel.errors import BadAnswer
from koppel.model.filter import Compare, Comparison
from koppel.model.values import FAULT, ID, OP, KeyOrigin
from koppel.model.write import WriteKind
from koppel.ports import TableOptions, Want
from koppel.testing.contract import codes, found, uuid
from koppel.testing.stage import named, written
from tests.contract.sqlite_stage import SqliteStage, fetch, page


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[SqliteStage]:
    stage = SqliteStage(tmp_path)
    yield stage
    stage.close()


# ---- values


@pytest.mark.parametrize(
    ("declared", "stored", "value", "fault"),
    [
        ("DECIMAL(15,2)", "2500.50", Decimal("2500.50"), None),
        ("DECIMAL(15,2)", "'2500.50'", Decimal("2500.50"), None),
        ("DECIMAL(15,2)", "1234567890123456.78", None, "digits_lost"),
        ("DECIMAL(15,2)", "0.1 + 0.2", None, "digits_lost"),
        ("DECIMAL(15,2)", "1.005", None, "digits_lost"),
        ("DECIMAL(38,0)", "9223372036854775807", Decimal(2**63 - 1), None),
        ("NUMERIC", "1e20", Decimal(10**20), None),
        ("NUMERIC", "1e-20", None, "digits_lost"),
        ("NUMERIC", "9e999", None, "digits_lost"),
        ("NUMERIC", "'12,50'", None, "not_a_number"),
        ("NUMERIC", "x'31'", None, "not_a_number"),
        ("NUMERIC", "''", None, None),
        ("REAL", "0.1", Decimal("0.1"), None),
        ("REAL", "3", Decimal(3), None),
        ("INTEGER", "9223372036854775807", 2**63 - 1, None),
        ("INTEGER", "2.5", None, "not_a_number"),
        ("INTEGER", "'x'", None, "not_a_number"),
        ("INTEGER", "''", None, None),
        ("BOOLEAN", "1", True, None),
        ("BOOLEAN", "'False'", False, None),
        ("BOOLEAN", "2", None, "not_a_boolean"),
        ("BOOLEAN", "'maybe'", None, "not_a_boolean"),
        ("DATE", "'2026-02-28'", date(2026, 2, 28), None),
        ("DATE", "'2026-02-28 00:00:00'", date(2026, 2, 28), None),
        ("DATE", "'2026-02-28 10:00:00'", None, "time_lost"),
        ("DATE", "'28-02-2026'", None, "not_a_date"),
        ("DATE", "20260228", None, "not_a_date"),
        ("DATETIME", "'2026-02-28T10:00:00.123456Z'", datetime(2026, 2, 28, 10, 0, 0, 123456, UTC), None),
        ("DATETIME", "'2026-02-28 10:00'", datetime(2026, 2, 28, 10, tzinfo=UTC), None),
        ("DATETIME", "'2026-02-28T10:00:00+02:00'", datetime(2026, 2, 28, 8, tzinfo=UTC), None),
        ("DATETIME", "'2026-02-28T10:00:00.1234567Z'", None, "time_lost"),
        ("DATETIME", "'2026-02-30T10:00:00Z'", None, "not_a_date"),
        ("DATETIME", "1772272800", None, "not_a_date"),
        ("UUIDTEXT", f"'{{{uuid(1).upper()}}}'", uuid(1), None),
        ("UUIDTEXT", f"'{uuid(1).replace('-', '')}'", uuid(1), None),
        ("UUIDTEXT", "'not one'", None, "not_a_uuid"),
        ("UUIDTEXT", "x'00'", None, "not_text"),
        ("VARCHAR(20)", "x'68656c6c6f'", None, "not_text"),
        ("VARCHAR(20)", "CAST(x'ff41' AS TEXT)", None, "not_text"),
        ("VARCHAR(20)", "CAST(x'eda080' AS TEXT)", None, "not_text"),
        ("VARCHAR(20)", "5", "5", None),
        ("", "5", "5", None),
        ("", "2.5", "2.5", None),
        ("", "0.1 + 0.2", None, "digits_lost"),
    ],
)
def test_a_stored_value_is_read_exactly_or_not_at_all(
    stage: SqliteStage, declared: str, stored: str, value: object, fault: str | None
) -> None:
    """ports: never rounded, cut or guessed. The other records of the page are not harmed (DESIGN 14)."""
    table = stage.make(f"id TEXT PRIMARY KEY, v {declared}", "'a', NULL", f"'b', {stored}", "'c', NULL")
    for rows in (page(table, "v"), fetch(table, "abc", "v")):
        assert [row["v"] for row in rows] == [None, value, None]
        assert [row[FAULT] for row in rows] == [None, f"v: {fault}" if fault else None, None]


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=4, allow_nan=False).filter(
    lambda number: len(number.normalize().as_tuple().digits) <= 15
))  # fmt: skip
def test_every_decimal_of_15_digits_is_read_exactly(number: Decimal) -> None:
    """The comparison that finds lost digits finds none where none are lost (DESIGN 14)."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (v DECIMAL(19,4))")
    connection.executemany("INSERT INTO t VALUES (?)", [(str(number),), (float(number),)])
    lost = "CAST(CAST(v AS TEXT) AS REAL) <> v AND typeof(v) = 'real'"
    assert connection.execute(f"SELECT count(*) FROM t WHERE {lost}").fetchone() == (0,)
    connection.close()


CENTS = st.tuples(st.integers(-(10**13), 10**13), st.integers(0, 2))
EXACT = CENTS.map(lambda number: Decimal(number[0]).scaleb(-number[1]))
VALID = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(),
        "note": st.none() | st.text(),
        "amount": st.none() | EXACT,
        "pieces": st.none() | st.integers(-(2**63), 2**63 - 1),
        "active": st.none() | st.booleans(),
        "since": st.none() | st.dates(min_value=date(1, 1, 1)),
        "seen": st.none() | st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)),
        "partner": st.none() | st.uuids().map(str),
        "rank": st.sampled_from([None, "low", "high"]),
        "number": st.text(min_size=1),
    },
)


@given(rows=st.lists(VALID, min_size=1, max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> None:
    """Every value of every kind, with any choice of fields sent per row: created, then taken back by an update."""
    stage = SqliteStage(tmp_path_factory.mktemp("values"))
    table = stage.table(KeyOrigin.CHOSEN)
    ids = [uuid(number) for number in range(len(rows))]
    blank = {name: None for name in ("note", "amount", "pieces", "active", "since", "seen", "partner", "rank")}
    full = [{"id": id_, "name": "", "number": "1", **blank, **row} for id_, row in zip(ids, rows, strict=True)]
    sent = [{"name": "", "number": "1", **row, "id": id_} for id_, row in zip(ids, rows, strict=True)]
    assert codes(written(stage, table, WriteKind.CREATE, sent)) == ["written"] * len(rows)
    fields = tuple(full[0])[1:]
    stored = fetch(table, ids, *fields)
    assert [{"id": row[ID], **{name: row[name] for name in fields}} for row in stored] == full
    assert [row[FAULT] for row in stored] == [None] * len(rows)
    seen = [{name: row[name] for name in fields} for row in full]
    empty = [{"id": id_, "name": "x", **blank} for id_ in ids]
    assert codes(written(stage, table, WriteKind.UPDATE, empty, expected=seen)) == ["written"] * len(rows)
    stage.close()


def test_the_first_fault_of_a_record_is_named(stage: SqliteStage) -> None:
    table = stage.make("id TEXT PRIMARY KEY, a INT, b DATE", "'x', 'a', 'b'")
    assert [row[FAULT] for row in fetch(table, ["x"], "a", "b")] == ["a: not_a_number"]
    assert [row[FAULT] for row in fetch(table, ["x"], "b")] == ["b: not_a_date"]
    assert [row[FAULT] for row in fetch(table, ["x"])] == [None]


def test_local_time_that_happens_twice_is_not_guessed(stage: SqliteStage) -> None:
    """DESIGN 6: naive date-times are in the system's time zone, which repeats an hour in October and leaves one out."""
    times = ("2026-07-01 12:00:00", "2026-10-25 02:30:00", "2026-03-29 02:30:00")
    stage.make("id TEXT PRIMARY KEY, seen DATETIME", *(f"'{at}', '{time}'" for at, time in enumerate(times)))
    system = stage.open("Europe/Amsterdam")
    rows = fetch(system.table("thing", TableOptions()), "012", "seen")
    assert [row["seen"] for row in rows] == [datetime(2026, 7, 1, 10, tzinfo=UTC), None, None]
    assert [row[FAULT] for row in rows] == [None, "seen: ambiguous_time", "seen: not_a_date"]
    system.close()


@pytest.mark.parametrize("rows", [2, 50_000])
def test_unreadable_keys_and_texts_do_not_end_a_feed(
    stage: SqliteStage, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Invalid UTF-8 in a key: the record has a name to show and a fault, and paging goes on behind it."""
    monkeypatch.setattr(read, "PAGE_ROWS", rows)
    bad = ["CAST(x'61ff' AS TEXT), 'x'", "CAST(x'61fe' AS TEXT), 'x'", "CAST(x'62ff' AS TEXT), 'x'"]
    table = stage.make("id TEXT PRIMARY KEY, name TEXT", "'a', 'x'", *bad, "'b', 'x'", "'c', CAST(x'ff' AS TEXT)")
    seen = {row[ID]: row[FAULT] for row in page(table, "name")}
    key = "id: not_text"
    assert seen == {"a": None, "b": None, "c": "name: not_text", "a\\xff": key, "a\\xfe": key, "b\\xff": key}


def test_binary_keys_are_a_bad_answer_not_an_endless_feed(stage: SqliteStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "PAGE_ROWS", 1)
    table = stage.make("id BLOB PRIMARY KEY", "x'00'", "x'01'")
    with pytest.raises(BadAnswer, match="binary keys"):
        page(table)


def test_a_record_without_a_key_is_no_record(stage: SqliteStage) -> None:
    """SQLite lets a primary key that is not INTEGER be null, as often as one likes."""
    table = stage.make("id TEXT PRIMARY KEY, name TEXT", "'a', 'x'", "NULL, 'y'", "NULL, 'z'")
    assert [row["name"] for row in page(table, "name")] == ["x"]
    assert found(table, [{"name": "y"}], ignore_case=False) == []


# ---- paging


@pytest.mark.parametrize("tail", ["", "WITHOUT ROWID"])
def test_pages_name_every_record_once(stage: SqliteStage, monkeypatch: pytest.MonkeyPatch, tail: str) -> None:
    """Keyset paging over a key of two columns, with a page that is exactly full at the end."""
    monkeypatch.setattr(read, "PAGE_ROWS", 4)
    stage.sql(f"CREATE TABLE thing (a TEXT, b INT, PRIMARY KEY (a, b)) {tail}")
    stage.sql(*(f"INSERT INTO thing VALUES ('{a}', {b})" for a in "xyz" for b in (2, 10, 1, 33)))
    pages = [frame[ID].to_list() for frame in stage.open_table().changes(None, Want(())).pages]
    assert [len(ids) for ids in pages] == [4, 4, 4]
    assert [id_ for ids in pages for id_ in ids] == [f"{a}|{b}" for a in "xyz" for b in (1, 2, 10, 33)]


@pytest.mark.parametrize("indexed", [False, True])
def test_a_feed_misses_no_edit_made_while_it_is_read(
    stage: SqliteStage, monkeypatch: pytest.MonkeyPatch, indexed: bool
) -> None:
    """A record edited between two pages moves behind the place that was reached; ties of a stamp go on by key."""
    monkeypatch.setattr(read, "PAGE_ROWS", 3)
    table = stage.table(KeyOrigin.CHOSEN)
    if indexed:
        stage.sql("CREATE INDEX m ON thing (modified)")
    cursor = table.changes(None, Want(())).cursor
    for number in range(8):
        stage.put(table, uuid(number), {"name": "old"})
    stage.wait(timedelta(seconds=1))
    names: dict[object, object] = {}
    for frame in table.changes(cursor, Want(("name",))).pages:
        names |= {row[ID]: row["name"] for row in frame.to_dicts()}
        for number in (0, 7):
            stage.edit(table, uuid(number), {"name": "new"})
        stage.wait(timedelta(milliseconds=1))
        assert len(names) <= 8
        if len(names) == 8 and names[uuid(0)] == "new":
            break
    assert names == {uuid(number): "new" if number in (0, 7) else "old" for number in range(8)}


def test_a_reader_between_two_pages_does_not_block_a_writer(
    stage: SqliteStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In rollback-journal mode an open read keeps everybody from committing; a page is fetched whole and let go."""
    monkeypatch.setattr(read, "PAGE_ROWS", 1)
    table = stage.make("id TEXT PRIMARY KEY, name TEXT", "'a', 'x'", "'b', 'x'")
    stage.sql("PRAGMA busy_timeout = 0")
    pages = table.changes(None, Want(())).pages
    next(pages)
    stage.sql("UPDATE thing SET name = 'y'")
    assert [frame[ID].to_list() for frame in pages] == [["b"]]


# ---- looking up


def test_lookups_use_the_index(stage: SqliteStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching ids, reading a delta and finding values must not cost the whole table (performance S6)."""
    table = stage.table(KeyOrigin.CHOSEN)
    stage.sql("CREATE INDEX n ON thing (name)", "CREATE INDEX m ON thing (modified)")
    table = stage.open_table()
    for number in range(200):
        stage.put(table, uuid(number), {"name": f"{number}"})
    stage.sql("ANALYZE")
    cursor = table.changes(None, Want(())).cursor
    plans = watch(monkeypatch)
    fetch(table, [uuid(1)], "name")
    named(table.changes(cursor, Want(("name",))))
    found(table, [{"name": "x"}], ignore_case=False)
    assert any("INDEX n " in plan for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN t")] == []


def watch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plans of everything that is read from now on."""
    plans: list[str] = []
    real = read._fetched

    def fetched(connection: sqlite3.Connection, sql: str, parameters: tuple[object, ...], columns: object) -> object:
        plans.extend(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters))
        return real(connection, sql, parameters, columns)  # type: ignore[arg-type]

    monkeypatch.setattr(read, "_fetched", fetched)
    return plans


BLANKS = st.text(" \t\n\u00a0\u2003\u3000\u200b", max_size=2)
WORDS = st.sampled_from(["a", "A", "ab", "a b", "ä", "Ä", "ß", "İ", "Σ", "%", ""])
VALUES = st.lists(st.builds(lambda start, word, end: start + word + end, BLANKS, WORDS, BLANKS), max_size=8)


@given(stored=VALUES, keys=VALUES, collation=st.sampled_from(["BINARY", "NOCASE", "RTRIM"]), ignore_case=st.booleans())
def test_an_index_finds_what_a_scan_finds(
    tmp_path_factory: pytest.TempPathFactory, stored: list[str], keys: list[str], collation: str, ignore_case: bool
) -> None:
    """Two ways to the candidates, one meaning."""
    stage = SqliteStage(tmp_path_factory.mktemp("find"))
    stage.sql("CREATE TABLE thing (id INTEGER PRIMARY KEY, plain TEXT, quick TEXT)")
    stage.sql(f"CREATE INDEX i ON thing (quick COLLATE {collation})")
    stage.user.executemany("INSERT INTO thing (plain, quick) VALUES (?, ?)", [(text, text) for text in stored])
    table = stage.open_table()
    slow = found(table, [{"plain": key} for key in keys] or [{"plain": None}], ignore_case)
    quick = found(table, [{"quick": key} for key in keys] or [{"quick": None}], ignore_case)
    assert slow == quick
    strip = [text.strip(" \t\n\u00a0\u2003\u3000") for text in stored]
    if not ignore_case:
        wanted = [key.strip(" \t\n\u00a0\u2003\u3000") for key in keys]
        hits = [
            (op, str(at)) for op, key in enumerate(wanted, 1) for at, text in enumerate(strip, 1) if key and key == text
        ]
        assert slow == sorted(hits)
    stage.close()


def test_a_filter_leaves_records_out_where_sql_can_say_it(stage: SqliteStage) -> None:
    """`Want.filter` may be used; fetch never looks at it."""
    stage.make("id TEXT PRIMARY KEY, name TEXT, seen DATETIME", "'a', 'x', NULL", "'b', 'it''s', '2026-01-01 12:00:00'")
    table = stage.open_table()
    rule = Compare("name", Comparison.EQUAL, "it's")
    assert named(table.changes(None, Want((), rule))) == ["b"]
    assert len(table.fetch(pl.Series(["a", "b"]), Want((), rule))) == 2
    system = stage.open("Europe/Amsterdam")
    late = Compare("seen", Comparison.GREATER, datetime(2026, 1, 1, 11, 30, tzinfo=UTC))
    assert named(table.changes(None, Want((), late))) == ["b"]
    assert named(system.table("thing", TableOptions()).changes(None, Want((), late))) == ["a", "b"]
    system.close()


def test_many_threads_share_a_system(stage: SqliteStage) -> None:
    """One connection per call: readers of one table beside each other, in any thread."""
    table = stage.make("id INTEGER PRIMARY KEY, name TEXT", *(f"{number}, 'x'" for number in range(500)))
    counts: list[int] = []
    threads = [Thread(target=lambda: counts.append(len(page(table, "name")))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [500] * 8


def test_find_of_nothing_asks_nothing(stage: SqliteStage) -> None:
    table = stage.make("id TEXT PRIMARY KEY, name TEXT", "'a', 'x'")
    empty = table.find(pl.DataFrame(schema={OP: pl.Int64, "name": pl.String}), False)
    assert dict(empty.schema) == {OP: pl.Int64(), ID: pl.String()}
    assert Query("").parameters == ()
