"""The cursor: an edit in a transaction that is open for long is named once it is committed, whoever may see what."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from koppel.connectors.postgresql import open_system
from koppel.connectors.postgresql.cursor import HIDDEN_LAG, LAG, Cursor
from koppel.connectors.postgresql.system import PostgresSystem
from koppel.connectors.postgresql.table import PostgresTable
from koppel.model.values import KeyOrigin
from koppel.ports import TableOptions, Want
from koppel.testing.stage import named
from tests.contract.postgresql_stage import PostgresStage
from tests.contract.test_postgresql_writing import other_user
from tests.postgresql import connected, sql

User = psycopg.Connection[tuple[object, ...]]
EVERYTHING = Want(())


@pytest.fixture
def stage() -> Iterator[PostgresStage]:
    stage = PostgresStage()
    stage.sql("CREATE TABLE thing (id text PRIMARY KEY, name text, modified timestamptz DEFAULT now())")
    yield stage
    stage.close()


@pytest.fixture
def other(stage: PostgresStage) -> Iterator[User]:
    """A second user of the same database, with transactions of its own."""
    with connected(stage.url) as connection:
        connection.execute(sql(f"SET search_path = {stage.schema}"))
        yield connection


def impatient(system: PostgresSystem) -> PostgresTable:
    """The table with no lag at all: nothing but the cursor keeps an edit from being lost."""
    return system.table("thing", TableOptions(lag=timedelta(0)))


@pytest.fixture
def open_now(stage: PostgresStage) -> Iterator[PostgresSystem]:
    """The system with the server's own clock."""
    system = open_system("erp", stage.url)
    yield system
    system.close()


def begun(other: User) -> None:
    """The other user has a transaction open, which has a start because it has done something."""
    other.execute("BEGIN")
    other.execute("SELECT now()")


def test_an_edit_that_is_committed_late_is_not_lost(open_now: PostgresSystem, other: User) -> None:
    """Its stamp is the start of its transaction, before two cursors that could not see it (DESIGN 5)."""
    table = impatient(open_now)
    begun(other)
    other.execute("INSERT INTO thing VALUES ('late', 'x')")
    first = table.changes(None, EVERYTHING)
    assert named(first) == []
    second = table.changes(first.cursor, EVERYTHING)
    assert named(second) == []
    other.execute("COMMIT")
    third = table.changes(second.cursor, EVERYTHING)
    assert named(third) == ["late"]
    assert named(table.changes(third.cursor, EVERYTHING)) == []


def test_a_transaction_that_only_read_so_far_may_still_write(open_now: PostgresSystem, other: User) -> None:
    """It has no number yet, so pg_snapshot_xmin alone would say that nobody is writing."""
    table = impatient(open_now)
    begun(other)
    cursor = table.changes(None, EVERYTHING).cursor
    other.execute("INSERT INTO thing VALUES ('late', 'x')")
    other.execute("COMMIT")
    assert named(table.changes(cursor, EVERYTHING)) == ["late"]


def test_a_transaction_of_another_database_does_not_count(open_now: PostgresSystem, stage: PostgresStage) -> None:
    """It would hold the cursor back for nothing."""
    elsewhere = psycopg.connect(stage.url, dbname="template1", autocommit=True)
    elsewhere.execute("BEGIN")
    began = elsewhere.execute("SELECT now()").fetchone()
    cursor = Cursor.of(impatient(open_now).changes(None, EVERYTHING).cursor)
    elsewhere.close()
    assert began is not None
    assert cursor.safe > began[0]


def test_a_prepared_transaction_holds_the_cursor_back(open_now: PostgresSystem, stage: PostgresStage) -> None:
    """It belongs to no session any more; how long it was open before nothing tells."""
    if stage.rows("SHOW max_prepared_transactions") == [("0",)]:
        pytest.skip("the server takes no prepared transactions")
    table = impatient(open_now)
    stage.sql("BEGIN", "INSERT INTO thing VALUES ('late', 'x')", f"PREPARE TRANSACTION '{stage.schema}'")
    try:
        cursor = table.changes(None, EVERYTHING).cursor
    finally:
        stage.sql(f"COMMIT PREPARED '{stage.schema}'")
    assert named(table.changes(cursor, EVERYTHING)) == ["late"]


# ---- a user who may not see what others do


