"""The files of a demo world: where they are, how rows get into them, and how each system writes a moment.

A module of its own because both the building (`world`) and the second act (`edits`) need it.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

Value: TypeAlias = str | int | float | None
Row: TypeAlias = dict[str, Value]

# What was in the systems before the demo began was changed between these two moments; ids are older still.
FIRST_ID: Final = int(datetime(2019, 1, 1, tzinfo=UTC).timestamp() * 1000)
_FIRST_CHANGE: Final = datetime(2022, 1, 3)
_CHANGE_SECONDS: Final = 4 * 365 * 86_400


@dataclass(frozen=True)
class World:
    """The three files of a demo world, and how many rows, pairs and lone records it began with.

    `counts` has an entry per table (`business_central.customer`) and per mapping (`pairs.CUSTOMER`).
    """

    business_central: Path
    dataverse: Path
    truth: Path
    counts: Mapping[str, int] = field(default_factory=dict)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection with foreign keys enforced and rows by name; one transaction, committed if nothing is raised."""
    connection = sqlite3.connect(path, timeout=30)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        with connection:
            yield connection
    finally:
        connection.close()


def create(path: Path, tables: str, rows: Mapping[str, Sequence[Row]], afterwards: str) -> None:
    """Make a database: tables, then rows, then indexes and triggers (`afterwards`), so that bulk loading is quick.

    The file ends in write-ahead mode, as any database that people and a synchroniser use at the same time.
    """
    connection = sqlite3.connect(path)
    try:
        connection.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA foreign_keys = ON;")
        connection.executescript(tables)
        with connection:
            for table, content in rows.items():
                insert(connection, table, content)
        connection.executescript(afterwards + "ANALYZE; PRAGMA journal_mode = WAL;")
    finally:
        connection.close()


def insert(connection: sqlite3.Connection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows; all have the columns of the first."""
    if not rows:
        return
    columns = list(rows[0])
    places = ", ".join(f":{column}" for column in columns)
    connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)


def business_central_stamp(moment: datetime) -> str:
    """`2026-11-22T09:30:00.123Z`, from a moment in UTC."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def dataverse_stamp(moment: datetime) -> str:
    """`2026-11-22T09:30:00Z`: Dataverse's modified-on has whole seconds."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def past(chance: float) -> datetime:
    """A moment of the years before the demo; `chance` is in [0, 1)."""
    return _FIRST_CHANGE + timedelta(milliseconds=int(chance * _CHANGE_SECONDS * 1000))
