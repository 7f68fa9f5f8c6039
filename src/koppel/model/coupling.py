"""Couplings as pages of columns, and everything else the store moves together with them.

A coupling is the fact that two records are one thing. Its baseline is a packed array of fingerprints per side, one per
cell of a `layout`; its versions are empty (null) while a cell of that side is not settled: look again.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from koppel.model.job import Tally
from koppel.model.policy import Side
from koppel.model.write import WriteKind

COUPLING = "coupling"
LEFT_ID, RIGHT_ID = "left_id", "right_id"

PRINT_BYTES = 8
"""How many bytes a fingerprint takes in a baseline."""

COUPLING_SCHEMA = pl.Schema(
    {
        COUPLING: pl.Int64(),  # null: not coupled (yet)
        LEFT_ID: pl.String(),
        RIGHT_ID: pl.String(),
        "left_version": pl.String(),
        "right_version": pl.String(),
        "left_base": pl.Binary(),
        "right_base": pl.Binary(),
        "layout": pl.Int64(),
        "generation": pl.Int64(),  # bumped by every manual verb; a settle of an older one changes nothing
        "recovered": pl.Boolean(),  # a write of unknown fate was looked up: a conflict is always asked
    }
)

PAIR_SCHEMA = pl.Schema({**COUPLING_SCHEMA, "left_due": pl.Boolean(), "right_due": pl.Boolean()})
"""A pair to be looked at: a coupling or a lone record, and which side's feed named it."""

ERROR_SCHEMA = pl.Schema(
    {
        "side": pl.Int64(),
        "record": pl.String(),
        "other": pl.String(),
        "code": pl.String(),
        "field": pl.String(),
        "message": pl.String(),
        "print": pl.Binary(),  # fingerprint of the source; an edit lifts a skip
        "skipped": pl.Boolean(),  # failed the same way in another job before: waits for a person
    }
)

CONFLICT_SCHEMA = pl.Schema(
    {
        COUPLING: pl.Int64(),
        LEFT_ID: pl.String(),
        RIGHT_ID: pl.String(),
        "kind": pl.String(),  # a ConflictKind
        "fields": pl.List(pl.String()),
        "left_values": pl.List(pl.String()),
        "right_values": pl.List(pl.String()),
        "left_print": pl.Binary(),
        "right_print": pl.Binary(),
    }
)

ASIDE_SCHEMA = pl.Schema({COUPLING: pl.Int64(), "kind": pl.String()})


class ConflictKind(StrEnum):
    """What a person is asked about."""

    UPDATE = "update"
    FIRST_CONTACT = "first contact"
    DELETION = "deletion"


class Waiting(StrEnum):
    """Codes of the retry set that never lead to skipping: nothing is wrong with the record itself."""

    WAITING = "waiting"
    STALE = "stale"
    UNKNOWN = "unknown_outcome"
    LOST = "answer_lost"
    """The system broke off when it was written, and has not carried it out. It may do so over a whole night; a record
    over which it always does is an error in every run, and keeps nobody else out."""


@dataclass(frozen=True)
class History:
    """Before and after of the updates and deletes of one write: a compressed frame, and the records it speaks of."""

    side: Side
    records: list[str]
    blob: bytes


def _empty(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class Settlement:
    """Everything that moves in one transaction once an outcome is known: nothing else moves a coupling, an error or a
    conflict.

    `couplings`: new (COUPLING null) or moved ones. `uncoupled`: couplings to be taken away, `apart`: those whose
    records are never matched again (a pair both of whose records are gone is not: a natural key may come back).
    `errors`, `conflicts`: opened or seen again. `cleared`: records (`side`, `record`) without an error, `agreed`:
    couplings without a conflict.
    """

    couplings: pl.DataFrame = field(default_factory=lambda: _empty(COUPLING_SCHEMA))
    uncoupled: tuple[int, ...] = ()
    apart: tuple[int, ...] = ()
    errors: pl.DataFrame = field(default_factory=lambda: _empty(ERROR_SCHEMA))
    cleared: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"side": pl.Int64(), "record": pl.String()})
    )
    conflicts: pl.DataFrame = field(default_factory=lambda: _empty(CONFLICT_SCHEMA))
    agreed: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int64))
    history: History | None = None
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class Intent:
    """One write as the journal keeps it until it is settled. `rows`: see INTENT_SCHEMA; `history`: what it is going to
    replace.
    """

    side: Side
    kind: WriteKind
    rows: pl.DataFrame
    history: History | None = None


INTENT_SCHEMA = pl.Schema(
    {
        "op": pl.Int64(),
        COUPLING: pl.Int64(),
        LEFT_ID: pl.String(),
        RIGHT_ID: pl.String(),
        "source": pl.Binary(),  # the source side's cells as they were observed
        "sent": pl.Binary(),  # the destination's cells as they will be stored; 0 where not sent
        "lookup": pl.String(),  # by what a generated or changed key is found again
        "layout": pl.Int64(),  # in which `source` and `sent` are packed
    }
)
