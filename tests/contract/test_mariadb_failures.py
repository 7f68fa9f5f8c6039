"""When the server, the network or the rights fail: what is said, what was written, and that no secret is shown."""

import pymysql
import pytest

from koppel.connectors.mariadb import database, open_system
from koppel.connectors.mariadb.database import Answer, Connection, Database
from koppel.connectors.mariadb.write import Writer
from koppel.errors import BadAnswer, ConfigurationError, Denied, SystemFailure, Unreachable
from koppel.model.values import KeyOrigin
from koppel.model.write import WriteKind
from koppel.ports import Table, TableOptions, Want
from koppel.testing.contract import codes, uuid
from koppel.testing.stage import fetched, named, written
from tests.contract.mariadb_stage import MariaStage
from tests.mariadb import url_of

CREATE, UPDATE, DELETE = WriteKind.CREATE, WriteKind.UPDATE, WriteKind.DELETE


def ended(maria: MariaStage) -> None:
    """The administrator ends every session of koppel in this database but the user's own."""
    query = "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()"
    for (number,) in maria.rows(query):
        maria.sql(f"KILL {number}")


# ---- every error of the driver


def subclasses(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(one for child in kind.__subclasses__() for one in subclasses(child))]


@pytest.mark.parametrize("kind", [*subclasses(pymysql.err.MySQLError), OSError, TimeoutError])
@pytest.mark.parametrize("code", [None, 0, 1062, 1213, 1406, 2006, 2013, 4025, 9999])
def test_every_exception_of_the_driver_is_mapped(kind: type[Exception], code: int | None) -> None:
    """DESIGN 12: a class of koppel's own, without the password that the words may hold."""
    failing = Database("erp", {"password": "SECRET"})
    error = kind() if code is None else kind(code, "it says SECRET")
    with pytest.raises(SystemFailure) as failure, failing.connection():
        raise error
    assert "SECRET" not in str(failure.value)


# ---- connecting


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mariadb://user:SECRET@host:x/db", "the url cannot be read"),
        ("mariadb://user:SECRET@host", "names no database"),
        ("mariadb://user:SECRET@host/db?nonsense=SECRET", "an option that is not known: nonsense"),
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as mistake:
        open_system("erp", url)
    assert "SECRET" not in str(mistake.value)


@pytest.mark.parametrize("scheme", ["mariadb", "mysql", "mysql+pymysql", "mariadb+pymysql"])
def test_a_server_that_is_not_there_is_unreachable(scheme: str) -> None:
    with pytest.raises(Unreachable) as failure:
        open_system("erp", f"{scheme}://me:SECRET@127.0.0.1:1/db")
    assert "SECRET" not in str(failure.value)
    assert "check that the server runs" in str(failure.value)


def test_a_database_that_is_not_there_is_named(maria: MariaStage) -> None:
    with pytest.raises(Unreachable, match="no_such_db") as failure:
        open_system("erp", url_of("no_such_db"))
    assert failure.value.exit_code == 3


def test_a_wrong_password_is_denied_and_not_shown(maria: MariaStage) -> None:
    maria.other_user("SELECT ON *.*").close()
    with pytest.raises(Denied) as failure:
        open_system("erp", url_of(maria.database, maria.users[0], "SECRET"))
    assert "SECRET" not in f"{failure.value!r} {failure.value.__cause__!r}"
    assert "check user and password" in str(failure.value)


@pytest.mark.parametrize(
    ("version", "words"),
    [("10.3.39-MariaDB-0+deb10u1", "10.3 is too old, 10.6 or newer"), ("8.4.2", "this is not MariaDB but 8.4.2")],
)
def test_another_server_is_a_mistake_in_words(
    maria: MariaStage, monkeypatch: pytest.MonkeyPatch, version: str, words: str
) -> None:
    """MySQL speaks the same protocol and means other things: koppel is not proven with it."""
    real = Connection.value
    monkeypatch.setattr(Connection, "value", lambda c, query: version if "VERSION" in query else real(c, query))
    with pytest.raises(ConfigurationError, match=words):
        open_system("erp", maria.url)


