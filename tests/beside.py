"""A database in the folder of a test, coupled with a service that runs in the process of the test."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from koppel.app import Koppel

Rows = list[tuple[object, ...]]


def uid(number: int) -> str:
    """A key of a record."""
    return f"0190a5f2-0000-7000-8000-{number:012x}"


@dataclass(frozen=True)
class Database:
    """A database, by the name of its system, and its user."""

    name: str

    @property
    def toml(self) -> str:
        """As koppel.toml names it."""
        return f'\n[systems.{self.name}]\nconnector = "sql"\nurl = "sqlite:///{self.name}.db"\n'

    def create(self, folder: Path, tables: str) -> None:
        """Make the tables."""
        connection = sqlite3.connect(folder / f"{self.name}.db")
        connection.executescript(tables)
        connection.close()

    def sql(self, folder: Path, statement: str, *values: object) -> Rows:
        """What the user of the database runs."""
        connection = sqlite3.connect(folder / f"{self.name}.db")
        with connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows


def synced(folder: Path) -> list[str]:
    """One run of all mappings; the state of each job."""
    with Koppel.open(folder / "koppel.toml") as koppel:
        return [str(job.state) for job in koppel.sync().jobs]
