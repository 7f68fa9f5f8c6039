"""Connections to one PostgreSQL database, and what its errors mean for koppel.

Connections are in autocommit mode with limits on every statement and every wait for a lock, so no transaction outlives
a call and none hangs. Idle ones are kept and tried before they are used again: a restarted server costs nothing. What
is said about an error names the server, user and database, never the password and never a value of a record.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from koppel.connectors.agreed.pool import Pool
from koppel.errors import BadAnswer, ConfigurationError, Denied, Problem, SystemFailure, Unreachable

Connection = psycopg.Connection[tuple[object, ...]]

STATEMENT_SECONDS = 120
LOCK_SECONDS = 30
_CONNECT_SECONDS = 10
_NEEDED = 140000
"""PostgreSQL 14: the first that looks a value up in a long list by hash."""

_SESSION = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO, YMD",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
}

AGAIN = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: nothing was written, the same may be tried again."""

_DENIED = "grant the database user these rights, or use another user"
_REMEDIES = {
    "28": "check user and password of the url, and pg_hba.conf of the server",
    "3D000": "check the name of the database in the url",
    "42501": _DENIED,
    "25006": "the server takes no writes (a standby, or set to read-only): name the one that does",
    "55P03": "another program holds the record or table for a long time; try again when it is done",
    "57014": f"a statement took longer than {STATEMENT_SECONDS} seconds: an index may be missing; or it was cancelled",
    "53": "the server is short of memory, disk or connections",
    "40": "others write the same records; try again",
}


class Database:
    """One PostgreSQL database. Thread-safe: every call has a connection of its own."""

    def __init__(self, name: str, parameters: Mapping[str, object]) -> None:
        self.name = name
        self._parameters = {
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "koppel",
            "keepalives_idle": 30,
            **parameters,
        }
        self._pool = Pool(self._opened, _alive, _fresh, _closed)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for one call. Raises `SystemFailure` for whatever the database says inside."""
        try:
            with self._pool.lent() as connection:
                yield connection
        except psycopg.Error as error:
            raise self.failure(error) from error

    def _opened(self) -> Connection:
        connection = psycopg.connect(**self._parameters, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
        limits = {"statement_timeout": f"{STATEMENT_SECONDS}s", "lock_timeout": f"{LOCK_SECONDS}s"}
        settings = ", ".join(f"set_config('{key}', '{value}', false)" for key, value in {**_SESSION, **limits}.items())
        connection.execute(f"SELECT {settings}")
        version = connection.info.server_version
        if version < _NEEDED:
            connection.close()
            what = f"PostgreSQL {version // 10000} is too old, 14 or newer is needed"
            raise ConfigurationError([Problem(self.name, what, "update the server")])
        return connection

    def failure(self, error: psycopg.Error, fate: str = "") -> SystemFailure:
        """What an error of the database means. `fate`: what became of the write, in words."""
        state = error.sqlstate or ""
        remedy = _REMEDIES.get(state, _REMEDIES.get(state[:2], ""))
        what = self._said(error) + (f"; {fate}" if fate else "")
        if state.startswith("28") or state == "42501" or "authentication failed" in str(error):
            return Denied(self.name, what, remedy or _REMEDIES["28"])
        if state[:2] in ("08", "25", "3D", "40", "53", "55", "57", "58") or isinstance(error, psycopg.OperationalError):
            return Unreachable(self.name, what, remedy or "check that the server runs and can be reached from here")
        return BadAnswer(self.name, what, "check that the tables still look as they did when koppel was started")

    def _said(self, error: psycopg.Error) -> str:
        """The first line of the message; messages about values (classes 22 and 23) would show them."""
        state = error.sqlstate or ""
        if state[:2] in ("22", "23"):
            return f"a value does not fit (SQLSTATE {state})"
        said = (error.diag.message_primary or str(error)).strip().split("\n")[0]
        password = str(self._parameters.get("password") or "")
        return said.replace(password, "…") if password else said

    def close(self) -> None:
        """Close every idle connection. Safe to call twice."""
        self._pool.close()


def _alive(connection: Connection) -> bool:
    try:
        connection.execute("")
    except psycopg.Error:  # the server went away meanwhile
        return False
    return True


def _fresh(connection: Connection) -> bool:
    if connection.closed:
        return False
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            return False
    return True


def _closed(connection: Connection) -> None:
    with suppress(psycopg.Error):
        connection.close()


def copied(connection: Connection, query: str) -> bytes:
    """What a query answers, as CSV: null is nothing, an empty text is `""`.

    Straight from libpq: a row is a message of its own, and psycopg's way round each costs more than all the rest. The
    server's statement limit ends a call that hangs. Raises `psycopg.Error`.
    """
    wire, answer = connection.pgconn, bytearray()
    started = wire.exec_(f"COPY ({query}) TO STDOUT (FORMAT csv)".encode())
    if started.status != ExecStatus.COPY_OUT:
        raise error_from_result(started)
    while (row := wire.get_copy_data(0))[0] > 0:
        answer += row[1]
    while (ended := wire.get_result()) is not None:
        if ended.status != ExecStatus.COMMAND_OK:
            raise error_from_result(ended)
    return bytes(answer)
