"""SQLite keeps the contract of a table, and its writes survive what SQLite does to them (DESIGN 14)."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from koppel.connectors.sql import database, write
from koppel.connectors.sql.batch import batches
from koppel.errors import Unreachable
from koppel.model.values import FAULT, ID, VERSION, KeyOrigin
from koppel.model.write import CODE, FIELD, MESSAGE, WriteKind
from koppel.ports import TableOptions
from koppel.testing import TableContract
from koppel.testing.contract import codes, uuid
from koppel.testing.stage import written
from tests.contract.sqlite_stage import SqliteStage, fetch

CREATE, UPDATE, DELETE = WriteKind.CREATE, WriteKind.UPDATE, WriteKind.DELETE


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[SqliteStage]:
    stage = SqliteStage(tmp_path)
    yield stage
    stage.close()


class TestSqlite(TableContract):
    @pytest.fixture(
        params=[("delete", False), ("wal", False), ("delete", True)], ids=["journal", "wal", "without-rowid"]
    )
    def stage(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteStage]:
        stage = SqliteStage(tmp_path, *request.param)
        yield stage
        stage.close()


# ---- what is answered, what is stored


def test_a_stamp_set_by_a_trigger_is_answered_as_stored(stage: SqliteStage) -> None:
    """SQLite's RETURNING runs before AFTER triggers; we read again instead (DESIGN 14)."""
    stage.table(KeyOrigin.CHOSEN)
    stage.sql(
        "CREATE TRIGGER stamp AFTER UPDATE OF name ON thing BEGIN"
        " UPDATE thing SET modified = '2026-01-01T00:00:00.000Z', note = 'by trigger' WHERE id = NEW.id; END"
    )
    table = stage.open_table()
    stage.put(table, uuid(1), {"name": "x"})
    (answer,) = written(stage, table, UPDATE, [{"id": uuid(1), "name": "y"}], want=["name", "note", "modified"])
    assert (answer["name"], answer["note"], answer[VERSION]) == ("y", "by trigger", "2026-01-01T00:00:00.000Z")
    assert answer["modified"] == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("2500.50", "written"),
        ("1234567890123.45", "written"),
        ("12345678901234.56", "refused"),
        ("123456789012345678", "written"),
        ("0.0000000001", "written"),
        ("-99999999999999999999", "refused"),
        ("10000000000000000000000", "written"),
    ],
)
def test_a_decimal_that_sqlite_would_damage_is_refused(stage: SqliteStage, amount: str, code: str) -> None:
    """NUMERIC keeps 64-bit whole numbers and 15 digits of anything else (DESIGN 14); the rest comes back exactly."""
    table = stage.make("id TEXT PRIMARY KEY, amount NUMERIC")
    (answer,) = written(stage, table, CREATE, [{"id": "a", "amount": Decimal(amount)}], want=["amount"])
    assert answer[CODE] == code
    if code == "written":
        assert answer["amount"] == Decimal(amount)
        assert fetch(table, ["a"], "amount")[0]["amount"] == Decimal(amount)
    else:
        assert answer[FIELD] == "amount"
        assert amount not in str(answer[MESSAGE])


def test_our_stamps_tick_no_finer_than_the_applications(stage: SqliteStage) -> None:
    """Else the coarse clock of the application could no longer be seen in the values, and a token be kept too early."""
    stage.sql("CREATE TABLE thing (id TEXT PRIMARY KEY, name TEXT, modified_at TEXT)")
    stage.sql("INSERT INTO thing VALUES ('a', 'x', '2026-01-01T10:00:07.000Z'), ('b', 'x', '2026-01-01T10:00:09.000Z')")
    stage.moment = datetime(2026, 3, 1, 9, 0, 0, 987654, tzinfo=UTC)
    for _ in range(2):
        table = stage.open_table()
        assert table.describe().granularity == timedelta(seconds=1)
        written(stage, table, UPDATE, [{"id": "a", "name": "y"}])
    assert stage.rows("SELECT modified_at FROM thing WHERE id = 'a'") == [("2026-03-01T09:00:00.000Z",)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-01-01 10:00:00", "2026-03-01 09:00:00"),
        ("2026-01-01T10:00:07Z", "2026-03-01T09:00:00Z"),
        ("2026-01-01T10:00:00.123+00:00", "2026-03-01T09:00:00.987+00:00"),
        ("2026-01-01 10:00:00.1234567", "2026-03-01 09:00:00.9876540"),
    ],
)
def test_the_stamp_is_written_in_the_columns_own_form(stage: SqliteStage, before: str, after: str) -> None:
    table = stage.make("id TEXT PRIMARY KEY, name TEXT, modifiedon DATETIME", f"'a', 'x', '{before}'")
    stage.moment = datetime(2026, 3, 1, 9, 0, 0, 987654, tzinfo=UTC)
    written(stage, table, UPDATE, [{"id": "a", "name": "y"}])
    assert stage.rows("SELECT modifiedon FROM thing") == [(after,)]


