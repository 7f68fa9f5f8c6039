"""Writes survive what MariaDB does to them: triggers, rules of the table, other writers; good rows always go in."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from time import monotonic, sleep

import pymysql
import pytest

from koppel.connectors.mariadb import staging
from koppel.connectors.mariadb.database import Connection
from koppel.connectors.mariadb.write import Writer
from koppel.model.values import ID, VERSION, KeyOrigin
from koppel.model.write import CODE, FIELD, MESSAGE, WriteKind
from koppel.ports import TableOptions
from koppel.testing.contract import codes, uuid
from koppel.testing.stage import fetched, written
from tests.contract.mariadb_stage import MariaStage
from tests.mariadb import connected, run

CREATE, UPDATE, DELETE = WriteKind.CREATE, WriteKind.UPDATE, WriteKind.DELETE


def trigger(when: str, body: str, name: str = "t") -> str:
    return f"CREATE TRIGGER {name} {when} ON thing FOR EACH ROW {body}"


# ---- what is answered, what is stored


def test_what_a_trigger_stores_is_answered(maria: MariaStage) -> None:
    """features.returns_stored: what counts is what is there afterwards."""
    maria.table(KeyOrigin.CHOSEN)
    body = "SET NEW.modified = '2026-01-01', NEW.note = 'by trigger'"
    maria.sql(trigger("BEFORE INSERT", body), trigger("BEFORE UPDATE", body, "u"))
    table = maria.open_table()
    for kind, name in ((CREATE, "x"), (UPDATE, "y")):
        (answer,) = written(maria, table, kind, [{"id": uuid(1), "name": name}], want=["name", "note", "modified"])
        assert (answer["name"], answer["note"]) == (name, "by trigger")
        assert answer["modified"] == datetime(2026, 1, 1, tzinfo=UTC)
        assert answer[VERSION] == fetched(table, [uuid(1)])[uuid(1)][VERSION] == "2026-01-01 00:00:00.000000"


def test_our_stamps_are_never_older_than_the_systems_present(maria: MariaStage) -> None:
    """Another mapping's cursor may be there already: koppel's clock may be behind the database's. Nor finer than the
    application's ticks."""
    sent = maria.moment = datetime(2026, 3, 1, 9, 0, 0, 987654, tzinfo=UTC)
    table = maria.make("id int PRIMARY KEY, name text, modified datetime(6)", "1, 'x', '2026-01-01 10:00:00.5'")
    written(maria, table, UPDATE, [{"id": "1", "name": "y"}])
    assert maria.rows("SELECT modified FROM thing") == [(sent.replace(tzinfo=None, microsecond=900_000),)]
    behind = maria.open()
    behind._watch._clock = lambda: sent + timedelta(seconds=20)
    written(maria, behind.table("thing", TableOptions()), UPDATE, [{"id": "1", "name": "z"}])
    ((stamp,),) = maria.rows("SELECT modified FROM thing")
    assert stamp == sent.replace(tzinfo=None, microsecond=900_000) + timedelta(seconds=20)


def test_a_stamp_that_the_database_moves_is_ours_in_our_edits(maria: MariaStage) -> None:
    """ON UPDATE CURRENT_TIMESTAMP moves only when a value really changes; the feed must name every edit of ours."""
    table = maria.table(KeyOrigin.CHOSEN)
    maria.put(table, uuid(1), {"name": "x"})
    maria.wait(timedelta(hours=1))
    written(maria, table, UPDATE, [{"id": uuid(1), "name": "x"}])
    assert maria.moment is not None
    assert maria.rows("SELECT modified FROM thing") == [(maria.moment.replace(tzinfo=None),)]


def test_a_stamp_among_the_fields_is_the_one_that_is_stored(maria: MariaStage) -> None:
    table = maria.table(KeyOrigin.CHOSEN)
    sent = datetime(2025, 5, 5, 5, 5, 5, tzinfo=UTC)
    written(maria, table, CREATE, [{"id": uuid(1), "name": "x", "modified": sent}, {"id": uuid(2), "name": "y"}])
    stored = fetched(table, [uuid(1), uuid(2)], "modified")
    assert [stored[uuid(number)]["modified"] for number in (1, 2)] == [sent, maria.moment]


def test_what_is_not_sent_is_not_touched(maria: MariaStage) -> None:
    """Not even a value that a strict session would no longer take, nor one without a right to it."""
    maria.sql("SET sql_mode = ''")
    maria.make("id int PRIMARY KEY, name text, day date, v varchar(9)", "1, 'x', '0000-00-00', 'v'")
    system = maria.other_user("SELECT, INSERT, UPDATE (name) ON thing", "CREATE TEMPORARY TABLES ON *.*")
    table = system.table("thing", TableOptions(modified=""))
    assert codes(written(maria, table, UPDATE, [{"id": "1", "name": "y"}])) == ["written"]
    whole = maria.open_table()
    rows: list[dict[str, object]] = [{"id": "1", "v": "w"}, {"id": "1", "day": datetime(2026, 1, 1).date()}]
    assert codes(written(maria, whole, UPDATE, rows)) == ["written", "written"]
    assert maria.rows("SELECT name, v, concat(day) FROM thing") == [("y", "w", "2026-01-01")]


