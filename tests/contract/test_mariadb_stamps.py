"""The cursor: an edit in a transaction that is open for long is named once it is committed, whoever may see what."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import sleep

import pytest

from koppel.connectors.mariadb import cursor, open_system
from koppel.connectors.mariadb.cursor import HIDDEN_LAG, LAG
from koppel.connectors.mariadb.system import MariaSystem
from koppel.connectors.mariadb.table import MariaTable
from koppel.model.values import VERSION
from koppel.ports import TableOptions, Want
from koppel.testing.stage import fetched, named
from tests.contract.mariadb_stage import MariaStage
from tests.mariadb import User, connected, dropped, fresh_database, run, started, url_of

EVERYTHING = Want(())
THING = "CREATE TABLE thing (id varchar(9) PRIMARY KEY, name text, modified datetime(6) DEFAULT current_timestamp(6))"


@pytest.fixture(autouse=True)
def looks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cursor takes a look of its own."""
    monkeypatch.setattr(cursor, "AGE_SECONDS", 0)


@pytest.fixture
def other(maria: MariaStage) -> Iterator[User]:
    """A second user of the same database, with transactions of its own."""
    maria.sql(THING)
    with connected(maria.url) as connection:
        yield connection


@pytest.fixture
def table(maria: MariaStage, other: User) -> Iterator[MariaTable]:
    """The table under the server's own clock, with no lag at all: nothing but the cursor keeps an edit."""
    system = open_system("erp", maria.url)
    yield impatient(system)
    system.close()


def impatient(system: MariaSystem) -> MariaTable:
    return system.table("thing", TableOptions(lag=timedelta(0)))


def safe(table: MariaTable) -> datetime:
    return datetime.fromisoformat(table.changes(None, EVERYTHING).cursor)


def test_an_edit_that_is_committed_late_is_not_lost(table: MariaTable, other: User) -> None:
    """Its stamp is before two cursors that could not see it (DESIGN 5)."""
    run(other, "BEGIN")
    run(other, "INSERT INTO thing (id) VALUES ('late')")
    first = table.changes(None, EVERYTHING)
    assert named(first) == []
    second = table.changes(first.cursor, EVERYTHING)
    assert named(second) == []
    run(other, "COMMIT")
    third = table.changes(second.cursor, EVERYTHING)
    assert named(third) == ["late"]
    sleep(1)
    assert named(table.changes(table.changes(None, EVERYTHING).cursor, EVERYTHING)) == []


def test_a_look_is_never_an_old_copy(table: MariaTable, other: User) -> None:
    """innodb_trx is a copy that is not renewed while others look at it all the time, monitors for example: an open
    transaction would not be in it."""
    stop: list[bool] = []

    def watch(url: str) -> None:
        with connected(url) as monitor:
            while not stop:
                run(monitor, "SELECT count(*) FROM information_schema.innodb_trx")
                sleep(0.02)

    monitor = Thread(target=watch, args=(url_of(table._relation.table.schema),))
    monitor.start()
    try:
        sleep(0.3)
        run(other, "BEGIN")
        run(other, "INSERT INTO thing (id) VALUES ('late')")
        late = table.changes(None, EVERYTHING).cursor
    finally:
        stop.append(True)
        monitor.join()
    run(other, "COMMIT")
    assert named(table.changes(late, EVERYTHING)) == ["late"]


def test_a_statement_that_waits_keeps_its_time(table: MariaTable, maria: MariaStage, other: User) -> None:
    """`now()` is the moment a statement began, also when it waited for a lock of another one ever since; then a record
    can get a stamp that it had already, with other values: such a stamp is no version yet."""
    maria.sql("INSERT INTO thing VALUES ('a', 'x', '2026-01-01')", "ALTER TABLE thing MODIFY modified datetime")
    table = impatient(maria.open())
    maria.sql("LOCK TABLES thing WRITE")
    statement = "UPDATE thing SET name = 'theirs', modified = now() WHERE id = 'a'"
    waiting = Thread(target=lambda: run(other, statement))
    began = datetime.now(UTC)
    waiting.start()
    sleep(1.2)
    live = open_system("erp", url_of(maria.database))
    look = live._watch.look()
    maria.sql("UPDATE thing SET name = 'first', modified = now()", "UNLOCK TABLES")
    waiting.join()
    assert look.safe < began + timedelta(seconds=0.5)
    live.close()
    assert fetched(table, ["a"], "name")["a"]["name"] == "theirs"


def test_a_stamp_is_no_version_while_somebody_may_repeat_it(table: MariaTable, maria: MariaStage, other: User) -> None:
    """Older than a tick is not enough: a transaction is open that began before it."""
    run(other, "BEGIN")
    run(other, "SELECT count(*) FROM thing")
    run(other, "SELECT * FROM thing FOR UPDATE")
    sleep(1.1)
    maria.sql(
        "SET innodb_lock_wait_timeout = 1", "CREATE TABLE thong LIKE thing", "INSERT INTO thong (id) VALUES ('a')"
    )
    live = open_system("erp", maria.url)
    young = live.table("thong", TableOptions())
    sleep(0.1)
    assert fetched(young, ["a"])["a"][VERSION] is None
    run(other, "COMMIT")
    assert fetched(young, ["a"])["a"][VERSION] is not None
    live.close()


