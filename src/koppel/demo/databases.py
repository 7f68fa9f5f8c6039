"""The demo world as two SQLite databases: built, and under the hands of their users."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from koppel.demo import edits, schema
from koppel.demo.desk import Record
from koppel.demo.edits import Edit
from koppel.demo.files import (
    Row,
    Value,
    World,
    business_central_stamp,
    create,
    dataverse_stamp,
    insert,
    opened,
)
from koppel.demo.world import RULES, content


def build(folder: Path, seed: int = 2026, **sizes: int) -> World:
    """Create the two databases and `truth.json` in `folder` (made if missing). `sizes`: as for `content`.

    Raises `FileExistsError` if one of the files is there already and `ValueError` if the overlap does not fit.
    """
    made = content(seed, **sizes)
    paths = [folder / name for name in ("business_central.db", "dataverse.db", "truth.json")]
    for path in paths:
        if path.exists():
            raise FileExistsError(f"{path} exists: choose another folder or delete the old world first")
    folder.mkdir(parents=True, exist_ok=True)
    create(
        paths[0],
        schema.BUSINESS_CENTRAL_TABLES,
        made.left,
        schema.BUSINESS_CENTRAL_INDEXES + schema.BUSINESS_CENTRAL_TRIGGERS,
    )
    create(paths[1], schema.DATAVERSE_TABLES, made.right, schema.DATAVERSE_INDEXES + schema.DATAVERSE_TRIGGERS)
    truth = {"seed": seed, "rules": RULES, "mappings": made.truth}
    paths[2].write_text(json.dumps(truth, indent=0), encoding="utf-8")
    return World(paths[0], paths[1], paths[2], made.counts)


def edit(world: World, seed: int = 2026) -> list[Edit]:
    """The second act in the two databases of a world; see `edits.edit`."""
    with opened(world.business_central) as left, opened(world.dataverse) as right:
        now = datetime.now(UTC)
        bc = SqlDesk(left, lambda _: "id", ("modified_at", business_central_stamp(now)))
        crm = SqlDesk(right, lambda table: f"{table}id", ("modifiedon", dataverse_stamp(now)))
        return edits.edit(bc, crm, seed)


@dataclass(frozen=True)
class SqlDesk:
    """A database. `key`: a table's id column. `stamp`: the column of the change stamp and what is written there now."""

    connection: sqlite3.Connection
    key: Callable[[str], str]
    stamp: tuple[str, str]

    def rows(self, table: str) -> list[Record]:
        """All rows of a table, in the order of their ids."""
        return [dict(row) for row in self.connection.execute(f"SELECT * FROM {table} ORDER BY {self.key(table)}")]

    def change(self, table: str, key: Value, values: Row) -> None:
        """Edit a row that is there."""
        values = values | {self.stamp[0]: self.stamp[1]}
        places = ", ".join(f"{column} = :{column}" for column in values)
        sql = f"UPDATE {table} SET {places} WHERE {self.key(table)} = :the_key"
        assert self.connection.execute(sql, values | {"the_key": key}).rowcount == 1, f"{table} {key} is not there"

    def add(self, table: str, row: Row) -> None:
        """Enter a new row."""
        insert(self.connection, table, [row | {self.stamp[0]: self.stamp[1]}])

    def remove(self, table: str, key: Value) -> None:
        """Delete a row that is there."""
        self.connection.execute(f"DELETE FROM {table} WHERE {self.key(table)} = ?", (key,))
