"""Rows of a batch whose answer did not come: looked up at once, in the same job, as `recover` does after a crash."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.fate import Fate, find_out
from koppel.engine.outcome import COUNTED, count_errors, look_again
from koppel.engine.page import Page
from koppel.engine.settle import error_row, error_rows, sentence
from koppel.model.coupling import LEFT_ID, Waiting
from koppel.model.job import Tally
from koppel.model.policy import Side
from koppel.model.write import WriteKind
from koppel.ports import OpenIntent


@dataclass(frozen=True)
class Unanswered:
    """Rows of a write that were not answered. `said`: why, by OP, in the connector's words where it has any."""

    open_intent: OpenIntent
    said: Mapping[int, str | None]


def look_up(context: JobContext, page: Page, unanswered: Unanswered, final: bool) -> None:
    """Settle what can be found out about rows of a page. What was carried out is read once more in this job, for its
    versions are empty; what was not is decided again, and created under the same id. `final`: the job does not look at
    these pairs again. Raises `SystemFailure`; then the journal keeps them for `recover`.
    """
    intent = unanswered.open_intent.intent
    fate = find_out(context, intent)
    undone = fate.rows["op"].filter(pl.Series(~fate.done & ~fate.unknown)).to_list()
    tally, errors = Tally(), []
    counts = tally.towards(intent.side)
    setattr(counts, COUNTED[intent.kind], int(fate.done.sum()))
    counts.skipped = int(fate.unknown.sum())
    for row in undone:
        if final:  # into the retry set, so that the next run looks at it whatever its feed says
            errors.append(_lost(page, row, intent.side.other, unanswered.said.get(row)))
        else:
            look_again(context, page, row)
    failed = error_rows(context, errors)
    count_errors(failed, tally)
    settlement = replace(fate.settlement, errors=pl.concat([fate.settlement.errors, failed]), tally=tally)
    context.store.abandon(context.job, unanswered.open_intent.id, settlement, fate.chosen)
    _follow_up(context, intent.kind, fate)


def _lost(page: Page, row: int, side: Side, said: str | None) -> tuple[object, ...]:
    """The error of a record that was not carried out, with what is known of why."""
    code = str(Waiting.LOST)
    return error_row(page, row, side, code, "", f"{sentence(code, '')}{f' ({said})' if said else ''}")


def _follow_up(context: JobContext, kind: WriteKind, fate: Fate) -> None:
    """What was carried out is looked at once more: the answer would have told what the record holds now."""
    if kind is not WriteKind.DELETE:
        done = fate.rows[LEFT_ID].filter(pl.Series(fate.done))
        context.again.created = pl.concat([context.again.created, done])