def test_defaults_are_taken_for_what_a_new_record_does_not_send(maria: MariaStage) -> None:
    """Row by row: a null that is sent is a null."""
    table = maria.make("id int PRIMARY KEY, v varchar(9) DEFAULT 'dflt', w int DEFAULT (1 + 1)")
    rows: list[dict[str, object]] = [{"id": "1"}, {"id": "2", "v": None}, {"id": "3", "w": 7}]
    assert codes(written(maria, table, CREATE, rows)) == ["written"] * 3
    assert maria.rows("SELECT v, w FROM thing ORDER BY id") == [("dflt", 2), (None, 2), ("dflt", 7)]


def test_generated_keys_are_each_records_own_beside_refused_ones(maria: MariaStage) -> None:
    """RETURNING answers in the order of the rows, and of those that went in."""
    table = maria.make("id int AUTO_INCREMENT PRIMARY KEY, name varchar(9) UNIQUE", "1, 'taken'")
    names = [f"n{number}" if number % 7 else "taken" for number in range(50)]
    answers = written(maria, table, CREATE, [{"name": name} for name in names])
    good = {answer[ID]: name for answer, name in zip(answers, names, strict=True) if answer[CODE] == "written"}
    assert len(good) == 42
    stored = maria.rows("SELECT concat(id), name FROM thing WHERE id > 1")
    assert good == dict(stored)  # type: ignore[arg-type, comparison-overlap]