def test_a_stamp_among_the_fields_is_the_one_that_is_stored(stage: SqliteStage) -> None:
    table = stage.table(KeyOrigin.CHOSEN)
    sent = datetime(2025, 5, 5, 5, 5, 5, tzinfo=UTC)
    written(stage, table, CREATE, [{"id": uuid(1), "name": "x", "modified": sent}, {"id": uuid(2), "name": "y"}])
    assert stage.rows("SELECT modified FROM thing ORDER BY id") == [
        ("2025-05-05T05:05:05.000Z",),
        ("2026-03-01T09:00:00.000Z",),
    ]


def test_values_go_out_in_the_form_the_column_has(stage: SqliteStage) -> None:
    """Booleans as words, uuids in braces and capitals, date-times in local time: as the application stores them."""
    definition = "id TEXT PRIMARY KEY, active BOOLEAN, partner GUID, seen DATETIME"
    stage.make(definition, "'a', 'true', '{0190A5F2-0000-7000-8000-00000000000A}', '2026-01-01 11:00:00'")
    system = stage.open("Europe/Amsterdam")
    table = system.table("thing", TableOptions())
    (row,) = fetch(table, ["a"], "active", "partner", "seen")
    assert (row["active"], row["partner"]) == (True, uuid(10))
    assert row["seen"] == datetime(2026, 1, 1, 10, tzinfo=UTC)
    summer = datetime(2026, 7, 1, 10, 0, 0, 500000, tzinfo=UTC)
    twice = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    rows: list[dict[str, object]] = [
        {"id": "b", "active": False, "partner": uuid(11), "seen": summer},
        {"id": "c", "seen": twice},
    ]
    answers = written(stage, table, CREATE, rows, want=["active", "partner", "seen"])
    assert [answers[0]["active"], answers[0]["partner"], answers[0]["seen"]] == [False, uuid(11), summer]
    assert (answers[1][CODE], answers[1][FIELD]) == ("refused", "seen")
    assert stage.rows("SELECT * FROM thing WHERE id > 'a'") == [
        ("b", "false", "{0190A5F2-0000-7000-8000-00000000000B}", "2026-07-01 12:00:00.500000")
    ]
    system.close()


def test_keys_are_found_and_written_in_the_form_they_are_stored(stage: SqliteStage) -> None:
    """An id is one canonical text (DESIGN 6), whatever the application keeps; new keys look like the old ones."""
    table = stage.make("id GUID PRIMARY KEY, name TEXT", f"'{uuid(10).upper()}', 'x'", f"'{uuid(11)}', 'y'")
    assert [row[ID] for row in fetch(table, [uuid(10), uuid(11), uuid(12)])] == [uuid(10), uuid(11)]
    rows = [{"id": uuid(10), "name": "new"}, {"id": uuid(11), "name": "new"}]
    assert codes(written(stage, table, UPDATE, rows)) == ["written", "written"]
    assert codes(written(stage, table, CREATE, [{"id": uuid(12), "name": "z"}])) == ["written"]
    assert codes(written(stage, table, DELETE, [{"id": uuid(11)}])) == ["written"]
    assert stage.rows("SELECT id, name FROM thing ORDER BY name") == [
        (uuid(10).upper(), "new"),
        (uuid(12).upper(), "z"),
    ]


def test_a_whole_number_in_a_key_without_a_type_is_found(stage: SqliteStage) -> None:
    """5 and '5' are different there, and both read as the id 5 (sqlite.org/datatype3: no affinity, no conversion)."""
    table = stage.make("id PRIMARY KEY, name TEXT", "5, 'number'", "'six', 'text'")
    assert [row["name"] for row in fetch(table, ["5", "six"], "name")] == ["number", "text"]
    assert codes(written(stage, table, UPDATE, [{"id": "5", "name": "new"}])) == ["written"]


