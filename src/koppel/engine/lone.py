"""Uncoupled records on their way to be created: first the other side is looked at (DESIGN 3)."""

import numpy as np
import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.couple import look
from koppel.engine.page import Page, read_page
from koppel.engine.settle import Progress, coupling_rows, error_row, error_rows, sentence
from koppel.model.coupling import COUPLING, LEFT_ID, RIGHT_ID, Settlement, Waiting
from koppel.model.job import Tally
from koppel.model.policy import Side


def lone_pages(context: JobContext, page: Page, side: Side) -> list[Page]:
    """Uncoupled records: what other jobs or an earlier page coupled, what is out of scope and what a person keeps apart
    is left out; the rest is looked up on the other side, and what has a partner there becomes a pair.
    """
    names = (LEFT_ID, RIGHT_ID)
    ids = page.ids(side)
    taken = context.store.coupled(context.name, side, ids)[names[side]]
    apart = context.store.apart(context.name, side, ids).filter(~pl.col("creates"))["id"]
    free = ~ids.is_in(taken.implode()) & ~ids.is_in(apart.implode())
    page = page.take(page.in_scope[side] & free.to_numpy())
    _forget(context, side, ids.filter(~ids.is_in(page.ids(side).implode())))
    if not len(page) or _hold_newcomers(context, page, side):
        return []
    candidates = look(context, side, page.records[side])
    _report(context, page, side, candidates.refused)
    hit = page.ids(side).is_in(candidates.found["id"].implode()).to_numpy()
    matched = candidates.likely.select(pl.col("id").alias(names[side]), "other", pl.col("coupling").alias("taken_over"))
    joined = page.pairs.join(matched, on=names[side], how="inner", maintain_order="left")
    joined = joined.with_columns(pl.col("other").alias(names[side.other]), pl.col("taken_over").alias(COUPLING))
    result = [page.take(~hit)]
    return [*result, _taken_over(context, side, joined.select(page.pairs.columns))] if len(joined) else result


def _taken_over(context: JobContext, side: Side, pairs: pl.DataFrame) -> Page:
    """Read likely pairs. A coupling whose other half is gone gets the new one at once and without a baseline: what
    follows is a first contact.
    """
    ids = pairs[(LEFT_ID, RIGHT_ID)[side.other]].drop_nulls()
    known = context.store.coupled(context.name, side.other, ids).select(COUPLING, pl.col("generation").alias("now"))
    pairs = (
        pairs.join(known, on=COUPLING, how="left", maintain_order="left")
        .with_columns(generation=pl.col("now").fill_null(0))
        .drop("now")
    )
    page = read_page(context, pairs)
    rows = np.flatnonzero(page.coupled)
    if len(rows):
        moved = Settlement(couplings=coupling_rows(context, page, Progress.of(page), rows))
        context.note(moved)
    return page


def _hold_newcomers(context: JobContext, page: Page, side: Side) -> bool:
    """While a create in this table may or may not have happened, by whichever mapping, an uncoupled record may be the
    one it made: it waits (DESIGN 7).
    """
    writers = [(context.name, side), *context.tables.shared[side]]
    if not any(context.store.unknown_outcomes(name, there.other) for name, there in writers):
        return False
    own = _of_unknown_fate(context, side, page.ids(side))  # waits for that already, and must not forget it
    fresh = (~own).arg_true().to_list()
    rows = [error_row(page, row, side, "waiting", "", sentence("newcomer", "")) for row in fresh]
    tally = Tally()
    tally.towards(side.other).waiting = len(rows)
    tally.towards(side.other).skipped = int(own.sum())
    context.note(Settlement(errors=error_rows(context, rows), tally=tally))
    return True


def _of_unknown_fate(context: JobContext, side: Side, ids: pl.Series) -> pl.Series:
    """Which of these records were to be created on the other side by a write of which nothing can be known."""
    known = context.store.retries(context.name, side, ids).filter(pl.col("code") == str(Waiting.UNKNOWN))
    return ids.is_in(known["record"].implode())


def _forget(context: JobContext, side: Side, ids: pl.Series) -> None:
    """Errors of records that are not to be created any more are over. Not so what a lost create may have made: it is
    there, whatever became of its source since.
    """
    ids = ids.filter(~_of_unknown_fate(context, side, ids))
    if len(ids):
        cleared = pl.DataFrame({"side": int(side), "record": ids}, schema={"side": pl.Int64(), "record": pl.String()})
        context.note(Settlement(cleared=cleared))


def _report(context: JobContext, page: Page, side: Side, refused: pl.DataFrame) -> None:
    """Records that must neither be coupled nor created: errors with both ids."""
    if not len(refused):
        return
    place = {record: row for row, record in enumerate(page.ids(side))}
    rows = []
    for record, other, reason in refused.select("id", "other", "reason").rows():
        made = list(error_row(page, place[record], side, reason, "", sentence(reason, "")))
        made[2] = other
        rows.append(tuple(made))
    errors, tally = error_rows(context, rows), Tally()
    tally.towards(side.other).skipped = int(errors["skipped"].sum())
    tally.towards(side.other).failed = len(errors) - tally.towards(side.other).skipped
    context.note(Settlement(errors=errors, tally=tally))
