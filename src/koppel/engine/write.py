"""Writes: a page's plan as batches for one table each, with the intent that goes into the journal before the call."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.history import of_write
from koppel.engine.judge import Verdict
from koppel.engine.page import pack
from koppel.model.action import Action
from koppel.model.bound import BoundMapping, Identity
from koppel.model.coupling import COUPLING, INTENT_SCHEMA, LEFT_ID, RIGHT_ID, Intent
from koppel.model.policy import Side
from koppel.model.situation import Cell
from koppel.model.values import ID, OP, dtype, key_text
from koppel.model.write import Write, WriteKind
from koppel.transform.convert import literal

Rows = npt.NDArray[np.intp]

_ACTIONS = {
    (Side.RIGHT, WriteKind.CREATE): (Action.CREATE_RIGHT,),
    (Side.LEFT, WriteKind.CREATE): (Action.CREATE_LEFT,),
    (Side.RIGHT, WriteKind.UPDATE): (Action.UPDATE_RIGHT, Action.MERGE),
    (Side.LEFT, WriteKind.UPDATE): (Action.UPDATE_LEFT, Action.MERGE),
    (Side.RIGHT, WriteKind.DELETE): (Action.DELETE_RIGHT,),
    (Side.LEFT, WriteKind.DELETE): (Action.DELETE_LEFT,),
}
_DEACTIVATE = {Side.RIGHT: Action.DEACTIVATE_RIGHT, Side.LEFT: Action.DEACTIVATE_LEFT}


@dataclass(frozen=True)
class Batch:
    """One write to one side. `rows`: the page rows it is about; `ends`: the coupling ends with it.

    `sent`: rows × cells that settle when the row is written.
    """

    side: Side
    rows: Rows
    write: Write
    intent: Intent
    sent: npt.NDArray[np.bool_]
    ends: bool = False


def batches(context: JobContext, verdict: Verdict, ready: npt.NDArray[np.bool_]) -> Iterator[Batch]:
    """The writes of a page, for the pairs that are ready: to the right first, as Business Central does (semantics
    4.2.4).
    """
    for side in (Side.RIGHT, Side.LEFT):
        for kind in WriteKind:
            rows = np.flatnonzero(np.isin(verdict.plan.actions, _ACTIONS[side, kind]) & ready)
            if len(rows):
                yield _batch(context, verdict, side, kind, rows)
        rows = np.flatnonzero((verdict.plan.actions == _DEACTIVATE[side]) & ready)
        if len(rows):
            yield _deactivation(context, verdict, side, rows)


def _batch(context: JobContext, verdict: Verdict, side: Side, kind: WriteKind, rows: Rows) -> Batch:
    bound = context.bound
    lines = bound.writable(side) if kind is not WriteKind.DELETE else ()
    names = tuple(bound.lines[i].mapping.name(side) or "" for i in lines)
    values = verdict.translation.values[side]
    fields = pl.DataFrame([values[i].gather(rows).alias(name) for i, name in zip(lines, names, strict=True)])
    mask = verdict.plan.sent[side][rows][:, list(lines)]
    if kind is WriteKind.CREATE and bound.identities[side] is Identity.MARK:
        mark = _chosen_once(context, verdict, side, rows, context.tables[side].table.reserve)
        fields = fields.with_columns(mark.alias(bound.shape(side).mark or ""))
        names, mask = (*fields.columns,), np.column_stack([mask, np.ones(len(rows), dtype=np.bool_)])
    ids = (
        _new_ids(context, verdict, side, rows, fields)
        if kind is WriteKind.CREATE
        else verdict.page.ids(side).gather(rows)
    )
    frame = pl.DataFrame([pl.Series(OP, rows.astype(np.int64)), ids.alias(ID), *fields.get_columns()])
    expected = None if kind is WriteKind.CREATE else _expected(context, verdict, side, rows)
    write = Write(kind, frame, names, mask, expected, bound.mapped(side), context.now())
    # What a resolver made settles when both sides hold it, not with the first write: a crash in between must resolve
    # again.
    sent = verdict.plan.sent[side][rows, : bound.cells] & (verdict.plan.cells[rows] != Cell.RESOLVE)
    return Batch(
        side, rows, write, _intent(context, verdict, side, write, rows, sent), sent, ends=kind is WriteKind.DELETE
    )


def _deactivation(context: JobContext, verdict: Verdict, side: Side, rows: Rows) -> Batch:
    """An update of one field that says the record is out of use."""
    setting = context.bound.mapping.options(side).deactivate
    assert setting is not None, "configuration has checked that deactivation is set up"
    shape = context.bound.shape(side).field(setting[0])
    assert shape is not None, "configuration has checked the field"
    value = pl.repeat(literal(setting[1], shape), len(rows), dtype=dtype(shape), eager=True).alias(shape.name)
    frame = pl.DataFrame([pl.Series(OP, rows.astype(np.int64)), verdict.page.ids(side).gather(rows).alias(ID), value])
    expected = _expected(context, verdict, side, rows)
    mask = np.ones((len(rows), 1), dtype=np.bool_)
    write = Write(WriteKind.UPDATE, frame, (shape.name,), mask, expected, context.bound.mapped(side), context.now())
    sent = np.zeros((len(rows), context.bound.cells), dtype=np.bool_)
    return Batch(side, rows, write, _intent(context, verdict, side, write, rows, sent), sent, ends=True)


def _expected(context: JobContext, verdict: Verdict, side: Side, rows: Rows) -> pl.DataFrame:
    """What the records looked like when they were read."""
    seen = verdict.page.records[side].select(context.bound.mapped(side))[rows]
    return seen.with_columns(pl.Series(OP, rows.astype(np.int64)))


def _new_ids(context: JobContext, verdict: Verdict, side: Side, rows: Rows, fields: pl.DataFrame) -> pl.Series:
    """The ids of records to be created, chosen once per source record; null where the system gives them."""
    identity = context.bound.identities[side]
    if identity is Identity.KEY:
        return fields.select(key_text(context.bound.shape(side).key)).to_series()
    if identity in (Identity.LOOKUP, Identity.MARK, Identity.NONE):
        return pl.Series(values=[None], dtype=pl.String).new_from_index(0, len(rows))
    if identity is Identity.RESERVED:
        return _chosen_once(context, verdict, side, rows, context.tables[side].table.reserve)
    return _chosen_once(context, verdict, side, rows, context.new_ids)


def _chosen_once(
    context: JobContext, verdict: Verdict, side: Side, rows: Rows, make: Callable[[int], Sequence[str] | pl.Series]
) -> pl.Series:
    """What is chosen for each source record: what was chosen when it was tried before, else new."""
    sources = verdict.page.ids(side.other).gather(rows).alias("id")
    kept = sources.to_frame().join(
        context.store.chosen_ids(context.name, side, sources), on="id", how="left", maintain_order="left"
    )["chosen"]
    missing = kept.null_count()
    if not missing:
        return kept
    return kept.scatter(kept.is_null().arg_true(), pl.Series(make(missing), dtype=pl.String))


def _intent(
    context: JobContext, verdict: Verdict, side: Side, write: Write, rows: Rows, sent: npt.NDArray[np.bool_]
) -> Intent:
    """What the journal keeps: enough to find out whether it happened, and to settle it then."""
    page, bound = verdict.page, context.bound
    meant = np.where(sent, verdict.translation.prints[side][rows], 0)
    ids = [page.ids(s).gather(rows) if s is not side else write.rows[ID] for s in Side]
    columns = [
        write.rows[OP].alias("op"),
        page.pairs[COUPLING].gather(rows),
        ids[0].alias(LEFT_ID),
        ids[1].alias(RIGHT_ID),
        pack(page.prints[side.other][rows]).alias("source"),
        pack(meant).alias("sent"),
        _lookup_texts(bound, side, write).alias("lookup"),
        pl.repeat(context.layout, len(rows), dtype=pl.Int64, eager=True).alias("layout"),
    ]
    history = of_write(page.records[side], page.ids(side), write, rows, side) if bound.mapping.history_days else None
    return Intent(side, write.kind, pl.DataFrame(columns).select(*INTENT_SCHEMA), history)


def lookup_field(bound: BoundMapping, side: Side) -> str | None:
    """The unique mapped field of `side` by which a record with a generated key is found again, or its mark."""
    if bound.identities[side] is Identity.MARK:
        return bound.shape(side).mark
    fits = (
        line.mapping.right if side is Side.RIGHT else line.mapping.left
        for line in bound.lines
        if line.reaches(side) and line.shape(side).unique
    )
    return next((name for name in fits if name is not None), None)


def _lookup_texts(bound: BoundMapping, side: Side, write: Write) -> pl.Series:
    """By what a row is found again when the answer is lost: a new record's unique field, a renamed record's new key."""
    field, key = lookup_field(bound, side), bound.shape(side).key
    if write.kind is WriteKind.CREATE and bound.identities[side] in (Identity.LOOKUP, Identity.MARK) and field:
        return write.rows[field].cast(pl.String)
    if write.kind is WriteKind.UPDATE and set(key) <= set(write.fields):
        renamed = write.mask[:, [write.fields.index(name) for name in key]].any(axis=1)
        return pl.select(pl.when(pl.Series(renamed)).then(write.rows.select(key_text(key)).to_series())).to_series()
    return pl.Series(values=[None], dtype=pl.String).new_from_index(0, len(write.rows))
