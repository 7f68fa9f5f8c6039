"""What neither Dataverse nor Business Central keeps of a text: both count in UTF-16 units and pass texts on as XML."""

import polars as pl

from koppel.connectors.agreed.values import either, reasons_where

_NOT_XML = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"


def text_misfits(values: pl.Series, length: int | None) -> pl.Series | None:
    """`not_xml` or `too_long` for every text that does not fit, null for the others; None when all do. `length`: in
    UTF-16 units (wire 1.5), None without a limit.
    """
    reasons = reasons_where(values.str.contains(_NOT_XML), "not_xml")
    if length is None:
        return reasons
    units = values.str.len_chars() + values.str.count_matches(r"[\x{10000}-\x{10FFFF}]")
    return either(reasons, reasons_where(units > length, "too_long"))
