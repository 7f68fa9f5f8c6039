"""Settling: what really happened, as rows for the store. Per cell; only what arrived moves a baseline (DESIGN 4)."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.page import VERSIONS, Page, pack
from koppel.model.bound import BoundMapping
from koppel.model.coupling import (
    CONFLICT_SCHEMA,
    COUPLING,
    COUPLING_SCHEMA,
    ERROR_SCHEMA,
    LEFT_ID,
    RIGHT_ID,
    ConflictKind,
    Waiting,
)
from koppel.model.policy import Side
from koppel.model.situation import Move
from koppel.model.values import VERSION
from koppel.reconcile.classify import Codes, Fingerprints, Mask
from koppel.transform.convert import REASONS
from koppel.transform.fingerprint import BLANK, NOT_KEPT


@dataclass
class Progress:
    """The baselines of a page while its writes come back: they start as stored and move as values arrive.

    `prints` are what each side holds now, `versions` which edition that is; `ids` those of the pairs, filled in by
    creates.
    """

    base: tuple[Fingerprints, Fingerprints]
    prints: tuple[Fingerprints, Fingerprints]
    versions: list[pl.Series]
    ids: list[pl.Series]
    failed: set[int] = field(default_factory=set)
    """Rows one of whose writes was not carried out: their error stays, whatever becomes of the other side's write."""

    @staticmethod
    def of(page: Page) -> "Progress":
        """The beginning."""
        return Progress(
            (page.base[0].copy(), page.base[1].copy()),
            (page.prints[0].copy(), page.prints[1].copy()),
            [page.records[side][VERSION] for side in Side],
            [page.ids(side) for side in Side],
        )

    def agree(self, cells: Mask) -> None:
        """Both sides say the same in these cells."""
        for side in Side:
            self.base[side][cells] = self.prints[side][cells]


@dataclass(frozen=True)
class Altered:
    """Cells that were sent, and of which the system keeps something else (rows × cells)."""

    filled: Mask
    """A blank was sent."""
    replaced: Mask
    """A value was sent; or made by a resolver, and is not settled before both sides keep it."""

    @staticmethod
    def of(differing: Mask, meant: Fingerprints) -> "Altered":
        """`differing`: the cells; `meant`: the fingerprints of what was sent."""
        return Altered(differing & (meant == BLANK), differing & (meant != BLANK))


def arrived(
    progress: Progress, side: Side, rows: np.ndarray, sent: Mask, stored: Fingerprints, altered: Altered
) -> None:
    """A write to `side` was carried out for these rows: what was sent settles on both sides as it was stored.

    A blank that was left out because the other side is blank too is agreement as well. What the system filled in where
    a blank was sent is a change of that side, like any field it changes; where it keeps another value than it was sent,
    the source stays moved, whatever it says next, until something of it is kept.
    """
    progress.prints[side][rows] = stored
    other = progress.prints[side.other][rows]
    settled = sent | ((stored == BLANK) & (other == BLANK))
    base, source = progress.base[side][rows], progress.base[side.other][rows]
    base[settled] = stored[settled]
    base[altered.filled & sent] = BLANK
    source[settled] = other[settled]
    source[altered.replaced & sent] = NOT_KEPT
    progress.base[side][rows], progress.base[side.other][rows] = base, source


def coupling_rows(context: JobContext, page: Page, progress: Progress, rows: np.ndarray) -> pl.DataFrame:
    """The couplings of these rows as they stand now. A side's version is kept only when every cell of it is settled."""
    frame = page.pairs.select(COUPLING, "generation")[rows].with_columns(
        progress.ids[0].gather(rows).alias(LEFT_ID),
        progress.ids[1].gather(rows).alias(RIGHT_ID),
        pl.lit(context.layout, pl.Int64).alias("layout"),
        pl.Series(_still_recovered(page, progress)[rows]).alias("recovered"),
        pl.col("generation").fill_null(0),
    )
    for side in Side:
        base = progress.base[side][rows]
        settled = pl.Series((base == progress.prints[side][rows]).all(axis=1))
        version = pl.select(pl.when(settled).then(progress.versions[side].gather(rows))).to_series().cast(pl.String)
        frame = frame.with_columns(version.alias(VERSIONS[side]), pack(base).alias(("left_base", "right_base")[side]))
    return frame.select(*COUPLING_SCHEMA)


def _still_recovered(page: Page, progress: Progress) -> Mask:
    """A pair that met a lost answer stays marked until its sides agree: no rule decides a conflict on it (DESIGN 3)."""
    open_ = [(progress.base[side] != progress.prints[side]).any(axis=1) for side in Side]
    marked: Mask = page.pairs["recovered"].fill_null(False).to_numpy() & (open_[0] | open_[1])
    return marked


def moved_rows(context: JobContext, page: Page, progress: Progress, candidates: Mask) -> np.ndarray:
    """Which of these couplings are not what the store holds: a baseline, a version or a layout moved."""
    moved = page.pairs["layout"].ne_missing(context.layout).to_numpy()
    for side in Side:
        moved |= (progress.base[side] != page.base[side]).any(axis=1)
        settled = (progress.base[side] == progress.prints[side]).all(axis=1)
        now, kept = progress.versions[side], page.pairs[VERSIONS[side]]
        # A null version (too fresh to be trusted) may replace a kept one only when something really moved.
        moved |= settled & (now.is_not_null() & now.ne_missing(kept)).to_numpy()
        moved |= ~settled & kept.is_not_null().to_numpy()
    moved |= page.pairs["recovered"].fill_null(False).to_numpy() & ~_still_recovered(page, progress)
    return np.flatnonzero(moved & candidates)


