"""One batch of changes to one table, and what became of each row.

A write is a frame plus a mask: a null in the frame is a null to be stored, a False in the mask is a field that is not
sent.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl

CODE = "@code"
FIELD = "@field"
MESSAGE = "@message"
ALTERED = "@altered"
"""In the outcomes of a write, where a connector can tell: the fields of a written row (List of String, null: none) of
which the system keeps something else than was sent, and not merely the same in its own spelling.
"""


class WriteKind(StrEnum):
    """What a write does with its rows."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Outcome(StrEnum):
    """What became of one row of a write."""

    WRITTEN = "written"
    STALE = "stale"
    """The record is not what it was when it was read, or could not be written now; nothing was changed, and it is
    decided again."""
    MISSING = "missing"
    """There is no such record any more."""
    REFUSED = "refused"
    """The system does not take it; FIELD and MESSAGE say why. Nothing of this row was changed."""
    UNKNOWN = "unknown"
    """Its fate cannot be known from here."""


@dataclass(frozen=True)
class Write:
    """One batch to one table.

    `rows`: OP (Int64, unique in the write), ID (String; null on creates where the system gives the key) and one column
    per name in `fields`. `mask`: bool, rows × fields. `expected` (updates and deletes): OP and the fields as they were
    read; a row whose record does not hold exactly these values any more is STALE. `want`: the fields whose stored
    values come back in the outcomes.
    """

    kind: WriteKind
    rows: pl.DataFrame
    fields: tuple[str, ...]
    mask: npt.NDArray[np.bool_]
    expected: pl.DataFrame | None
    want: tuple[str, ...]
    stamp: datetime
    """The moment koppel puts into the change stamp (UTC)."""

    def __post_init__(self) -> None:
        """A write is rectangular."""
        assert self.mask.shape == (len(self.rows), len(self.fields)), (
            "the mask has a row per row and a column per field"
        )