@pytest.fixture
def hidden(stage: PostgresStage, other: User) -> PostgresTable:
    """The table as seen by a user without any rights on other sessions."""
    role, system = other_user(stage)
    stage.sql(f"GRANT SELECT ON thing TO {role}")
    with psycopg.connect(f"{stage.url}&user={role}", autocommit=True) as connection:
        starts = connection.execute("SELECT count(xact_start) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert starts.fetchone() == (0,), "DESIGN 14: an unprivileged role sees nobody at work"
    return system.table("thing", TableOptions(lag=timedelta(0)))


def test_hidden_writers_do_not_lose_an_edit(stage: PostgresStage, hidden: PostgresTable, other: User) -> None:
    """However long they are open: the cursor waits for every transaction that had a number when it was taken."""
    stage.moment = datetime.now(UTC)
    cursor = hidden.changes(None, EVERYTHING).cursor
    begun(other)
    other.execute("INSERT INTO thing VALUES ('late', 'x')")
    for _ in range(4):
        stage.wait(timedelta(hours=2))
        changes = hidden.changes(cursor, EVERYTHING)
        assert named(changes) == []
        cursor = changes.cursor
    other.execute("COMMIT")
    stage.wait(timedelta(hours=2))
    changes = hidden.changes(cursor, EVERYTHING)
    assert named(changes) == ["late"]
    assert named(hidden.changes(changes.cursor, EVERYTHING)) == []


def test_the_cursor_goes_on_while_hidden_writers_come_and_go(
    stage: PostgresStage, hidden: PostgresTable, other: User
) -> None:
    """There is always somebody writing in a busy database; only one that stays holds the cursor back."""
    cursor = Cursor.of(hidden.changes(None, EVERYTHING).cursor)
    for _ in range(3):
        before = stage.moment
        stage.wait(timedelta(minutes=10))
        other.execute("BEGIN")
        other.execute("INSERT INTO thing VALUES (gen_random_uuid()::text, 'x')")
        cursor = Cursor.of(hidden.changes(str(cursor), EVERYTHING).cursor)
        other.execute("COMMIT")
        assert cursor.safe == before
    stage.wait(timedelta(minutes=10))
    assert Cursor.of(hidden.changes(str(cursor), EVERYTHING).cursor).safe == stage.moment


def test_the_lag_says_honestly_who_can_be_seen(stage: PostgresStage) -> None:
    """features.lag: five seconds for clocks of applications; a minute where a transaction may hide before it writes."""
    role, system = other_user(stage)
    stage.sql(f"GRANT SELECT ON thing TO {role}")
    assert system.table("thing", TableOptions()).features.lag == HIDDEN_LAG
    assert "GRANT pg_read_all_stats" in system.table("thing", TableOptions()).features.caveat
    stage.sql(f"GRANT pg_read_all_stats TO {role}")
    seeing = system.table("thing", TableOptions()).features
    assert (seeing.lag, seeing.caveat) == (LAG, "")
    assert stage.open_table().features.lag == LAG
    assert stage.open_table(options=TableOptions(lag=timedelta(minutes=3))).features.lag == timedelta(minutes=3)


def test_the_cursor_is_the_servers_time(open_now: PostgresSystem, stage: PostgresStage) -> None:
    """The system's own clock, never ours (DESIGN 5)."""
    before = stage.rows("SELECT clock_timestamp()")[0][0]
    cursor = Cursor.of(impatient(open_now).changes(None, EVERYTHING).cursor)
    after = stage.rows("SELECT clock_timestamp()")[0][0]
    assert isinstance(before, datetime) and isinstance(after, datetime)
    assert before <= cursor.safe == cursor.taken <= after
    assert Cursor.of(str(cursor)) == cursor


def test_a_record_stamped_in_whole_seconds_is_not_older_than_the_cursor(stage: PostgresStage) -> None:
    """The feed begins at the tick that the cursor falls into."""
    stage.sql("DROP TABLE thing")
    stage.table(KeyOrigin.CHOSEN)
    stage.sql("ALTER TABLE thing ALTER modified TYPE timestamptz(0)")
    table = impatient(stage.system)
    stage.moment = datetime(2026, 3, 1, 9, 0, 0, 400_000, tzinfo=UTC)
    cursor = table.changes(None, EVERYTHING).cursor
    stage.sql("INSERT INTO thing (id, name, modified) VALUES (gen_random_uuid(), 'x', '2026-03-01 09:00:00Z')")
    assert len(named(table.changes(cursor, EVERYTHING))) == 1