def conflict_rows(
    context: JobContext, page: Page, clash: Mask, moves: tuple[Codes, Codes], deletions: Mask
) -> pl.DataFrame:
    """The open questions of a page: pairs with clashing cells, and pairs of which one record was deleted and nobody may
    decide.
    """
    bound = context.bound
    rows = []
    texts = [[values.cast(pl.String) for values in page.values[side][: bound.cells]] for side in Side]
    for row in np.flatnonzero(clash.any(axis=1) | deletions):
        cells = np.flatnonzero(clash[row])
        unseen = any((moves[side][row, cells] == Move.UNSEEN).any() for side in Side)
        kind = (
            ConflictKind.DELETION if deletions[row] else ConflictKind.FIRST_CONTACT if unseen else ConflictKind.UPDATE
        )
        fields = [bound.lines[cell].mapping.left or bound.lines[cell].mapping.right for cell in cells]
        values = [[texts[side][cell][int(row)] for cell in cells] for side in Side]
        prints = [page.prints[side][row].tobytes() if page.exists[side][row] else None for side in Side]
        ids = page.pairs.row(int(row))[:3]
        rows.append((*ids, str(kind), fields, *values, *prints))
    return pl.DataFrame(rows, schema=CONFLICT_SCHEMA, orient="row")


def error_row(page: Page, row: int, side: Side, code: str, field: str, message: str) -> tuple[object, ...]:
    """One record that could not be carried, as ERROR_SCHEMA wants it; `side` is the source's."""
    sides = side if page.exists[side][row] else side.other
    return (
        int(side),
        page.ids(side)[row],
        page.ids(side.other)[row],
        code,
        field,
        message,
        page.prints[sides][row].tobytes(),
        False,
    )


def error_rows(context: JobContext, rows: list[tuple[object, ...]]) -> pl.DataFrame:
    """Errors as a frame, those that failed the same way in another job before marked as skipped (semantics 4.7.5)."""
    errors = pl.DataFrame(rows, schema=ERROR_SCHEMA, orient="row").unique(
        ["side", "record"], keep="first", maintain_order=True
    )
    if not len(errors):
        return errors
    known = [
        context.store.retries(context.name, side, errors.filter(pl.col("side") == int(side))["record"]).with_columns(
            side=pl.lit(int(side), pl.Int64)
        )
        for side in Side
    ]
    before = pl.concat(known).select("side", "record", "code", "field", pl.col("job").alias("job_before"))
    joined = errors.join(before, on=["side", "record", "code", "field"], how="left", maintain_order="left")
    again = pl.col("job_before").is_not_null() & (pl.col("job_before") != context.job.id)
    counts = ~pl.col("code").is_in([str(code) for code in Waiting])
    held = pl.col("code") == str(Waiting.UNKNOWN)  # only a person lets it be tried again
    return joined.with_columns(((again & counts) | held).alias("skipped")).select(*ERROR_SCHEMA)


def sentence(code: str, field: str, remedy: bool = True) -> str:
    """What a reason code means, in words, with the field named."""
    text, mend = REASONS.get(code, _ENGINE_REASONS.get(code, (code, "")))
    said = text.replace("{field}", field)
    return f"{said} {mend}".strip() if remedy else said


def field_label(bound: BoundMapping, line: int, side: Side) -> str:
    """How messages name a line whose value was on its way to `side`: by its source field, else by its receiving one."""
    mapping = bound.lines[line].mapping
    return mapping.name(side.other) or mapping.name(side) or ""


_ENGINE_REASONS = {
    "unknown_reference": (
        "{field} names a record that does not exist.",
        "Correct the value, or create the record it names.",
    ),
    "ambiguous_reference": (
        "{field} names several records.",
        "Tell them apart in the field it names them by; where a look-up table leads to several mappings, say in the "
        "field line which of its rows lead to which: MAPPING [field = value].",
    ),
    "waiting": (
        "{field} names a record that is not coupled yet.",
        "It is tried again in every run; couple or synchronise that record.",
    ),
    "newcomer": (
        "It may be the record that a create of unknown outcome has made.",
        "Couple it with its source, or retry that error.",
    ),
    "no_key": (
        "The record cannot be created: nothing fills its key {field}.",
        "Map the key, or create it by hand and couple the two.",
    ),
    "ambiguous": (
        "More than one record could be the partner, or the one found is coupled already.",
        "Couple the right one by hand.",
    ),
    "match_outside_filter": ("The partner found is outside the mapping's filter.", "Change that record or the filter."),
    "hidden_by_column_security": (
        "{field} is hidden from koppel by column security, so that nobody knows what it holds.",
        "Grant it to the application user by a column security profile, or take it out of the mapping.",
    ),
    "ping_pong": (
        "{field} has been written in this direction again and again since yesterday, and something changes it back.",
        "Find out what does (an automation, a rounding, another mapping of the field); it is tried again "
        "when a day has passed.",
    ),
    "altered": ("The system does not keep {field} as it was sent.", ""),
    "stale": ("The record changed while it was being written.", "It is decided again in the next run."),
    "answer_lost": (
        "The system broke off or did not answer when it was written, and has not carried it out.",
        "It is tried again in every run.",
    ),
    "unknown_outcome": (
        "Whether the record was created cannot be known: the answer was lost.",
        "Look for it; couple it if it is there, or retry this error to create it.",
    ),
}
