"""One table of a database, as `koppel.ports.Table` asks for it."""

from datetime import timedelta

import polars as pl

from koppel.connectors.agreed.table import DatabaseTable
from koppel.connectors.postgresql.catalog import sequence_numbers
from koppel.connectors.postgresql.cursor import Clock, Cursor, take_cursor
from koppel.connectors.postgresql.database import Database
from koppel.connectors.postgresql.find import find
from koppel.connectors.postgresql.read import all_pages, changed_pages, fetch_page
from koppel.connectors.postgresql.reflect import Relation
from koppel.connectors.postgresql.write import write_rows
from koppel.model.values import ID, KeyOrigin
from koppel.model.write import Write
from koppel.ports import Changes, Want


class PostgresTable(DatabaseTable):
    """A table or view; made by `PostgresSystem.table`. `caveat`: see `Features`."""

    def __init__(self, database: Database, relation: Relation, lag: timedelta, clock: Clock, caveat: str) -> None:
        super().__init__(relation.shape, lag, caveat)
        self._database = database
        self._relation = relation
        self._clock = clock

    def changes(self, since: str | None, want: Want) -> Changes:
        """The records that changed after the cursor. `want.filter` is left to the engine: PostgreSQL's collations and
        the filter's own meaning of order and LIKE would have to be proven the same first.
        """
        cursor = take_cursor(self._database, self._clock, since)
        if since is None or self._shape.modified is None:
            return Changes(str(cursor), True, all_pages(self._database, self._relation, want, self._clock))
        after = Cursor.of(since).safe - self._lag
        return Changes(str(cursor), False, changed_pages(self._database, self._relation, want, self._clock, after))

    def fetch(self, ids: pl.Series, want: Want) -> pl.DataFrame:
        """The records with these ids."""
        with self._database.connection() as connection:
            return fetch_page(connection, self._relation, ids, want.fields, self._clock).frame

    def find(self, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
        """OP and ID of every record equal in all key fields."""
        return find(self._database, self._relation, keys, ignore_case, self._clock)

    def write(self, write: Write) -> pl.DataFrame:
        """Carry out one write in one transaction."""
        return write_rows(self._database, self._relation, write, self._clock)

    def reserve(self, count: int) -> pl.Series:
        """`count` new ids from the sequence of the key."""
        sequence = self._relation.columns[self._relation.key[0]].attribute.sequence
        assert self._shape.key_origin is KeyOrigin.RESERVED, "only numbers of a sequence can be reserved"
        assert sequence is not None, "a reserved key has a sequence"
        with self._database.connection() as connection:
            return pl.Series(ID, sequence_numbers(connection, sequence, count), dtype=pl.String)
