"""From what rows hold to what fields mean: sets of choices in one order, times of day, hidden columns."""

from collections.abc import Sequence

import polars as pl

from koppel.connectors.agreed.values import read_moments
from koppel.connectors.dataverse.columns import Column
from koppel.model.values import FAULT, dtype

HIDDEN = "hidden_by_column_security"
"""Why what a column holds cannot be known: the service shows null or a mask in its place (wire 4.2.6)."""


def finished(frame: pl.DataFrame, columns: Sequence[Column], zone: str) -> pl.DataFrame:
    """A decoded page with all these columns. `zone`: of times of day that carry none."""
    for column in columns:
        if column.access.hidden:
            frame = _hidden(frame, column)
        elif column.several:
            frame = frame.with_columns(in_order(frame[column.name]))
        elif column.zoneless and zone != "UTC":
            frame = _local(frame, column.name, zone)
    return frame


def in_order(values: pl.Series) -> pl.Series:
    """A set of choices such as `3,1`, which come in any order (wire 4.2.13), by number: `1,3`."""
    numbers = values.str.replace_all(" ", "", literal=True).str.split(",").list.eval(pl.element().cast(pl.Int64))
    return numbers.list.sort().list.eval(pl.element().cast(pl.String)).list.join(",").alias(values.name)


def _hidden(frame: pl.DataFrame, column: Column) -> pl.DataFrame:
    """Nulls, and every record at fault: a hidden column must not blank the other side."""
    return frame.with_columns(
        pl.lit(None, dtype(column.odata.shape)).alias(column.name),
        pl.coalesce(FAULT, pl.lit(f"{column.name}: {HIDDEN}")).alias(FAULT),
    )


def _local(frame: pl.DataFrame, name: str, zone: str) -> pl.DataFrame:
    """The time of day on the clocks of `zone`; the `Z` behind it says nothing (wire 1.5)."""
    moments, reasons = read_moments(frame[name].dt.strftime("%Y-%m-%d %H:%M:%S"), zone)
    frame = frame.with_columns(moments.alias(name))
    return frame if reasons is None else frame.with_columns(pl.coalesce(FAULT, f"{name}: " + reasons).alias(FAULT))
