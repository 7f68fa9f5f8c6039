"""Writes survive what PostgreSQL does to them: triggers, rules of the table, other writers; good rows always go in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from time import monotonic, sleep

import pytest

from koppel.connectors.postgresql import write
from koppel.connectors.postgresql.system import PostgresSystem
from koppel.model.values import ID, VERSION, KeyOrigin
from koppel.model.write import CODE, FIELD, MESSAGE, WriteKind
from koppel.ports import TableOptions
from koppel.testing.contract import codes, uuid
from koppel.testing.stage import fetched, written
from tests.contract.postgresql_stage import PostgresStage
from tests.postgresql import connected, sql

CREATE, UPDATE, DELETE = WriteKind.CREATE, WriteKind.UPDATE, WriteKind.DELETE


@pytest.fixture
def stage() -> Iterator[PostgresStage]:
    stage = PostgresStage()
    yield stage
    stage.close()


def trigger(when: str, body: str, *, condition: str = "true") -> tuple[str, str]:
    """A trigger on `thing` that runs PL/pgSQL."""
    function = f"CREATE FUNCTION does() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
    return function, f"CREATE TRIGGER t {when} ON thing FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION does()"


# ---- what is answered, what is stored


@pytest.mark.parametrize(
    ("when", "body"),
    [
        ("BEFORE INSERT OR UPDATE", "NEW.modified := '2026-01-01Z'; NEW.note := 'by trigger'; RETURN NEW;"),
        (
            "AFTER INSERT OR UPDATE OF name",
            "UPDATE thing SET modified = '2026-01-01Z', note = 'by trigger' WHERE id = NEW.id; RETURN NULL;",
        ),
    ],
)
def test_what_a_trigger_stores_is_answered(stage: PostgresStage, when: str, body: str) -> None:
    """RETURNING would not show what an AFTER trigger does; it is read again (features.returns_stored)."""
    stage.table(KeyOrigin.CHOSEN)
    stage.sql(*trigger(when, body))
    table = stage.open_table()
    for kind, name in ((CREATE, "x"), (UPDATE, "y")):
        (answer,) = written(stage, table, kind, [{"id": uuid(1), "name": name}], want=["name", "note", "modified"])
        assert (answer["name"], answer["note"]) == (name, "by trigger")
        assert answer["modified"] == datetime(2026, 1, 1, tzinfo=UTC)
        assert answer[VERSION] == fetched(table, [uuid(1)])[uuid(1)][VERSION]


def test_our_stamps_are_never_older_than_the_systems_present(stage: PostgresStage) -> None:
    """Another mapping's cursor may be there already: koppel's clock may be behind the database's. Nor finer than the
    application's ticks."""
    table = stage.make("id int PRIMARY KEY, name text, modified timestamptz(1)", "1, 'x', '2026-01-01'")
    sent = stage.moment = datetime(2026, 3, 1, 9, 0, 0, 987654, tzinfo=UTC)
    stage.sql("UPDATE thing SET modified = '2026-01-01 10:00:00.5Z'")
    table = stage.open_table()
    behind = stage.open()
    behind._clock = lambda: sent + timedelta(seconds=20)
    written(stage, table, UPDATE, [{"id": "1", "name": "y"}])
    assert stage.rows("SELECT modified FROM thing") == [(sent.replace(microsecond=900_000),)]
    written(stage, behind.table("thing", TableOptions()), UPDATE, [{"id": "1", "name": "y"}])
    assert stage.rows("SELECT modified FROM thing") == [(sent.replace(microsecond=900_000) + timedelta(seconds=20),)]


def test_a_stamp_among_the_fields_is_the_one_that_is_stored(stage: PostgresStage) -> None:
    table = stage.table(KeyOrigin.CHOSEN)
    sent = datetime(2025, 5, 5, 5, 5, 5, tzinfo=UTC)
    written(stage, table, CREATE, [{"id": uuid(1), "name": "x", "modified": sent}, {"id": uuid(2), "name": "y"}])
    written(stage, table, UPDATE, [{"id": uuid(1), "modified": sent, "name": "z"}])
    assert stage.rows("SELECT modified FROM thing ORDER BY id") == [(sent,), (stage.moment,)]


def test_only_the_columns_that_are_sent_are_named(stage: PostgresStage) -> None:
    """A trigger on UPDATE OF another column stays quiet, and rights on other columns are not needed."""
    stage.table(KeyOrigin.CHOSEN)
    stage.sql(*trigger("AFTER UPDATE OF note", "RAISE 'note'; RETURN NULL;"))
    table = stage.open_table()
    stage.put(table, uuid(1), {"name": "x"})
    assert codes(written(stage, table, UPDATE, [{"id": uuid(1), "name": "y"}])) == ["written"]


