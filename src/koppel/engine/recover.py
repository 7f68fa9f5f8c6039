"""Recovering: what an earlier job left open is looked up before anything is observed (DESIGN 7)."""

import numpy as np
import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.fate import IDS, coupled_anew, find_out, ids_by
from koppel.model.bound import Identity
from koppel.model.coupling import COUPLING, Settlement
from koppel.model.policy import Side
from koppel.model.values import ID
from koppel.ports import Want


def recover(context: JobContext) -> int:
    """Settle every open write of the mapping; how many there were. Deadlines are past: the lease of whoever made them
    is over.
    """
    for side in Side:
        _couple_late(context, side)
    intents = context.store.open_intents(context.name)
    for open_intent in intents:
        fate = find_out(context, open_intent.intent)
        context.store.abandon(context.job, open_intent.id, fate.settlement, fate.chosen)
    return len(intents)


def _couple_late(context: JobContext, side: Side) -> None:
    """Creates on `side` that were looked up and not found may have been carried out after that look: a service goes on
    when its line is cut. Found under the id once chosen, the record is coupled, before it is taken for a newcomer; what
    it holds is a first contact.
    """
    chosen = context.store.chosen_ids(context.name, side)
    if not len(chosen):
        return
    if context.bound.identities[side] is Identity.MARK:  # what was chosen is a number, and not yet the id
        rows = chosen.select("id", pl.col("chosen").alias("lookup")).with_row_index("op").cast({"op": pl.Int64})
        found = rows.join(ids_by(context, side, rows), on="op")
        chosen = found.select("id", pl.col("found").alias("chosen"))
    there = context.tables[side].table.fetch(chosen["chosen"], Want(()))[ID]
    coupled = context.store.coupled(context.name, side.other, chosen["id"])[IDS[side.other]]
    late = chosen.filter(pl.col("chosen").is_in(there.implode()) & ~pl.col("id").is_in(coupled.implode()))
    if not len(late):
        return
    rows = late.select(
        pl.lit(None, pl.Int64).alias(COUPLING), pl.col("id").alias(IDS[side.other]), pl.col("chosen").alias(IDS[side])
    )
    unseen = np.zeros((len(rows), context.bound.cells), dtype=np.uint64)
    context.note(Settlement(couplings=coupled_anew(context, side.other, rows, unseen, unseen)))
