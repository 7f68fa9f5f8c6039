"""A database as a system: opening it, its identity, its tables."""

from collections.abc import Callable, Mapping
from datetime import datetime

import sqlalchemy as sa

from koppel.connectors.agreed.shapes import known_kinds
from koppel.connectors.agreed.system import DatabaseSystem
from koppel.connectors.mariadb import catalog
from koppel.connectors.mariadb.cursor import HIDDEN_LAG, LAG, Clock, Watch
from koppel.connectors.mariadb.database import Database
from koppel.connectors.mariadb.reflect import Relation, reflect
from koppel.connectors.mariadb.table import MariaTable
from koppel.errors import ConfigurationError, Problem
from koppel.ports import TableOptions

_OPTIONS = frozenset({"unix_socket", "ssl_ca", "ssl_cert", "ssl_key"})
_DEFAULT_PORT = 3306


def open_system(
    name: str,
    url: str,
    timezone: str = "UTC",
    fields: Mapping[str, Mapping[str, str]] | None = None,
    now: Callable[[], datetime] | None = None,
) -> "MariaSystem":
    """Open the database at a url `mariadb://user@host:port/database?option=value` (also `mysql://…`, and either with
    `+pymysql`); the options are unix_socket, and ssl_ca, ssl_cert and ssl_key, files that make the connection a secret
    one.

    `timezone`: what datetime columns mean. `fields`: kinds that the types do not tell, as
    `{"customer": {"no": "code"}}`. `now`: the clock of cursors, for tests; None: the server's. Raises
    ConfigurationError for a url that cannot be read, an unknown kind or a server that is not MariaDB 10.6 or newer,
    Unreachable or Denied when there is no way in.
    """
    kinds = known_kinds(name, fields)
    system = MariaSystem(name, Database(name, _parameters(name, url)), timezone, kinds, now)
    system.check_kinds()
    return system


def _parameters(name: str, url: str) -> Mapping[str, object]:
    """What the driver is told. Complaints about the url are not passed on, for they repeat parts of it."""
    remedy = "write mariadb://user@host/database; signs such as @ and / in a password as %40 and %2F"
    try:
        parts = sa.engine.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigurationError([Problem(name, "the url cannot be read", remedy)]) from None
    unknown = sorted(parts.query.keys() - _OPTIONS)
    problems = [
        Problem(name, f"the url has an option that is not known: {option}", f"there are {', '.join(sorted(_OPTIONS))}")
        for option in unknown
    ]
    if not parts.database:
        problems.append(Problem(name, "the url names no database", remedy))
    if problems:
        raise ConfigurationError(problems)
    return {
        "user": parts.username,
        "password": parts.password or "",
        "host": parts.host or "localhost",
        "port": parts.port or _DEFAULT_PORT,
        "database": parts.database,
        **({"ssl_verify_cert": True, "ssl_verify_identity": True} if "ssl_ca" in parts.query else {}),
        **parts.query,
    }


class MariaSystem(DatabaseSystem[Database]):
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
        self._watch = Watch(database, clock)

    def identity(self) -> str:
        """Which installation this is: the machine's and the database's names, for MariaDB keeps no number of its own
        that another installation cannot have.
        """
        with self._database.connection() as connection:
            host, port, database = connection.execute("SELECT @@hostname, @@port, DATABASE()").rows[0]
        return f"mariadb:{host}:{port}/{database}"

    def now(self) -> datetime:
        """What the server's clock says."""
        with self._database.connection() as connection:
            return self._watch.present(connection)

    def tables(self) -> tuple[str, ...]:
        """The names of its tables and views; of those of other databases as `database.table`."""
        with self._database.connection() as connection:
            return catalog.names(connection)

    def table(self, name: str, options: TableOptions) -> MariaTable:
        """Open a table or view (any case). `options.modified` '' means: no change stamp.

        Raises ConfigurationError when there is none, its records cannot be told apart, or its stamps not be compared.
        """
        with self._database.connection() as connection:
            relation = reflect(connection, self.name, name, options, self.kinds_of(name), self._timezone)
            offset = connection.value("SELECT timediff(convert_tz(utc_timestamp(), '+00:00', @@global.time_zone),"
                                      " utc_timestamp())")  # fmt: skip
        hidden = self._watch.look().hidden
        lag = (HIDDEN_LAG if hidden else LAG) if options.lag is None else options.lag
        caveat = "; ".join(filter(None, (_unseen(relation, hidden), _local_stamps(relation, offset))))
        return MariaTable(self._database, relation, self._watch, lag, caveat)


def _unseen(relation: Relation, hidden: bool) -> str:
    if relation.stamp is None or not hidden:
        return ""
    return (
        "the user may not see the transactions of others, so edits of one that is open for longer than lag_seconds"
        " (an hour, unless it is set) can be missed; GRANT PROCESS ON *.* TO the user changes that"
    )


def _local_stamps(relation: Relation, offset: str | None) -> str:
    """`offset`: of the server's own time from UTC; None: it has no time zone by that name."""
    stamp = relation.stamp
    if stamp is None or relation.columns[stamp.field].type == "timestamp" or offset in ("00:00:00", None):
        return ""
    return (
        f"the change stamp {stamp.field} is a datetime and read as UTC, but the server's own time is {offset} away from"
        " it; a timestamp has no such doubt"
    )
