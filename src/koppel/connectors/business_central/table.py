"""One page, as `koppel.ports.Table` asks for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from koppel.connectors.business_central.numbers import reserve
from koppel.connectors.business_central.source import PageSource
from koppel.connectors.business_central.tracking import Tracking, version_of
from koppel.connectors.business_central.writing import write_rows
from koppel.connectors.odata.batch import MOST
from koppel.connectors.odata.filter import Manners
from koppel.connectors.odata.reading import PAGE_ROWS
from koppel.connectors.odata.table import OdataTable
from koppel.model.cost import Rates
from koppel.model.numbers import NumberRange
from koppel.model.values import TableShape
from koppel.model.write import Write
from koppel.ports import Changes, Features, Feed, NumberKeeper, Want

MANNERS = Manners(exact_text=True, codes=True, choices=False, or_of_fields=False, nulls=False)
"""Case counts, codes are stored as codes, enums may not be filtered, OR knows one field, nothing is null (wire 2.3)."""

_UNTRACKED = "deletions are found only by reading all ids; pages of an app tell them (koppel export --al)"
_COMPUTED = "{} is computed: a change of it alone is seen only when everything is compared"

_EFFECTS = (
    "extensions, webhooks and flows that listen run for every record; customers and vendors change their contacts"
)
_RATES = Rates(PAGE_ROWS, MOST, 4, 0.2, 0.1, 6000, timedelta(minutes=5), _EFFECTS)
"""Limits: wire 2.6. Seconds: rules of thumb, not measured at a live tenant."""


@dataclass(frozen=True)
class Reserving:
    """What numbers are reserved from. `field`: the one that takes them."""

    field: str
    range: NumberRange
    keeper: NumberKeeper


class PageTable(OdataTable):
    """A page of a company; made by `BusinessCentralSystem.table`. `now`: the service's clock."""

    _source: PageSource

    def __init__(
        self,
        source: PageSource,
        shape: TableShape,
        lag: timedelta,
        now: Callable[[], datetime],
        tracking: Tracking | None,
        reserving: Reserving | None,
    ) -> None:
        super().__init__(source, shape, lag, MANNERS, now)
        self._tracking = tracking
        self._reserving = reserving

    @property
    def features(self) -> Features:
        """What this page can do: by change stamp, or by row version where an app shows it."""
        computed = _COMPUTED.format(", ".join(self._source.page.computed)) if self._source.page.computed else ""
        caveats = ("" if self._tracking else _UNTRACKED, computed)
        features = replace(super().features, caveat="; ".join(filter(None, caveats)), rates=_RATES)
        return features if self._tracking is None else replace(features, feed=Feed.TOKEN, reports_deletions=True)

    def changes(self, since: str | None, want: Want) -> Changes:
        """The records that changed after the cursor. One of the other way to read is answered in full."""
        if self._tracking is None:
            return super().changes(None if since is not None and version_of(since) is not None else since, want)
        version = None if since is None else version_of(since)
        cursor, pushed = self._tracking.cursor(), self._pushed(want)
        if version is None:
            return Changes(cursor, True, self._pages(want.fields, pushed))
        return Changes(cursor, False, self._changed(self._tracking, version, want, pushed))

    def _changed(self, tracking: Tracking, version: int, want: Want, pushed: str | None) -> Iterator[pl.DataFrame]:
        return (self._shown(frame, want.fields) for frame in tracking.changed(version, want.fields, pushed))

    def write(self, write: Write) -> pl.DataFrame:
        """Carry out one write; see `writing`."""
        return write_rows(self._source, write)

    def reserve(self, count: int) -> pl.Series:
        """`count` numbers of the range that is koppel's own. Raises ConfigurationError when it is used up."""
        assert self._reserving is not None, "numbers are reserved only where a mapping says so"
        reserving = self._reserving
        return reserve(self._source, reserving.field, reserving.range, reserving.keeper, count)
