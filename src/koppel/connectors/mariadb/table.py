"""One table of a database, as `koppel.ports.Table` asks for it."""

from datetime import datetime, timedelta

import polars as pl

from koppel.connectors.agreed.table import DatabaseTable
from koppel.connectors.mariadb.catalog import next_numbers
from koppel.connectors.mariadb.cursor import Watch
from koppel.connectors.mariadb.database import Database
from koppel.connectors.mariadb.find import find
from koppel.connectors.mariadb.read import Reader
from koppel.connectors.mariadb.reflect import Relation
from koppel.connectors.mariadb.write import Writer
from koppel.model.values import ID, KeyOrigin
from koppel.model.write import Write
from koppel.ports import Changes, Want


class MariaTable(DatabaseTable):
    """A table or view; made by `MariaSystem.table`. `caveat`: see `Features`."""

    def __init__(self, database: Database, relation: Relation, watch: Watch, lag: timedelta, caveat: str) -> None:
        super().__init__(relation.shape, lag, caveat)
        self._database = database
        self._relation = relation
        self._watch = watch
        self._reader = Reader(database, relation, watch, lag)
        self._writer = Writer(self._reader, watch)

    def changes(self, since: str | None, want: Want) -> Changes:
        """The records that changed after the cursor; a filter leaves out what SQL can tell exactly."""
        cursor = self._watch.look().safe.isoformat()
        if since is None or self._shape.modified is None:
            return Changes(cursor, True, self._reader.everything(want))
        return Changes(cursor, False, self._reader.changed(want, datetime.fromisoformat(since) - self._lag))

    def fetch(self, ids: pl.Series, want: Want) -> pl.DataFrame:
        """The records with these ids."""
        with self._database.connection() as connection:
            return self._reader.fetch(connection, ids, want.fields)

    def find(self, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
        """OP and ID of every record equal in all key fields."""
        return find(self._reader, keys, ignore_case)

    def write(self, write: Write) -> pl.DataFrame:
        """Carry out one write in one transaction."""
        return self._writer.write(write)

    def reserve(self, count: int) -> pl.Series:
        """`count` new ids from the sequence of the key."""
        sequence = self._relation.sequence
        assert self._shape.key_origin is KeyOrigin.RESERVED, "only numbers of a sequence can be reserved"
        assert sequence is not None, "a reserved key has a sequence"
        with self._database.connection() as connection:
            return pl.Series(ID, next_numbers(connection, sequence, count), dtype=pl.String)
