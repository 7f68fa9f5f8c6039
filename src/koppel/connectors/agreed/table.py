"""What tables of databases have in common behind `koppel.ports.Table`."""

from datetime import timedelta
from typing import ClassVar

from koppel.model.values import TableShape
from koppel.ports import Features, Feed


class DatabaseTable:
    """A table or view. `lag`, `caveat`: see `Features`."""

    batch_rows: ClassVar[int] = 10_000
    elsewhere: ClassVar[bool] = True

    def __init__(self, shape: TableShape, lag: timedelta, caveat: str = "") -> None:
        self._shape = shape
        self._lag = lag
        self._caveat = caveat

    @property
    def features(self) -> Features:
        """What this table can do. A view takes no writes: all its fields are read-only."""
        return Features(
            feed=Feed.FULL if self._shape.modified is None else Feed.MODIFIED_ON,
            reports_deletions=False,
            conditional_writes=True,
            returns_stored=True,
            atomic_batch=True,
            batch_rows=self.batch_rows,
            lag=self._lag,
            elsewhere=self.elsewhere,
            caveat=self._caveat,
        )

    def describe(self) -> TableShape:
        """Its fields, key and change stamp, as they were when it was opened."""
        return self._shape
