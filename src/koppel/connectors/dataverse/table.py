"""One table, as `koppel.ports.Table` asks for it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from koppel.connectors.dataverse.finding import find
from koppel.connectors.dataverse.sending import ROWS_AT_ONCE
from koppel.connectors.dataverse.source import PAGE_ROWS, Source
from koppel.connectors.dataverse.targets import Targets
from koppel.connectors.dataverse.tracking import Link, Reading, Tracking
from koppel.connectors.dataverse.writing import write_rows
from koppel.connectors.odata.filter import Manners, pushed
from koppel.connectors.odata.stamps import stamped_from
from koppel.model.cost import Rates
from koppel.model.values import FAULT, ID, VERSION, TableShape
from koppel.model.write import Write
from koppel.ports import Changes, Features, Feed, Want

BATCH_ROWS = 2000
"""Rows of a write: some requests for every lane, done within a call also where the service is slow."""

_EFFECTS = "plug-ins, workflows and flows run for every row written (initial_load = true holds back your own)"
_QUIET = "your own plug-ins, workflows and flows are held back (initial_load); switch it off after the first full run"
_RATES = Rates(PAGE_ROWS, ROWS_AT_ONCE, 8, 0.2, 0.03, 6000, timedelta(minutes=5), _EFFECTS)
"""Limits: wire 1.9. Seconds: rules of thumb, not measured at a live environment."""

_UNTRACKED = (
    "change tracking is off: deletions are found only by reading all ids; turn on 'Track changes' in the properties of"
    " the table"
)
_NO_ETAGS = "the table has no optimistic concurrency: an edit made between koppel's look and its write is overwritten"
_HIDDEN = "column security hides {columns}: a record of which one is mapped is an error, never a blank"


class DataverseTable:
    """A table; made by `DataverseSystem.table`. `now`: the service's clock."""

    def __init__(
        self, source: Source, shape: TableShape, lag: timedelta, targets: Targets, now: Callable[[], datetime]
    ) -> None:
        self._source = source
        self._shape = shape
        self._lag = lag
        self._targets = targets
        self._now = now
        self._tracking = Tracking(source)

    @property
    def features(self) -> Features:
        """What this table can do. A write is several requests, so a part of it may be carried out."""
        definition = self._source.definition
        feed = Feed.MODIFIED_ON if self._shape.modified else Feed.FULL
        hidden = _HIDDEN.format(columns=", ".join(definition.hidden)) if definition.hidden else ""
        caveats = ("" if definition.tracked else _UNTRACKED, "" if definition.etags else _NO_ETAGS, hidden)
        return Features(
            feed=Feed.TOKEN if definition.tracked else feed,
            reports_deletions=definition.tracked,
            conditional_writes=definition.etags,
            returns_stored=True,
            atomic_batch=False,
            batch_rows=BATCH_ROWS,
            lag=self._lag,
            rates=_RATES if not self._source.writing else replace(_RATES, effects=_QUIET),
            caveat="; ".join(caveat for caveat in caveats if caveat),
        )

    def describe(self) -> TableShape:
        """Its fields, key and change stamp, as they were when it was opened."""
        return self._shape

    def changes(self, since: str | None, want: Want) -> Changes:
        """By change tracking; where it is off, by change stamp. A link that has expired is answered in full."""
        if not self._source.definition.tracked:
            return self._changed_since(since, want)
        now = self._now()
        link = Link.read(since) if since is not None else None
        reading = self._tracking.since(link, now) if link is not None else None
        if reading is not None:
            return Changes(Link(reading.link, now).text, False, self._changed(reading, want))
        reading = self._tracking.everything()
        return Changes(Link(reading.link, now).text, True, self._everything(reading, want))

    def _everything(self, reading: Reading, want: Want) -> Iterator[pl.DataFrame]:
        """All rows. The page that came with the link has none of their fields."""
        if reading.only is not None and not want.fields:
            yield self._tracking.frame(reading.only)
        else:
            yield from self._pages(want, self._pushed(want))

    def _changed(self, reading: Reading, want: Want) -> Iterator[pl.DataFrame]:
        """Changed rows and deleted ones, whose fields are null."""
        for answer in self._tracking.pages(reading):
            frame = self._tracking.frame(answer)
            if want.fields and len(frame):
                fetched = self.fetch(frame[ID], want)
                gone = frame.filter(~pl.col(ID).is_in(fetched[ID].implode())).with_columns(
                    pl.lit(None, pl.String).alias(VERSION)
                )
                frame = pl.concat([fetched, gone], how="diagonal").select(fetched.columns)
            yield frame

    def _changed_since(self, since: str | None, want: Want) -> Changes:
        """Rows stamped after a moment of the service's clock, less the lag; all where there is no stamp."""
        cursor, moment, stamp, after = self._now(), _moment(since), self._shape.modified, None
        if moment is not None and stamp is not None:
            after = stamped_from(stamp, moment - self._lag)
        return Changes(cursor.isoformat(), after is None, self._pages(want, self._pushed(want, after)))

    def _pushed(self, want: Want, more: str | None = None) -> str | None:
        properties = {name: column.odata for name, column in self._source.definition.columns.items()}
        return pushed(want.filter, properties, Manners(), more)

    def _pages(self, want: Want, condition: str | None) -> Iterator[pl.DataFrame]:
        return (self._shown(page.frame, want) for page in self._source.pages(want.fields, condition))

    def _shown(self, frame: pl.DataFrame, want: Want) -> pl.DataFrame:
        """Without the key and the stamp where nobody asked for them."""
        return frame.select(ID, VERSION, FAULT, *dict.fromkeys(want.fields))

    def fetch(self, ids: pl.Series, want: Want) -> pl.DataFrame:
        """The records with these ids."""
        return self._shown(self._source.fetch(ids, want.fields).frame, want)

    def find(self, keys: pl.DataFrame, ignore_case: bool) -> pl.DataFrame:
        """OP and ID of every record equal in all key fields."""
        return find(self._source, keys, ignore_case)

    def write(self, write: Write) -> pl.DataFrame:
        """Carry out one write; see `writing`."""
        return write_rows(self._source, self._targets, write)

    def reserve(self, count: int) -> pl.Series:
        """Never asked for: whoever creates a row chooses its id, and its shape says so."""
        raise AssertionError(f"{count} ids of {self._shape.name} need not be reserved")


def _moment(since: str | None) -> datetime | None:
    """The moment of a cursor; None when it is one of the time when changes were tracked."""
    try:
        return None if since is None else datetime.fromisoformat(since)
    except ValueError:
        return None