def test_a_key_that_is_always_generated_is_reserved_and_kept(stage: PostgresStage) -> None:
    """INSERT would refuse a number for GENERATED ALWAYS; the id must be known before the write (DESIGN 7)."""
    table = stage.make("id bigint GENERATED ALWAYS AS IDENTITY (START 7) PRIMARY KEY, name text")
    first = table.reserve(2).to_list()
    rows: list[dict[str, object]] = [{"id": first[1], "name": "a"}, {"name": "b"}]
    assert [answer[ID] for answer in written(stage, table, CREATE, rows)] == ["8", "9"]
    answers = written(stage, table, UPDATE, [{"id": "8", "name": "new"}])
    assert codes(answers) == ["written"]


def test_a_natural_key_that_is_sent_renames_the_record(stage: PostgresStage) -> None:
    table = stage.make("no varchar(20) PRIMARY KEY, name text", "'A', 'x'", "'B', 'x'")
    answers = written(stage, table, UPDATE, [{"id": "A", "no": "C"}, {"id": "B", "no": "C"}], want=["no"])
    assert [(a[CODE], a[ID], a["no"]) for a in answers] == [("written", "C", "C"), ("refused", "B", None)]
    answers = written(stage, table, CREATE, [{"no": "D", "name": "y"}, {"id": "E", "name": "z"}, {"name": "no key"}])
    assert [(a[CODE], a[ID]) for a in answers] == [("written", "D"), ("written", "E"), ("refused", None)]


@pytest.mark.parametrize("key", ["07", "x", "1.0", "", "9223372036854775808"])
def test_an_id_that_would_not_come_back_the_same_is_no_key(stage: PostgresStage, key: str) -> None:
    table = stage.make("id int PRIMARY KEY, name text")
    assert codes(written(stage, table, CREATE, [{"id": key, "name": "x"}])) == ["refused"]


def test_two_rows_that_claim_one_key(stage: PostgresStage) -> None:
    """The second one is refused, and nothing is stored or answered of it."""
    table = stage.table(KeyOrigin.CHOSEN)
    answers = written(stage, table, CREATE, [{"id": uuid(1), "name": "a"}, {"id": uuid(1), "name": "b"}], want=["name"])
    assert [(answer[CODE], answer["name"]) for answer in answers] == [("written", "a"), ("refused", None)]


# ---- refusals


@pytest.mark.parametrize(
    ("declared", "value", "field", "words"),
    [
        ("v varchar(3)", "SECRET", "v", "too long"),
        ("v char(3)", "SECRET", "v", "too long"),
        ("v smallint", 40_000, "v", "too large"),
        ("v numeric(4,2)", Decimal("123.45"), "v", "too large"),
        ("v mood", "SECRET", "v", "does not take"),
        ("v text", "SEC\0RET", "v", "code 0"),
        ("v float8", Decimal("1.2345678901234567"[:12]) + Decimal("100000000"), "v", "fewer digits"),
        ("v timestamptz(0)", datetime(2026, 1, 1, 0, 0, 0, 5, UTC), "v", "fewer digits"),
        ("v text NOT NULL", None, "v", "must have a value"),
        ("v positive", -5, "v", "positive_check"),
        ("v int CHECK (v < 5)", 7, "v", "thing_v_check"),
        ("v int, w int DEFAULT 3, CONSTRAINT ordered CHECK (v < w)", 7, "v", "ordered"),
        ("v text UNIQUE", "TAKEN", "v", "another record has the same v"),
        (
            "v text, w text DEFAULT 'w', CONSTRAINT pair UNIQUE (w, v)",
            "TAKEN",
            "w",
            "another record has the same w and v",
        ),
        ("v text, EXCLUDE USING btree (v WITH =)", "TAKEN", "v", "thing_v_excl"),
        ("v int REFERENCES parent", 9, "v", "the record of parent that v refers to does not exist"),
        ("v int REFERENCES parent DEFERRABLE INITIALLY DEFERRED", 9, "v", "the record of parent"),
        ("v text GENERATED ALWAYS AS ('x') STORED", "SECRET", "v", "cannot be written"),
    ],
)
def test_a_refusal_names_the_field_and_no_value(
    stage: PostgresStage, declared: str, value: object, field: str | None, words: str
) -> None:
    """Created and updated alike, between good rows; PostgreSQL's own message would show the values."""
    stage.sql(
        "CREATE TYPE mood AS ENUM ('sad')",
        "CREATE DOMAIN positive AS int CHECK (value > 0)",
        "CREATE TABLE parent (no int PRIMARY KEY)",
    )
    stage.sql(f"CREATE TABLE thing (id int PRIMARY KEY, {declared}, note text)")
    fine = {"text NOT NULL": "'n'"}.get(declared.partition(" ")[2], "DEFAULT")
    stage.sql(*(f"INSERT INTO thing (id, v) VALUES ({number}, {fine})" for number in (11, 12, 13)))
    if value == "TAKEN":
        stage.sql("INSERT INTO thing (id, v) VALUES (99, 'TAKEN')")
    table = stage.open_table()
    given: dict[str, object] = {"v": "n"} if "NOT NULL" in declared else {}
    rows: list[dict[str, object]] = [{"id": "1", **given}, {"id": "2", "v": value}, {"id": "3", **given}]
    for answers in (
        written(stage, table, CREATE, rows),
        written(stage, table, UPDATE, [{"note": "new", **row, "id": f"1{row['id']}"} for row in rows]),
    ):
        assert codes(answers) == ["written", "refused", "written"]
        assert words in str(answers[1][MESSAGE])
        assert answers[1][FIELD] == field or ("positive" in declared and answers[1][FIELD] is None)
        assert value is None or str(value) not in str(answers[1][MESSAGE])
    assert stage.rows("SELECT id, note FROM thing WHERE id < 99 ORDER BY id") == [
        (1, None), (3, None), (11, "new"), (12, None), (13, "new"),
    ]  # fmt: skip