def test_a_natural_key_that_is_sent_renames_the_record(stage: SqliteStage) -> None:
    table = stage.make("no CODETEXT(20) PRIMARY KEY, name TEXT", "'A', 'x'", "'B', 'x'")
    answers = written(stage, table, UPDATE, [{"id": "A", "no": "C"}, {"id": "B", "no": "C"}], want=["no"])
    assert [(a[CODE], a[ID], a["no"]) for a in answers] == [("written", "C", "C"), ("refused", "B", None)]
    answers = written(stage, table, CREATE, [{"no": "D", "name": "y"}, {"id": "E", "name": "z"}, {"name": "no key"}])
    assert [(a[CODE], a[ID]) for a in answers] == [("written", "D"), ("written", "E"), ("refused", None)]


def test_case_counts_where_the_column_says_nocase(stage: SqliteStage) -> None:
    """SQLite's own = and IS follow the column's NOCASE (DESIGN 14): ids, expected values and look-ups do not."""
    table = stage.make("id TEXT PRIMARY KEY COLLATE NOCASE, name TEXT COLLATE NOCASE", "'Abc', 'Name'")
    assert fetch(table, ["abc"]) == []
    answers = written(stage, table, UPDATE, [{"id": "Abc", "name": "new"}], expected=[{"name": "NAME"}])
    assert codes(answers) == ["stale"]
    answers = written(stage, table, UPDATE, [{"id": "Abc", "name": "NAME"}], expected=[{"name": "Name"}])
    assert codes(answers) == ["written"]


# ---- refusals


@pytest.mark.parametrize("action", ["ABORT", "FAIL", "ROLLBACK", "IGNORE"])
def test_good_rows_go_in_whatever_a_trigger_does_with_the_bad_one(stage: SqliteStage, action: str) -> None:
    """RAISE(ROLLBACK) undoes the whole transaction, RAISE(IGNORE) says nothing at all."""
    stage.table(KeyOrigin.CHOSEN)
    raised = "RAISE(IGNORE)" if action == "IGNORE" else f"RAISE({action}, 'not this one')"
    stage.sql(f"CREATE TRIGGER no BEFORE INSERT ON thing WHEN NEW.name LIKE 'bad%' BEGIN SELECT {raised}; END")
    table = stage.open_table()
    names = ["a", "bad 1", "c", "d", "bad 2", "f"]
    rows = [{"id": uuid(number), "name": name} for number, name in enumerate(names)]
    answers = written(stage, table, CREATE, rows)
    assert codes(answers) == ["refused" if name.startswith("bad") else "written" for name in names]
    assert [row[0] for row in stage.rows("SELECT name FROM thing ORDER BY id")] == ["a", "c", "d", "f"]
    assert action == "IGNORE" or "not this one" in str(answers[1][MESSAGE])


def test_a_rule_that_replaces_in_silence_does_not(stage: SqliteStage) -> None:
    """UNIQUE … ON CONFLICT REPLACE would delete another record, IGNORE lose ours."""
    table = stage.make(
        "id TEXT PRIMARY KEY ON CONFLICT REPLACE, no TEXT UNIQUE ON CONFLICT IGNORE", "'a', '1'", "'b', '2'"
    )
    answers = written(stage, table, CREATE, [{"id": "a", "no": "9"}, {"id": "c", "no": "2"}, {"id": "d", "no": "4"}])
    assert codes(answers) == ["refused", "refused", "written"]
    assert codes(written(stage, table, UPDATE, [{"id": "a", "no": "2"}])) == ["refused"]
    assert stage.rows("SELECT * FROM thing ORDER BY id") == [("a", "1"), ("b", "2"), ("d", "4")]


def test_the_outer_statement_leaves_the_triggers_own_conflict_rules_alone(stage: SqliteStage) -> None:
    """An OR ABORT on our statement would override INSERT OR IGNORE inside the user's triggers."""
    stage.sql(
        "CREATE TABLE log (name TEXT UNIQUE)",
        "CREATE TABLE thing (id TEXT PRIMARY KEY ON CONFLICT FAIL, name TEXT)",
        "CREATE TRIGGER l AFTER INSERT ON thing BEGIN INSERT OR IGNORE INTO log VALUES (NEW.name); END",
    )
    rows = [{"id": "a", "name": "same"}, {"id": "b", "name": "same"}]
    assert codes(written(stage, stage.open_table(), CREATE, rows)) == ["written", "written"]


