"""History: before and after of what koppel writes. Made with the intent, so that a crash cannot lose what a write
replaced.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from koppel.engine.context import OpenTable
from koppel.model.coupling import History
from koppel.model.policy import Side
from koppel.model.values import ID
from koppel.model.write import Write, WriteKind
from koppel.ports import Want


def of_write(
    records: pl.DataFrame, ids: pl.Series, write: Write, rows: npt.NDArray[np.intp], side: Side
) -> History | None:
    """What a write is going to change, from the page's records of that side; a create needs none."""
    if write.kind is WriteKind.CREATE:
        return None
    record, nothing = (
        ids.gather(rows).alias("record"),
        pl.Series(values=[None], dtype=pl.String).new_from_index(0, len(rows)),
    )
    fields = write.fields or tuple(name for name in write.want if name in records.columns)
    parts = []
    for place, name in enumerate(fields):
        before = records[name].gather(rows).cast(pl.String) if name in records.columns else nothing
        after = write.rows[name].cast(pl.String) if write.fields else nothing
        label = pl.Series([name], dtype=pl.String).new_from_index(0, len(rows)).alias("field")
        frame = pl.DataFrame([record, label, before.alias("before"), after.alias("after")])
        parts.append(frame.filter(pl.Series(write.mask[:, place])) if write.fields else frame)
    return _packed(side, pl.concat(parts)) if parts else None


def of_records(history: History | None, records: pl.Series) -> History | None:
    """The part of a history that speaks of these records; None when there is none."""
    if history is None or not len(records):
        return None
    if len(records) >= len(history.records):
        return history
    return _packed(history.side, pl.read_ipc(history.blob).filter(pl.col("record").is_in(records.implode())))


def of_what_happened(history: History | None, table: OpenTable, ids: pl.DataFrame) -> History | None:
    """The part of a lost write's history that came true: where the record now holds what was to be written. A system
    may keep '' where null was written: blank is blank.

    `ids`: `record` as the history calls it, and ID under which it is found now.
    """
    if history is None:
        return None
    changes = pl.read_ipc(history.blob)
    fields = tuple(changes["field"].unique())
    found = table.table.fetch(ids[ID].unique(), Want(fields)).select(
        ID, *(pl.col(name).cast(pl.String) for name in fields)
    )
    now = found.unpivot(index=ID, variable_name="field", value_name="now")
    holds = pl.col("after").fill_null("") == pl.col("now").fill_null("")
    true = changes.join(ids, on="record").join(now, on=[ID, "field"]).filter(holds)
    return _packed(history.side, true.select(changes.columns))


def _packed(side: Side, changes: pl.DataFrame) -> History | None:
    if not len(changes):
        return None
    packed = changes.write_ipc(None, compression="zstd").getvalue()
    return History(side, changes["record"].unique(maintain_order=True).to_list(), packed)
