"""When the server, the network or the rights fail: what is said, what was written, and that no secret is shown."""

from collections.abc import Iterator, Sequence
from threading import Thread

import psycopg
import pytest

from koppel.connectors.postgresql import database, open_system, write
from koppel.errors import BadAnswer, ConfigurationError, Denied, Unreachable
from koppel.model.values import KeyOrigin
from koppel.model.write import WriteKind
from koppel.ports import Table, TableOptions, Want
from koppel.testing.contract import codes, uuid
from koppel.testing.stage import fetched, named, written
from tests.contract.postgresql_stage import PostgresStage
from tests.contract.test_postgresql_writing import other_user
from tests.postgresql import own_folder, sql

CREATE, UPDATE = WriteKind.CREATE, WriteKind.UPDATE


@pytest.fixture
def stage() -> Iterator[PostgresStage]:
    stage = PostgresStage()
    yield stage
    stage.close()


def ended(stage: PostgresStage) -> None:
    """The administrator ends every session of koppel in this schema's database but the user's own."""
    stage.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'koppel'")


# ---- connecting


@pytest.mark.parametrize("url", ["postgresql://user:SECRET%ZZ@host/db", "postgresql://h/d?nonsense=SECRET"])
def test_a_url_that_cannot_be_read_is_not_repeated(url: str) -> None:
    """libpq's complaint shows parts of it."""
    with pytest.raises(ConfigurationError, match="the url cannot be read") as mistake:
        open_system("erp", url)
    assert "SECRET" not in str(mistake.value)
    assert mistake.value.__cause__ is None


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_a_server_that_is_not_there_is_unreachable(scheme: str) -> None:
    with pytest.raises(Unreachable) as failure:
        open_system("erp", f"{scheme}://me:SECRET@127.0.0.1:1/db?connect_timeout=2")
    assert "SECRET" not in str(failure.value)
    assert "check that the server runs" in str(failure.value)


def test_a_database_that_is_not_there_is_named(stage: PostgresStage) -> None:
    with pytest.raises(Unreachable, match="no_such_db") as failure:
        open_system("erp", f"{stage.url}&dbname=no_such_db")
    assert failure.value.exit_code == 3


def test_a_wrong_password_is_denied_and_not_shown(stage: PostgresStage) -> None:
    role, rules = f"{stage.schema}_user", own_folder() / "pg_hba.conf"
    before = rules.read_text()
    stage.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'right'")
    try:
        rules.write_text(f"local all {role} scram-sha-256\n{before}")
        stage.sql("SELECT pg_reload_conf(), pg_sleep(0.3)")
        with pytest.raises(Denied) as failure:
            open_system("erp", f"{stage.url}&user={role}&password=SECRET")
        assert "SECRET" not in f"{failure.value!r} {failure.value.__cause__!r}"
        assert "check user and password" in str(failure.value)
        open_system("erp", f"{stage.url}&user={role}&password=right").close()
    finally:
        rules.write_text(before)
        stage.sql("SELECT pg_reload_conf()")


