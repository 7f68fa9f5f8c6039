"""Fingerprints: one unsigned 64-bit number per value, by which a side is compared with its own past (DESIGN 4).

xxh3-64 of the canonical text, computed by polars-hash, bit for bit what the xxhash reference gives. 0 is kept for
"never seen", 1 for a blank and 2 for "not kept"; a text that hashes to one of these is counted as 3, so that no text
passes for any of them.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash

from koppel.model.values import FieldShape
from koppel.transform.canonical import canonical

CANONICAL_VERSION = 1
"""The edition of all canonical forms; a new one makes every stored baseline unseen."""

UNSEEN = 0
BLANK = 1
NOT_KEPT = 2
"""Stands in the baseline of a value that was sent and that the other side does not keep: whatever the field holds, it
has moved since.
"""


def fingerprints(frame: pl.DataFrame, fields: Sequence[FieldShape]) -> npt.NDArray[np.uint64]:
    """Fingerprints of these columns of the frame: uint64, rows × fields, in the order of `fields`. Never 0."""
    if not fields:
        return np.empty((len(frame), 0), dtype=np.uint64)
    hashes = [_hash(canonical(field)).alias(str(place)) for place, field in enumerate(fields)]
    columns = frame.select(hashes).get_columns()
    table = np.empty((len(frame), len(fields)), dtype=np.uint64)
    for place, column in enumerate(columns):
        table[:, place] = column.to_numpy()
    return table


def layout_entry(left: FieldShape | None, right: FieldShape | None, name: str) -> str:
    """Short stable text that changes when a stored baseline speaks of something else: another field, kind or form.

    Length, scale and choices are left out on purpose: they do not change the canonical text of a value.
    """
    ends = [f"{field.name}\x1f{field.kind}" if field else "" for field in (left, right)]
    text = "\x1e".join([str(CANONICAL_VERSION), name, *ends])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _hash(text: pl.Expr) -> pl.Expr:
    """The hash of the text; null, which polars-hash leaves null, is the blank."""
    hashed = polars_hash.NonCryptographicHashingNameSpace(text).xxh3_64()
    return hashed.clip(lower_bound=NOT_KEPT + 1).fill_null(pl.lit(BLANK, dtype=pl.UInt64))
