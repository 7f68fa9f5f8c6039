"""The connection every part of the store shares, and how its transactions begin and fail."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from koppel.store import schema
from koppel.store.database import measured_clock, open_engine, told
from koppel.store.revision import require_newest, revision, stamp_newest

UNKNOWN = -1
"""The number of a mapping that was never applied: nothing in the store belongs to it."""

_MAKING = 0x6B6F7070
"""The first number of the advisory lock under which tables are made ('kopp'); the second one is the schema's."""


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

    url: str = field(repr=False)
    clock: Callable[[], datetime] | None
    """None: that of the database, which every worker of the store shares."""
    owner: Owner
    engine: Engine = field(init=False)
    connection: Connection = field(init=False)
    _ahead: timedelta = field(default=timedelta(), init=False)
    _mapping_ids: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Open the store, making it when it is not there yet."""
        self.engine = open_engine(self.url)
        with told(self.engine):
            self.connection = self.engine.connect()
            try:
                self._take_up()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Give the connection back. Safe to call twice."""
        self.connection.close()
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: all of it or nothing. Database errors become `StoreFailure`."""
        with told(self.engine):
            if self.connection.invalidated:  # it broke in the transaction before, which has said so
                self._take_up()
            try:
                with self.connection.begin():
                    yield self.connection
            except BaseException:
                self._mapping_ids.clear()  # it may have made some
                raise

    def _take_up(self) -> None:
        """Make a new connection ready: the tables, those that only it sees, and how its clock goes."""
        with self.connection.begin():
            make_schema(self.connection)
            schema.temporary.create_all(self.connection, checkfirst=False)
            self._ahead = measured_clock(self.connection)

    def now(self) -> datetime:
        """The present moment as the store keeps it: UTC without a zone."""
        moment = datetime.now(UTC) + self._ahead if self.clock is None else self.clock().astimezone(UTC)
        return moment.replace(tzinfo=None)

    def mapping_id(self, connection: Connection, name: str) -> int:
        """The number of a mapping, or `UNKNOWN`; every job and every `apply` has made it known before."""
        if name not in self._mapping_ids:
            found = connection.execute(select(schema.mapping.c.id).where(schema.mapping.c.name == name)).scalar()
            if found is None:
                return UNKNOWN
            self._mapping_ids[name] = found
        return self._mapping_ids[name]


def make_schema(connection: Connection) -> None:
    """Make the store's tables where there is none. Raises `ConfigurationError` for a store of another revision."""
    found = revision(connection)
    if found is None and connection.dialect.name == "postgresql":  # somebody else may be about to make them
        connection.execute(select(func.pg_advisory_xact_lock(_MAKING, func.hashtext(func.current_schema()))))
        found = revision(connection)
    if found is None:
        schema.metadata.create_all(connection, checkfirst=False)
        stamp_newest(connection)
    else:
        require_newest(connection, found)