def test_a_way_to_log_in_that_needs_a_package_is_a_mistake_in_words(
    maria: MariaStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyMySQL raises RuntimeError for it."""

    def needs(**parameters: object) -> None:
        raise RuntimeError("'cryptography' package is required for sha256_password")

    monkeypatch.setattr(pymysql, "connect", needs)
    with pytest.raises(ConfigurationError, match="cryptography"):
        open_system("erp", maria.url)


def test_the_identity_is_the_servers_and_the_databases(maria: MariaStage) -> None:
    """The same by another user or name of the host."""
    maria.sql("CREATE TABLE thing (id int PRIMARY KEY)")
    host, port = maria.rows("SELECT @@hostname, @@port")[0]
    assert maria.system.identity() == f"mariadb:{host}:{port}/{maria.database}"
    assert maria.other_user("SELECT ON thing").identity() == maria.system.identity()


# ---- rights


def nothing(maria: MariaStage, table: Table) -> None:
    """The engine's question whether a table can be written at all: no rows."""
    assert written(maria, table, CREATE, []) == []


def test_missing_rights_are_denied_before_the_first_row(maria: MariaStage) -> None:
    """A person must grant them; a write of no rows finds out before a run begins."""
    maria.make("id int PRIMARY KEY, name text", "1, 'x'")
    table = maria.other_user("SELECT ON thing").table("thing", TableOptions())
    assert list(fetched(table, ["1"])) == ["1"]
    with pytest.raises(Denied, match="may not write thing"):
        nothing(maria, table)
    with pytest.raises(Denied, match="nothing was written"):
        written(maria, table, CREATE, [{"id": "2", "name": "y"}])
    table = maria.other_user("SELECT, INSERT, UPDATE ON thing").table("thing", TableOptions())
    with pytest.raises(Denied, match="CREATE TEMPORARY TABLES"):
        nothing(maria, table)
    with pytest.raises(Denied, match="nothing was written"):
        written(maria, table, UPDATE, [{"id": "1", "name": "y"}])
    rights = ("SELECT, INSERT, UPDATE (name) ON thing", f"CREATE TEMPORARY TABLES ON {maria.database}.*")
    table = maria.other_user(*rights).table("thing", TableOptions())
    nothing(maria, table)
    assert codes(written(maria, table, UPDATE, [{"id": "1", "name": "y"}])) == ["written"]


def test_a_server_that_takes_no_writes_is_unreachable_for_them(maria: MariaStage) -> None:
    """A replica, for example; reading goes on."""
    maria.make("id int PRIMARY KEY, name text", "1, 'x'")
    table = maria.other_user(f"ALL ON {maria.database}.*").table("thing", TableOptions())
    maria.sql("SET GLOBAL read_only = 1")
    try:
        assert list(fetched(table, ["1"])) == ["1"]
        with pytest.raises(Unreachable, match="name the one that does"):
            nothing(maria, table)
        for kind in (CREATE, UPDATE, DELETE):
            with pytest.raises(Unreachable, match="nothing was written"):
                written(maria, table, kind, [{"id": "1"}])
    finally:
        maria.sql("SET GLOBAL read_only = 0")


# ---- in the middle


def test_idle_connections_that_died_cost_nothing(maria: MariaStage) -> None:
    """The server was restarted between two jobs."""
    table = maria.make("id int PRIMARY KEY", "1")
    assert named(table.changes(None, Want(()))) == ["1"]
    ended(maria)
    assert named(table.changes(None, Want(()))) == ["1"]


def test_a_connection_lost_inside_a_write_leaves_nothing(maria: MariaStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows of a write are committed together (features.atomic_batch)."""
    table = maria.table(KeyOrigin.CHOSEN)

    def lost(writer: Writer, connection: Connection, *rest: object) -> None:
        ended(maria)
        connection.execute("SELECT 1")

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_stored", lost)
        with pytest.raises(Unreachable, match="nothing was written"):
            written(maria, table, CREATE, [{"id": uuid(number), "name": "x"} for number in range(3)])
    assert maria.rows("SELECT count(*) FROM thing") == [(0,)]
    assert codes(written(maria, table, CREATE, [{"id": uuid(1), "name": "x"}])) == ["written"]


@pytest.mark.parametrize("stored", [True, False])
def test_a_connection_lost_at_commit_leaves_the_fate_to_be_looked_up(
    maria: MariaStage, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """The answer never came: it may be stored or not, and only a look-up can tell."""
    table = maria.table(KeyOrigin.CHOSEN)
    real = Connection.execute

    def lost(connection: Connection, statement: str) -> Answer:
        if statement == "COMMIT":
            if stored:
                real(connection, "COMMIT")
            ended(maria)
        return real(connection, statement)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "execute", lost)
        with pytest.raises(Unreachable, match="found out by looking"):
            written(maria, table, CREATE, [{"id": uuid(1), "name": "x"}])
    assert len(fetched(table, [uuid(1)])) == stored


def test_a_lock_is_not_waited_for_forever(maria: MariaStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 1)
    maria.table(KeyOrigin.CHOSEN)
    table = maria.open().table("thing", TableOptions())
    maria.put(table, uuid(1), {"name": "x"})
    maria.sql("BEGIN", "UPDATE thing SET name = 'theirs'")
    with pytest.raises(Unreachable, match="nothing was written") as failure:
        written(maria, table, UPDATE, [{"id": uuid(1), "name": "ours"}])
    assert "another program holds the record" in str(failure.value)
    maria.sql("ROLLBACK")
    assert codes(written(maria, table, UPDATE, [{"id": uuid(1), "name": "ours"}])) == ["written"]


def test_a_statement_does_not_run_forever(maria: MariaStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 0.3)
    maria.make("id int PRIMARY KEY", "1")
    maria.sql("CREATE VIEW slow AS SELECT id, concat(sleep(30)) AS s FROM thing")
    table = maria.open().table("slow", TableOptions(key=("id",)))
    with pytest.raises(Unreachable, match="max_statement_time"):
        fetched(table, ["1"], "s")


def test_a_server_that_no_longer_answers_is_given_up(maria: MariaStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut cable says nothing; the driver waits a little longer than a statement may run."""
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 30)
    monkeypatch.setattr(database, "_ANSWER_SECONDS", -29.5)
    maria.make("id int PRIMARY KEY", "1")
    maria.sql("CREATE VIEW slow AS SELECT id, concat(sleep(5)) AS s FROM thing")
    table = maria.open().table("slow", TableOptions(key=("id",)))
    with pytest.raises(Unreachable, match="Lost connection"):
        fetched(table, ["1"], "s")


def test_a_table_that_looks_different_now_is_a_bad_answer(maria: MariaStage) -> None:
    table = maria.make("id int PRIMARY KEY, name text", "1, 'x'")
    maria.sql("ALTER TABLE thing DROP name")
    with pytest.raises(BadAnswer, match="still look as they did"):
        fetched(table, ["1"], "name")


def test_a_value_in_a_whole_tables_failure_is_not_shown(maria: MariaStage) -> None:
    """MariaDB would name it: BIGINT value is out of range in '(9223372036854775807 + …)'."""
    maria.make("id int PRIMARY KEY, n bigint", "1, 9223372036854775807")
    maria.sql("CREATE VIEW broken AS SELECT id, n + 4711 AS n FROM thing")
    table = maria.open_table("broken", TableOptions(key=("id",)))
    with pytest.raises(BadAnswer, match="a value does not fit") as failure:
        fetched(table, ["1"], "n")
    assert "4711" not in str(failure.value)


def test_closing_twice_is_safe_and_in_the_middle_too(maria: MariaStage) -> None:
    table = maria.make("id int PRIMARY KEY", "1")
    maria.system.close()
    maria.system.close()
    assert named(table.changes(None, Want(()))) == ["1"]
