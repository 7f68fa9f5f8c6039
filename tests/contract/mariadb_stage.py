"""A MariaDB database with a user of its own and a clock that stands still until it is told to go on."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from koppel.connectors.mariadb import open_system
from koppel.connectors.mariadb.system import MariaSystem
from koppel.connectors.mariadb.table import MariaTable
from koppel.model.values import KeyOrigin
from koppel.ports import Table, TableOptions
from tests.mariadb import connected, dropped, fresh_database, run, url_of

COLUMNS = """
  no varchar(20) UNIQUE,
  name varchar(100) NOT NULL,
  note longtext,
  amount decimal(15,2),
  pieces bigint,
  active boolean,
  since date,
  seen datetime(6),
  partner uuid,
  `rank` enum('low', 'high'),
  number longtext,
  modified timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6)"""
KEYS = {
    KeyOrigin.CHOSEN: "id uuid PRIMARY KEY",
    KeyOrigin.GENERATED: "id bigint PRIMARY KEY AUTO_INCREMENT",
    KeyOrigin.RESERVED: "id bigint PRIMARY KEY DEFAULT (NEXT VALUE FOR things)",
}
NUMBERS = """
CREATE TRIGGER numbers BEFORE INSERT ON thing FOR EACH ROW
  SET NEW.number = coalesce(NEW.number, concat('N-', NEW.name))"""


class MariaStage:
    """One database; `other` names a second one, made when it is needed."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 9, tzinfo=UTC)
        self.databases = [fresh_database()]
        self.url = url_of(self.database)
        self.user = connected(self.url)
        self.systems: list[MariaSystem] = []
        self.users: list[str] = []
        self.system = self.open()

    @property
    def database(self) -> str:
        """The name of the database."""
        return self.databases[0]

    def open(
        self, timezone: str = "UTC", fields: Mapping[str, Mapping[str, str]] | None = None, url: str | None = None
    ) -> MariaSystem:
        """The system as configured."""
        system = open_system("erp", url or self.url, timezone, fields, now=self.now)
        self.systems.append(system)
        return system

    def close(self) -> None:
        for system in self.systems:
            system.close()
        for user in self.users:
            run(self.user, f"DROP USER {user}")
        self.user.close()
        dropped(*self.databases)

    def other(self) -> str:
        """The name of another database on the same server."""
        self.databases.append(fresh_database())
        return self.databases[-1]

    def other_user(self, *rights: str) -> MariaSystem:
        """The system as seen by a user with these rights (`SELECT ON thing`) and no others."""
        user = f"{self.database}_{len(self.users)}"
        self.sql(f"CREATE USER {user} IDENTIFIED BY 'right'", *(f"GRANT {right} TO {user}" for right in rights))
        self.users.append(user)
        return self.open(url=url_of(self.database, user, "right"))

    def sql(self, *statements: str) -> None:
        """What the user runs."""
        for statement in statements:
            run(self.user, statement)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the user sees."""
        return run(self.user, query)

    def open_table(self, name: str = "thing", options: TableOptions | None = None) -> MariaTable:
        """Open a table as it is now."""
        return self.system.table(name, options or TableOptions())

    def make(self, definition: str, *rows: str, name: str = "thing") -> MariaTable:
        """Create a table `name` with this body, fill it, open it."""
        self.sql(f"CREATE TABLE {name} ({definition})", *(f"INSERT INTO {name} VALUES ({row})" for row in rows))
        return self.open_table(name)

    # ---- koppel.testing.Stage

    def table(self, origin: KeyOrigin) -> MariaTable:
        if origin is KeyOrigin.RESERVED:
            self.sql("CREATE SEQUENCE things")
        self.sql(f"CREATE TABLE thing ({KEYS[origin]}, {COLUMNS})", NUMBERS)
        return self._coded()

    def composite(self) -> MariaTable:
        key = "area varchar(50) NOT NULL, code varchar(50) NOT NULL"
        self.sql(f"CREATE TABLE thing ({key}, {COLUMNS}, PRIMARY KEY (area, code))", NUMBERS)
        return self._coded()

    def _coded(self) -> MariaTable:
        return self.open(fields={"thing": {"no": "code"}}).table("thing", TableOptions())

    def put(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        everything = {"id": id_, **values, "modified": self.moment}
        names, marks = ", ".join(f"`{name}`" for name in everything), ", ".join(["%s"] * len(everything))
        run(self.user, f"INSERT INTO thing ({names}) VALUES ({marks})", [stored(v) for v in everything.values()])

    def edit(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        everything = {**values, "modified": self.moment}
        changes = ", ".join(f"`{name}` = %s" for name in everything)
        run(self.user, f"UPDATE thing SET {changes} WHERE id = %s", [*map(stored, everything.values()), id_])

    def remove(self, table: Table, id_: str) -> None:
        run(self.user, "DELETE FROM thing WHERE id = %s", (id_,))

    def now(self) -> datetime:
        return self.moment

    def wait(self, time: timedelta) -> None:
        self.moment += time


def stored(value: object) -> object:
    """A value as the user's application stores it."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
