"""Connections to one MariaDB database, and what its errors mean for koppel.

Connections are in autocommit mode with limits on every statement and every wait for a lock, so no transaction outlives
a call and none hangs. The session's rules are koppel's own, whatever the server's defaults are: strict, so that nothing
is cut or rounded in silence; double quotes around names and no escapes in texts, so that SQL is written as for other
databases; UTC; no switched-off constraints and no limits on rows. What is said about an error names the server, user
and database, never the password and never a value of a record.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import CLIENT, SERVER_STATUS
from pymysql.cursors import Cursor

from koppel.connectors.agreed.pool import Pool
from koppel.errors import BadAnswer, ConfigurationError, Denied, Problem, SystemFailure, Unreachable

STATEMENT_SECONDS = 120.0
LOCK_SECONDS = 30
_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 30
"""How much longer than a statement may run its answer may take."""
_NEEDED = (10, 6)
"""The oldest release that is still maintained; INSERT … RETURNING is older."""

_SESSION = {
    "sql_mode": "'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,"
    "NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
    "time_zone": "'+00:00'",
    "lc_messages": "'en_US'",
    "foreign_key_checks": "1",
    "unique_checks": "1",
    "check_constraint_checks": "1",
    "sql_select_limit": "18446744073709551615",
    "sql_big_selects": "1",
    "sql_safe_updates": "0",
    "sql_auto_is_null": "0",
    "completion_type": "0",
    "max_recursive_iterations": "4294967295",
    "in_predicate_conversion_threshold": "0",  # longer lists would no longer be looked up in an index
}

_STATEMENT_LOG = 1665
"""The server writes statements into its log, which READ COMMITTED does not allow."""

AGAIN = frozenset({1213, 1020})
"""Deadlock, and a record changed since the snapshot: nothing was written, the same may be tried again."""

_RIGHTS = "grant the database user these rights, or use another user"
_LOGIN = "check user and password of the url, and from where the server lets this user in"
_READ_ONLY = "the server takes no writes (a replica, or set to read-only): name the one that does"
_SHORT = "the server is short of connections, memory or disk, or is being stopped; try again"

_DENIED = {
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370, 1410), _RIGHTS),
    **dict.fromkeys((1045, 1130, 1698, 1820, 1862, 4151), _LOGIN),
}
_UNREACHABLE = {
    1049: "check the name of the database in the url",
    1153: "raise max_allowed_packet of the server",
    1205: "another program holds the record or table for a long time; try again when it is done",
    1969: f"a statement took longer than {STATEMENT_SECONDS:g} seconds: an index may be missing",
    **dict.fromkeys((1020, 1213), "others write the same records; try again"),
    **dict.fromkeys((1036, 1290, 1792), _READ_ONLY),
    **dict.fromkeys((1021, 1037, 1040, 1041, 1053, 1114, 1129, 1135, 1203, 1226, 1317, 1927), _SHORT),
    **dict.fromkeys((1152, 1158, 1159, 1160, 1161), "check the network between here and the server"),
}
"""By the server's error number; what is left, beside the driver's own errors, is a bad answer."""


@dataclass(frozen=True)
class Answer:
    """What a statement answers: rows of texts, and how many records it matched."""

    rows: tuple[tuple[str | None, ...], ...]
    count: int


class Connection:
    """One connection; answers are texts as the server sends them, so nothing is converted behind our back."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._driver: pymysql.Connection[Cursor] = pymysql.connect(
            **{
                "connect_timeout": _CONNECT_SECONDS,
                "read_timeout": STATEMENT_SECONDS + _ANSWER_SECONDS,
                "write_timeout": STATEMENT_SECONDS + _ANSWER_SECONDS,
                **parameters,
                "charset": "utf8mb4",
                "collation": "utf8mb4_nopad_bin",
                "autocommit": True,
                "conv": {},
                "client_flag": CLIENT.FOUND_ROWS,  # an update counts records it finds, not those it changes
                "program_name": "koppel",
            }
        )
        self.packet_bytes = int(self.value("SELECT @@max_allowed_packet") or 0)
        """How long a statement may be."""

    def execute(self, statement: str) -> Answer:
        """Run one statement. A text in it is written with `literal`."""
        with self._driver.cursor() as cursor:
            count = cursor.execute(statement)
            return Answer(tuple(cursor.fetchall()), count)

    def value(self, query: str) -> str | None:
        """The first column of the only row."""
        return self.execute(query).rows[0][0]

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is done inside leaves no trace when it raises."""
        self.execute("SAVEPOINT koppel_rows")
        try:
            yield
        except Exception:
            with suppress(pymysql.Error):  # of a transaction that is gone: then the first error counts
                self.execute("ROLLBACK TO SAVEPOINT koppel_rows")
            raise
        self.execute("RELEASE SAVEPOINT koppel_rows")

    @property
    def open(self) -> bool:
        """Whether the server is still there, as far as is known."""
        return bool(self._driver.open)

    @property
    def in_transaction(self) -> bool:
        """As the last answer said."""
        status: int = self._driver.server_status  # type: ignore[attr-defined]
        return self.open and bool(status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def ping(self) -> None:
        """Raises when the server does not answer."""
        self._driver.ping(reconnect=False)

    def close(self) -> None:
        """End it, whatever state it is in."""
        with suppress(pymysql.Error):
            self._driver.close()


class Database:
    """One MariaDB database. Thread-safe: every call has a connection of its own."""

    def __init__(self, name: str, parameters: Mapping[str, Any]) -> None:
        self.name = name
        self._parameters = dict(parameters)
        self._pool = Pool(self._opened, _alive, _fresh, Connection.close)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for one call. Raises `SystemFailure` for whatever the database says inside."""
        try:
            with self._pool.lent() as connection:
                yield connection
        except (pymysql.MySQLError, OSError) as error:
            raise self.failure(error) from error

    def _opened(self) -> Connection:
        try:
            connection = Connection(self._parameters)
        except RuntimeError as error:  # an authentication method that needs another package
            what, remedy = str(error), "install the package that it names, or give the user another way to log in"
            raise ConfigurationError([Problem(self.name, what, remedy)]) from error
        try:
            self._check_version(str(connection.value("SELECT VERSION()")))
            limits = {"max_statement_time": STATEMENT_SECONDS, "innodb_lock_wait_timeout": LOCK_SECONDS}
            limits["lock_wait_timeout"] = LOCK_SECONDS
            settings = ", ".join(f"{name} = {value}" for name, value in {**_SESSION, **limits}.items())
            connection.execute(f"SET SESSION {settings.replace(', ', ', SESSION ')}")
            connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_version(self, version: str) -> None:
        """Raises ConfigurationError for MySQL, which is close but not the same, and for old releases."""
        number = re.search(r"(\d+)\.(\d+)\.\d+-MariaDB", version)
        if number is None:
            what, remedy = f"this is not MariaDB but {version}", "koppel is proven with MariaDB only"
            raise ConfigurationError([Problem(self.name, what, remedy)])
        if (int(number[1]), int(number[2])) < _NEEDED:
            needed = ".".join(map(str, _NEEDED))
            what = f"MariaDB {number[1]}.{number[2]} is too old, {needed} or newer is needed"
            raise ConfigurationError([Problem(self.name, what, "update the server")])

    def failure(self, error: Exception, fate: str = "") -> SystemFailure:
        """What an error of the driver means. `fate`: what became of the write, in words."""
        code = code_of(error)
        what = self._said(error) + (f"; {fate}" if fate else "")
        if code in _DENIED:
            return Denied(self.name, what, _DENIED[code])
        if code == 0 or 2000 <= code < 3000:  # the driver's own: no connection, or no longer
            return Unreachable(self.name, what, "check that the server runs and can be reached from here")
        if code in _UNREACHABLE:
            return Unreachable(self.name, what, _UNREACHABLE[code])
        remedy = "check that the tables still look as they did when koppel was started"
        if code == _STATEMENT_LOG:
            remedy = "set binlog_format of the server to MIXED or ROW"
        return BadAnswer(self.name, what, remedy)

    def _said(self, error: Exception) -> str:
        """The server's words; messages about values (classes 22 and 23) would show them."""
        state = state_of(error)
        if state[:2] in ("22", "23") or code_of(error) in (1265, 1366):
            return f"a value does not fit (error {code_of(error)})"
        said = str(error.args[1] if len(error.args) > 1 else error).strip().split("\n")[0]
        password = str(self._parameters.get("password") or "")
        return said.replace(password, "…") if password else said

    def close(self) -> None:
        """Close every idle connection. Safe to call twice."""
        self._pool.close()


def code_of(error: Exception) -> int:
    """The server's or the driver's number of an error; 0 where there is none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def state_of(error: Exception) -> str:
    """The SQLSTATE of an error, '' where the server told none."""
    return getattr(error, "sqlstate", None) or ""


def _alive(connection: Connection) -> bool:
    try:
        connection.ping()
    except (pymysql.MySQLError, OSError):  # the server went away meanwhile
        return False
    return True


def _fresh(connection: Connection) -> bool:
    if connection.in_transaction:
        try:
            connection.execute("ROLLBACK")
        except (pymysql.MySQLError, OSError):
            return False
    return connection.open
