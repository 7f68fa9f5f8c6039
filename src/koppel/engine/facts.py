"""What a page settles without a write: agreements, conflicts, uncouplings, errors, and counts (DESIGN 8)."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from koppel.engine.context import JobContext, Round
from koppel.engine.judge import Verdict
from koppel.engine.outcome import count_errors, look_again, records_of
from koppel.engine.page import Page
from koppel.engine.settle import (
    Progress,
    conflict_rows,
    coupling_rows,
    error_row,
    error_rows,
    field_label,
    moved_rows,
    sentence,
)
from koppel.model.action import Action
from koppel.model.coupling import COUPLING, Settlement
from koppel.model.job import Tally
from koppel.model.policy import Side
from koppel.model.situation import Content, Presence
from koppel.reconcile.classify import Mask
from koppel.reconcile.plan import Hold


@dataclass
class Facts:
    """What a page settles without a write, gathered until it is committed with the intents."""

    errors: list[tuple[object, ...]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def settle_quiet(context: JobContext, page: Page, facts: Facts, round_: Round) -> Settlement:
    """Nothing moved: count, keep the versions just read, and close what was open about these records."""
    if round_ is not Round.FOLLOW_UP:
        count(context, page, facts.tally, np.ones(len(page), dtype=np.bool_), "unchanged")
    if not len(page):
        return Settlement(tally=facts.tally)
    progress = Progress.of(page)
    rows = moved_rows(context, page, progress, np.ones(len(page), dtype=np.bool_))
    return Settlement(
        couplings=coupling_rows(context, page, progress, rows),
        cleared=records_of(page),
        agreed=page.pairs[COUPLING],
        tally=facts.tally,
    )


def flows(verdict: Verdict) -> Mask:
    """Pairs that are not frozen outside the filter."""
    flowing: Mask = (verdict.plan.presence[0] != Presence.OUT) & (verdict.plan.presence[1] != Presence.OUT)
    return flowing


def note_held(context: JobContext, verdict: Verdict, facts: Facts, round_: Round) -> None:
    """Pairs that cannot be carried now are errors; those that may wait for a record of this very job are looked at
    again first.
    """
    page, plan = verdict.page, verdict.plan
    for row in np.flatnonzero(plan.hold != Hold.NONE):
        waits = plan.hold[row] == Hold.WAITING
        if waits and not round_.final and context.bound.refers_to_itself:
            look_again(context, page, int(row))
            continue
        side, code, label = _first_reason(context, verdict, int(row))
        facts.errors.append(error_row(page, int(row), side.other, code, label, sentence(code, label)))
        counts = facts.tally.towards(side)
        if waits:
            counts.waiting += 1


def _first_reason(context: JobContext, verdict: Verdict, row: int) -> tuple[Side, str, str]:
    """(side it was to go to, code, field) of the first value of a pair that cannot be had; failures before waiting."""
    found = []
    for side in Side:
        for line in np.flatnonzero(verdict.plan.sent[side][row]):
            code = verdict.translation.reasons[side][line][row]
            if code is not None:
                found.append((code == "waiting", side, str(code), field_label(context.bound, int(line), side)))
    if not found:  # every value could be had, but nothing fills the key of a record to be created
        side = Side.LEFT if verdict.plan.actions[row] == Action.CREATE_LEFT else Side.RIGHT
        return side, "no_key", ", ".join(context.bound.shape(side).key)
    _, side, code, label = min(found, key=lambda item: item[0])
    return side, code, label


def facts_of(
    context: JobContext, verdict: Verdict, progress: Progress, ready: Mask, facts: Facts, round_: Round
) -> Settlement:
    """What is settled without a write: agreements, conflicts, uncouplings, and the counts of what stays as it is."""
    page, plan = verdict.page, verdict.plan
    deletions = (plan.actions == Action.CONFLICT) & ~(page.exists[0] & page.exists[1])
    clash = plan.clashes() & ready[:, None] & flows(verdict)[:, None]
    asked = clash.any(axis=1) | (deletions & ready)
    kept = np.isin(plan.actions, (Action.KEEP, Action.SETTLE, Action.CONFLICT)) & ready & page.coupled
    rows = moved_rows(context, page, progress, kept & flows(verdict) & page.exists[0] & page.exists[1])
    ended = (plan.actions == Action.UNCOUPLE) & ready
    survived = ended & (page.exists[0] | page.exists[1])
    if round_ is not Round.FOLLOW_UP:
        frozen = ~flows(verdict)
        drifting = (plan.content == Content.DRIFT) & kept & ~frozen
        count(context, page, facts.tally, frozen & page.coupled, "out")
        count(context, page, facts.tally, drifting, "drift")
        coupled_now = (plan.presence[0] == Presence.NEW) | context.asked.fresh
        count(context, page, facts.tally, kept & ~frozen & ~drifting & ~asked & ~coupled_now, "unchanged")
    count(context, page, facts.tally, asked, "conflicts")
    count(context, page, facts.tally, ended, "uncoupled")
    errors = error_rows(context, facts.errors)
    count_errors(errors, facts.tally)
    calm = kept & ~asked & flows(verdict)
    return Settlement(
        couplings=coupling_rows(context, page, progress, rows),
        uncoupled=tuple(page.pairs[COUPLING].filter(pl.Series(ended)).drop_nulls().to_list()),
        apart=tuple(page.pairs[COUPLING].filter(pl.Series(survived)).drop_nulls().to_list()),
        errors=errors,
        cleared=records_of(page.take(kept | (ended & ready))),
        conflicts=conflict_rows(context, page, clash, verdict.moves, deletions & ready),
        agreed=page.pairs[COUPLING].filter(pl.Series(calm)),
        tally=facts.tally,
    )


def count(context: JobContext, page: Page, tally: Tally, which: Mask, name: str) -> None:
    """Count pairs in the direction in which they were looked at: from the side whose feed named them, as far as the
    mapping goes there.
    """
    direction = context.bound.mapping.direction
    from_left = page.pairs["left_due"].fill_null(True).to_numpy() & direction.reaches(Side.RIGHT) | (
        not direction.reaches(Side.LEFT)
    )
    for side, number in ((Side.RIGHT, (which & from_left).sum()), (Side.LEFT, (which & ~from_left).sum())):
        counts = tally.towards(side)
        setattr(counts, name, getattr(counts, name) + int(number))
