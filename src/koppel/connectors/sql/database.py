"""Connections to one SQLite file, and what its errors mean for koppel.

The user's database stays as it is: koppel never creates it and never changes its journal mode. A connection is in
autocommit mode, so every transaction is one that this package opens itself, and none outlives a call.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from koppel.connectors.sql.filter import install
from koppel.errors import BadAnswer, SystemFailure, Unreachable

_BUSY_SECONDS = 30
_CACHE_KIB = 65_536

_REMEDIES = (
    ("locked", "another program is writing to it for a long time; try again when it is done"),
    ("readonly", "give the user that runs koppel the right to write the file and its folder"),
    ("full", "free space on the disk"),
    ("unable to open", "check the path and the rights of the file and its folder"),
    ("not a database", "check that the url names an SQLite database and that no key is needed to read it"),
    ("malformed", "restore the database from a backup"),
    ("disk i/o", "check the disk"),
)


class Database:
    """One SQLite file. Thread-safe: every call takes a connection of its own from a pool."""

    def __init__(self, name: str, path: Path, mode: str) -> None:
        self.name = name
        self.path = path
        self._uri = f"file:{quote(str(path))}?mode={mode}"
        self._engine = sa.create_engine("sqlite://", creator=self._open, poolclass=sa.pool.QueuePool, max_overflow=60)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        install(connection)
        return connection

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one call. Raises `Unreachable` or `BadAnswer` for whatever the database says inside."""
        try:
            pooled = self._engine.raw_connection()
            try:
                connection = pooled.driver_connection
                assert isinstance(connection, sqlite3.Connection)
                yield connection
            finally:
                pooled.close()
        except (sqlite3.Error, sa.exc.SQLAlchemyError) as error:
            raise self.failure(error) from error

    def failure(self, error: Exception, fate: str = "") -> SystemFailure:
        """What an error of the database means. `fate`: what became of the write, in words."""
        said = str(getattr(error, "orig", None) or error)
        remedy = next((remedy for word, remedy in _REMEDIES if word in said.lower()), None)
        what = f"{said} ({self.path})" + (f"; {fate}" if fate else "")
        if remedy is None:
            return BadAnswer(self.name, what, "check that the tables still look as they did when koppel was started")
        return Unreachable(self.name, what, remedy)

    def close(self) -> None:
        """Close every connection. Safe to call twice."""
        self._engine.dispose()


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that owns the right to write from its first moment; rolled back if the block raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def prove_writable(connection: sqlite3.Connection) -> None:
    """Raise what SQLite raises when the file is read-only: BEGIN IMMEDIATE alone does not tell. Nothing is changed."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {version}")
    finally:
        connection.execute("ROLLBACK")