def test_records_that_others_refer_to_are_not_deleted(stage: PostgresStage) -> None:
    stage.sql("CREATE TABLE parent (id text PRIMARY KEY)", "INSERT INTO parent VALUES ('p'), ('q')")
    stage.make("id int PRIMARY KEY, p text REFERENCES parent", "1, 'p'")
    answers = written(stage, stage.open_table("parent"), DELETE, [{"id": "p"}, {"id": "q"}])
    assert codes(answers) == ["refused", "written"]
    assert "other records refer to it" in str(answers[0][MESSAGE])


@pytest.mark.parametrize("body", ["RAISE 'not this one';", "RETURN NULL;"])
def test_good_rows_go_in_whatever_a_trigger_does_with_the_bad_one(stage: PostgresStage, body: str) -> None:
    """RETURN NULL of a BEFORE trigger leaves a row out and says nothing."""
    stage.table(KeyOrigin.CHOSEN)
    bad = f"IF coalesce(NEW.name, OLD.name) LIKE 'bad%' THEN {body} END IF;"
    good = "RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;"
    stage.sql(*trigger("BEFORE INSERT OR UPDATE OR DELETE", f"{bad} {good}"))
    table = stage.open_table()
    names = ["a", "bad 1", "c", "d", "bad 2", "f"]
    expected = ["refused" if name.startswith("bad") else "written" for name in names]
    rows = [{"id": uuid(number), "name": name} for number, name in enumerate(names)]
    answers = written(stage, table, CREATE, rows)
    assert codes(answers) == expected
    assert ("not this one" in str(answers[1][MESSAGE])) == ("RAISE" in body)
    assert [row[0] for row in stage.rows("SELECT name FROM thing ORDER BY id")] == ["a", "c", "d", "f"]
    stage.sql("ALTER TABLE thing DISABLE TRIGGER t")
    written(stage, table, CREATE, [rows[1], rows[4]])
    stage.sql("ALTER TABLE thing ENABLE TRIGGER t")
    sent = [{"id": uuid(number), "note": "n"} for number in range(6)]
    assert codes(written(stage, table, UPDATE, sent)) == expected
    assert codes(written(stage, table, DELETE, sent)) == expected
    assert [row[0] for row in stage.rows("SELECT name FROM thing ORDER BY id")] == ["bad 1", "bad 2"]


def test_a_record_a_trigger_moves_away_has_an_unknown_outcome(stage: PostgresStage) -> None:
    """It was written, and where it is now cannot be said."""
    stage.make("id text PRIMARY KEY, name text")
    stage.sql(*trigger("AFTER INSERT", "UPDATE thing SET id = 'moved' WHERE id = NEW.id; RETURN NULL;"))
    assert codes(written(stage, stage.open_table(), CREATE, [{"id": "a", "name": "x"}])) == ["unknown"]


def test_an_error_inside_a_trigger_on_another_table_blames_no_field(stage: PostgresStage) -> None:
    stage.sql("CREATE TABLE log (name text UNIQUE)")
    stage.make("id int PRIMARY KEY, name text")
    stage.sql(*trigger("AFTER INSERT", "INSERT INTO log VALUES (NEW.name); RETURN NULL;"))
    rows: list[dict[str, object]] = [{"id": "1", "name": "same"}, {"id": "2", "name": "same"}]
    answers = written(stage, stage.open_table(), CREATE, rows)
    assert [(answer[CODE], answer[FIELD]) for answer in answers] == [("written", None), ("refused", None)]


