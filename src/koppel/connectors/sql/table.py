"""One table of a database, as `koppel.ports.Table` asks for it."""

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

import polars as pl

from koppel.connectors.agreed.names import quoted
from koppel.connectors.agreed.table import DatabaseTable
from koppel.connectors.sql.database import Database, immediate
from koppel.connectors.sql.find import find
from koppel.connectors.sql.read import all_pages, changed_pages, fetch_page, take_cursor
from koppel.connectors.sql.reflect import Relation
from koppel.connectors.sql.write import write_rows
from koppel.model.values import ID, KeyOrigin
from koppel.model.write import Write
from koppel.ports import Changes, Want

DEFAULT_LAG = timedelta(seconds=5)


class SqlTable(DatabaseTable):
    """A table or view of one SQLite file; made by `SqlSystem.table`."""

    batch_rows = 20_000
    elsewhere = False

    def __init__(
        self, database: Database, relation: Relation, lag: timedelta | None, now: Callable[[], datetime]
    ) -> None:
        super().__init__(relation.shape, DEFAULT_LAG if lag is None else lag)
        self._database = database
        self._relation = relation
        self._now = now

    def changes(self, since: str | None, want: Want) -> Changes:
        """The records that changed after the cursor; see `koppel.connectors.sql.read`."""
        cursor = take_cursor(self._database, self._now)
        if since is None or self._shape.modified is None:
            return Changes(cursor, True, all_pages(self._database, self._relation, want, self._now))
        after = datetime.fromisoformat(since) - self._lag
        return Changes(cursor, False, changed_pages(self._database, self._relation, want, self._now, after))

    def fetch(self, ids: pl.Series, want: Want) -> pl.DataFrame:
        """The records with these ids."""
        with self._database.connection() as connection:
            return fetch_page(connection, self._relation, ids, want.fields, self._now()).frame

    def find(self, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
        """OP and ID of every record equal in all key fields."""
        return find(self._database, self._relation, keys, ignore_case, self._now)

    def write(self, write: Write) -> pl.DataFrame:
        """Carry out one write in one transaction."""
        return write_rows(self._database, self._relation, write, self._now)

    def reserve(self, count: int) -> pl.Series:
        """`count` new ids: AUTOINCREMENT never gives a number again that its sequence has passed."""
        assert self._shape.key_origin is KeyOrigin.RESERVED, "only AUTOINCREMENT keys can be reserved"
        with self._database.connection() as connection, immediate(connection):
            first = self._last_number(connection) + 1
            last = first + count - 1
            name = self._relation.name
            sql = "UPDATE sqlite_sequence SET seq = ? WHERE name = ?"
            if connection.execute(sql, (last, name)).rowcount == 0:  # no record was ever added
                connection.execute("INSERT INTO sqlite_sequence (seq, name) VALUES (?, ?)", (last, name))
        return pl.Series(ID, [str(number) for number in range(first, last + 1)], dtype=pl.String)

    def _last_number(self, connection: sqlite3.Connection) -> int:
        key, source = quoted(self._relation.key[0]), quoted(self._relation.name)
        given = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (self._relation.name,)).fetchone()
        highest = connection.execute(f"SELECT max({key}) FROM {source}").fetchone()[0]
        return max(0, given[0] if given else 0, highest or 0)