@pytest.mark.parametrize("deferred", ["", " DEFERRABLE INITIALLY DEFERRED"])
def test_a_missing_parent_is_one_rows_trouble(stage: SqliteStage, deferred: str) -> None:
    """Also when SQLite finds out only at COMMIT."""
    stage.sql("CREATE TABLE parent (id TEXT PRIMARY KEY)", "INSERT INTO parent VALUES ('p')")
    references = f"REFERENCES parent (id){deferred}"
    table = stage.make(f"id TEXT PRIMARY KEY, one TEXT {references}, other TEXT {references}")
    rows: list[dict[str, object]] = [{"id": "a", "one": "p"}, {"id": "b", "one": "p", "other": "gone"}, {"id": "c"}]
    answers = written(stage, table, CREATE, rows)
    assert codes(answers) == ["written", "refused", "written"]
    assert deferred or answers[1][FIELD] == "other"
    assert "gone" not in str(answers[1][MESSAGE])
    parents = stage.open_table("parent")
    assert codes(written(stage, parents, DELETE, [{"id": "p"}])) == ["refused"]
    assert stage.rows("SELECT id FROM thing ORDER BY id") == [("a",), ("c",)]


def test_a_refusal_names_the_field(stage: SqliteStage) -> None:
    table = stage.make(
        "id TEXT PRIMARY KEY, low INT CHECK (low < 10), a TEXT, b TEXT, fixed TEXT AS ('f'), UNIQUE (a, b)",
        "'x', 1, 'a', 'b'",
    )
    rows: list[dict[str, object]] = [{"id": "1", "low": 99}, {"id": "2", "a": "a", "b": "b"}, {"id": "3", "fixed": "z"}]
    answers = written(stage, table, CREATE, rows)
    assert [answer[FIELD] for answer in answers] == ["low", "a", "fixed"]
    assert answers[1][MESSAGE] == "another record has the same a and b"
    assert answers[2][MESSAGE] == "fixed cannot be written"


def test_a_strict_table_refuses_what_is_not_of_its_type(stage: SqliteStage) -> None:
    stage.sql("CREATE TABLE thing (id TEXT PRIMARY KEY, pieces INT) STRICT")
    system = stage.open(fields={"thing": {"pieces": "text"}})
    table = system.table("thing", TableOptions())
    answers = written(stage, table, CREATE, [{"id": "a", "pieces": "5"}, {"id": "b", "pieces": "five"}])
    assert codes(answers) == ["written", "refused"]
    assert answers[1][FIELD] == "pieces"
    system.close()


def test_a_view_refuses_writes_in_words(stage: SqliteStage) -> None:
    stage.make("id TEXT PRIMARY KEY, name TEXT", "'a', 'x'")
    stage.sql("CREATE VIEW seen AS SELECT * FROM thing")
    view = stage.open_table("seen", TableOptions(key=("id",)))
    assert all(field.read_only for field in view.describe().fields)
    assert [row["name"] for row in fetch(view, ["a"], "name")] == ["x"]
    (answer,) = written(stage, view, UPDATE, [{"id": "a", "name": "y"}])
    assert answer[CODE] == "refused"
    assert "view" in str(answer[MESSAGE])


def test_a_record_a_trigger_moves_away_has_an_unknown_outcome(stage: SqliteStage) -> None:
    """It was written, and where it is now cannot be said."""
    stage.make("id TEXT PRIMARY KEY, name TEXT")
    stage.sql("CREATE TRIGGER m AFTER INSERT ON thing BEGIN UPDATE thing SET id = 'moved' WHERE id = NEW.id; END")
    assert codes(written(stage, stage.open_table(), CREATE, [{"id": "a", "name": "x"}])) == ["unknown"]


def test_nobody_can_edit_between_the_comparison_and_the_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """features.conditional_writes: a stale row is refused at the moment of writing, not just before it. With a journal
    in WAL mode only BEGIN IMMEDIATE keeps others from writing."""
    stage = SqliteStage(tmp_path, "wal")
    table = stage.table(KeyOrigin.CHOSEN)
    stage.put(table, uuid(1), {"name": "x"})
    stage.sql("PRAGMA busy_timeout = 0")

    def edited_meanwhile(*arguments: object) -> object:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            stage.edit(table, uuid(1), {"name": "theirs"})
        return batches(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(write, "batches", edited_meanwhile)
    answers = written(stage, table, UPDATE, [{"id": uuid(1), "name": "ours"}], expected=[{"name": "x"}])
    assert codes(answers) == ["written"]
    stage.close()


def test_a_refused_row_is_not_answered_with_anothers_values(stage: SqliteStage) -> None:
    """Two rows of one write claim the same key: the second one is refused, and nothing is stored of it."""
    table = stage.table(KeyOrigin.CHOSEN)
    answers = written(stage, table, CREATE, [{"id": uuid(1), "name": "a"}, {"id": uuid(1), "name": "b"}], want=["name"])
    assert [(answer[CODE], answer["name"]) for answer in answers] == [("written", "a"), ("refused", None)]


@pytest.mark.parametrize("key", ["07", "x", "1.0", ""])
def test_an_id_that_would_not_come_back_the_same_is_no_key(stage: SqliteStage, key: str) -> None:
    """INTEGER would store 07 as 7, and the record could not be found by the id it was given."""
    table = stage.make("id INT PRIMARY KEY, name TEXT")
    assert codes(written(stage, table, CREATE, [{"id": key, "name": "x"}])) == ["refused"]
    assert stage.rows("SELECT * FROM thing") == []


# ---- reserved keys


def test_numbers_are_reserved_past_every_record(stage: SqliteStage) -> None:
    """sqlite_sequence has no row before the first insert, and AUTOINCREMENT looks at the highest rowid too."""
    table = stage.make("id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT")
    assert table.reserve(2).to_list() == ["1", "2"]
    stage.sql("INSERT INTO thing (name) VALUES ('user')", "INSERT INTO thing VALUES (10, 'user')", "DELETE FROM thing")
    stage.sql("INSERT INTO thing VALUES (7, 'user')", "UPDATE sqlite_sequence SET seq = 4")
    assert table.reserve(1).to_list() == ["8"]
    stage.sql("INSERT INTO thing (name) VALUES ('user')")
    assert stage.rows("SELECT max(id) FROM thing") == [(9,)]


# ---- failures of the whole database


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.05)