def test_a_transaction_that_only_reads_by_its_own_word_does_not_count(table: MariaTable, other: User) -> None:
    """START TRANSACTION READ ONLY cannot write; it would hold the cursor back for nothing."""
    run(other, "START TRANSACTION READ ONLY")
    run(other, "SELECT * FROM thing")
    sleep(1.5)
    ((began,),) = run(other, "SELECT utc_timestamp(6) - INTERVAL 1 SECOND")
    assert isinstance(began, datetime)
    assert safe(table) > began.replace(tzinfo=UTC)


def test_a_prepared_transaction_holds_the_cursor_back(table: MariaTable, maria: MariaStage) -> None:
    """It belongs to no session any more, and after a crash of the server nothing tells how long it was open before."""
    gone = connected(maria.url)
    run(gone, f"XA START '{maria.database}'")
    run(gone, "INSERT INTO thing (id) VALUES ('late')")
    run(gone, f"XA END '{maria.database}'")
    run(gone, f"XA PREPARE '{maria.database}'")
    gone.close()
    try:
        late = table.changes(None, EVERYTHING).cursor
        assert safe(table) < datetime.now(UTC) - timedelta(minutes=59)
    finally:
        sleep(0.2)
        maria.sql(f"XA COMMIT '{maria.database}'")
    assert named(table.changes(late, EVERYTHING)) == ["late"]


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_servers_own_zone_does_not_matter(zone: str) -> None:
    """The starts of transactions are shown in it."""
    server = started(environment={"TZ": zone})
    database = fresh_database(server)
    url = url_of(database, server=server)
    other = connected(url)
    run(other, THING)
    system = open_system("erp", url)
    try:
        run(other, "BEGIN")
        run(other, "INSERT INTO thing (id) VALUES ('late')")
        late = safe(impatient(system))
        assert timedelta(0) < datetime.now(UTC) - late < timedelta(seconds=5)
        run(other, "COMMIT")
        caveat = impatient(system).features.caveat
        assert "the change stamp modified is a datetime" in caveat
    finally:
        system.close()
        other.close()
        dropped(database, server=server)


def test_a_replica_is_read_from_an_hour_before() -> None:
    """Its records were stamped on another server; how far it is behind nothing tells that can be relied upon."""
    server = started("--server-id=7")
    database = fresh_database(server)
    url = url_of(database, server=server)
    user = connected(url)
    run(user, THING)
    system = open_system("erp", url)
    try:
        assert safe(impatient(system)) > datetime.now(UTC) - timedelta(minutes=1)
        run(user, "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'nobody'")
        run(user, "START SLAVE")
        sleep(0.5)
        assert safe(impatient(system)) < datetime.now(UTC) - timedelta(minutes=59)
    finally:
        system.close()
        user.close()


# ---- a user who may not see what others do


def test_the_lag_says_honestly_who_can_be_seen(maria: MariaStage) -> None:
    """features.lag: seconds for clocks of applications, an hour where transactions are hidden; `check` says why."""
    maria.sql(THING)
    hidden = maria.other_user("SELECT ON thing")
    table = hidden.table("thing", TableOptions())
    assert table.features.lag == HIDDEN_LAG
    assert "GRANT PROCESS" in table.features.caveat
    assert hidden.table("thing", TableOptions(modified="")).features.caveat == ""
    seeing = maria.other_user("SELECT ON thing", "PROCESS ON *.*").table("thing", TableOptions())
    assert (seeing.features.lag, seeing.features.caveat) == (LAG, "")
    assert maria.open_table(options=TableOptions(lag=timedelta(minutes=3))).features.lag == timedelta(minutes=3)


def test_hidden_writers_are_covered_by_the_lag(maria: MariaStage) -> None:
    """And a stamp is a version only when it is older than that."""
    maria.sql(THING, "INSERT INTO thing VALUES ('a', 'x', '2026-03-01 08:59:00'), ('b', 'x', '2026-03-01 07:30:00')")
    table = maria.other_user("SELECT ON thing").table("thing", TableOptions())
    found = fetched(table, ["a", "b"])
    assert (found["a"][VERSION], found["b"][VERSION]) == (None, "2026-03-01 07:30:00.000000")
    late = table.changes(None, EVERYTHING).cursor
    maria.wait(timedelta(minutes=50))
    maria.sql("INSERT INTO thing VALUES ('late', 'x', '2026-03-01 09:00:00')")
    assert "late" in named(table.changes(late, EVERYTHING))


def test_one_look_serves_all_tables_for_a_moment(table: MariaTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking again at once would have to wait for a new copy; an earlier moment is always safe."""
    monkeypatch.setattr(cursor, "AGE_SECONDS", 60)
    assert safe(table) == safe(table)
