"""The databases a store can be kept in: how each is connected to, and what its errors mean for koppel.

SQLite: one file, one writer at a time, so every transaction begins as a writer. PostgreSQL: many writers; what must
not happen twice at once is guarded by row locks and unique constraints.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from koppel.errors import ConfigurationError, Problem, StoreFailure

WHERE = "[koppel] store"
"""Where a person names the store."""

_ACCEPTED = 'write "sqlite:///koppel.db", "postgresql://user@host/database", or a reference such as "env:KOPPEL_STORE"'
_NEEDED = 14
"""PostgreSQL 14: the first that looks a value up in a long list by hash."""

_WAIT_SECONDS = 30
"""How long a statement waits for another writer; longer than any transaction of the store takes."""

_LOOK_SECONDS = 0.05
"""How soon it is tried again where the database itself does not wait."""

_PRAGMAS = (
    *(f"busy_timeout={_WAIT_SECONDS * 1000}", "synchronous=FULL", "foreign_keys=ON"),
    "cache_size=-65536",
    "wal_autocheckpoint=20000",  # 80 MB: a page of couplings that lie far apart is one commit, not a commit and a copy
)
_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "standard_conforming_strings": "on",
    "synchronous_commit": "on",  # an intent must be on record before its write
    "lock_timeout": f"{_WAIT_SECONDS}s",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "jit": "off",  # many short statements
    "random_page_cost": "1.1",  # by default a page of couplings is looked up by reading all there are
    "work_mem": "64MB",
    "temp_buffers": "64MB",  # where a job's records are lined up
}
_REMEDIES = {
    "28": "check user and password of the url, and pg_hba.conf of the server",
    "3D": "check the name of the database in the url",
    "3F": "no schema is there to make tables in: create one, or check search_path",
    "42501": "let the user own the schema that the store is in",
    "25006": "the server takes no writes (a standby, or set to read-only): name the one that does",
    "55P03": "another program holds tables of the store for a long time; try again when it is done",
    "53": "the server is short of memory, disk or connections",
}

READS: Mapping[str, dict[str, Any]] = {
    "sqlite": {"koppel_reads": True},
    "postgresql": {"isolation_level": "REPEATABLE READ"},
}
"""Options of a connection that only reads: it sees one moment and hinders no writer."""


def open_engine(url: str) -> Engine:
    """The engine for a store at this URL. Raises `ConfigurationError`, which never repeats the URL."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _refused("the url cannot be read", _ACCEPTED) from None
    match parsed.drivername:
        case "sqlite" | "sqlite+pysqlite":
            return _sqlite(parsed)
        case "postgresql" | "postgresql+psycopg":
            return _postgresql(parsed.set(drivername="postgresql+psycopg"))
        case other:
            raise _refused(f"only SQLite and PostgreSQL stores are supported, not {other}", _ACCEPTED)


def shown(url: URL) -> str:
    """The URL as it may be shown: without user, password and options."""
    return URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database).render_as_string()


@contextmanager
def told(engine: Engine) -> Iterator[None]:
    """Errors of the database become `StoreFailure`, told without values and passwords."""
    driver = engine.dialect.dbapi
    assert driver is not None, "an engine has a driver"
    try:
        yield
    except (SQLAlchemyError, driver.Error) as error:
        raise _failure(engine, getattr(error, "orig", None) or error) from error


def measured_clock(connection: Connection) -> timedelta:
    """How far the database's clock is ahead of ours: workers on several hosts have to agree when a lease is over.
    A SQLite store is on our own host.
    """
    if connection.dialect.name == "sqlite":
        return timedelta()
    before = datetime.now(UTC)
    theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return theirs - (before + (datetime.now(UTC) - before) / 2)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(driver: Any, _record: Any) -> None:
        # We begin transactions ourselves, as writers, so that two never upgrade into each other.
        driver.isolation_level = None
        for pragma in _PRAGMAS:
            driver.execute(f"PRAGMA {pragma}")
        _write_ahead(driver)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = "koppel_reads" in connection.get_execution_options()
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _write_ahead(driver: Any) -> None:
    """Switch to WAL. Where several processes open a new store at once SQLite refuses this at once, whatever the time it
    was told to wait.
    """
    deadline = monotonic() + _WAIT_SECONDS
    while True:
        try:
            driver.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > deadline:
                raise
            sleep(_LOOK_SECONDS)


def _postgresql(url: URL) -> Engine:
    arguments = {
        "application_name": "koppel store",
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "client_encoding": "UTF8",
        "prepare_threshold": None,  # a plan is made for the ids it is for
    }
    try:
        engine = create_engine(url, isolation_level="READ COMMITTED", connect_args=arguments)
    except ModuleNotFoundError as error:
        remedy = "install it with: pip install 'koppel[postgresql]'"
        raise _refused(f"{error.name} is not installed", remedy) from error

    @event.listens_for(engine, "connect")
    def configure(driver: Any, _record: Any) -> None:
        problem = unfit(driver.info)
        if problem is not None:
            driver.close()
            raise ConfigurationError([problem])
        settings = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SETTINGS.items())
        driver.execute(f"SELECT {settings}")
        driver.commit()

    return engine


def unfit(server: Any) -> Problem | None:
    """Why a store cannot be kept on this server (psycopg's `info` of a connection); None when it can."""
    version = server.server_version // 10000
    if version < _NEEDED:
        return Problem(WHERE, f"PostgreSQL {version} is too old, {_NEEDED} or newer is needed", "update the server")
    if server.parameter_status("server_encoding") != "UTF8":
        return Problem(WHERE, "its database does not keep Unicode", "create one with ENCODING 'UTF8'")
    return None


def _refused(what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(WHERE, what, remedy)])


def _failure(engine: Engine, cause: BaseException) -> StoreFailure:
    state: str | None = getattr(cause, "sqlstate", None)
    if engine.dialect.name == "sqlite":
        said, remedy = str(cause), "check that the file can be written and is a koppel store"
    else:
        remedy = "check that the server runs and can be reached from here"
        remedy = _REMEDIES.get(state or "", _REMEDIES.get((state or "")[:2], remedy))
        primary = getattr(getattr(cause, "diag", None), "message_primary", None)
        said = (primary or str(cause)).strip().split("\n")[0]
        if state == "22021" or "0x00" in said:
            state, remedy = "22021", "a text holds the character with the code 0; keep such records in a SQLite store"
        if state and state[:2] in ("22", "23"):  # these messages show values
            said = f"a value does not fit (SQLSTATE {state})"
    return StoreFailure(f"the store {shown(engine.url)} cannot be used: {said}\n    → {remedy}")
