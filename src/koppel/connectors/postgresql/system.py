"""A database as a system: opening it, its identity, its tables."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

import psycopg
from psycopg.conninfo import conninfo_to_dict

from koppel.connectors.agreed.shapes import known_kinds
from koppel.connectors.agreed.system import DatabaseSystem
from koppel.connectors.postgresql import catalog
from koppel.connectors.postgresql.cursor import HIDDEN_LAG, Clock, default_lag, present
from koppel.connectors.postgresql.database import Database
from koppel.connectors.postgresql.reflect import reflect
from koppel.connectors.postgresql.table import PostgresTable
from koppel.errors import ConfigurationError, Problem
from koppel.ports import TableOptions


def open_system(
    name: str,
    url: str,
    timezone: str = "UTC",
    fields: Mapping[str, Mapping[str, str]] | None = None,
    now: Callable[[], datetime] | None = None,
) -> "PostgresSystem":
    """Open the database at a url `postgresql://user@host:port/database?option=value` (also `postgresql+psycopg://…`,
    `postgres://…`); its options are libpq's.

    `timezone`: what date-times without offset mean. `fields`: kinds that the types do not tell, as
    `{"customer": {"no": "code"}}`. `now`: the clock of cursors, for tests; None: the server's. Raises
    ConfigurationError for a url that cannot be read, an unknown kind or a server older than PostgreSQL 14, Unreachable
    or Denied when there is no way in.
    """
    kinds = known_kinds(name, fields)
    system = PostgresSystem(name, Database(name, _parameters(name, url)), timezone, kinds, now)
    system.check_kinds()
    return system


def _parameters(name: str, url: str) -> Mapping[str, object]:
    """What libpq makes of the url. Its complaints repeat parts of the url, so they are not passed on."""
    try:
        return conninfo_to_dict(re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql://", url))
    except psycopg.Error:
        remedy = "write postgresql://user@host/database; signs such as @ and / in a password as %40 and %2F"
        raise ConfigurationError([Problem(name, "the url cannot be read", remedy)]) from None


_UNSEEN = (
    "the user may not see the transactions of others, so edits of one that waits for longer than lag_seconds (a minute,"
    " unless it is set) before it writes can be missed; GRANT pg_read_all_stats TO the user changes that"
)


class PostgresSystem(DatabaseSystem[Database]):
    """One database; made by `open_system`."""

    def __init__(
        self,
        name: str,
        database: Database,
        timezone: str,
        kinds: Mapping[str, Mapping[str, str]],
        clock: Clock,
    ) -> None:
        super().__init__(name, database, timezone, kinds)
        self._clock = clock

    def identity(self) -> str:
        """Which installation this is: the cluster's own number, where the user may read it, and the database's."""
        ours = "FROM pg_database WHERE datname = current_database()"
        cluster = "has_function_privilege('pg_control_system()', 'EXECUTE')"
        with self._database.connection() as connection:
            row = connection.execute(f"SELECT {cluster}, oid::text, datname {ours}").fetchone()
            assert row is not None, "one is connected to a database"
            if not row[0]:
                return f"postgresql:{row[1]}/{row[2]}"
            number = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
        assert number is not None, "a cluster has a number"
        return f"postgresql:{number[0]}/{row[1]}"

    def now(self) -> datetime:
        """What the server's clock says."""
        with self._database.connection() as connection:
            return present(connection, self._clock)

    def tables(self) -> tuple[str, ...]:
        """The names of its tables and views; of those outside the search path as `schema.table`."""
        with self._database.connection() as connection:
            return catalog.names(connection)

    def table(self, name: str, options: TableOptions) -> PostgresTable:
        """Open a table or view (any case). `options.modified` '' means: no change stamp.

        Raises ConfigurationError when there is none, its records cannot be told apart, or its stamps not be compared.
        """
        with self._database.connection() as connection:
            relation = reflect(connection, self.name, name, options, self.kinds_of(name), self._timezone)
            seen = default_lag(connection)
        lag = seen if options.lag is None else options.lag
        caveat = _UNSEEN if seen == HIDDEN_LAG and relation.stamp is not None else ""
        return PostgresTable(self._database, relation, lag, self._clock, caveat)
