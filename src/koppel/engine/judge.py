"""From a page of pairs to its plan: gather the evidence, ask the pure core, hand back what it says together with the
translated values.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.page import Page
from koppel.engine.ping_pong import stop_ping_pong
from koppel.engine.references import look_up
from koppel.model.bound import Identity
from koppel.model.policy import Direction, Drift, FirstContact, OnConflict, Side
from koppel.model.situation import Blank, Cell, Move, Winner
from koppel.reconcile.classify import CellRules, Codes, Evidence, Mask, blanks
from koppel.reconcile.decide import RecordPolicy
from koppel.reconcile.plan import Facts, Plan, reconcile
from koppel.transform.resolve import resolve
from koppel.transform.translate import WAITING, Translation, fine, translate
from koppel.transform.translate import blanks as blank_values

_PICKS = {
    OnConflict.LEFT: Winner.LEFT,
    OnConflict.RIGHT: Winner.RIGHT,
    FirstContact.LEFT: Winner.LEFT,
    FirstContact.RIGHT: Winner.RIGHT,
}
_WINS = {Side.LEFT: Winner.LEFT, Side.RIGHT: Winner.RIGHT}


@dataclass(frozen=True)
class Verdict:
    """A page with its plan. `moves`: as judged; `settles`: cells on which both sides agree: baselines follow."""

    page: Page
    plan: Plan
    translation: Translation
    moves: tuple[Codes, Codes]
    settles: Mask


def policy_of(context: JobContext) -> RecordPolicy:
    """The record policy of this job: the mapping's, narrowed by what the run asked."""
    mapping, asked = context.bound.mapping, context.asked
    direction = Direction.towards(asked.forced) if asked.forced is not None else mapping.direction
    return RecordPolicy(direction, asked.creates, asked.on_delete or mapping.on_delete)


def rules_of(context: JobContext) -> CellRules:
    """The cell rules of this job. A forced run has one direction only, and groups are still one value."""
    bound, forced = context.bound, context.asked.forced
    directions = bound.directions if forced is None else (Direction.towards(forced),) * bound.cells
    lefts = [line.mapping.left for line in bound.lines[: bound.cells]]
    groups = [tuple(i for i, name in enumerate(lefts) if name in group) for group in bound.mapping.together]
    return CellRules(directions, tuple(group for group in groups if len(group) > 1), bound.mapping.conflict_scope)


def judge(context: JobContext, page: Page) -> Verdict:
    """Decide every pair of the page."""
    bound = context.bound
    towards = tuple(
        side for side in Side if page.exists[side.other].any() and any(line.reaches(side) for line in bound.lines)
    )
    translation = translate(bound, page.values, page.prints, look_up(context, page, towards), towards)
    translation = stop_ping_pong(context, page, translation)
    moves = _moves(context, page)
    blank = tuple(blank_values(bound, side, page.values[side], page.prints[side]) for side in Side)
    evidence = _evidence(context, page, translation, moves, (blank[0], blank[1]))
    failed, waiting = _reasons(translation)
    creatable = tuple(identity is not Identity.IMPOSSIBLE for identity in bound.identities)
    facts = Facts(
        page.coupled,
        page.exists,
        page.in_scope,
        evidence,
        (blank[0], blank[1]),
        translation.blank_sent,
        failed,
        waiting,
        (creatable[0], creatable[1]),
    )
    writable = tuple(np.array([line.reaches(side) for line in bound.lines], dtype=np.bool_) for side in Side)
    plan = reconcile(facts, rules_of(context), policy_of(context), (writable[0], writable[1]))
    both = page.exists[0] & page.exists[1]
    settles = (plan.cells == Cell.KEEP) & translation.agree & both[:, None] & _considered(context)[None, :]
    return Verdict(page, plan, _with_resolved(context, page, plan, translation), moves, settles)


def _considered(context: JobContext) -> npt.NDArray[np.bool_]:
    """Which cells this job looks at: in a forced run those that may travel to the forced side, else all."""
    lines, forced = context.bound.lines[: context.bound.cells], context.asked.forced
    return np.array([forced is None or line.mapping.direction.reaches(forced) for line in lines], dtype=np.bool_)


def _moves(context: JobContext, page: Page) -> tuple[Codes, Codes]:
    if context.asked.forced is None:
        return page.moves(Side.LEFT), page.moves(Side.RIGHT)
    unseen = np.where(_considered(context), np.uint8(Move.UNSEEN), np.uint8(Move.SAME))
    forced: Codes = np.repeat(unseen[None, :], len(page), axis=0).astype(np.uint8)
    return forced, forced.copy()


