"""Recovering: what a crash left open is looked up, never repeated blindly (DESIGN 7).

A journal row says what was meant. Whether it happened stands in the system: the records it was about are read, and
every cell that holds what was sent is settled. What cannot be found out is an error that waits for a person.
"""

import numpy as np
import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.history import of_records, of_what_happened
from koppel.engine.page import VERSIONS, pack, unpack
from koppel.engine.settle import sentence
from koppel.engine.write import lookup_field
from koppel.model.coupling import COUPLING, COUPLING_SCHEMA, ERROR_SCHEMA, LEFT_ID, RIGHT_ID, Settlement, Waiting
from koppel.model.policy import Side
from koppel.model.values import ID, OP, dtype
from koppel.model.write import WriteKind
from koppel.ports import OpenIntent, Want
from koppel.reconcile.classify import Fingerprints
from koppel.transform.translate import prints, raw

_IDS = (LEFT_ID, RIGHT_ID)
_NO_CHOICE = {"id": pl.String(), "chosen": pl.String()}


def recover(context: JobContext) -> int:
    """Settle every open write of the mapping; how many there were. Deadlines are past: the lease of whoever made them
    is over.
    """
    intents = context.store.open_intents(context.name)
    for open_intent in intents:
        rows = _with_ids(context, open_intent)
        match open_intent.intent.kind:
            case WriteKind.CREATE:
                _recover_creates(context, open_intent, rows)
            case WriteKind.UPDATE:
                _recover_updates(context, open_intent, rows)
            case WriteKind.DELETE:
                _recover_deletes(context, open_intent, rows)
    return len(intents)


def _with_ids(context: JobContext, open_intent: OpenIntent) -> pl.DataFrame:
    """The intent's rows; ids that the system gave are looked up by the unique mapped field, renamed ones under their
    new key.
    """
    side, rows = open_intent.intent.side, open_intent.intent.rows
    if open_intent.intent.kind is WriteKind.UPDATE:
        return _renamed(context, side, rows)
    field = lookup_field(context.bound, side)
    if field is None or not rows["lookup"].is_not_null().any():
        return rows
    shape = context.bound.shape(side).field(field)
    assert shape is not None, "the look-up field belongs to the table"
    keys = rows.select(
        pl.col("op").alias(OP), pl.col("lookup").cast(dtype(shape), strict=False).alias(field)
    ).drop_nulls()
    found = (
        context.tables[side]
        .table.find(keys, False)
        .unique(OP, keep="none")
        .select(pl.col(OP).alias("op"), pl.col(ID).alias("found"))
    )
    joined = rows.join(found, on="op", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(_IDS[side], "found").alias(_IDS[side])).drop("found")


def _renamed(context: JobContext, side: Side, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of an update; a record that is not there any more under its id but under the one it was to get, bears
    that now.
    """
    there = (
        context.tables[side]
        .table.fetch(pl.concat([rows[_IDS[side]], rows["lookup"].drop_nulls()]).unique(), Want(()))[ID]
        .implode()
    )
    renamed = ~pl.col(_IDS[side]).is_in(there) & pl.col("lookup").is_in(there)
    return rows.with_columns(pl.when(renamed).then("lookup").otherwise(_IDS[side]).alias(_IDS[side]))


def _now(context: JobContext, side: Side, ids: pl.Series) -> tuple[pl.DataFrame, Fingerprints]:
    """The records with these ids now, one row per id, and their fingerprints; `@there` tells which exist."""
    want = Want(context.bound.mapped(side))
    found = context.tables[side].table.fetch(ids.drop_nulls().unique(), want).with_columns(pl.lit(True).alias("@there"))
    frame = (
        ids.alias(ID)
        .to_frame()
        .join(found, on=ID, how="left", maintain_order="left")
        .with_columns(pl.col("@there").fill_null(False))
    )
    return frame, prints(context.bound, side, raw(context.bound.lines[: context.bound.cells], side, frame))


def _packed(context: JobContext, rows: pl.DataFrame, column: str) -> Fingerprints:
    """Fingerprints of an intent; nothing is known of them when the mapping's fields have changed since."""
    if (rows["layout"] == context.layout).all():
        return unpack(rows[column], context.bound.cells)
    return np.zeros((len(rows), context.bound.cells), dtype=np.uint64)


def _recover_creates(context: JobContext, open_intent: OpenIntent, rows: pl.DataFrame) -> None:
    """Found: coupled, with what was sent as the baseline of both sides. Not found: the chosen id is kept for the next
    try.
    """
    side = open_intent.intent.side
    frame, _ = _now(context, side, rows[_IDS[side]])
    there = frame["@there"].to_numpy()
    found = rows.filter(pl.Series(there))
    sent, source = _packed(context, found, "sent"), _packed(context, found, "source")
    source[sent == 0] = 0
    couplings = _couplings(context, side.other, found, *((sent, source) if side is Side.LEFT else (source, sent)))
    lost = rows.filter(~pl.Series(there))
    unknown = lost.filter(pl.col(_IDS[side]).is_null() & pl.col("lookup").is_null())
    chosen = lost.select(pl.col(_IDS[side.other]).alias("id"), pl.col(_IDS[side]).alias("chosen")).drop_nulls()
    settlement = Settlement(couplings=couplings, errors=_unknown(context, side, unknown))
    context.store.abandon(
        context.job, open_intent.id, settlement, chosen if len(chosen) else pl.DataFrame(schema=_NO_CHOICE)
    )


def _couplings(
    context: JobContext, source: Side, rows: pl.DataFrame, left: Fingerprints, right: Fingerprints
) -> pl.DataFrame:
    """Couplings of records found after a lost answer; their versions are empty, so the next look sees what they really
    hold.

    A restored record has a coupling already, which is moved in the generation that it is in now.
    """
    known = context.store.coupled(context.name, source, rows[_IDS[source]]).select(COUPLING, "generation")
    kept = rows.select(COUPLING, LEFT_ID, RIGHT_ID).join(known, on=COUPLING, how="left", maintain_order="left")
    return kept.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in VERSIONS),
        pack(left).alias("left_base"),
        pack(right).alias("right_base"),
        pl.lit(context.layout, pl.Int64).alias("layout"),
        pl.col("generation").fill_null(0),
        pl.lit(True).alias("recovered"),
    ).select(*COUPLING_SCHEMA)