def test_long_statements_are_cut_between_rows(maria: MariaStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server takes statements up to max_allowed_packet; a row that is longer is that row's trouble."""
    monkeypatch.setattr(staging, "_STATEMENT_BYTES", 1000)
    table = maria.make("id int AUTO_INCREMENT PRIMARY KEY, name longtext")
    names = [str(number) * 300 for number in range(20)]
    names[7] = "x" * 17_000_000
    answers = written(maria, table, CREATE, [{"name": name} for name in names])
    assert codes(answers) == [*["written"] * 7, "refused", *["written"] * 12]
    assert "max_allowed_packet" in str(answers[7][MESSAGE])
    told = [str(answer[ID]) for answer in answers if answer[CODE] == "written"]
    stored = {id_: row["name"] for id_, row in fetched(table, told, "name").items()}
    assert [stored[id_] for id_ in told] == [*names[:7], *names[8:]]


# ---- refusals


@pytest.mark.parametrize(
    ("declared", "value", "field", "words"),
    [
        ("v varchar(3)", "SECRET", "v", "too long"),
        ("v tinytext", "SECRET" * 50, "v", "too long"),
        ("v smallint", 40_000, "v", "too large"),
        ("v int unsigned", -70, "v", "too large"),
        ("v decimal(4,2)", Decimal("123.45"), "v", "too large"),
        ("v enum('n', 'm')", "SECRET", "v", "does not take"),
        ("v enum('n', 'm')", "2", "v", "does not take"),
        ("v varchar(9) CHARACTER SET latin1", "株", "v", "cannot store"),
        ("v double", Decimal("123456789.1234567"), "v", "fewer digits"),
        ("v datetime", datetime(2026, 1, 1, 0, 0, 0, 5, UTC), "v", "fewer digits"),
        ("v timestamp NULL", datetime(1960, 1, 1, tzinfo=UTC), "v", "does not take this date"),
        ("v varchar(9) NOT NULL DEFAULT 'n'", None, "v", "must have a value"),
        ("v int CHECK (v < 5)", 7, "v", "does not allow it: v"),
        ("v int, w int DEFAULT 3, CONSTRAINT ordered CHECK (v < w)", 7, "v", "ordered"),
        ("v varchar(9) UNIQUE", "TAKEN", "v", "another record has the same v"),
        (
            "v varchar(9), w char(1) DEFAULT 'w', UNIQUE pair (w, v)",
            "TAKEN",
            "w",
            "another record has the same w and v",
        ),
        ("v int, FOREIGN KEY (v) REFERENCES parent (no)", 9, "v", "the record of parent that v refers to does not"),
        ("v varchar(9) AS ('x') STORED", "SECRET", "v", "cannot be written"),
    ],
)
def test_a_refusal_names_the_field_and_no_value(
    maria: MariaStage, declared: str, value: object, field: str, words: str
) -> None:
    """Created and updated alike, between good rows; MariaDB's own message would show the values."""
    maria.sql("CREATE TABLE parent (no int PRIMARY KEY)")
    maria.sql(f"CREATE TABLE thing (id int PRIMARY KEY, {declared}, note text)")
    maria.sql(*(f"INSERT INTO thing (id) VALUES ({number})" for number in (11, 12, 13)))
    if value == "TAKEN":
        maria.sql("INSERT INTO thing (id, v) VALUES (99, 'TAKEN')")
    table = maria.open_table()
    rows: list[dict[str, object]] = [{"id": "1"}, {"id": "2", "v": value}, {"id": "3"}]
    for answers in (
        written(maria, table, CREATE, rows),
        written(maria, table, UPDATE, [{"note": "new", **row, "id": f"1{row['id']}"} for row in rows]),
    ):
        assert codes(answers) == ["written", "refused", "written"]
        assert words in str(answers[1][MESSAGE])
        assert answers[1][FIELD] == field
        assert value is None or str(value) not in str(answers[1][MESSAGE])
    assert maria.rows("SELECT id, note FROM thing WHERE id < 99 ORDER BY id") == [
        (1, None), (3, None), (11, "new"), (12, None), (13, "new"),
    ]  # fmt: skip


def test_good_rows_go_in_whatever_a_trigger_does_with_the_bad_one(maria: MariaStage) -> None:
    """SIGNAL says something to people, and that is passed on."""
    maria.table(KeyOrigin.CHOSEN)
    body = "IF {row}.name LIKE 'bad%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF"
    for when, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        maria.sql(trigger(f"AFTER {when}", body.format(row=row), f"on_{when}"))
    table = maria.open_table()
    names = ["a", "bad 1", "c", "d", "bad 2", "f"]
    expected = ["refused" if name.startswith("bad") else "written" for name in names]
    rows = [{"id": uuid(number), "name": name} for number, name in enumerate(names)]
    answers = written(maria, table, CREATE, rows)
    assert codes(answers) == expected
    assert "not this one" in str(answers[1][MESSAGE])
    maria.sql("DROP TRIGGER on_INSERT")
    written(maria, table, CREATE, [rows[1], rows[4]])
    sent = [{"id": uuid(number), "note": "n"} for number in range(6)]
    assert codes(written(maria, table, UPDATE, sent)) == expected
    assert codes(written(maria, table, DELETE, sent)) == expected
    assert [row[0] for row in maria.rows("SELECT name FROM thing ORDER BY id")] == ["bad 1", "bad 2"]


def test_many_bad_rows_are_found_quickly(maria: MariaStage) -> None:
    """Half of 2 000 rows refused by a rule of the table must not cost 2 000 transactions."""
    table = maria.make("id int PRIMARY KEY, v int CHECK (v < 5)")
    began = monotonic()
    answers = written(maria, table, CREATE, [{"id": str(n), "v": 1 if n % 2 else 9} for n in range(2000)])
    assert codes(answers) == ["refused", "written"] * 1000
    assert monotonic() - began < 30


# ---- other writers


def test_nobody_can_edit_between_the_comparison_and_the_write(
    maria: MariaStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """features.conditional_writes: a stale row is refused at the moment of writing, not just before it."""
    table = maria.table(KeyOrigin.CHOSEN)
    maria.put(table, uuid(1), {"name": "x"})
    maria.put(table, uuid(2), {"name": "x"})
    maria.sql("SET innodb_lock_wait_timeout = 1")
    real, refused = Writer._compare, []

    def edited_meanwhile(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        with pytest.raises(pymysql.err.OperationalError, match="Lock wait timeout"):
            maria.edit(table, uuid(1), {"name": "theirs"})
        maria.edit(table, uuid(2), {"name": "not locked"})
        refused.append(True)

    monkeypatch.setattr(Writer, "_compare", edited_meanwhile)
    answers = written(maria, table, UPDATE, [{"id": uuid(1), "name": "ours"}], expected=[{"name": "x"}])
    assert codes(answers) == ["written"]
    assert refused == [True]


def test_a_deadlock_is_tried_again(maria: MariaStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was written by the one that MariaDB picks, so the same may be tried once more."""
    table = maria.make("id int PRIMARY KEY, name text", "1, 'x'", "2, 'x'")
    real, calls = Writer._compare, []

    def locked_crosswise(writer: Writer, connection: Connection, *rest: object) -> None:
        calls.append(1)
        real(writer, connection, *rest)  # type: ignore[arg-type]
        if len(calls) == 1:
            connection.execute("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213")

    monkeypatch.setattr(Writer, "_compare", locked_crosswise)
    assert codes(written(maria, table, UPDATE, [{"id": "1", "name": "y"}])) == ["written"]
    assert len(calls) == 2


def test_a_real_deadlock_leaves_nothing_half_done(maria: MariaStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program holds the second record and wants the first one."""
    table = maria.make("id int PRIMARY KEY, name text", "1, 'x'", "2, 'x'")
    other = connected(maria.url)
    run(other, "BEGIN")
    run(other, "UPDATE thing SET name = 'theirs' WHERE id = 2")
    run(other, "UPDATE thing SET name = concat(name, '!') WHERE id > 2")
    rows: list[dict[str, object]] = [{"id": "1", "name": "ours"}, {"id": "2", "name": "ours"}]
    answers: list[dict[str, object]] = []
    writer = Thread(target=lambda: answers.extend(written(maria, table, UPDATE, rows)))
    writer.start()
    sleep(0.3)
    try:
        run(other, "UPDATE thing SET name = 'theirs' WHERE id = 1")
        run(other, "COMMIT")
    except pymysql.err.OperationalError:
        run(other, "ROLLBACK")  # this one was picked
    writer.join()
    other.close()
    assert codes(answers) == ["written", "written"]
    assert maria.rows("SELECT name FROM thing") == [("ours",), ("ours",)]
