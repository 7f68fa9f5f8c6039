"""Cursors and change stamps: no edit is lost between two feeds, and a stamp that cannot be trusted is refused."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from time import sleep

import pytest

from koppel.connectors.sql import open_system
from koppel.errors import ConfigurationError
from koppel.model.values import ID, VERSION, KeyOrigin
from koppel.ports import Feed, TableOptions, Want
from koppel.testing.contract import uuid
from koppel.testing.stage import named
from tests.contract.sqlite_stage import SqliteStage, page


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[SqliteStage]:
    stage = SqliteStage(tmp_path)
    yield stage
    stage.close()


def test_nobody_can_write_at_the_moment_of_the_cursor(stage: SqliteStage) -> None:
    """A write that began before it and ends after it would carry an older stamp and be seen by neither feed."""
    stage.table(KeyOrigin.CHOSEN)
    stage.sql("PRAGMA busy_timeout = 0")

    def clock() -> datetime:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            stage.sql("BEGIN IMMEDIATE")
        return stage.moment

    system = open_system("erp", f"sqlite:///{stage.path}", now=clock)
    assert system.table("thing", TableOptions()).changes(None, Want(())).cursor == "2026-03-01T09:00:00.000000+00:00"
    stage.sql("BEGIN IMMEDIATE", "COMMIT")
    system.close()


def test_the_cursor_waits_for_an_open_writer(stage: SqliteStage) -> None:
    """Its edits have older stamps than the cursor and would never be named (DESIGN 14: BEGIN IMMEDIATE proves there is
    none)."""
    table = stage.table(KeyOrigin.CHOSEN)
    stage.sql("BEGIN IMMEDIATE")
    stage.put(table, uuid(1), {"name": "in an open transaction"})
    cursors: list[str] = []
    reader = Thread(target=lambda: cursors.append(table.changes(None, Want(())).cursor))
    reader.start()
    sleep(0.1)
    assert cursors == []
    stage.wait(timedelta(hours=1))
    stage.sql("COMMIT")
    reader.join()
    assert datetime.fromisoformat(cursors[0]) == stage.moment


def test_a_database_that_cannot_be_locked_sets_the_cursor_back(stage: SqliteStage) -> None:
    """Nothing proves there that nobody is in the middle of a write."""
    stage.table(KeyOrigin.CHOSEN)
    system = open_system("erp", f"sqlite:///{stage.path}?mode=ro", now=stage.now)
    cursor = system.table("thing", TableOptions()).changes(None, Want(())).cursor
    assert stage.moment - datetime.fromisoformat(cursor) == timedelta(seconds=60)
    system.close()


def test_records_without_a_stamp_are_named_every_time(stage: SqliteStage) -> None:
    """Who forgets the stamp of an edit must not lose the edit."""
    table = stage.make(
        "id TEXT PRIMARY KEY, modified_on TEXT", "'a', NULL", "'b', '2026-01-01T00:00:00.000Z'", "'c', NULL"
    )
    changes = table.changes(table.changes(None, Want(())).cursor, Want(()))
    assert not changes.complete
    rows = [row for frame in changes.pages for row in frame.to_dicts()]
    assert [(row[ID], row[VERSION]) for row in rows] == [("a", None), ("c", None)]


def test_a_table_without_a_stamp_names_everything(stage: SqliteStage) -> None:
    """No modified-on at all still works, by full compare (DESIGN 4)."""
    table = stage.make("id TEXT PRIMARY KEY, name TEXT", "'a', 'x'")
    assert table.features.feed is Feed.FULL
    changes = table.changes(table.changes(None, Want(())).cursor, Want(()))
    assert changes.complete
    assert named(changes) == ["a"]
    assert [row[VERSION] for row in page(table)] == [None]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["2026-01-01T10:00:00.000Z", "2026-01-01 10:00:00.000Z"], "2026-01-01 10:00:00.000Z"),
        (["2026-01-01T10:00:00.000Z", "2026-01-01T10:00:00Z"], "2026-01-01T10:00:00Z"),
        (["2026-01-01T10:00:00+02:00"], "2026-01-01T10:00:00+02:00"),
        (["01-02-2026 10:00"], "01-02-2026 10:00"),
        (["2026-01-01T10:00:00Z", 1767261600], "1767261600"),
    ],
)
def test_stamps_whose_order_is_not_the_order_of_time_are_refused(
    stage: SqliteStage, values: list[object], shown: str
) -> None:
    """DESIGN 11: text stamps are ISO-8601 UTC, checked at configuration; the complaint shows the value."""
    stage.sql("CREATE TABLE thing (id INTEGER PRIMARY KEY, modified DATETIME)")
    stage.user.executemany("INSERT INTO thing (modified) VALUES (?)", [(value,) for value in values])
    with pytest.raises(ConfigurationError, match=shown.replace("+", r"\+")):
        stage.open_table()
    assert stage.open_table(options=TableOptions(modified="")).features.feed is Feed.FULL


def test_a_stamp_of_another_form_is_noticed_later_too(stage: SqliteStage) -> None:
    """' ' sorts before 'T': an edit of today would be older than this morning's cursor, and lost."""
    table = stage.make("id TEXT PRIMARY KEY, modified TEXT", "'a', '2026-03-01T08:00:00.000Z'")
    cursor = table.changes(None, Want(())).cursor
    stage.sql("INSERT INTO thing VALUES ('b', '2026-03-01 23:00:00.000Z')")
    with pytest.raises(ConfigurationError, match="2026-03-01 23:00:00"):
        named(table.changes(cursor, Want(())))
    with pytest.raises(ConfigurationError, match="several forms"):
        named(table.changes(None, Want(())))


def test_local_stamps_are_refused_where_hours_repeat(stage: SqliteStage) -> None:
    stage.make("id TEXT PRIMARY KEY, modified TEXT", "'a', '2026-01-01 10:00:00'")
    system = stage.open("Europe/Amsterdam")
    with pytest.raises(ConfigurationError, match="Europe/Amsterdam"):
        system.table("thing", TableOptions())
    system.close()


@pytest.mark.parametrize(
    ("default", "stamps", "granularity", "text"),
    [
        ("(strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))", [], timedelta(seconds=1), "2026-03-01T09:00:00Z"),
        ("CURRENT_TIMESTAMP", [], timedelta(seconds=1), "2026-03-01 09:00:00"),
        ("(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", [], timedelta(milliseconds=1), "2026-03-01T09:00:00.987Z"),
        ("NULL", [], timedelta(milliseconds=1), "2026-03-01T09:00:00.987Z"),
        (
            "CURRENT_TIMESTAMP",
            ["2026-01-01T00:00:00.120000Z"],
            timedelta(milliseconds=10),
            "2026-03-01T09:00:00.980000Z",
        ),
    ],
)
def test_form_and_tick_of_a_stamp_are_found_out(
    stage: SqliteStage, default: str, stamps: list[str], granularity: timedelta, text: str
) -> None:
    """From the values, else from the column's default, else milliseconds."""
    rows = [f"'{stamp}', '{stamp}'" for stamp in stamps]
    table = stage.make(f"id TEXT PRIMARY KEY, modified TEXT DEFAULT {default}", *rows)
    relation = table._relation
    assert table.describe().granularity == granularity
    assert relation.stamp is not None
    moment = datetime(2026, 3, 1, 9, 0, 0, 987654, tzinfo=UTC)
    assert relation.stamp.form.text_of(relation.stamp.floor(moment)) == text
