"""A MariaDB database with a user of its own and a clock that stands still until it is told to go on."""

from collections.abc import Mapping
from datetime import UTC, datetime

from koppel.connectors.mariadb import open_system
from koppel.connectors.mariadb.system import MariaSystem
from koppel.connectors.mariadb.table import MariaTable
from koppel.model.values import KeyOrigin
from koppel.ports import Table
from koppel.testing.stage import AWKWARD
from tests.contract.server_stage import ServerStage
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


class MariaStage(ServerStage[MariaSystem, MariaTable]):
    """One database; `other` names a second one, made when it is needed."""

    def __init__(self) -> None:
        self.databases = [fresh_database()]
        self.users: list[str] = []
        super().__init__(open_system, url_of(self.database))
        self.user = connected(self.url)

    @property
    def database(self) -> str:
        """The name of the database."""
        return self.databases[0]

    def close(self) -> None:
        super().close()
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

    # ---- koppel.testing.Stage

    def table(self, origin: KeyOrigin) -> MariaTable:
        if origin is KeyOrigin.RESERVED:
            self.sql("CREATE SEQUENCE things")
        self.sql(f"CREATE TABLE thing ({KEYS[origin]}, {COLUMNS})", NUMBERS)
        return self.coded()

    def composite(self) -> MariaTable:
        key = "area varchar(50) NOT NULL, code varchar(50) NOT NULL"
        self.sql(f"CREATE TABLE thing ({key}, {COLUMNS}, PRIMARY KEY (area, code))", NUMBERS)
        return self.coded()

    def put(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        everything = {"id": id_, **values, "modified": self.now()}
        names, marks = ", ".join(f"`{name}`" for name in everything), ", ".join(["%s"] * len(everything))
        run(self.user, f"INSERT INTO thing ({names}) VALUES ({marks})", [stored(v) for v in everything.values()])

    def edit(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        everything = {**values, "modified": self.now()}
        changes = ", ".join(f"`{name}` = %s" for name in everything)
        run(self.user, f"UPDATE thing SET {changes} WHERE id = %s", [*map(stored, everything.values()), id_])

    def remove(self, table: Table, id_: str) -> None:
        run(self.user, "DELETE FROM thing WHERE id = %s", (id_,))

    def servers_now(self) -> datetime:
        ((moment,),) = self.rows("SELECT utc_timestamp(6)")
        assert isinstance(moment, datetime)
        return moment.replace(tzinfo=UTC)

    def awkward(self) -> MariaTable:
        columns = ", ".join(f"`{name}` longtext" for name in AWKWARD)
        self.sql(f'CREATE TABLE `Order "1" % {{}}` (id uuid PRIMARY KEY, {columns})')
        return self.open_table('Order "1" % {}')

    def computed(self) -> MariaTable:
        return self.make("id uuid PRIMARY KEY, name varchar(20), loud varchar(20) AS (upper(name)) STORED", name="loud")

    def elsewhere(self) -> MariaTable:
        other = self.other()
        self.sql(f"CREATE TABLE {other}.thing ({KEYS[KeyOrigin.CHOSEN]}, {COLUMNS})")
        return self.open_table(f"{other}.thing")

    def local(self) -> MariaTable:
        return self.visits("id varchar(20) PRIMARY KEY, seen datetime")

    def referring(self) -> MariaTable:
        return self.make("id uuid PRIMARY KEY, parent uuid, FOREIGN KEY (parent) REFERENCES thing (id)", name="child")


def stored(value: object) -> object:
    """A value as the user's application stores it."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
