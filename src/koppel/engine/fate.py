"""The fate of a write whose answer is lost: it is looked up, never repeated blindly (DESIGN 7).

An intent says what was meant. Whether it happened stands in the system: the records it was about are read, and every
cell that holds what was sent is settled. This is the only place that says how; it is asked by `recover` for what a
crash left open, and by `unanswered` for rows of a batch whose answer did not come.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.history import of_records, of_what_happened
from koppel.engine.page import VERSIONS, pack, unpack
from koppel.engine.settle import sentence
from koppel.engine.write import lookup_field
from koppel.model.bound import Identity
from koppel.model.coupling import (
    COUPLING,
    COUPLING_SCHEMA,
    ERROR_SCHEMA,
    LEFT_ID,
    RIGHT_ID,
    Intent,
    Settlement,
    Waiting,
)
from koppel.model.policy import Side
from koppel.model.values import ID, OP, dtype
from koppel.model.write import WriteKind
from koppel.ports import Want
from koppel.reconcile.classify import Fingerprints, Mask
from koppel.transform.translate import prints, raw

IDS = (LEFT_ID, RIGHT_ID)
_CHOSEN = {"id": pl.String(), "chosen": pl.String()}


@dataclass(frozen=True)
class Fate:
    """What was found out about an intent. `rows`: its rows, under the ids that their records bear now; `done`: which of
    them were carried out; `unknown`: of which nothing can be found out. `settlement`, `chosen`: what the store keeps of
    it (`Store.abandon`).
    """

    rows: pl.DataFrame
    done: Mask
    unknown: Mask
    settlement: Settlement
    chosen: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_CHOSEN))


def find_out(context: JobContext, intent: Intent) -> Fate:
    """Look the records of an intent up. Raises `SystemFailure`."""
    match intent.kind:
        case WriteKind.CREATE:
            return _of_creates(context, intent)
        case WriteKind.UPDATE:
            return _of_updates(context, intent)
        case WriteKind.DELETE:
            return _of_deletes(context, intent)


def _with_ids(context: JobContext, side: Side, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of creates or deletes; ids that the system gave are looked up by the unique mapped field."""
    if lookup_field(context.bound, side) is None or not rows["lookup"].is_not_null().any():
        return rows
    found = ids_by(context, side, rows.select("op", "lookup"))
    joined = rows.join(found, on="op", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(IDS[side], "found").alias(IDS[side])).drop("found")


def ids_by(context: JobContext, side: Side, rows: pl.DataFrame) -> pl.DataFrame:
    """`op`, `found`: the records of a side that alone have these values (`op`, `lookup`) in its unique field."""
    unique = lookup_field(context.bound, side)
    shape = context.bound.shape(side).field(unique or "")
    assert unique is not None and shape is not None, "the look-up field belongs to the table"
    keys = rows.select(pl.col("op").alias(OP), pl.col("lookup").cast(dtype(shape), strict=False).alias(unique))
    found = context.tables[side].table.find(keys.drop_nulls(), False).unique(OP, keep="none")
    return found.select(pl.col(OP).alias("op"), pl.col(ID).alias("found"))


