"""A database as a system: opening it, its identity, its tables."""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from koppel.connectors.agreed.shapes import known_kinds
from koppel.connectors.agreed.system import DatabaseSystem
from koppel.connectors.sql.database import Database
from koppel.connectors.sql.reflect import reflect, table_names
from koppel.connectors.sql.table import SqlTable
from koppel.errors import ConfigurationError, Problem, Unreachable
from koppel.ports import TableOptions

_NEEDED = (3, 35)
"""The first SQLite with RETURNING."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def open_system(
    name: str,
    url: str,
    timezone: str = "UTC",
    fields: Mapping[str, Mapping[str, str]] | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> "SqlSystem":
    """Open the database at an SQLAlchemy url: `sqlite:///file.db`, `sqlite:////absolute/file.db`, `…?mode=ro`.

    `timezone`: what date-times without offset mean. `fields`: kinds that the declared types do not tell, as
    `{"customer": {"no": "code"}}`. `now`: the clock of cursors and of how fresh a change stamp is. Raises
    ConfigurationError for another kind of database or an unknown kind, Unreachable when there is no such file: koppel
    never creates one.
    """
    if sqlite3.sqlite_version_info < _NEEDED:
        what = f"SQLite {sqlite3.sqlite_version} is too old, {'.'.join(map(str, _NEEDED))} is needed"
        raise ConfigurationError([Problem(name, what, "use a Python that comes with a newer SQLite")])
    path, mode = _file(name, url)
    kinds = known_kinds(name, fields)
    if not path.is_file():
        raise Unreachable(name, f"there is no database {path}", "check the url; koppel does not create databases")
    system = SqlSystem(name, Database(name, path, mode), timezone, kinds, now)
    system.check_kinds()
    return system


def _file(name: str, url: str) -> tuple[Path, str]:
    remedy = "write sqlite:///path/to/file.db"
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ConfigurationError([Problem(name, "the url cannot be read", remedy)]) from None
    if parsed.get_backend_name() != "sqlite":
        what = f"{parsed.get_backend_name()} is not supported; supported are: sqlite"
        raise ConfigurationError([Problem(name, what, remedy)])
    if parsed.database in (None, "", ":memory:"):
        raise ConfigurationError([Problem(name, "the url names no file", remedy)])
    mode = str(parsed.query.get("mode", "rw"))
    if set(parsed.query) - {"mode"} or mode not in ("rw", "ro"):
        raise ConfigurationError([Problem(name, "the only option of the url is mode=ro", remedy)])
    return Path(parsed.database or "").expanduser().resolve(), mode


class SqlSystem(DatabaseSystem[Database]):
    """One database; made by `open_system`."""

    def __init__(
        self,
        name: str,
        database: Database,
        timezone: str,
        kinds: Mapping[str, Mapping[str, str]],
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(name, database, timezone, kinds)
        self._now = now

    def identity(self) -> str:
        """Which installation this is: the file, however the url writes its path."""
        return f"sqlite:{self._database.path}"

    def now(self) -> datetime:
        """What this machine's clock says: the one of every program that writes the file here."""
        return self._now()

    def tables(self) -> tuple[str, ...]:
        """The names of its tables and views."""
        with self._database.connection() as connection:
            return table_names(connection)

    def table(self, name: str, options: TableOptions) -> SqlTable:
        """Open a table or view (any case). `options.modified` '' means: no change stamp.

        Raises ConfigurationError when there is none, its records cannot be told apart, or its stamps not be compared.
        """
        with self._database.connection() as connection:
            relation = reflect(connection, self.name, name, options, self.kinds_of(name), self._timezone)
        return SqlTable(self._database, relation, options.lag, self._now)
