"""Ping-pong: something writes back what koppel writes, so the same value would travel for ever. It is stopped by count
(DESIGN 7).
"""

from dataclasses import replace
from datetime import timedelta

import polars as pl

from koppel.engine.context import JobContext
from koppel.engine.page import Page
from koppel.model.policy import Side
from koppel.transform.translate import Translation

PING_PONG = "ping_pong"
DAY = timedelta(days=1)
FEW = 10
"""Writes of one cell in one direction within a day before somebody has to look: people edit a field less often."""


def stop_ping_pong(context: JobContext, page: Page, translation: Translation) -> Translation:
    """The translation, in which a value that has been written too often cannot be had. A person's word goes through."""
    asked = context.asked
    if asked.lifted or asked.forced is not None or asked.winner is not None or asked.first_contact is not None:
        return translation
    reasons = (list(translation.reasons[0]), list(translation.reasons[1]))
    for side in Side:
        often = context.store.written_often(context.name, side, page.ids(side).drop_nulls(), context.now() - DAY, FEW)
        for (name,), cells in often.group_by("field"):
            stopped = page.ids(side).is_in(cells["record"].implode())
            for number, line in enumerate(context.bound.lines):
                if line.mapping.name(side) == name:
                    reason = pl.when(stopped).then(pl.lit(PING_PONG)).otherwise(reasons[side][number])
                    reasons[side][number] = pl.select(reason).to_series()
    return replace(translation, reasons=reasons)