def _recover_updates(context: JobContext, open_intent: OpenIntent, rows: pl.DataFrame) -> None:
    """Cells that hold what was sent are settled on both sides; the others stay as they were, and a conflict on them is
    always asked.
    """
    side, cells = open_intent.intent.side, context.bound.cells
    _, now = _now(context, side, rows[_IDS[side]])
    kept = context.store.coupled(context.name, side, open_intent.intent.rows[_IDS[side]]).drop(_IDS[side])
    kept = kept.filter(pl.col("layout") == context.layout)
    kept = rows.select(COUPLING, _IDS[side]).join(kept, on=COUPLING, how="left", maintain_order="left")
    known = kept["layout"].is_not_null()
    if known.any():
        place = known.arg_true().to_numpy()
        sent, source = (_packed(context, rows.filter(known), name) for name in ("sent", "source"))
        base = [unpack(kept[name].filter(known), cells) for name in ("left_base", "right_base")]
        arrived = (sent != 0) & (now[place] == sent)
        base[side][arrived] = sent[arrived]
        base[side.other][arrived] = source[arrived]
        empty = [pl.lit(None, pl.String).alias(name) for name in VERSIONS]
        kept = kept.filter(known).with_columns(
            *empty, pack(base[0]).alias("left_base"), pack(base[1]).alias("right_base"), pl.lit(True).alias("recovered")
        )
    ids = pl.DataFrame([open_intent.intent.rows[_IDS[side]].alias("record"), rows[_IDS[side]].alias(ID)])
    history = of_what_happened(open_intent.intent.history, context.tables[side], ids)
    settlement = Settlement(
        couplings=kept.filter(pl.col("layout").is_not_null()).select(*COUPLING_SCHEMA), history=history
    )
    context.store.settle(context.job, open_intent.id, settlement)


def _recover_deletes(context: JobContext, open_intent: OpenIntent, rows: pl.DataFrame) -> None:
    """A record that is gone was deleted: its coupling ends. One that is still there is decided again."""
    side = open_intent.intent.side
    frame, _ = _now(context, side, rows[_IDS[side]])
    gone = rows.filter(~frame["@there"])
    history = of_records(open_intent.intent.history, gone[_IDS[side]])
    settlement = Settlement(uncoupled=tuple(gone[COUPLING].drop_nulls().to_list()), history=history)
    context.store.settle(context.job, open_intent.id, settlement)


def _unknown(context: JobContext, side: Side, rows: pl.DataFrame) -> pl.DataFrame:
    """Creates of which nothing can be known: errors of their sources, tried again only when a person says so."""
    return rows.select(
        pl.lit(int(side.other), pl.Int64).alias("side"),
        pl.col(_IDS[side.other]).alias("record"),
        pl.lit(None, pl.String).alias("other"),
        pl.lit(str(Waiting.UNKNOWN)).alias("code"),
        pl.lit("").alias("field"),
        pl.lit(sentence(str(Waiting.UNKNOWN), "")).alias("message"),
        pl.col("source").alias("print"),
        pl.lit(True).alias("skipped"),
    ).select(*ERROR_SCHEMA)
