"""What COPY sends to canonical columns; what cannot be represented becomes null with a reason.

One expression per kind reads a whole column of a page. Reasons: not_a_number, digits_lost, ambiguous_time,
out_of_range.
"""

import re
from decimal import Decimal, InvalidOperation

import polars as pl

from koppel.connectors.postgresql.database import quoted
from koppel.connectors.postgresql.reflect import FLOATS, TEXTS, Column
from koppel.model.values import DEFAULT_SCALE, Kind, dtype

Decoded = tuple[pl.Series, pl.Series | None]
"""Values, and their reasons (null = fine) or None when all are fine."""


def expression(column: Column) -> str:
    """The SQL that reads the column of the table called `t`. A cast to text takes the padding off a char(n), and what
    is only shown as text (or is such a key) is shown as it is compared.
    """
    name = f"t.{quoted(column.shape.name)}"
    as_text = column.type == "bpchar" or (column.shape.kind is Kind.TEXT and column.type not in TEXTS)
    return f"{name}::text" if as_text else name


def raw_dtype(column: Column) -> pl.DataType:
    """What the column is read as from CSV."""
    return pl.Int64() if column.shape.kind is Kind.INTEGER else pl.String()


def decode(column: Column, values: pl.Series, zone: str) -> Decoded:
    """The column in the dtype of its kind."""
    match column.shape.kind:
        case Kind.BOOLEAN:
            found: Decoded = values == "t", None
        case Kind.DECIMAL:
            found = _decimals(column, values)
        case Kind.DATE:
            read = values.str.to_date("%Y-%m-%d", strict=False)
            found = _reasoned(read, values, pl.lit("out_of_range"))
        case Kind.DATETIME:
            found = _moments(values, zone if column.type == "timestamp" else None)
        case _:
            found = values, None
    assert found[0].dtype == dtype(column.shape), "a column is decoded to the dtype of its kind"
    return found


def _reasoned(read: pl.Series, stored: pl.Series, reason: pl.Expr) -> Decoded:
    """Values with `reason` wherever something stored came out as null."""
    lost = read.is_null() & stored.is_not_null()
    if not lost.any():
        return read, None
    return read, pl.select(pl.when(lost).then(reason)).to_series()


def _decimals(column: Column, text: pl.Series) -> Decoded:
    scale = DEFAULT_SCALE if column.shape.scale is None else column.shape.scale
    wanted = pl.Decimal(38, scale)
    if column.shape.scale is not None:  # the type keeps no more digits
        return _reasoned(text.cast(wanted, strict=False), text, _unreadable(text))
    if text.str.contains("e", literal=True).any():
        text = text.map_elements(_plain, return_dtype=pl.String)
    fraction = text.str.extract(r"\.(\d*?)0*$").str.len_bytes().fill_null(0)
    lost = fraction > scale
    if column.type in FLOATS:
        digits = text.str.replace_all(r"[-.]", "").str.strip_chars("0").str.len_bytes()
        lost |= digits > FLOATS[column.type]
    lost = lost.fill_null(False) & text.str.contains(r"\d")
    read = text.set(lost, None).cast(wanted, strict=False)
    return _reasoned(read, text, pl.when(lost).then(pl.lit("digits_lost")).otherwise(_unreadable(text)))


def _unreadable(text: pl.Series) -> pl.Expr:
    """Why a number is none here: it is NaN or infinite, or longer than 38 digits."""
    return pl.when(text.str.contains(r"\d")).then(pl.lit("out_of_range")).otherwise(pl.lit("not_a_number"))


_EXPONENT = re.compile(r"e[+-]?\d+$")


def _plain(text: str) -> str:
    """A number with an exponent in plain digits; anything else as it is."""
    if not _EXPONENT.search(text):
        return text
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        return text


def _moments(text: pl.Series, zone: str | None) -> Decoded:
    """Date-times as UTC; with `zone` they are the time of day there. Infinity and years after 9999 are out of range."""
    plain = text if zone is not None else text.str.strip_suffix("+00")
    short = plain.str.len_bytes() == 19
    full = pl.select(pl.when(short).then(plain + ".000000").otherwise(plain.str.pad_end(26, "0"))).to_series()
    naive = full.str.to_datetime("%Y-%m-%d %H:%M:%S.%6f", time_unit="us", strict=False)
    if zone is None or zone == "UTC":
        return _reasoned(naive.dt.replace_time_zone("UTC"), text, pl.lit("out_of_range"))
    local = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    reason = pl.when(naive.is_not_null()).then(pl.lit("ambiguous_time")).otherwise(pl.lit("out_of_range"))
    return _reasoned(local.dt.convert_time_zone("UTC"), text, reason)
