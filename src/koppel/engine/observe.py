"""Observing: what changed on both sides, lined up as pairs (DESIGN 5).

Both cursors are taken before the first read of either side, so whatever changes while we read is named again by the
next run.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import polars as pl

from koppel.engine.compare import Comparison
from koppel.engine.context import JobContext
from koppel.engine.garbage import collect
from koppel.engine.hands import ahead
from koppel.errors import Halted
from koppel.model.coupling import Settlement
from koppel.model.job import Tally
from koppel.model.policy import Side
from koppel.model.values import ID, VERSION
from koppel.ports import Changes, Want, Watermark
from koppel.reconcile.guard import Limits, emptied

T = TypeVar("T")

PAGE_ROWS = 20_000
"""Pairs of one page: memory is bounded by it, and it is large enough that columns pay."""

FEW_PAGES, SMALL_PAGE_ROWS = 4, 2_000
"""A run that would be a page or two is cut into a few smaller ones, so that reading, writing and settling overlap."""

OUT_OF_STEP = timedelta(minutes=5)
"""How much older than before a record may become without a backup having been restored."""

SMALL_TABLE = 20_000
"""Couplings up to which every run sweeps for deletions: reading that many ids costs less than explaining why one was
not seen.
"""


@dataclass(frozen=True)
class Observed:
    """What a look at both feeds gave: the watermarks to keep when the job is done, whether deletions were looked for,
    how many pairs came up.
    """

    watermarks: tuple[Watermark, Watermark]
    swept: bool
    total: int


def observe(context: JobContext) -> Observed:
    """Read both feeds and line up what is to be looked at. Raises `Halted` when a side looks emptied or half read."""
    context.store.begin_due(context.job)
    _refuse_restored(context)
    identities = tuple(_watermark_identity(context, side) for side in Side)
    comparison = Comparison(context) if context.asked.everything else None
    feeds = [_changes(context, side, identities[side], comparison) for side in Side]
    read = [_read_feed(context, side, feeds[side], comparison) for side in Side]
    swept = [side for side in Side if feeds[side].complete]
    for side in _to_sweep(context):
        if side not in swept:
            _sweep(context, side)
            swept.append(side)
    _refuse_emptied(context, swept, comparison)
    total = _line_up(context, swept, comparison)
    marks = tuple(Watermark(feeds[side].cursor, identities[side], read[side]) for side in Side)
    return Observed((marks[0], marks[1]), len(swept) == len(Side), total)


def _line_up(context: JobContext, swept: Sequence[Side], comparison: Comparison | None) -> int:
    """Line up what is to be looked at, and count what was compared already; how many pairs are left."""
    lone = context.asked.creates
    if comparison is None:
        return context.store.line_up(context.job, lone, swept, context.layout)
    total, spared = context.store.line_up_all(context.job, lone, comparison.rest(), comparison.end)
    tally = Tally()
    receiver = Side.RIGHT if context.bound.mapping.direction.reaches(Side.RIGHT) else Side.LEFT
    tally.towards(receiver).unchanged = spared
    context.note(Settlement(tally=tally))
    return total


def pages(context: JobContext, total: int = 0) -> Iterator[pl.DataFrame]:
    """The pairs that were lined up, page by page. `total`: how many there are, if that is known."""
    features = [context.tables[side].table.features for side in Side]
    rows = min(PAGE_ROWS, *(feature.batch_rows for feature in features))
    if total and any(feature.elsewhere for feature in features):
        rows = min(rows, max(SMALL_PAGE_ROWS, total // FEW_PAGES + 1))
    return context.store.pairs(context.job, rows)


def _read_feed(context: JobContext, side: Side, feed: Changes, comparison: Comparison | None) -> tuple[str, str] | None:
    """Line up what a feed names; (id, version) of the newest record seen so far."""
    mark = context.store.watermark(context.name, side)
    newest = mark.newest if mark is not None else None
    for page in _lined_up(context, side, feed, comparison):
        known = page.select(ID, VERSION).drop_nulls().top_k(1, by=VERSION)
        if len(known) and (newest is None or known[VERSION][0] >= newest[1]):
            newest = (known[ID][0], known[VERSION][0])
        collect()
    return newest


def _lined_up(context: JobContext, side: Side, feed: Changes, comparison: Comparison | None) -> Iterator[pl.DataFrame]:
    """The pages of a feed, lined up: where all couplings are compared, only records without one."""
    if comparison is None:
        for page in _ahead(context, side, feed.pages):
            context.store.add_due(side, page.select(ID, VERSION))
            yield page
    else:
        for page, cells in _ahead(context, side, comparison.prepared(side, feed.pages)):
            context.store.add_uncoupled(side, page[ID].filter(comparison.noted(side, page, cells)))
            yield page


def _ahead(context: JobContext, side: Side, pages: Iterator[T]) -> Iterator[T]:
    with context.hand(context.tables[side].table.features.elsewhere) as reader:
        yield from ahead(pages, reader)


def _refuse_restored(context: JobContext) -> None:
    """Halt when the newest record koppel has seen of a side has grown older: a backup was restored (DESIGN 7)."""
    if context.asked.lifted:
        return
    for side in Side:
        mark = context.store.watermark(context.name, side)
        if mark is None or mark.newest is None or context.bound.shape(side).modified is None:
            continue
        now = context.tables[side].table.fetch(pl.Series([mark.newest[0]]), Want(()))[VERSION].drop_nulls()
        if len(now) and _older(now[0], mark.newest[1]):
            system = context.tables.names[side]
            reason = f"record {mark.newest[0]} in {system} is older than when it was last seen: was a backup restored?"
            raise Halted([f"{context.name}: {reason}"], f"koppel systems adopt {system} --as restored")


def _older(now: str, before: str) -> bool:
    """Whether a version is older than another by more than writers that commit late or out of step explain."""
    stamp, stamp_before = now.partition("#")[0], before.partition("#")[0]
    try:
        return datetime.fromisoformat(stamp) < datetime.fromisoformat(stamp_before) - OUT_OF_STEP
    except ValueError:  # not a stamp: nothing can be said
        return False


def _changes(context: JobContext, side: Side, identity: str, comparison: Comparison | None) -> Changes:
    """The feed of one side since its watermark; from the start when that was taken for another question, or all is
    asked for.
    """
    table = context.tables[side].table
    if comparison is not None:
        return table.changes(None, comparison.want(side))
    mark = context.store.watermark(context.name, side)
    usable = mark is not None and _answers(mark.identity, identity)
    return table.changes(mark.cursor if mark is not None and usable else None, Want(()))


def _watermark_identity(context: JobContext, side: Side) -> str:
    """What a watermark of this job stands for: filter, fields and direction; and whether uncoupled records were
    considered.
    """
    mapping = context.bound.mapping
    parts = [
        str(mapping.table(side)),
        mapping.options(side).filter_text,
        mapping.direction,
        str(mapping.options(side).modified),
    ]
    digest = hashlib.blake2b("\x1f".join([*parts, *context.bound.layout]).encode(), digest_size=8).hexdigest()
    return f"{digest}:{'all' if context.asked.creates else 'coupled'}"


def _answers(kept: str, wanted: str) -> bool:
    """Whether a watermark of one identity serves a job of another: one that also considered uncoupled records serves
    one that does not.
    """
    return kept == wanted or kept == wanted.replace(":coupled", ":all")


def _to_sweep(context: JobContext) -> list[Side]:
    """Both sides in full runs, when asked, and when the last sweep is older than `sweep_hours`; small tables in every
    run, unless their feed reports deletions anyway.
    """
    last = context.store.swept_at(context.name)
    now = context.now().astimezone(UTC).replace(tzinfo=None)
    due = last is None or now - _naive(last) >= timedelta(hours=context.bound.mapping.sweep_hours)
    if due or context.asked.sweep or context.asked.everything:
        return list(Side)
    if context.store.more_couplings_than(context.name, SMALL_TABLE):
        return []
    return [side for side in Side if not context.tables[side].table.features.reports_deletions]


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _sweep(context: JobContext, side: Side) -> None:
    """Name every id that exists, so that coupled ones nobody named are suspects."""
    for page in _ahead(context, side, context.tables[side].table.changes(None, Want(())).pages):
        context.store.add_present(side, page[ID])


def _refuse_emptied(context: JobContext, swept: list[Side], comparison: Comparison | None) -> None:
    if context.asked.lifted or not swept:
        return
    couplings = context.store.count_couplings(context.name)
    mapping = context.bound.mapping
    limits = Limits(mapping.guard_rows, mapping.guard_percent)
    reasons = []
    for side in swept:
        absent = context.store.missing(context.job, side) if comparison is None else couplings - comparison.named(side)
        reasons += emptied(context.tables.names[side], absent, couplings, limits)
    if reasons:
        raise Halted([f"{context.name}: {reason}" for reason in reasons], f"koppel approve {context.job.id}")
