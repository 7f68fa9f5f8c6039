"""Carrying one page: decide it and commit what is meant (`begin`), write it (`OpenPage.write`), commit what happened
(`OpenPage.settle`). Between the last two its fate is open. `pipeline` says which page is where.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from koppel.engine.context import JobContext, Round
from koppel.engine.couple import LOOKED_FOR
from koppel.engine.facts import Facts, count, facts_of, flows, note_held, settle_quiet
from koppel.engine.judge import Verdict, judge
from koppel.engine.outcome import outcome_of
from koppel.engine.page import Page
from koppel.engine.ping_pong import PING_PONG
from koppel.engine.settle import (
    Progress,
    coupling_rows,
    error_row,
    error_rows,
    sentence,
)
from koppel.engine.unanswered import Unanswered, look_up
from koppel.engine.write import Batch, batches
from koppel.model.coupling import ASIDE_SCHEMA, COUPLING, LEFT_ID, Settlement, Waiting
from koppel.model.job import Tally
from koppel.model.policy import Side
from koppel.model.situation import Presence
from koppel.model.values import OP, VERSION
from koppel.model.write import MESSAGE
from koppel.ports import OpenIntent
from koppel.reconcile.classify import Mask
from koppel.reconcile.plan import Aside, Hold

FOUND_ANEW = LOOKED_FOR | {PING_PONG}
"""Codes that every run finds out for itself: they hold nothing back once they are not found any more."""


@dataclass
class OpenPage:
    """A page whose intents are on record. `writes`: in order, each with its number in the journal;
    `unanswered`: rows of those that are settled.
    """

    context: JobContext
    verdict: Verdict
    progress: Progress
    writes: list[tuple[int, Batch]]
    final: bool
    unanswered: list[Unanswered] = field(default_factory=list)

    def write(self, batch: Batch) -> pl.DataFrame:
        """Carry out one of its writes: the outside world changes here and only here. Raises `SystemFailure`."""
        return self.context.tables[batch.side].table.write(batch.write)

    def settle(self, number: int, batch: Batch, outcomes: pl.DataFrame) -> None:
        """Commit what became of one of its writes; rows that were not answered stay in the journal."""
        settlement, left = outcome_of(self.context, self.verdict, self.progress, batch, outcomes, self.final)
        self.context.store.settle(self.context.job, number, settlement, left)
        if left is not None:
            said = dict(outcomes.select(OP, MESSAGE).iter_rows())
            self.unanswered.append(Unanswered(OpenIntent(number, self.context.job.id, left), said))

    def look_up(self) -> None:
        """Find out about the rows that were not answered, once all its other writes are settled. Raises
        `SystemFailure`.
        """
        for unanswered in self.unanswered:
            look_up(self.context, self.verdict.page, unanswered, self.final)

    def withdraw(self, number: int) -> None:
        """Take back the intent of a write that was never sent, or of which surely nothing was carried out."""
        self.context.store.settle(self.context.job, number, Settlement())


def begin(context: JobContext, page: Page, round_: Round) -> OpenPage | None:
    """Decide a page both of whose sides have been read; None when nothing is to be written."""
    facts = Facts()
    page = _without_unreadable(context, page, facts)
    page = _without_skipped(context, page, facts)
    quiet = _quiet(context, page)
    settled = settle_quiet(context, page.take(quiet), facts, round_)
    context.note(replace(settled, errors=error_rows(context, facts.errors)))
    return None if quiet.all() else _begin_open(context, page.take(~quiet), round_)


def _begin_open(context: JobContext, page: Page, round_: Round) -> OpenPage | None:
    """The pairs of a page in which something moved, is unseen, is alone or is gone."""
    verdict = judge(context, page)
    verdict = _couple_matched(context, verdict)
    plan, facts = verdict.plan, Facts()
    held = plan.hold != Hold.NONE
    aside = (plan.aside != Aside.NONE) & ~np.isin(plan.aside, list(context.asked.released)) & ~held
    if context.asked.first_contact is not None or context.asked.forced is not None or context.asked.winner is not None:
        aside &= plan.aside != Aside.OVERWRITE  # a person has just chosen the winner
    note_held(context, verdict, facts, round_)
    progress = Progress.of(verdict.page)
    progress.agree(verdict.settles & ~held[:, None] & ~aside[:, None] & flows(verdict)[:, None])
    settlement = facts_of(context, verdict, progress, ~held & ~aside, facts, round_)
    meant = list(batches(context, verdict, ~held & ~aside))
    set_aside = _aside_rows(verdict, aside)
    journal = context.store.intend(context.job, settlement, [batch.intent for batch in meant], set_aside)
    numbered = list(zip(journal, meant, strict=True))
    return OpenPage(context, verdict, progress, numbered, round_.final) if numbered else None


def _without_unreadable(context: JobContext, page: Page, facts: Facts) -> Page:
    """A record that could not be read leaves the page as an error; nothing of it is compared or written."""
    faults = page.faults()
    for row in faults.is_not_null().arg_true().to_list():
        field_, _, code = faults[row].partition(": ")
        side = Side.LEFT if page.records[0]["@fault"][row] is not None else Side.RIGHT
        facts.errors.append(error_row(page, row, side, code or "unreadable", field_, sentence(code, field_)))
        facts.tally.towards(side.other).failed += 1
    return page.take(faults.is_null().to_numpy())


def _without_skipped(context: JobContext, page: Page, facts: Facts) -> Page:
    """A record that failed the same way twice waits for a person, unless it was edited since (semantics C3, C4)."""
    keep = np.ones(len(page), dtype=np.bool_)
    for side in Side:
        known = context.store.retries(context.name, side, page.ids(side).drop_nulls()).filter(pl.col("skipped"))
        for record, seen, code in known.select("record", "print", "code").rows():
            row = int(page.ids(side).index_of(record) or 0)
            shown = side if page.exists[side][row] else side.other
            alone = not (page.exists[0][row] and page.exists[1][row])
            unchanged = code not in FOUND_ANEW and seen == page.prints[shown][row].tobytes()
            # An unknown create is over when a person has found and coupled what it made.
            if alone if code == str(Waiting.UNKNOWN) else unchanged:
                keep[row] = False
                facts.tally.towards(side.other).skipped += 1
    return page.take(keep)


def _quiet(context: JobContext, page: Page) -> Mask:
    """Couplings of which both records exist, in scope or not known to be out, and no cell moved."""
    if context.asked.forced is not None:
        return np.zeros(len(page), dtype=np.bool_)
    same = (page.prints[0] == page.base[0]).all(axis=1) & (page.prints[1] == page.base[1]).all(axis=1)
    there = page.exists[0] & page.exists[1] & page.in_scope[0] & page.in_scope[1]
    quiet: Mask = same & there & page.coupled
    return quiet


def _couple_matched(context: JobContext, verdict: Verdict) -> Verdict:
    """Likely pairs that may be coupled are coupled first, without a baseline: a crash in between leaves a first
    contact, no duplicate.
    """
    page, plan = verdict.page, verdict.plan
    fresh = (
        ~page.coupled
        & (plan.presence[0] == Presence.NEW)
        & (plan.presence[1] == Presence.NEW)
        & (plan.hold == Hold.NONE)
    )
    rows = np.flatnonzero(fresh)
    if not len(rows):
        return verdict
    blank = Progress(page.base, page.prints, [page.records[s][VERSION] for s in Side], [page.ids(s) for s in Side])
    tally = Tally()
    count(context, page, tally, fresh, "coupled")
    new = coupling_rows(context, page, blank, rows)
    context.note(Settlement(couplings=new, tally=tally))
    numbers = context.store.coupled(context.name, Side.LEFT, page.ids(Side.LEFT).gather(rows)).select(
        LEFT_ID, pl.col(COUPLING).alias("made")
    )
    pairs = page.pairs.join(numbers, on=LEFT_ID, how="left", maintain_order="left")
    pairs = pairs.with_columns(pl.coalesce(COUPLING, "made").alias(COUPLING), pl.col("generation").fill_null(0)).drop(
        "made"
    )
    return replace(verdict, page=page.with_pairs(pairs))


def _aside_rows(verdict: Verdict, aside: Mask) -> pl.DataFrame:
    kinds = [Aside(code).name.lower() for code in verdict.plan.aside[aside]]
    couplings = verdict.page.pairs[COUPLING].filter(pl.Series(aside))
    return pl.DataFrame([couplings, pl.Series("kind", kinds, dtype=pl.String)], schema=ASIDE_SCHEMA)