def test_an_old_server_is_a_mistake_in_words(stage: PostgresStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_NEEDED", 990000)
    with pytest.raises(ConfigurationError, match="too old, 14 or newer is needed"):
        open_system("erp", stage.url)


def test_the_identity_is_the_clusters_and_the_databases(stage: PostgresStage) -> None:
    """The same by another name of the host or database; where the cluster's number may not be read, still the same."""
    assert stage.open().identity() == stage.open(url=f"{stage.url}&application_name=x").identity()
    number, oid = stage.rows(
        "SELECT system_identifier, oid FROM pg_control_system(), pg_database WHERE datname = current_database()"
    )[0]
    assert stage.system.identity() == f"postgresql:{number}/{oid}"
    _, system = other_user(stage)
    stage.sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public")
    try:
        assert system.identity() == f"postgresql:{oid}/{stage.rows('SELECT current_database()')[0][0]}"
    finally:
        stage.sql("GRANT EXECUTE ON FUNCTION pg_control_system() TO public")


# ---- rights


def nothing(stage: PostgresStage, table: Table) -> None:
    """The engine's question whether a table can be written at all: no rows."""
    assert written(stage, table, CREATE, []) == []


def test_missing_rights_are_denied_before_the_first_row(stage: PostgresStage) -> None:
    """A person must grant them; a write of no rows finds out before a run begins."""
    role, system = other_user(stage)
    stage.make("id int PRIMARY KEY, name text", "1, 'x'")
    table = system.table("thing", TableOptions())
    with pytest.raises(Denied, match="permission denied"):
        named(table.changes(None, Want(())))
    with pytest.raises(Denied, match="GRANT INSERT"):
        nothing(stage, table)
    stage.sql(f"GRANT SELECT ON thing TO {role}")
    assert list(fetched(table, ["1"])) == ["1"]
    for kind in (CREATE, UPDATE):
        with pytest.raises(Denied, match="nothing was written"):
            written(stage, table, kind, [{"id": "1", "name": "y"}])
    stage.sql(f"GRANT INSERT, UPDATE (name) ON thing TO {role}")
    nothing(stage, table)
    assert codes(written(stage, table, UPDATE, [{"id": "1", "name": "y"}])) == ["written"]


def test_a_sequence_that_may_not_be_used_reserves_nothing(stage: PostgresStage) -> None:
    """The key is then given at the moment of writing, by the column's own default."""
    role, system = other_user(stage)
    stage.sql("CREATE TABLE thing (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text)")
    stage.sql(f"GRANT SELECT, INSERT ON thing TO {role}")
    table = system.table("thing", TableOptions())
    assert table.describe().key_origin is KeyOrigin.GENERATED
    assert stage.open_table().describe().key_origin is KeyOrigin.RESERVED
    answers = written(stage, table, CREATE, [{"name": "a"}, {"name": "b"}], want=["name"])
    assert [(answer["@id"], answer["name"]) for answer in answers] == [("1", "a"), ("2", "b")]


def test_a_server_that_takes_no_writes_is_unreachable_for_them(stage: PostgresStage) -> None:
    """A standby, for example; reading goes on."""
    stage.make("id int PRIMARY KEY, name text", "1, 'x'")
    system = stage.open(url=stage.url.replace("options=", "options=-cdefault_transaction_read_only%3Don%20"))
    table = system.table("thing", TableOptions())
    assert list(fetched(table, ["1"])) == ["1"]
    with pytest.raises(Unreachable, match="takes no writes"):
        nothing(stage, table)
    with pytest.raises(Unreachable, match="nothing was written"):
        written(stage, table, CREATE, [{"id": "2", "name": "x"}])


# ---- in the middle


def test_idle_connections_that_died_cost_nothing(stage: PostgresStage) -> None:
    """The server was restarted between two jobs."""
    table = stage.make("id int PRIMARY KEY", "1")
    assert named(table.changes(None, Want(()))) == ["1"]
    ended(stage)
    assert named(table.changes(None, Want(()))) == ["1"]


def test_a_connection_lost_inside_a_write_leaves_nothing(stage: PostgresStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows of a write are committed together (features.atomic_batch)."""
    table = stage.table(KeyOrigin.CHOSEN)

    def lost(connection: database.Connection, *rest: object) -> None:
        ended(stage)
        connection.execute("SELECT 1")

    monkeypatch.setattr(write, "_stored", lost)
    with pytest.raises(Unreachable, match="nothing was written"):
        written(stage, table, CREATE, [{"id": uuid(number), "name": "x"} for number in range(3)])
    assert stage.rows("SELECT count(*) FROM thing") == [(0,)]
    monkeypatch.undo()
    assert codes(written(stage, table, CREATE, [{"id": uuid(1), "name": "x"}])) == ["written"]


@pytest.mark.parametrize("stored", [True, False])
def test_a_connection_lost_at_commit_leaves_the_fate_to_be_looked_up(
    stage: PostgresStage, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """The answer never came: it may be stored or not, and only a look-up can tell."""
    table = stage.table(KeyOrigin.CHOSEN)
    real = psycopg.Connection.execute

    def lost(connection: database.Connection, query: str, values: Sequence[object] | None = None) -> object:
        if query == "COMMIT":
            if stored:
                real(connection, "COMMIT")
            ended(stage)
            return real(connection, "SELECT 1" if stored else "COMMIT")
        return real(connection, sql(query), values)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", lost)
        with pytest.raises(Unreachable, match="found out by looking"):
            written(stage, table, CREATE, [{"id": uuid(1), "name": "x"}])
    assert len(fetched(table, [uuid(1)])) == stored


def test_a_lock_is_not_waited_for_forever(stage: PostgresStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.1)
    stage.table(KeyOrigin.CHOSEN)
    table = stage.open().table("thing", TableOptions())
    stage.put(table, uuid(1), {"name": "x"})
    stage.sql("BEGIN", "UPDATE thing SET name = 'theirs'")
    with pytest.raises(Unreachable, match="nothing was written") as failure:
        written(stage, table, UPDATE, [{"id": uuid(1), "name": "ours"}])
    assert "another program holds the record" in str(failure.value)
    stage.sql("ROLLBACK")
    assert codes(written(stage, table, UPDATE, [{"id": uuid(1), "name": "ours"}])) == ["written"]


def test_a_statement_does_not_run_forever(stage: PostgresStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 0.2)
    stage.make("id int PRIMARY KEY", "1")
    stage.sql("CREATE VIEW slow AS SELECT id, pg_sleep(30)::text FROM thing")
    table = stage.open().table("slow", TableOptions(key=("id",)))
    with pytest.raises(Unreachable, match="timeout"):
        fetched(table, ["1"])


def test_a_table_that_looks_different_now_is_a_bad_answer(stage: PostgresStage) -> None:
    table = stage.make("id int PRIMARY KEY, name text", "1, 'x'")
    stage.sql("ALTER TABLE thing DROP name")
    with pytest.raises(BadAnswer, match="still look as they did"):
        fetched(table, ["1"], "name")


def test_a_value_in_a_whole_tables_failure_is_not_shown(stage: PostgresStage) -> None:
    """PostgreSQL would name it: invalid input syntax for type integer: "SECRET"."""
    stage.make("id int PRIMARY KEY, name text", "1, 'SECRET'")
    stage.sql("CREATE VIEW broken AS SELECT id, name::int AS n FROM thing")
    table = stage.open_table("broken", TableOptions(key=("id",)))
    with pytest.raises(BadAnswer) as failure:
        fetched(table, ["1"], "n")
    assert "SECRET" not in str(failure.value)


def test_closing_twice_is_safe_and_in_the_middle_too(stage: PostgresStage) -> None:
    table = stage.make("id int PRIMARY KEY", "1")
    reader = Thread(target=lambda: [named(table.changes(None, Want(()))) for _ in range(20)])
    reader.start()
    stage.system.close()
    reader.join()
    stage.system.close()
    assert named(table.changes(None, Want(()))) == ["1"]
