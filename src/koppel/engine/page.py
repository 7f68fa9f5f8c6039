"""One page of pairs, both sides read and lined up row by row: ids, values, fingerprints, baselines."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from koppel.engine.context import JobContext
from koppel.model.coupling import COUPLING, LEFT_ID, RIGHT_ID
from koppel.model.policy import FilterScope, Side
from koppel.model.values import FAULT, ID, VERSION
from koppel.ports import Want
from koppel.reconcile.classify import Codes, Fingerprints, Mask, moves
from koppel.transform.filter import to_polars
from koppel.transform.translate import prints, raw

_IDS = (LEFT_ID, RIGHT_ID)
_BASES = ("left_base", "right_base")
VERSIONS = ("left_version", "right_version")
_PRESENT = "@present"


@dataclass(frozen=True)
class Page:
    """`pairs`: PAIR_SCHEMA. Everything else is aligned with its rows; tuples are (left, right).

    `records`: what was read (nulls where there is no record); `values`: per line; `prints`, `base`: pairs × cells.
    """

    pairs: pl.DataFrame
    records: tuple[pl.DataFrame, pl.DataFrame]
    values: tuple[list[pl.Series], list[pl.Series]]
    exists: tuple[Mask, Mask]
    in_scope: tuple[Mask, Mask]
    prints: tuple[Fingerprints, Fingerprints]
    base: tuple[Fingerprints, Fingerprints]

    def __len__(self) -> int:
        """How many pairs."""
        return len(self.pairs)

    @property
    def coupled(self) -> Mask:
        """Which pairs are couplings."""
        return self.pairs[COUPLING].is_not_null().to_numpy()

    def ids(self, side: Side) -> pl.Series:
        """The records' ids on `side`."""
        return self.pairs[_IDS[side]]

    def moves(self, side: Side) -> Codes:
        """How every cell of `side` moved."""
        return moves(self.prints[side], self.base[side])

    def faults(self) -> pl.Series:
        """Why a record of the pair could not be read, or null."""
        return self.records[0].select(pl.coalesce(pl.col(FAULT), self.records[1][FAULT])).to_series()

    def take(self, keep: Mask) -> "Page":
        """The page with these pairs only."""
        if keep.all():
            return self
        mask = pl.Series(keep)
        rows = np.flatnonzero(keep)
        return Page(
            self.pairs.filter(mask),
            (self.records[0].filter(mask), self.records[1].filter(mask)),
            ([v.filter(mask) for v in self.values[0]], [v.filter(mask) for v in self.values[1]]),
            (self.exists[0][rows], self.exists[1][rows]),
            (self.in_scope[0][rows], self.in_scope[1][rows]),
            (self.prints[0][rows], self.prints[1][rows]),
            (self.base[0][rows], self.base[1][rows]),
        )

    def with_pairs(self, pairs: pl.DataFrame) -> "Page":
        """The same page with other ids or coupling numbers in its rows."""
        return replace(self, pairs=pairs)


def read_page(context: JobContext, pairs: pl.DataFrame) -> Page:
    """Fetch both records of every pair and line them up."""
    records = tuple(_read(context, side, pairs) for side in Side)
    exists = tuple(frame[_PRESENT].fill_null(False).to_numpy() for frame in records)
    values = tuple(raw(context.bound.lines, side, records[side]) for side in Side)
    scope = tuple(inside_filter(context, side, records[side], pairs[COUPLING]) & exists[side] for side in Side)
    base = tuple(_base(context, pairs, _BASES[side]) for side in Side)
    return Page(
        pairs,
        (records[0], records[1]),
        (values[0], values[1]),
        (exists[0], exists[1]),
        (scope[0], scope[1]),
        (prints(context.bound, Side.LEFT, values[0]), prints(context.bound, Side.RIGHT, values[1])),
        (base[0], base[1]),
    )


def _read(context: JobContext, side: Side, pairs: pl.DataFrame) -> pl.DataFrame:
    """The records of one side, one row per pair; all null where there is none."""
    ids = pairs[_IDS[side]].alias(ID)
    want = Want(context.bound.wanted(side))
    found = context.tables[side].table.fetch(ids.drop_nulls(), want).with_columns(pl.lit(True).alias(_PRESENT))
    return (
        ids.to_frame()
        .join(found, on=ID, how="left", maintain_order="left")
        .select(ID, VERSION, FAULT, *want.fields, _PRESENT)
    )


def inside_filter(context: JobContext, side: Side, records: pl.DataFrame, couplings: pl.Series) -> Mask:
    """Whether each record is inside the mapping's filter (one evaluator for all systems). `couplings`: null where a
    record has none.
    """
    filter_ = context.bound.mapping.options(side).filter
    if filter_ is None:
        return np.ones(len(records), dtype=np.bool_)
    inside = records.select(to_polars(filter_, context.bound.shape(side)).fill_null(False)).to_series().to_numpy()
    if context.bound.mapping.filter_scope is FilterScope.NEW_RECORDS:
        inside = inside | couplings.is_not_null().to_numpy()
    return inside.astype(np.bool_)


def _base(context: JobContext, pairs: pl.DataFrame, column: str) -> Fingerprints:
    """The stored baseline in the columns of today's layout; a cell the stored layout did not have is unseen."""
    base = np.zeros((len(pairs), context.bound.cells), dtype=np.uint64)
    layouts = pairs["layout"].fill_null(0).to_numpy()
    for number in np.unique(layouts):
        entries = context.layouts.get(int(number), ())
        rows = np.flatnonzero(layouts == number)
        if entries:
            stored = unpack(pairs[column].gather(rows), len(entries))
            for cell, entry in enumerate(context.bound.layout):
                if entry in entries:
                    base[rows, cell] = stored[:, entries.index(entry)]
    return base


def pack(prints_: Fingerprints) -> pl.Series:
    """Rows of fingerprints as packed bytes, as the store keeps them."""
    if not prints_.size:
        return pl.Series([b""] * len(prints_), dtype=pl.Binary)
    rows = np.ascontiguousarray(prints_, dtype="<u8").view(f"V{prints_.shape[1] * 8}")
    return pl.Series(rows.ravel().tolist(), dtype=pl.Binary)


def unpack(packed: pl.Series, cells: int) -> npt.NDArray[np.uint64]:
    """Packed bytes back to rows of fingerprints."""
    return np.frombuffer(b"".join(packed.to_list()), dtype="<u8").reshape(len(packed), cells).astype(np.uint64)