def test_a_policy_refuses_single_rows(stage: PostgresStage) -> None:
    """Row security says "insufficient privilege" of one row; that is not everybody's trouble."""
    role, system = other_user(stage)
    stage.make("id int PRIMARY KEY, name text")
    stage.sql(
        f"GRANT SELECT, INSERT, UPDATE ON thing TO {role}",
        "ALTER TABLE thing ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON thing USING (true) WITH CHECK (name <> 'bad')",
    )
    table = system.table("thing", TableOptions())
    rows: list[dict[str, object]] = [{"id": "1", "name": "a"}, {"id": "2", "name": "bad"}, {"id": "3", "name": "c"}]
    answers = written(stage, table, CREATE, rows)
    assert codes(answers) == ["written", "refused", "written"]
    assert "policy" in str(answers[1][MESSAGE])


def test_many_bad_rows_are_found_quickly(stage: PostgresStage) -> None:
    """COPY names the line it does not take; half of 2 000 rows refused must not cost 2 000 transactions."""
    table = stage.table(KeyOrigin.CHOSEN)
    rows: list[dict[str, object]] = [
        {"id": uuid(number), "name": "x", "rank": "low" if number % 2 else "never"} for number in range(2000)
    ]
    began = monotonic()
    answers = written(stage, table, CREATE, rows)
    assert codes(answers) == ["refused", "written"] * 1000
    assert {answer[FIELD] for answer in answers} == {None, "rank"}
    assert monotonic() - began < 20


# ---- other writers


def test_nobody_can_edit_between_the_comparison_and_the_write(
    stage: PostgresStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """features.conditional_writes: a stale row is refused at the moment of writing, not just before it."""
    table = stage.table(KeyOrigin.CHOSEN)
    stage.put(table, uuid(1), {"name": "x"})
    stage.sql("SET lock_timeout = '50ms'")
    real = write._compare
    refused = []

    def edited_meanwhile(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        with pytest.raises(Exception, match="lock timeout"):
            stage.edit(table, uuid(1), {"name": "theirs"})
        refused.append(True)

    monkeypatch.setattr(write, "_compare", edited_meanwhile)
    answers = written(stage, table, UPDATE, [{"id": uuid(1), "name": "ours"}], expected=[{"name": "x"}])
    assert codes(answers) == ["written"]
    assert refused == [True]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_an_edit_that_is_not_committed_yet_is_waited_for(stage: PostgresStage, end: str) -> None:
    """The comparison sees what the other writer leaves behind, not what was there before."""
    table = stage.table(KeyOrigin.CHOSEN)
    stage.put(table, uuid(1), {"name": "x"})
    stage.sql("BEGIN", "UPDATE thing SET name = 'theirs'")
    answers: list[dict[str, object]] = []
    rows: list[dict[str, object]] = [{"id": uuid(1), "name": "ours"}]
    writer = Thread(target=lambda: answers.extend(written(stage, table, UPDATE, rows, expected=[{"name": "x"}])))
    writer.start()
    sleep(0.3)
    assert answers == []
    stage.sql(end)
    writer.join()
    assert codes(answers) == ["stale" if end == "COMMIT" else "written"]


def test_a_deadlock_is_tried_again(stage: PostgresStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was written by the one that PostgreSQL picks, so the same may be tried once more."""
    table = stage.make("id int PRIMARY KEY, name text", "1, 'x'", "2, 'x'")
    real, calls = write._compare, []

    def locked_crosswise(*arguments: object) -> None:
        calls.append(1)
        real(*arguments)  # type: ignore[arg-type]
        if len(calls) == 1:
            with connected(stage.url) as other:
                other.execute(sql(f"SET search_path = {stage.schema}"))
                arguments[0].execute("SET LOCAL deadlock_timeout = '10ms'")  # type: ignore[attr-defined]
                raise_deadlock(arguments[0])

    monkeypatch.setattr(write, "_compare", locked_crosswise)
    assert codes(written(stage, table, UPDATE, [{"id": "1", "name": "y"}])) == ["written"]
    assert len(calls) == 2


def raise_deadlock(connection: object) -> None:
    """What the server says to the transaction it picks."""
    connection.execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")  # type: ignore[attr-defined]


def other_user(stage: PostgresStage) -> tuple[str, PostgresSystem]:
    """A user without any rights but to see the schema; gone with the schema's objects at the end of the server."""
    role = f"{stage.schema}_user"
    if not stage.rows("SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolcreaterole"):
        pytest.skip("the user of KOPPEL_TEST_PG_URL may not create users")
    stage.sql(f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA {stage.schema} TO {role}")
    return role, stage.open(url=f"{stage.url}&user={role}")
