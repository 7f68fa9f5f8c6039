"""What PostgreSQL stores and what a page makes of it: exact, or null with a reason; never lost, never twice."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koppel.connectors.postgresql import read
from koppel.connectors.postgresql.database import Connection, copied
from koppel.model.filter import Compare, Comparison
from koppel.model.values import FAULT, ID, VERSION, KeyOrigin
from koppel.model.write import WriteKind
from koppel.ports import TableOptions, Want
from koppel.testing.contract import codes, uuid
from koppel.testing.stage import fetched, named, written
from tests.contract.postgresql_stage import PostgresStage
from tests.contract.sqlite_stage import fetch, page


@pytest.fixture
def stage() -> Iterator[PostgresStage]:
    stage = PostgresStage()
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[PostgresStage]:
    """One table for all examples of a property; they empty it themselves."""
    stage = PostgresStage()
    stage.table(KeyOrigin.CHOSEN)
    yield stage
    stage.close()


# ---- values


@pytest.mark.parametrize(
    ("declared", "stored", "value", "fault"),
    [
        ("numeric(15,2)", "2500.50", Decimal("2500.50"), None),
        ("numeric(30,2)", "1234567890123456789012345678.91", Decimal("1234567890123456789012345678.91"), None),
        ("numeric(60,2)", "1e50", None, "out_of_range"),
        ("numeric(9,2)", "'NaN'", None, "not_a_number"),
        ("numeric", "1.5000000000000", Decimal("1.5"), None),
        ("numeric", "-0.0000000001", Decimal("-0.0000000001"), None),
        ("numeric", "0.00000000001", None, "digits_lost"),
        ("numeric", "'-Infinity'", None, "not_a_number"),
        ("numeric", "1e30", None, "out_of_range"),
        ("float8", "0.1", Decimal("0.1"), None),
        ("float8", "0.1 + 0.2::float8", None, "digits_lost"),
        ("float8", "1e20", Decimal(10**20), None),
        ("float8", "1.5e-7", Decimal("0.00000015"), None),
        ("float8", "1e-20", None, "digits_lost"),
        ("float8", "'NaN'", None, "not_a_number"),
        ("float4", "0.1", Decimal("0.1"), None),
        ("float4", "16777217::float8", Decimal(16777216), "digits_lost"),
        ("int8", "-9223372036854775808", -(2**63), None),
        ("bool", "false", False, None),
        ("date", "'9999-12-31'", date(9999, 12, 31), None),
        ("date", "'10000-01-01'", None, "out_of_range"),
        ("date", "'0044-03-15 BC'", None, "out_of_range"),
        ("date", "'infinity'", None, "out_of_range"),
        ("timestamptz", "'2026-02-28 10:00:00+02'", datetime(2026, 2, 28, 8, tzinfo=UTC), None),
        ("timestamptz", "'2026-02-28 10:00:00.12345Z'", datetime(2026, 2, 28, 10, 0, 0, 123450, UTC), None),
        ("timestamptz", "'0001-01-01 00:00:00Z'", datetime(1, 1, 1, tzinfo=UTC), None),
        ("timestamptz", "'-infinity'", None, "out_of_range"),
        ("timestamptz", "'0044-03-15 10:00:00.5Z BC'", None, "out_of_range"),
        ("timestamptz", "'12026-03-15 10:00:00Z'", None, "out_of_range"),
        ("timestamp", "'2026-02-28 10:00:00.5'", datetime(2026, 2, 28, 10, 0, 0, 500000, UTC), None),
        ("uuid", f"'{{{uuid(1).upper()}}}'", uuid(1), None),
        ("char(5)", "'ab'", "ab", None),
        ("text", "' ab\t'", " ab\t", None),
        ("text", "'\\N'", "\\N", None),
        ("text", "E'a\\r\\nb\\n'", "a\r\nb\n", None),
        ("text", "'\"'", '"', None),
        ("interval", "'1 day'", "1 day", None),
        ("int[]", "'{1,2}'", "{1,2}", None),
        ("json", "'{\"a\": 1}'", '{"a": 1}', None),
    ],
)
def test_a_stored_value_is_read_exactly_or_not_at_all(
    stage: PostgresStage, declared: str, stored: str, value: object, fault: str | None
) -> None:
    """ports: never rounded, cut or guessed. The other records of the page are not harmed (DESIGN 14)."""
    if declared == "float4" and fault:
        value = None
    table = stage.make(f"id text PRIMARY KEY, v {declared}", "'a', NULL", f"'b', {stored}", "'c', NULL")
    for rows in (page(table, "v"), fetch(table, "abc", "v")):
        assert [row["v"] for row in rows] == [None, value, None]
        assert [row[FAULT] for row in rows] == [None, f"v: {fault}" if fault else None, None]


CENTS = st.tuples(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 2))
EXACT = CENTS.map(lambda number: Decimal(number[0]).scaleb(-number[1] if abs(number[0]) < 10**13 else -2))
SIGNS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.text(SIGNS) | st.text('",\\\n\r\t N', max_size=5)
VALID = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(SIGNS, max_size=100),
        "note": st.none() | TEXTS,
        "amount": st.none() | EXACT,
        "pieces": st.none() | st.integers(-(2**63), 2**63 - 1),
        "active": st.none() | st.booleans(),
        "since": st.none() | st.dates(min_value=date(1, 1, 1)),
        "seen": st.none() | st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC)),
        "partner": st.none() | st.uuids().map(str),
        "rank": st.sampled_from([None, "low", "high"]),
        "number": st.text(SIGNS, min_size=1),
    },
)


@settings(max_examples=60)
@given(rows=st.lists(VALID, min_size=1, max_size=5))
def test_what_is_written_is_read_back(shared: PostgresStage, rows: list[dict[str, object]]) -> None:
    """Every value of every kind, with any choice of fields sent per row: created, then taken back by an update."""
    shared.sql("DELETE FROM thing")
    table = shared.open_table()
    ids = [uuid(number) for number in range(len(rows))]
    blank = {name: None for name in ("note", "amount", "pieces", "active", "since", "seen", "partner", "rank")}
    full = [{"id": id_, "name": "", "number": "1", **blank, **row} for id_, row in zip(ids, rows, strict=True)]
    sent = [{"name": "", "number": "1", **row, "id": id_} for id_, row in zip(ids, rows, strict=True)]
    assert codes(written(shared, table, WriteKind.CREATE, sent)) == ["written"] * len(rows)
    fields = tuple(full[0])[1:]
    stored = fetch(table, ids, *fields)
    assert [{"id": row[ID], **{name: row[name] for name in fields}} for row in stored] == full
    assert page(table, *fields) == stored
    assert [row[FAULT] for row in stored] == [None] * len(rows)
    seen = [{name: row[name] for name in fields} for row in full]
    empty = [{"id": id_, "name": "x", **blank} for id_ in ids]
    assert codes(written(shared, table, WriteKind.UPDATE, empty, expected=seen)) == ["written"] * len(rows)


def test_local_time_that_happens_twice_is_not_guessed(stage: PostgresStage) -> None:
    """DESIGN 6: naive date-times are in the system's time zone, which repeats an hour in October."""
    times = ("2026-07-01 12:00:00", "2026-10-25 02:30:00", "2026-03-29 02:30:00")
    stage.make("id text PRIMARY KEY, seen timestamp", *(f"'{at}', '{time}'" for at, time in enumerate(times)))
    table = stage.open("Europe/Amsterdam").table("thing", TableOptions())
    rows = fetch(table, "012", "seen")
    assert [row["seen"] for row in rows] == [datetime(2026, 7, 1, 10, tzinfo=UTC), None, None]
    assert [row[FAULT] for row in rows] == [None, "seen: ambiguous_time", "seen: ambiguous_time"]
    moments = [datetime(2026, 1, 1, 9, 30, 0, 5, UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]
    sent = [{"id": f"n{at}", "seen": moment} for at, moment in enumerate(moments)]
    answers = written(stage, table, WriteKind.CREATE, sent, want=["seen"])
    assert [(answer["@code"], answer["@field"], answer["seen"]) for answer in answers] == [
        ("written", None, moments[0]),
        ("refused", "seen", None),
    ]
    assert stage.rows("SELECT seen::text FROM thing WHERE id = 'n0'") == [("2026-01-01 10:30:00.000005",)]


# ---- keys


@pytest.mark.parametrize(
    ("declared", "stored", "ids"),
    [
        ("int2", "-7", "-7"),
        ("int8", "9223372036854775807", "9223372036854775807"),
        ("uuid", f"'{uuid(1)}'", uuid(1)),
        ("text", "'a ''b\" \\ {x}, %s'", "a 'b\" \\ {x}, %s"),
        ("varchar(9)", "'NULL'", "NULL"),
        ("char(5)", "'ab'", "ab"),
        ("numeric(10,2)", "1.5", "1.50"),
        ("numeric", "1.5", "1.5"),
        ("date", "'2026-01-31'", "2026-01-31"),
        ("timestamptz", "'2026-01-31 10:00:00.5Z'", "2026-01-31 10:00:00.5+00"),
        ("bool", "true", "true"),
        ("mood", "'sad'", "sad"),
        ("inet", "'10.0.0.1'", "10.0.0.1/32"),
    ],
)
def test_keys_of_every_type_lead_back_to_their_record(
    stage: PostgresStage, monkeypatch: pytest.MonkeyPatch, declared: str, stored: str, ids: str
) -> None:
    """An id is one canonical text (DESIGN 6); what is none of this table's is simply not found."""
    monkeypatch.setattr(read, "PAGE_ROWS", 1)
    stage.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    table = stage.make(f"id {declared} PRIMARY KEY, name text", f"{stored}, 'x'")
    assert named(table.changes(None, Want(()))) == [ids]
    strange = [
        "", " ", "x", "07", "1.0", "1e3", "99999999999999999999", uuid(1).upper(), "\0", "'", '"}', "NaN", "2026-02-30",
    ]  # fmt: skip
    assert list(fetched(table, [ids, *strange])) == [ids]
    assert codes(written(stage, table, WriteKind.UPDATE, [{"id": ids, "name": "y"}])) == ["written"]
    assert set(codes(written(stage, table, WriteKind.UPDATE, [{"id": i, "name": "z"} for i in strange]))) == {"missing"}
    assert codes(written(stage, table, WriteKind.DELETE, [{"id": ids}])) == ["written"]
    if declared not in ("inet", "mood"):
        assert codes(written(stage, table, WriteKind.CREATE, [{"id": ids, "name": "y"}])) == ["written"]
        assert named(table.changes(None, Want(()))) == [ids]


def test_a_key_of_several_types_is_paged_and_found(stage: PostgresStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keyset paging over (text, date, number), with a page that is exactly full at the end."""
    monkeypatch.setattr(read, "PAGE_ROWS", 4)
    stage.sql("CREATE TABLE thing (a text, b date, c int, name text, PRIMARY KEY (a, b, c))")
    stage.sql(
        *(f"INSERT INTO thing VALUES ('{a}', '2026-01-0{b}', {c})" for a in "x|y" for b in (1, 2) for c in (2, 10))
    )
    table = stage.open_table()
    pages = [frame[ID].to_list() for frame in table.changes(None, Want(())).pages]
    assert [len(ids) for ids in pages] == [4, 4, 4]
    ids = [id_ for part in pages for id_ in part]
    assert len(set(ids)) == 12
    assert "\\||2026-01-01|10" in ids
    assert set(fetched(table, [*ids, "x|2026-01-01", "x|soon|2", "x|2026-01-01|2|3"])) == set(ids)
    assert codes(written(stage, table, WriteKind.UPDATE, [{"id": i, "name": "n"} for i in ids])) == ["written"] * 12


# ---- what changed


@pytest.mark.parametrize("indexed", [False, True])
def test_a_feed_misses_no_edit_made_while_it_is_read(
    stage: PostgresStage, monkeypatch: pytest.MonkeyPatch, indexed: bool
) -> None:
    """Every record is named, and one that is edited behind the reader's back is named by the next feed."""
    monkeypatch.setattr(read, "PAGE_ROWS", 3)
    stage.table(KeyOrigin.CHOSEN)
    if indexed:
        stage.sql("CREATE INDEX m ON thing (modified)")
    table = stage.open_table()
    cursor = table.changes(None, Want(())).cursor
    for number in range(8):
        stage.put(table, uuid(number), {"name": "old"})
    stage.wait(timedelta(seconds=1))
    changes = table.changes(cursor, Want(("name",)))
    names: dict[object, object] = {}
    for frame in changes.pages:
        names |= {row[ID]: row["name"] for row in frame.to_dicts()}
        stage.wait(timedelta(milliseconds=1))
        if len(names) < 8:
            for number in (0, 7):
                stage.edit(table, uuid(number), {"name": "new"})
    assert set(names) == {uuid(number) for number in range(8)}
    again = {
        row[ID]: row["name"]
        for frame in table.changes(changes.cursor, Want(("name",))).pages
        for row in frame.to_dicts()
    }
    assert names | again == {uuid(number): "new" if number in (0, 7) else "old" for number in range(8)}


def test_records_without_a_stamp_are_named_every_time(stage: PostgresStage) -> None:
    """Who forgets the stamp of an edit must not lose the edit. Infinity is no moment either."""
    table = stage.make(
        "id text PRIMARY KEY, modified_on timestamptz", "'a', NULL", "'b', '2026-01-01'", "'c', 'infinity'"
    )
    changes = table.changes(table.changes(None, Want(())).cursor, Want(()))
    assert not changes.complete
    assert sorted(named(changes)) == ["a", "c"]


def test_a_table_without_a_stamp_still_has_versions(stage: PostgresStage) -> None:
    """The number of the writing transaction: all ids are read, only what moved is compared (DESIGN 4)."""
    table = stage.make("id text PRIMARY KEY, name text", "'a', 'x'", "'b', 'x'")
    before = fetched(table, "ab")
    changes = table.changes(table.changes(None, Want(())).cursor, Want(()))
    assert changes.complete
    stage.sql("UPDATE thing SET name = 'y' WHERE id = 'a'")
    after = {row[ID]: row[VERSION] for row in page(table)}
    assert after["b"] == before["b"][VERSION]
    assert after["a"] != before["a"][VERSION]
    assert None not in after.values()


def test_the_order_of_versions_is_the_order_of_stamps(stage: PostgresStage) -> None:
    """The engine compares them as texts to find out that a backup was restored (DESIGN 7); no fraction, no moment and
    numbers of another length must not look older."""
    stamps = ["NULL", "'infinity'", "'0044-01-01 BC'", "'2026-01-01 10:00:00Z'", "'2026-01-01 10:00:00.5Z'"]
    stamps += ["'2026-01-01 10:00:00.55Z'", "'2026-01-01 10:00:01Z'", "'2026-01-01 10:00:01Z'"]
    table = stage.make("id int PRIMARY KEY, modified timestamptz", *(f"{at}, {text}" for at, text in enumerate(stamps)))
    found = {row[ID]: str(row[VERSION]) for row in page(table)}
    versions = [found[str(at)] for at in range(len(stamps))]
    assert versions[3:] == sorted(versions[3:])
    assert len(set(versions)) == len(versions)
    assert all(version < versions[3] for version in versions[:3])


def test_a_feed_uses_the_index_of_the_stamp(stage: PostgresStage) -> None:
    """No-op cost follows the changes (DESIGN 9), not the table."""
    stage.table(KeyOrigin.CHOSEN)
    stage.sql(
        "INSERT INTO thing (id, name, modified)"
        " SELECT gen_random_uuid(), 'x', '2020-01-01' FROM generate_series(1, 5000)",
        "CREATE INDEX m ON thing (modified)",
        "ANALYZE thing",
    )
    table = stage.open_table()
    cursor = table.changes(None, Want(())).cursor
    queries: list[str] = []

    def noted(connection: Connection, query: str) -> bytes:
        queries.append(query)
        return copied(connection, query)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "copied", noted)
        assert named(table.changes(cursor, Want(("name",)))) == []
        fetched(table, [uuid(1), uuid(2)], "name")
    plans = ["\n".join(str(row[0]) for row in stage.rows(f"EXPLAIN {query}")) for query in queries]
    assert len(plans) == 2
    assert all("Seq Scan" not in plan for plan in plans)


def test_a_filter_is_left_to_the_engine(stage: PostgresStage) -> None:
    """`Want.filter` may be used (ports); here it is not, and pages are complete."""
    table = stage.make("id text PRIMARY KEY, name text", "'a', 'x'", "'b', 'y'")
    assert named(table.changes(None, Want((), Compare("name", Comparison.EQUAL, "y")))) == ["a", "b"]


def test_many_threads_share_a_system(stage: PostgresStage) -> None:
    """One connection per call: readers of one table beside each other, in any thread."""
    stage.sql("CREATE TABLE thing (id int PRIMARY KEY)", "INSERT INTO thing SELECT generate_series(1, 500)")
    table = stage.open_table()
    counts: list[int] = []
    threads = [Thread(target=lambda: counts.append(len(page(table)))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [500] * 12
