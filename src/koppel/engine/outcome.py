"""Outcomes: what became of a write, turned into what the store settles. Only what arrived moves a baseline."""

from dataclasses import replace

import numpy as np
import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.history import of_records
from koppel.engine.judge import Verdict
from koppel.engine.page import Page, unpack
from koppel.engine.settle import (
    Altered,
    Progress,
    arrived,
    coupling_rows,
    error_row,
    error_rows,
    field_label,
    sentence,
)
from koppel.engine.write import Batch
from koppel.model.coupling import COUPLING, Intent, Settlement, Waiting
from koppel.model.job import Tally
from koppel.model.policy import Side
from koppel.model.situation import Cell
from koppel.model.values import ID, OP, VERSION
from koppel.model.write import ALTERED, CODE, FIELD, MESSAGE, Outcome, WriteKind
from koppel.reconcile.classify import Fingerprints, Mask
from koppel.transform.translate import prints, raw

NOT_KEPT = "altered"
"""The code of a record whose values were written, and of which the system keeps others."""

COUNTED = {WriteKind.CREATE: "inserted", WriteKind.UPDATE: "modified", WriteKind.DELETE: "deleted"}
"""As what a row that was written is counted."""


def outcome_of(
    context: JobContext, verdict: Verdict, progress: Progress, batch: Batch, outcomes: pl.DataFrame, final: bool
) -> tuple[Settlement, Intent | None]:
    """What became of one write, row by row, as what the store settles; and the part of its intent that is still open
    because nothing was answered. `final`: the job does not look at these pairs again.
    """
    page, side = verdict.page, batch.side
    answer = pl.DataFrame({OP: batch.rows.astype(np.int64)}).join(outcomes, on=OP, how="left", maintain_order="left")
    code = answer[CODE].fill_null(str(Outcome.UNKNOWN))
    written = (code == str(Outcome.WRITTEN)).to_numpy()
    rows = batch.rows[written]
    altered = _altered(context, verdict, batch, answer)
    kept = ~(altered.replaced.any(axis=1) | _not_deactivated(batch, answer))
    errors = _refused(page, batch, answer, code) + _not_kept(context, page, batch, answer, altered, ~kept)
    tally = Tally()
    setattr(tally.towards(side), COUNTED[batch.write.kind], int((written & kept).sum()))
    for row in batch.rows[code.is_in([str(Outcome.STALE), str(Outcome.MISSING)]).to_numpy()]:
        if final:  # into the retry set, so that the next run looks at it whatever its feed says
            errors.append(
                error_row(page, int(row), side.other, str(Waiting.STALE), "", sentence(str(Waiting.STALE), ""))
            )
        else:
            look_again(context, page, int(row))
    settlement = Settlement(history=of_records(batch.intent.history, batch.write.rows[ID].filter(pl.Series(written))))
    if batch.ends:
        ended = tuple(page.pairs[COUPLING].gather(batch.rows[written & kept]).to_list())
        settlement = replace(settlement, uncoupled=ended, apart=ended if batch.write.kind is WriteKind.UPDATE else ())
    elif len(rows):
        _take_answer(context, verdict, progress, batch, answer, written, altered)
        settlement = replace(settlement, couplings=coupling_rows(context, page, progress, rows))
    failed = error_rows(context, errors)
    count_errors(failed, tally)
    progress.failed.update(batch.rows[~written | ~kept].tolist())
    done = np.zeros(len(page), dtype=np.bool_)
    done[rows] = True
    done[list(progress.failed)] = False
    calm = done & ~verdict.plan.clashes().any(axis=1)
    agreed = page.pairs[COUPLING].filter(pl.Series(calm)).drop_nulls()
    settlement = replace(settlement, errors=failed, cleared=records_of(page.take(done)), agreed=agreed, tally=tally)
    return settlement, _unanswered(batch, (code == str(Outcome.UNKNOWN)).to_numpy())


def _unanswered(batch: Batch, unknown: Mask) -> Intent | None:
    """The intent of these rows of a batch."""
    if not unknown.any():
        return None
    rows, intent = pl.Series(unknown), batch.intent
    history = of_records(intent.history, batch.write.rows[ID].filter(rows))
    return replace(intent, rows=intent.rows.filter(rows), history=history)


def _take_answer(
    context: JobContext,
    verdict: Verdict,
    progress: Progress,
    batch: Batch,
    answer: pl.DataFrame,
    written: Mask,
    altered: Altered,
) -> None:
    """Move the baselines of the rows that were written to what was stored."""
    side, rows = batch.side, batch.rows[written]
    stored = _stored(context, verdict.page, batch, answer.filter(pl.Series(written)), written)
    altered = Altered(altered.filled[written], altered.replaced[written])
    if batch.write.kind is WriteKind.CREATE:
        for target in Side:  # a record made anew agreed with nothing before
            progress.base[target][rows] = 0
    # An update may have changed a mapped key, and with it the record's id.
    progress.ids[side] = _scatter(progress.ids[side], rows, answer[ID].filter(pl.Series(written)))
    progress.versions[side] = _scatter(progress.versions[side], rows, answer[VERSION].filter(pl.Series(written)))
    arrived(progress, side, rows, batch.sent[written], stored, altered)
    unsettled = (progress.base[side.other][rows] != progress.prints[side.other][rows]) | (
        progress.base[side][rows] != stored
    )
    # What the system filled in travels back in a second look, and what a resolver made is settled in one: only when
    # both sides hold it.
    second = ((verdict.plan.cells[rows] == Cell.RESOLVE) & ~altered.replaced).any(axis=1) | altered.filled.any(axis=1)
    second |= (unsettled & ~altered.replaced).any(axis=1) & (batch.write.kind is WriteKind.CREATE)
    if second.any():
        made = progress.ids[Side.LEFT].gather(rows[second])
        context.again.created = pl.concat([context.again.created, made.cast(pl.String)])


