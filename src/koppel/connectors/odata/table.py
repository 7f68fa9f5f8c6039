"""One entity set, as `koppel.ports.Table` asks for it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import polars as pl

from koppel.connectors.agreed.look_up import comparable, hits, nothing_found
from koppel.connectors.odata.batch import MOST
from koppel.connectors.odata.filter import Manners, pushed
from koppel.connectors.odata.finding import questions
from koppel.connectors.odata.reading import Source, bounded
from koppel.connectors.odata.stamps import stamped_from
from koppel.connectors.odata.writing import write_rows
from koppel.errors import BadAnswer
from koppel.model.values import OP, TableShape
from koppel.model.write import Write
from koppel.ports import Changes, Features, Feed, Want

BATCH_ROWS = MOST
"""Rows of a write where each is a request of its own."""

BATCHES_A_LANE = 5
"""How many batches of a write each lane sends: enough that no lane waits long for the slowest one at the end, few
enough that a slow service is done with them within a call.
"""

_NO_ETAGS = (
    "the service does not say that its records carry etags: an edit made between koppel's look and its write may be"
    " overwritten"
)


class OdataTable:
    """An entity set; made by `OdataSystem.table`. `now`: the service's clock."""

    def __init__(
        self, source: Source, shape: TableShape, lag: timedelta, manners: Manners, now: Callable[[], datetime]
    ) -> None:
        self._source = source
        self._shape = shape
        self._lag = lag
        self._manners = manners
        self._now = now

    @property
    def features(self) -> Features:
        """What this table can do. A row is a request, so a part of a write may be carried out, also of a batch: what
        services say of atomicity is not relied upon. With batches a write has some for every lane.
        """
        batches = 1 if self._source.batches is None else BATCHES_A_LANE * self._source.session.limits.most_lanes
        etags = self._source.entity_set.etags
        return Features(
            feed=Feed.FULL if self._shape.modified is None else Feed.MODIFIED_ON,
            reports_deletions=False,
            conditional_writes=etags,
            returns_stored=True,
            atomic_batch=False,
            batch_rows=BATCH_ROWS * batches,
            lag=self._lag,
            caveat="" if etags else _NO_ETAGS,
        )

    def describe(self) -> TableShape:
        """Its fields, key and change stamp, as they were when it was opened."""
        return self._shape

    def changes(self, since: str | None, want: Want) -> Changes:
        """The records that changed after the cursor, which is a moment of the service's clock. Of `want.filter` the
        service is asked what it is sure to understand as koppel does.
        """
        cursor = self._now()
        stamp, after = self._shape.modified, None
        if since is not None and stamp is not None:
            after = stamped_from(stamp, datetime.fromisoformat(since) - self._lag)
        return Changes(cursor.isoformat(), after is None, self._pages(want.fields, self._pushed(want, after)))

    def _pushed(self, want: Want, more: str | None = None) -> str | None:
        return pushed(want.filter, self._source.entity_set.properties, self._manners, more)

    def _pages(self, fields: tuple[str, ...], condition: str | None) -> Iterator[pl.DataFrame]:
        return (self._shown(page.frame, fields) for page in self._source.pages(fields, condition))

    def _shown(self, frame: pl.DataFrame, fields: tuple[str, ...]) -> pl.DataFrame:
        """Without the key and the stamp where nobody asked for them."""
        return frame.select(name for name in frame.columns if name.startswith("@") or name in fields)

    def fetch(self, ids: pl.Series, want: Want) -> pl.DataFrame:
        """The records with these ids."""
        return self._shown(self._source.fetch(ids, want.fields).frame, want.fields)

    def find(self, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
        """OP and ID of every record equal in all key fields. The service is asked for what it surely finds; else the
        table is read (`finding.questions` says when).
        """
        fields = tuple(name for name in keys.columns if name != OP)
        wanted = comparable(keys, fields, ignore_case)
        if wanted.is_empty():
            return nothing_found()
        asked = questions(self._source.entity_set.properties, wanted, self._manners, ignore_case)
        return hits(
            self._pages(fields, None) if asked is None else self._asked(fields, asked), wanted, fields, ignore_case
        )

    def _asked(self, fields: tuple[str, ...], conditions: list[str]) -> Iterator[pl.DataFrame]:
        """The records under these conditions; all of them where the service does not take such a question."""
        try:
            found = [page.frame for page in self._source.under_each(fields, bounded(conditions))]
        except BadAnswer:  # were it something else, reading everything meets and tells it too
            return self._pages(fields, None)
        return (self._shown(frame, fields) for frame in found)

    def write(self, write: Write) -> pl.DataFrame:
        """Carry out one write, a request per row, each alone or many in one."""
        return write_rows(self._source, write)

    def reserve(self, count: int) -> pl.Series:
        """Never asked for: no key of an entity set can be reserved, and its shape says so."""
        raise AssertionError(f"{count} ids of {self._shape.name} cannot be reserved")
