"""The guard for a column that suddenly reads blank everywhere: one that koppel may no longer read (DESIGN 7)."""

import numpy as np
import numpy.typing as npt

from koppel.engine.context import JobContext
from koppel.engine.observe import pages
from koppel.engine.page import read_page
from koppel.model.policy import Side
from koppel.model.values import FieldShape
from koppel.ports import Want
from koppel.reconcile.guard import HANDFUL
from koppel.transform.canonical import blank
from koppel.transform.fingerprint import BLANK


def blanked_columns(context: JobContext, couplings: list[int]) -> list[str]:
    """A sentence for every field of which more than a handful of these couplings lost their value, and no record of
    its table has one.
    """
    if not couplings:
        return []
    context.store.line_up_couplings(couplings, [])
    lost = _lost(context)
    return [
        f"{shape.name} reads blank in every record of {context.tables.names[side]}, and {lost[side][cell]} had a value "
        "when they were last in agreement: may koppel still read it?"
        for side in Side
        for cell in np.flatnonzero(lost[side] > HANDFUL)
        if not _filled(context, side, shape := context.bound.lines[cell].shape(side))
    ]


def _lost(context: JobContext) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Per side and cell, how many of the lined up records are blank now and had a value at their baseline."""
    lost = tuple(np.zeros(context.bound.cells, dtype=np.intp) for _ in Side)
    for pairs in pages(context):
        page = read_page(context, pairs)
        for side in Side:
            gone = (page.base[side] > BLANK) & (page.prints[side] == BLANK) & page.exists[side][:, None]
            lost[side][:] += gone.sum(axis=0)
    return lost[0], lost[1]


def _filled(context: JobContext, side: Side, shape: FieldShape) -> bool:
    """Whether any record of the table has a value in this field; read until there is one."""
    read = context.tables[side].table.changes(None, Want((shape.name,))).pages
    return any(not page.select(blank(shape).all()).item() for page in read)