@pytest.mark.usefixtures("impatient")
def test_a_locked_database_is_unreachable_and_nothing_was_written(stage: SqliteStage) -> None:
    table = stage.table(KeyOrigin.CHOSEN)
    stage.sql("BEGIN IMMEDIATE")
    with pytest.raises(Unreachable, match="nothing was written") as failure:
        written(stage, table, CREATE, [{"id": uuid(1), "name": "x"}])
    assert "another program is writing" in str(failure.value)
    stage.sql("ROLLBACK")
    assert codes(written(stage, table, CREATE, [{"id": uuid(1), "name": "x"}])) == ["written"]


@pytest.mark.usefixtures("impatient")
def test_a_commit_that_fails_leaves_the_fate_to_be_looked_up(stage: SqliteStage) -> None:
    """A reader that does not let go keeps a rollback-journal database from committing."""
    table = stage.table(KeyOrigin.CHOSEN)
    stage.put(table, uuid(1), {"name": "x"})
    reader = stage.user.execute("SELECT * FROM thing UNION ALL SELECT * FROM thing")
    reader.fetchone()
    with pytest.raises(Unreachable, match="found out by looking"):
        written(stage, table, CREATE, [{"id": uuid(2), "name": "y"}])
    reader.close()
    assert len(fetch(table, [uuid(1), uuid(2)])) == 1


def test_a_read_only_database_is_unreachable_for_writes(stage: SqliteStage) -> None:
    stage.make("id TEXT PRIMARY KEY, name TEXT", "'a', 'x'")
    from koppel.connectors.sql import open_system

    system = open_system("erp", f"sqlite:///{stage.path}?mode=ro")
    table = system.table("thing", TableOptions())
    assert fetch(table, ["a"], "name")[0]["name"] == "x"
    with pytest.raises(Unreachable, match="nothing was written"):
        written(stage, table, UPDATE, [{"id": "a", "name": "y"}])
    system.close()


def test_a_crash_of_the_process_inside_a_write_leaves_nothing(stage: SqliteStage) -> None:
    """All rows of a write are committed together (features.atomic_batch)."""
    table = stage.table(KeyOrigin.CHOSEN)
    assert table.features.atomic_batch
    stage.sql("CREATE TRIGGER broken AFTER INSERT ON thing WHEN NEW.name = 'c' BEGIN SELECT nofunction(); END")
    with pytest.raises(Exception, match="nothing was written"):
        written(stage, table, CREATE, [{"id": uuid(number), "name": name} for number, name in enumerate("abc")])
    assert stage.rows("SELECT count(*) FROM thing") == [(0,)]


def test_the_users_database_stays_as_it_is(stage: SqliteStage) -> None:
    """No journal mode is forced on it, no file is made beside it."""
    table = stage.table(KeyOrigin.CHOSEN)
    written(stage, table, CREATE, [{"id": uuid(1), "name": "x"}])
    assert stage.rows("PRAGMA journal_mode") == [("delete",)]
    assert [path.name for path in stage.path.parent.iterdir()] == ["erp.db"]
    with sqlite3.connect(stage.path) as other:
        assert other.execute("SELECT count(*) FROM thing").fetchone() == (1,)
    other.close()
    assert fetch(table, [uuid(1)])[0][FAULT] is None
