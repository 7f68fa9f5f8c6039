"""Explaining one record: the same reading and the same decision as in a run, told instead of carried out."""

from dataclasses import dataclass

import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.couple import look
from koppel.engine.judge import Verdict, judge, policy_of
from koppel.engine.page import Page, read_page
from koppel.engine.settle import sentence as reason_sentence
from koppel.model.action import Action
from koppel.model.coupling import COUPLING_SCHEMA, PAIR_SCHEMA
from koppel.model.explanation import CellExplanation
from koppel.model.policy import Side
from koppel.model.situation import Cell, Content, Move, Presence, Situation
from koppel.reconcile.decide import sentence
from koppel.reconcile.plan import Hold


def pair_of(context: JobContext, side: Side, record: str) -> pl.DataFrame:
    """The pair (PAIR_SCHEMA) that a record belongs to; the record alone when it is not coupled."""
    found = context.store.coupled(context.name, side, pl.Series([record]))
    due = {"left_due": side is Side.LEFT, "right_due": side is Side.RIGHT}
    if not len(found):
        alone: dict[str, object] = dict.fromkeys(COUPLING_SCHEMA)
        alone["left_id" if side is Side.LEFT else "right_id"] = record
        found = pl.DataFrame([alone], schema=COUPLING_SCHEMA)
    return found.with_columns(**{name: pl.lit(value) for name, value in due.items()}).select(*PAIR_SCHEMA)


@dataclass(frozen=True)
class Told:
    """One pair explained: the verdict of the core, what happens next and why in words, and every cell."""

    verdict: Verdict
    action: str
    sentence: str
    cells: tuple[CellExplanation, ...]


def explain_pair(context: JobContext, pair: pl.DataFrame) -> Told | None:
    """One pair explained; None when neither record exists and nothing is coupled."""
    page = read_page(context, pair)
    if not page.coupled[0] and not (page.exists[0][0] or page.exists[1][0]):
        return None
    verdict = judge(context, page)
    action, why = _alone(context, page) or (_action_word(verdict, context.tables.names), _why(context, verdict))
    return Told(verdict, action, why, tuple(_cell(context, verdict, place) for place in range(context.bound.cells)))


def _alone(context: JobContext, page: Page) -> tuple[str, str] | None:
    """What is looked at before an uncoupled record would be created, if it keeps it from that: (action, why)."""
    if page.coupled[0] or not context.asked.creates:
        return None
    side = Side.LEFT if page.exists[0][0] else Side.RIGHT
    if len(context.store.apart(context.name, side, page.ids(side)).filter(~pl.col("creates"))):
        return "keep", "A person keeps it apart: it is neither matched nor created until it is coupled by hand."
    if not page.in_scope[side][0]:
        return "keep", "The record is outside the mapping's filter: it is neither coupled nor created."
    for other, rule, reason in look(context, side, page.records[side]).found.select("other", "rule", "reason").rows():
        where = f"{context.tables.names[side.other]} {other}, found by {rule}"
        if reason is not None:
            return "error", f"{reason_sentence(reason, '')} ({where})"
        return "couple", f"It looks like the same thing as {where}: the two are coupled."
    return None


def _why(context: JobContext, verdict: Verdict) -> str:
    plan, names = verdict.plan, context.tables.names
    if plan.hold[0] == Hold.FAILED:
        return "A value cannot be carried: see the fields below."
    if plan.hold[0] == Hold.WAITING:
        return "It waits for a record that is not coupled yet: see the fields below."
    situation = Situation(Presence(plan.presence[0][0]), Presence(plan.presence[1][0]), Content(plan.content[0]))
    return sentence(situation, policy_of(context)).format(left=names[0], right=names[1])


def _cell(context: JobContext, verdict: Verdict, place: int) -> CellExplanation:
    line = context.bound.lines[place]
    values = [verdict.page.values[side][place].cast(pl.String)[0] for side in Side]
    moves = [Move(verdict.moves[side][0, place]).name.lower() for side in Side]
    reasons = [
        str(verdict.translation.reasons[side][place][0]) for side in Side if verdict.translation.reasons[side][place][0]
    ]
    said = (
        "; ".join(dict.fromkeys(reason_sentence(code, str(line.mapping)) for code in reasons))
        if verdict.plan.hold[0] != Hold.NONE
        else ""
    )
    verdict_word = Cell(verdict.plan.cells[0, place]).name.lower().replace("_", " ")
    return CellExplanation(str(line.mapping), values[0], values[1], moves[0], moves[1], verdict_word, said)


def _action_word(verdict: Verdict, names: tuple[str, str]) -> str:
    """The action in words, with the systems' names."""
    action = Action(verdict.plan.actions[0])
    verb = action.name.split("_")[0].lower()
    where = " and ".join(names[side] for side in action.sides)
    return f"{verb} in {where}" if where else verb