def _renamed(context: JobContext, side: Side, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of an update; a record that is not there any more under its id but under the one it was to get, bears
    that now.
    """
    there = (
        context.tables[side]
        .table.fetch(pl.concat([rows[IDS[side]], rows["lookup"].drop_nulls()]).unique(), Want(()))[ID]
        .implode()
    )
    renamed = ~pl.col(IDS[side]).is_in(there) & pl.col("lookup").is_in(there)
    return rows.with_columns(pl.when(renamed).then("lookup").otherwise(IDS[side]).alias(IDS[side]))


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


def _of_creates(context: JobContext, intent: Intent) -> Fate:
    """Found: coupled, with what was sent as the baseline of both sides. Not found: the chosen id is kept for the next
    try.
    """
    side, rows = intent.side, _with_ids(context, intent.side, intent.rows)
    frame, now = _now(context, side, rows[IDS[side]])
    done = frame["@there"].to_numpy()
    found, lost = rows.filter(pl.Series(done)), rows.filter(pl.Series(~done))
    sent, source = _packed(context, found, "sent"), _packed(context, found, "source")
    sent[_tried_before(context, side, found)[:, None] & (now[done] != sent)] = 0
    source[sent == 0] = 0
    couplings = coupled_anew(context, side.other, found, *((sent, source) if side is Side.LEFT else (source, sent)))
    nameless = rows.select(pl.col(IDS[side]).is_null() & pl.col("lookup").is_null()).to_series().to_numpy()
    kept = "lookup" if context.bound.identities[side] is Identity.MARK else IDS[side]
    chosen = lost.select(pl.col(IDS[side.other]).alias("id"), pl.col(kept).alias("chosen")).drop_nulls()
    errors = _errors(context, side, rows.filter(pl.Series(nameless)))
    return Fate(rows, done, nameless, Settlement(couplings=couplings, errors=errors), chosen)


def _tried_before(context: JobContext, side: Side, rows: pl.DataFrame) -> Mask:
    """Which of these creates were tried before under the same id: what is found may be of that time, and what it does
    not hold of the new one is a first contact.
    """
    sources = rows[IDS[side.other]]
    tried: Mask = sources.is_in(context.store.chosen_ids(context.name, side, sources)["id"].implode()).to_numpy()
    return tried


def coupled_anew(
    context: JobContext, source: Side, rows: pl.DataFrame, left: Fingerprints, right: Fingerprints
) -> pl.DataFrame:
    """Couplings of records found after a lost answer, in these baselines; their versions are empty, so the next look
    sees what they really hold.

    A restored record has a coupling already, which is moved in the generation that it is in now.
    """
    known = context.store.coupled(context.name, source, rows[IDS[source]]).select(COUPLING, "generation")
    kept = rows.select(COUPLING, LEFT_ID, RIGHT_ID).join(known, on=COUPLING, how="left", maintain_order="left")
    return kept.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in VERSIONS),
        pack(left).alias("left_base"),
        pack(right).alias("right_base"),
        pl.lit(context.layout, pl.Int64).alias("layout"),
        pl.col("generation").fill_null(0),
        pl.lit(True).alias("recovered"),
    ).select(*COUPLING_SCHEMA)


def _of_updates(context: JobContext, intent: Intent) -> Fate:
    """Cells that hold what was sent are settled on both sides; the others stay as they were, and a conflict on them is
    always asked.
    """
    side, cells, rows = intent.side, context.bound.cells, _renamed(context, intent.side, intent.rows)
    frame, now = _now(context, side, rows[IDS[side]])
    kept = context.store.coupled(context.name, side, intent.rows[IDS[side]]).drop(IDS[side])
    kept = kept.filter(pl.col("layout") == context.layout)
    kept = rows.select(COUPLING, IDS[side]).join(kept, on=COUPLING, how="left", maintain_order="left")
    known = kept["layout"].is_not_null()
    kept, place = kept.filter(known), known.arg_true().to_numpy()
    sent, source = (_packed(context, rows.filter(known), name) for name in ("sent", "source"))
    arrived = (sent != 0) & (now[place] == sent) & frame["@there"].to_numpy()[place][:, None]
    base = [unpack(kept[name], cells) for name in ("left_base", "right_base")]
    base[side][arrived] = sent[arrived]
    base[side.other][arrived] = source[arrived]
    couplings = kept.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in VERSIONS),
        pack(base[0]).alias("left_base"),
        pack(base[1]).alias("right_base"),
        pl.lit(True).alias("recovered"),
    )
    done = np.zeros(len(rows), dtype=np.bool_)
    done[place] = arrived.any(axis=1) & (arrived == (sent != 0)).all(axis=1)
    ids = pl.DataFrame([intent.rows[IDS[side]].alias("record"), rows[IDS[side]].alias(ID)])
    history = of_what_happened(intent.history, context.tables[side], ids)
    settlement = Settlement(couplings=couplings.select(*COUPLING_SCHEMA), history=history)
    return Fate(rows, done, np.zeros_like(done), settlement)


def _of_deletes(context: JobContext, intent: Intent) -> Fate:
    """A record that is gone was deleted: its coupling ends. One that is still there is decided again."""
    side, rows = intent.side, intent.rows
    frame, _ = _now(context, side, rows[IDS[side]])
    gone = rows.filter(~frame["@there"])
    history = of_records(intent.history, gone[IDS[side]])
    settlement = Settlement(uncoupled=tuple(gone[COUPLING].drop_nulls().to_list()), history=history)
    done = ~frame["@there"].to_numpy()
    return Fate(rows, done, np.zeros_like(done), settlement)


def _errors(context: JobContext, side: Side, rows: pl.DataFrame) -> pl.DataFrame:
    """Creates of which nothing can be known: errors of their sources, tried again only when a person says so."""
    return rows.select(
        pl.lit(int(side.other), pl.Int64).alias("side"),
        pl.col(IDS[side.other]).alias("record"),
        pl.lit(None, pl.String).alias("other"),
        pl.lit(str(Waiting.UNKNOWN)).alias("code"),
        pl.lit("").alias("field"),
        pl.lit(sentence(str(Waiting.UNKNOWN), "")).alias("message"),
        pl.col("source").alias("print"),
        pl.lit(True).alias("skipped"),
    ).select(*ERROR_SCHEMA)