def _evidence(
    context: JobContext, page: Page, translation: Translation, moves: tuple[Codes, Codes], blank: tuple[Mask, Mask]
) -> Evidence:
    cells = context.bound.cells
    blank_codes = blanks(blank[0][:, :cells], blank[1][:, :cells])
    if context.asked.forced is not None:
        blank_codes = np.full_like(blank_codes, Blank.NEITHER)  # in a forced run blanks travel like any value
    newest = _newest(context, page)
    on_conflict = (
        np.column_stack([_conflict_winner(context, i, newest) for i in range(cells)]) if cells else blank_codes
    )
    _ask_recovered(context, page, on_conflict)
    if context.asked.winner is not None:
        on_conflict[:] = _WINS[context.asked.winner]
    first = np.repeat(_first_winner(context, newest)[:, None], cells, axis=1)
    return Evidence(moves[0], moves[1], translation.agree, blank_codes, on_conflict, first)


def _ask_recovered(context: JobContext, page: Page, on_conflict: Codes) -> None:
    """Where a lost answer was looked up no rule picks a winner (DESIGN 3). A resolver may: it loses neither value."""
    two_way = np.array(
        [line.mapping.direction is Direction.BOTH for line in context.bound.lines[: context.bound.cells]]
    )
    recovered = page.pairs["recovered"].fill_null(False).to_numpy()
    on_conflict[recovered[:, None] & two_way[None, :] & (on_conflict != Winner.RESOLVER)] = Winner.NOBODY


def _conflict_winner(context: JobContext, cell: int, newest: Codes) -> Codes:
    """Who wins one cell, pair by pair. A one-way field has a winner only where drift is overwritten: its source."""
    line, mapping = context.bound.lines[cell].mapping, context.bound.mapping
    if line.direction is not Direction.BOTH:
        source = Winner.LEFT if line.direction is Direction.TO_RIGHT else Winner.RIGHT
        return np.full(len(newest), source if mapping.drift is Drift.RESTORE else Winner.NOBODY, dtype=np.uint8)
    policy = line.on_conflict or mapping.on_conflict
    if policy is OnConflict.NEWEST:
        return newest.copy()
    return np.full(
        len(newest), Winner.RESOLVER if policy.resolves else _PICKS.get(policy, Winner.NOBODY), dtype=np.uint8
    )


def _first_winner(context: JobContext, newest: Codes) -> Codes:
    policy = context.asked.first_contact or context.bound.mapping.first_contact
    if context.asked.winner is not None:
        return np.full(len(newest), _WINS[context.asked.winner], dtype=np.uint8)
    return (
        newest
        if policy is FirstContact.NEWEST
        else np.full(len(newest), _PICKS.get(policy, Winner.NOBODY), dtype=np.uint8)
    )


def _newest(context: JobContext, page: Page) -> Codes:
    """Which record is the newer one by the systems' own stamps, each corrected by how far its clock is ahead of ours;
    within granularity + skew it is nobody.
    """
    if not context.bound.asks_the_clock:
        return np.full(len(page), Winner.NOBODY, dtype=np.uint8)
    shapes = context.bound.shapes
    skew = timedelta(seconds=context.bound.mapping.skew_seconds) + max(shapes[0].granularity, shapes[1].granularity)
    ahead = context.tables.ahead
    stamps = pl.DataFrame(
        [(page.records[side][shapes[side].modified or ""] - ahead[side]).alias(side.word) for side in Side]
    )
    later = pl.col("left") - pl.col("right")
    winner = (
        pl.when(later > skew)
        .then(int(Winner.LEFT))
        .when(later < -skew)
        .then(int(Winner.RIGHT))
        .otherwise(int(Winner.NOBODY))
    )
    return stamps.select(winner.cast(pl.UInt8)).to_series().to_numpy().copy()


def _reasons(translation: Translation) -> tuple[tuple[Mask, Mask], tuple[Mask, Mask]]:
    """Which values cannot be had towards each side: because they fail, or what they name is not coupled yet."""
    some = [~fine(translation.reasons[side]) for side in Side]
    wait = [np.zeros_like(mask) for mask in some]
    for side in Side:
        for line in np.flatnonzero(some[side].any(axis=0)):
            wait[side][:, line] = (translation.reasons[side][line] == WAITING).fill_null(False).to_numpy()
    return (some[0] & ~wait[0], some[1] & ~wait[1]), (wait[0], wait[1])


def _with_resolved(context: JobContext, page: Page, plan: Plan, translation: Translation) -> Translation:
    """Put a resolver's value in the place of both sides' values where a cell is to be resolved."""
    values = (list(translation.values[0]), list(translation.values[1]))
    for cell in np.flatnonzero((plan.cells == Cell.RESOLVE).any(axis=0)):
        line = context.bound.lines[cell]
        kind = line.mapping.on_conflict or context.bound.mapping.on_conflict
        where = pl.Series(plan.cells[:, cell] == Cell.RESOLVE)
        for side in Side:
            both = (
                page.values[side][cell],
                translation.values[side][cell],
            )  # left first, lest a tie makes two values of one
            made = resolve(kind, *(both if side is Side.LEFT else both[::-1]))
            values[side][cell] = pl.select(pl.when(where).then(made).otherwise(values[side][cell])).to_series()
    return replace(translation, values=values)
