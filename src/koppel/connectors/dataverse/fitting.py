"""What a column would not keep exactly, found before anything is sent: a bulk message does not say which row is to
blame, and much is dropped, cut or rounded without a word (wire 1.5, 4.2.22).
"""

from datetime import date

import polars as pl

from koppel.connectors.agreed.values import either, reasons_where, significant
from koppel.connectors.dataverse.columns import Column
from koppel.connectors.odata.edm import FLOATS
from koppel.connectors.odata.fitting import text_misfits
from koppel.model.values import Kind

EARLIEST = date(1753, 1, 1)

SENTENCES = {
    "no_value": "it must have a value",
    "too_long": "the text is too long for the column, which counts in UTF-16 units",
    "not_xml": "the text holds a character that the service does not take",
    "not_a_choice": "the column does not have this choice",
    "out_of_range": "the value is out of the column's range",
    "digits_lost": "the service would keep fewer digits of this value",
    "ambiguous_time": "this moment has no time of day of its own in the system's time zone",
}
"""What a reason means, for the message of a refusal."""

_CHOICES = r"^\d+( *, *\d+)*$"


def misfits(column: Column, values: pl.Series) -> pl.Series | None:
    """A reason for every value that does not fit; None when all do."""
    reasons = reasons_where(values.is_null(), "no_value") if not column.odata.shape.nullable else None
    match column.odata.shape.kind:
        case Kind.TEXT if column.several:
            return either(reasons, _sets(column, values))
        case Kind.TEXT:
            return either(reasons, text_misfits(values, column.odata.shape.length))
        case Kind.CHOICE if column.details.options:
            return either(reasons, reasons_where(~values.is_in(column.details.options), "not_a_choice"))
        case Kind.INTEGER:
            return either(reasons, _integers(column, values))
        case Kind.DECIMAL if column.odata.edm in FLOATS:
            digits = FLOATS[column.odata.edm]
            return either(reasons, reasons_where(significant(values.cast(pl.String)) > digits, "digits_lost"))
        case Kind.DATE:
            return either(reasons, reasons_where(values < EARLIEST, "out_of_range"))
        case Kind.DATETIME:
            whole = reasons_where(values.dt.microsecond() != 0, "digits_lost")
            return either(reasons, either(reasons_where(values.dt.date() < EARLIEST, "out_of_range"), whole))
        case _:
            return reasons


def _sets(column: Column, values: pl.Series) -> pl.Series | None:
    """Every one of the choices exists; '' is none at all."""
    parts = values.str.replace_all(" ", "", literal=True).str.split(",")
    strange = parts.list.eval(~pl.element().is_in(list(column.details.options))).list.any()
    return reasons_where((~values.str.contains(_CHOICES) | strange) & (values != ""), "not_a_choice")


def _integers(column: Column, values: pl.Series) -> pl.Series | None:
    outside = pl.Series([False]).new_from_index(0, len(values))
    if column.details.lowest is not None:
        outside |= values < column.details.lowest
    if column.details.highest is not None:
        outside |= values > column.details.highest
    return reasons_where(outside, "out_of_range")
