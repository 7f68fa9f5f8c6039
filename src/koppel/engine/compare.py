"""Comparing while reading: where every coupling is to be compared, the feeds bring the values along, and a record that
still says what its baseline says need not be read again.

Only a pair both of whose records do is spared; whoever is not named, differs, or cannot be read is looked at as always.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.page import inside_filter, unpack
from koppel.model.coupling import COUPLING, PRINT_BYTES
from koppel.model.policy import Side
from koppel.model.values import FAULT, ID, VERSION
from koppel.ports import Want
from koppel.reconcile.classify import Fingerprints, Mask
from koppel.transform.translate import prints, raw

_NAMED, _SAME = 1, 2
"""Bits of a mark, for the left; those of the right stand two places higher."""

_NO_CELLS: Fingerprints = np.empty((0, 0), dtype=np.uint64)


class Comparison:
    """What the feeds of a job told of its couplings, a byte for each. `compares`: whether values are read and compared,
    or it is only noted who is there.
    """

    def __init__(self, context: JobContext) -> None:
        """About all couplings that there are now."""
        self._context = context
        self._numbers = context.store.coupling_numbers(context.name)
        self._marks = np.zeros(len(self._numbers), dtype=np.uint8)
        self.compares = bool(self._numbers) and context.asked.forced is None

    def want(self, side: Side) -> Want:
        """What the feed of `side` is asked for."""
        return Want(self._context.bound.wanted(side) if self.compares else ())

    def prepared(self, side: Side, pages: Iterator[pl.DataFrame]) -> Iterator[tuple[pl.DataFrame, Fingerprints]]:
        """The pages with the fingerprints (records × cells) of what they hold; done where they are read."""
        bound = self._context.bound
        for page in pages:
            yield page, prints(bound, side, raw(bound.lines, side, page)) if self.compares else _NO_CELLS

    def noted(self, side: Side, page: pl.DataFrame, cells: Fingerprints) -> pl.Series:
        """Note what records say of their couplings; which of them have none."""
        context = self._context
        known = context.store.baselines(context.name, side, page[ID], context.layout)
        agreed = page.select(ID).join(known, on=ID, how="left", maintain_order="left")
        coupled = agreed[COUPLING].is_not_null()
        same = self._same(side, page, cells, agreed) if self.compares else np.zeros(len(page), dtype=np.bool_)
        self._mark(side, agreed[COUPLING].filter(coupled).to_numpy(), same[coupled.to_numpy()])
        return ~coupled

    def _same(self, side: Side, page: pl.DataFrame, cells: Fingerprints, agreed: pl.DataFrame) -> Mask:
        """Whether records can be read, are inside the filter, and are what was last agreed: version and every cell."""
        whole = agreed["base"].bin.size() == cells.shape[1] * PRINT_BYTES
        hopeful = whole & page[FAULT].is_null() & page[VERSION].eq_missing(agreed["version"])
        same: Mask = hopeful.fill_null(False).to_numpy() & inside_filter(self._context, side, page, agreed[COUPLING])
        rows = np.flatnonzero(same)
        same[rows] = (unpack(agreed["base"].gather(rows), cells.shape[1]) == cells[rows]).all(axis=1)
        return same

    def _mark(self, side: Side, numbers: npt.NDArray[np.int64], same: Mask) -> None:
        """The last word about a record stands. A coupling that was made meanwhile has no place, and is looked at."""
        at = numbers - self._numbers.start
        here = (at >= 0) & (at < len(self._marks))
        place = at[here]
        bits = np.where(same[here], _NAMED | _SAME, _NAMED).astype(np.uint8) << (2 * side)
        self._marks[place] = self._marks[place] & ~np.uint8((_NAMED | _SAME) << (2 * side)) | bits

    def named(self, side: Side) -> int:
        """How many couplings' records the feed of `side` named."""
        return int(np.count_nonzero(self._marks & (_NAMED << (2 * side))))

    @property
    def end(self) -> int:
        """Higher than the number of every coupling there was."""
        return self._numbers.stop

    def rest(self) -> pl.Series | None:
        """The numbers among which the couplings are that need a second look; None: all of them."""
        both = _SAME | _SAME << 2
        spared = (self._marks & both) == both
        return pl.Series(np.flatnonzero(~spared) + self._numbers.start) if spared.any() else None