def _stored(context: JobContext, page: Page, batch: Batch, told: pl.DataFrame, written: Mask) -> Fingerprints:
    """What the written records hold now: what the system told, else what was sent and, beside it, what was read (DESIGN
    4).
    """
    bound, side = context.bound, batch.side
    if context.tables[side].table.features.returns_stored:
        return prints(bound, side, raw(bound.lines[: bound.cells], side, told))
    meant = unpack(batch.intent.rows["sent"], bound.cells)[written]
    rest = np.zeros_like(meant) if batch.write.kind is WriteKind.CREATE else page.prints[side][batch.rows[written]]
    return np.where(batch.sent[written], meant, rest)


def _refused(page: Page, batch: Batch, answer: pl.DataFrame, code: pl.Series) -> list[tuple[object, ...]]:
    """Rows the system did not take, as errors of their source records."""
    rows = []
    for place in (code == str(Outcome.REFUSED)).arg_true().to_list():
        field_, text = answer[FIELD][place] or "", f"The system refused it: {answer[MESSAGE][place] or ''}"
        rows.append(error_row(page, int(batch.rows[place]), batch.side.other, "refused", field_, text))
    return rows


def _altered(context: JobContext, verdict: Verdict, batch: Batch, answer: pl.DataFrame) -> Altered:
    """Of which cells that were sent the system says that it keeps something else."""
    differing = np.zeros_like(batch.sent)
    if ALTERED in answer.columns and not batch.ends:
        sent = verdict.plan.sent[batch.side][batch.rows, : context.bound.cells]
        lines = context.bound.lines[: context.bound.cells]
        for place in answer[ALTERED].is_not_null().arg_true().to_list():
            names = answer[ALTERED][place].to_list()
            differing[place] = sent[place] & [line.mapping.name(batch.side) in names for line in lines]
    return Altered.of(differing, unpack(batch.intent.rows["sent"], context.bound.cells))


def _not_deactivated(batch: Batch, answer: pl.DataFrame) -> Mask:
    """Records that were to be put out of use, and are not: the coupling goes on."""
    if ALTERED not in answer.columns or not batch.ends:
        return np.zeros(len(batch.rows), dtype=np.bool_)
    remain: Mask = answer[ALTERED].is_not_null().to_numpy()
    return remain


def _not_kept(
    context: JobContext, page: Page, batch: Batch, answer: pl.DataFrame, altered: Altered, rows_: Mask
) -> list[tuple[object, ...]]:
    """Rows (`rows_`) whose values were written and are not kept, as errors of their source records."""
    rows = []
    for place in np.flatnonzero(rows_):
        cells = np.flatnonzero(altered.replaced[place])
        labels = [field_label(context.bound, int(cell), batch.side) for cell in cells]
        label = ", ".join(dict.fromkeys(labels or batch.write.fields))
        text = f"{sentence(NOT_KEPT, label)} {answer[MESSAGE][int(place)] or ''}".strip()
        rows.append(error_row(page, int(batch.rows[place]), batch.side.other, NOT_KEPT, label, text))
    return rows


def look_again(context: JobContext, page: Page, row: int) -> None:
    """Note a pair to be looked at once more in this job."""
    number, left, right = page.pairs.row(row)[:3]
    if number is not None:
        context.again.couplings.add(number)
    else:
        context.again.lone.add((Side.LEFT, left) if left is not None else (Side.RIGHT, right))


def count_errors(errors: pl.DataFrame, tally: Tally) -> None:
    """Failed, or skipped when it failed the same way before; what waits was counted where it was found."""
    for side in Side:
        mine = errors.filter((pl.col("side") == int(side)) & (pl.col("code") != "waiting"))
        skipped = int(mine["skipped"].sum())
        tally.towards(side.other).skipped += skipped
        tally.towards(side.other).failed += len(mine) - skipped


def records_of(page: Page) -> pl.DataFrame:
    """Both records of every pair, as `side`, `record`."""
    both = [
        pl.DataFrame({"record": page.ids(side)}).select(pl.lit(int(side), pl.Int64).alias("side"), "record")
        for side in Side
    ]
    return pl.concat(both).drop_nulls()


def _scatter(series: pl.Series, rows: "np.ndarray[tuple[int], np.dtype[np.intp]]", values: pl.Series) -> pl.Series:
    return series.cast(pl.String).scatter(rows, values.cast(pl.String)) if len(rows) else series
