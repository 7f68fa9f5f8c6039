"""An SQLite database with a user of its own and a clock that stands still until it is told to go on."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from koppel.connectors.sql import open_system
from koppel.connectors.sql.system import SqlSystem
from koppel.connectors.sql.table import SqlTable
from koppel.model.values import ID, KeyOrigin
from koppel.ports import Table, TableOptions, Want
from koppel.testing.stage import AWKWARD, LOCAL, Trait

STAMP = "modified TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"
COLUMNS = f"""
  no CODETEXT(20) UNIQUE,
  name VARCHAR(100) NOT NULL,
  note TEXT,
  amount DECIMAL(15,2),
  pieces INTEGER,
  active BOOLEAN CHECK (active IN (0, 1)),
  since DATE,
  seen DATETIME,
  partner UUIDTEXT,
  rank TEXT CHECK (rank IN ('low', 'high')),
  number TEXT,
  {STAMP}"""
KEYS = {
    KeyOrigin.CHOSEN: "id UUIDTEXT PRIMARY KEY",
    KeyOrigin.GENERATED: "id INTEGER PRIMARY KEY",
    KeyOrigin.RESERVED: "id INTEGER PRIMARY KEY AUTOINCREMENT",
}
NUMBERS = """
CREATE TRIGGER numbers AFTER INSERT ON thing WHEN NEW.number IS NULL BEGIN
  UPDATE thing SET number = 'N-' || NEW.name WHERE {same};
END"""


class SqliteStage:
    """`journal`: the journal mode of the database; `without_rowid`: tables with chosen keys are made so."""

    lacks = frozenset({Trait.SCHEMAS})

    def __init__(self, folder: Path, journal: str = "delete", without_rowid: bool = False) -> None:
        self.moment: datetime | None = datetime(2026, 3, 1, 9, tzinfo=UTC)
        self.path = folder / "erp.db"
        self.tail = " WITHOUT ROWID" if without_rowid else ""
        self.user = sqlite3.connect(self.path, isolation_level=None)
        self.user.execute(f"PRAGMA journal_mode = {journal}")
        self.user.execute("PRAGMA synchronous = OFF")
        self.system = self.open()

    def open(self, timezone: str = "UTC", fields: Mapping[str, Mapping[str, str]] | None = None) -> SqlSystem:
        """The system as configured."""
        return open_system("erp", f"sqlite:///{self.path}", timezone, fields, now=self.now)

    def close(self) -> None:
        self.system.close()
        self.user.close()

    def sql(self, *statements: str) -> None:
        """What the user runs."""
        for statement in statements:
            self.user.execute(statement)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the user sees."""
        return self.user.execute(query).fetchall()

    def open_table(self, name: str = "thing", options: TableOptions | None = None) -> SqlTable:
        """Open a table as it is now."""
        return self.system.table(name, options or TableOptions())

    def make(self, definition: str, *rows: str, name: str = "thing") -> SqlTable:
        """Create a table `name` with this body, fill it, open it."""
        self.sql(f"CREATE TABLE {name} ({definition})", *(f"INSERT INTO {name} VALUES ({row})" for row in rows))
        return self.open_table(name)

    # ---- koppel.testing.Stage

    def table(self, origin: KeyOrigin) -> SqlTable:
        tail = self.tail if origin is KeyOrigin.CHOSEN else ""
        self.sql(f"CREATE TABLE thing ({KEYS[origin]}, {COLUMNS}){tail}", NUMBERS.format(same="id = NEW.id"))
        return self.open_table()

    def composite(self) -> SqlTable:
        key = "area TEXT NOT NULL, code TEXT NOT NULL"
        same = "area = NEW.area AND code = NEW.code"
        self.sql(
            f"CREATE TABLE thing ({key}, {COLUMNS}, PRIMARY KEY (area, code)){self.tail}", NUMBERS.format(same=same)
        )
        return self.open_table()

    def put(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        everything = {"id": id_, **values, "modified": self.now()}
        names, marks = ", ".join(everything), ", ".join("?" * len(everything))
        self.user.execute(f"INSERT INTO thing ({names}) VALUES ({marks})", [stored(v) for v in everything.values()])

    def edit(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        everything = {**values, "modified": self.now()}
        changes = ", ".join(f"{name} = ?" for name in everything)
        self.user.execute(f"UPDATE thing SET {changes} WHERE id = ?", [*map(stored, everything.values()), id_])

    def remove(self, table: Table, id_: str) -> None:
        self.user.execute("DELETE FROM thing WHERE id = ?", (id_,))

    def now(self) -> datetime:
        if self.moment is not None:
            return self.moment
        present = datetime.now(UTC)
        return present.replace(microsecond=present.microsecond // 1000 * 1000)

    def wait(self, time: timedelta) -> None:
        assert self.moment is not None, "the machine's own clock does not obey"
        self.moment += time

    def awkward(self) -> SqlTable:
        columns = ", ".join('"' + name.replace('"', '""') + '" TEXT' for name in AWKWARD)
        self.sql(f'CREATE TABLE "Order ""1"" % {{}}" (id UUIDTEXT PRIMARY KEY, {columns})')
        return self.open_table('Order "1" % {}')

    def view(self) -> SqlTable:
        self.sql("CREATE VIEW seen AS SELECT * FROM thing")
        return self.open_table("seen", TableOptions(key=("id",)))

    def computed(self) -> SqlTable:
        return self.make("id UUIDTEXT PRIMARY KEY, name TEXT, loud TEXT AS (upper(name)) STORED", name="loud")

    def elsewhere(self) -> None:
        """A file has one schema."""

    def local(self) -> SqlTable:
        self.sql("CREATE TABLE visit (id TEXT PRIMARY KEY, seen DATETIME)")
        self.sql(*(f"INSERT INTO visit VALUES ('{id_}', '{time}')" for id_, time in LOCAL.items()))
        return self.open("Europe/Amsterdam").table("visit", TableOptions())

    def referring(self) -> SqlTable:
        return self.make("id UUIDTEXT PRIMARY KEY, parent UUIDTEXT REFERENCES thing (id)", name="child")

    def live(self, table: Table) -> SqlTable:
        self.moment = None
        return self.open_table("thing", TableOptions(lag=timedelta(0)))

    def begin(self, table: Table, id_: str, values: Mapping[str, object]) -> Callable[[], None]:
        self.sql("BEGIN IMMEDIATE")
        self.edit(table, id_, values)
        return lambda: self.sql("COMMIT")


def stored(value: object) -> object:
    """A value as the user's application stores it."""
    if isinstance(value, datetime):
        digits = "microseconds" if value.microsecond % 1000 else "milliseconds"
        return value.replace(tzinfo=None).isoformat(timespec=digits) + "Z"
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value


def page(table: Table, *fields: str) -> list[dict[str, object]]:
    """Every record."""
    return [row for page in table.changes(None, Want(fields)).pages for row in page.to_dicts()]


def fetch(table: Table, ids: Iterable[str], *fields: str) -> list[dict[str, object]]:
    """These records, in the order of their ids."""
    return table.fetch(pl.Series(list(ids), dtype=pl.String), Want(fields)).sort(ID).to_dicts()
