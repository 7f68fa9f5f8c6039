"""The connection every part of the store shares, and how its transactions begin and fail."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.expression import ColumnElement

from koppel.errors import ConfigurationError, Problem, StoreFailure
from koppel.store import schema


@dataclass(frozen=True)
class Owner:
    """Who holds leases: this process on this host. `alive` tells whether another owner still is."""

    name: str
    alive: Callable[[str], bool]

    @staticmethod
    def this_process() -> "Owner":
        """The running process. Owners on other hosts count as alive until their lease expires."""
        host = socket.gethostname()
        return Owner(f"{host}:{os.getpid()}:{_started(os.getpid())}", lambda name: _alive(name, host))


def _alive(name: str, host: str) -> bool:
    owner_host, pid, started = name.rsplit(":", 2)
    return owner_host != host or _started(int(pid)) == started


def _started(pid: int) -> str:
    """Something that tells a process from a later one with the same number; '' when there is no such process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "?"
    stat = Path(f"/proc/{pid}/stat")
    return stat.read_text().rsplit(")", 1)[1].split()[19] if stat.exists() else "?"


@dataclass
class StoreBase:
    """One engine, one connection, one clock. The parts of the store are mixed into `SqlStore`, a subject each."""

    url: str
    clock: Callable[[], datetime]
    owner: Owner
    engine: Engine = field(init=False)
    connection: Connection = field(init=False)
    _mapping_ids: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Open the store, making it when it is not there yet."""
        self.engine = _engine(self.url)
        try:
            self.connection = self.engine.connect()
            with self.transaction() as connection:
                schema.metadata.create_all(connection)
                self._check_version(connection)
                schema.temporary.create_all(connection, checkfirst=False)
        except SQLAlchemyError as error:
            raise _failure(self.url, error) from error

    def close(self) -> None:
        """Give the connection back. Safe to call twice."""
        self.connection.close()
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: all of it or nothing. Database errors become `StoreFailure`."""
        try:
            with self.connection.begin():
                yield self.connection
        except SQLAlchemyError as error:
            raise _failure(self.url, error) from error

    def now(self) -> datetime:
        """The present moment as the store keeps it: UTC without a zone."""
        return self.clock().astimezone(UTC).replace(tzinfo=None)

    def mapping_id(self, connection: Connection, name: str) -> int:
        """The number of a mapping; every job and every `apply` has made it known before."""
        if name not in self._mapping_ids:
            found = connection.execute(select(schema.mapping.c.id).where(schema.mapping.c.name == name)).scalar()
            if found is None:
                return -1  # never applied: nothing in the store belongs to it
            self._mapping_ids[name] = found
        return self._mapping_ids[name]

    def _check_version(self, connection: Connection) -> None:
        row = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "schema")).scalar()
        if row is None:
            connection.execute(schema.meta.insert().values(key="schema", value=str(schema.VERSION)))
        elif row != str(schema.VERSION):
            remedy = "use the koppel version that wrote it, or name another store"
            raise ConfigurationError(
                [Problem("[koppel] store", f"it has schema {row}, this koppel has {schema.VERSION}", remedy)]
            )


def spread(ids: str) -> ColumnElement[Any]:
    """The values of a JSON array of texts as one column to select from."""
    return func.json_each(ids).table_valued("value").c.value


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite:"):
        raise ConfigurationError(
            [Problem("[koppel] store", "only SQLite stores are supported", 'write store = "sqlite:///koppel.db"')]
        )
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = (
            None  # we begin transactions ourselves, as writers, so that two never upgrade into each other
        )
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=30000",
            "foreign_keys=ON",
            "cache_size=-65536",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _failure(url: str, error: SQLAlchemyError) -> StoreFailure:
    cause = getattr(error, "orig", None) or error
    return StoreFailure(
        f"the store {url} cannot be used: {cause}\n    → check that the file can be written and is a koppel store"
    )
