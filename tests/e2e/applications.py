"""Databases with an application on top of them and a user at its keyboard, for synchronisation from end to end."""

import sqlite3
from pathlib import Path
from typing import ClassVar, Protocol

from tests import mariadb, postgresql


class Application(Protocol):
    """What a test does to a database, and how its SQL says things."""

    url: str
    stamp: ClassVar[str]
    """The type of a change stamp that new records get by themselves."""
    now: ClassVar[str]
    generated: ClassVar[str]
    """A key that the database gives."""
    uuid: ClassVar[str]
    money: ClassVar[str]
    """A decimal `credit` as text with two digits."""

    def run(self, statement: str) -> list[tuple[object, ...]]:
        """What the user sees."""

    def close(self) -> None:
        """Leave nothing behind."""


class Sqlite:
    """A file."""

    stamp = "datetime DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"
    now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
    generated = "integer PRIMARY KEY"
    uuid = "uuidtext"
    money = "printf('%.2f', credit)"

    def __init__(self, folder: Path, name: str) -> None:
        self.url = f"sqlite:///{name}.db"
        self.file = sqlite3.connect(folder / f"{name}.db", isolation_level=None)

    def run(self, statement: str) -> list[tuple[object, ...]]:
        return self.file.execute(statement).fetchall()

    def close(self) -> None:
        self.file.close()


class Postgresql:
    """A schema."""

    stamp = "timestamptz DEFAULT now()"
    now = "clock_timestamp()"
    generated = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    uuid = "uuid"
    money = "credit::text"

    def __init__(self, folder: Path, name: str) -> None:
        self.url, self.schema = postgresql.fresh_schema()
        self.server = postgresql.connected(self.url)
        self.run(f"SET search_path = {self.schema}")

    def run(self, statement: str) -> list[tuple[object, ...]]:
        answer = self.server.execute(postgresql.sql(statement))
        return answer.fetchall() if answer.description else []

    def close(self) -> None:
        self.server.close()
        postgresql.dropped(self.schema)


class Mariadb:
    """A database."""

    stamp = "timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6)"
    now = "current_timestamp(6)"
    generated = "bigint AUTO_INCREMENT PRIMARY KEY"
    uuid = "uuid"
    money = "concat(credit)"

    def __init__(self, folder: Path, name: str) -> None:
        self.database = mariadb.fresh_database()
        self.url = mariadb.url_of(self.database)
        self.server = mariadb.connected(self.url)

    def run(self, statement: str) -> list[tuple[object, ...]]:
        return mariadb.run(self.server, statement)

    def close(self) -> None:
        self.server.close()
        mariadb.dropped(self.database)


KINDS: dict[str, type[Sqlite] | type[Postgresql] | type[Mariadb]] = {
    "sqlite": Sqlite,
    "postgresql": Postgresql,
    "mariadb": Mariadb,
}
