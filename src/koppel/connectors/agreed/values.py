"""Columns of text as databases write them to canonical columns, and the way back; never rounded, cut or guessed.

What cannot be represented becomes null with a reason: not_a_number, digits_lost, ambiguous_time, out_of_range. What a
column would not keep exactly is refused with one.
"""

import re
from decimal import Decimal, InvalidOperation

import polars as pl

from koppel.model.values import DEFAULT_SCALE

Reasoned = tuple[pl.Series, pl.Series | None]
"""Values, and their reasons (null = fine) or None when all are fine."""

REASONS = {
    "digits_lost": "the database would keep fewer digits of this value",
    "ambiguous_time": "this moment has no time of day of its own in the database's time zone",
    "no_value": "it must have a value",
    "not_a_choice": "the column does not take this value",
    "too_long": "the text is too long for the column",
    "zero_byte": "the database does not take the character with the code 0",
}
"""What a reason means, for the message of a refusal."""

UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""A uuid as ids write it."""


def reasons_where(bad: pl.Series, reason: str) -> pl.Series | None:
    """The reason wherever `bad` is true."""
    bad = bad.fill_null(False)
    if not bad.any():
        return None
    return pl.select(pl.when(bad).then(pl.lit(reason))).to_series()


def either(one: pl.Series | None, other: pl.Series | None) -> pl.Series | None:
    """The first reason of each value."""
    return one if other is None else other if one is None else pl.select(pl.coalesce(one, other)).to_series()


def reasoned(read: pl.Series, stored: pl.Series, reason: pl.Expr) -> Reasoned:
    """Values with `reason` wherever something stored came out as null."""
    lost = read.is_null() & stored.is_not_null()
    if not lost.any():
        return read, None
    return read, pl.select(pl.when(lost).then(reason)).to_series()


# ---- from text


def read_decimals(text: pl.Series, scale: int | None, digits: int | None) -> Reasoned:
    """`scale`: what the type declares (it keeps no more); `digits`: the significant ones that a float keeps."""
    wanted = pl.Decimal(38, DEFAULT_SCALE if scale is None else scale)
    if scale is not None:
        return reasoned(text.cast(wanted, strict=False), text, _unreadable(text))
    if text.str.contains("e", literal=True).any():
        text = text.map_elements(_plain, return_dtype=pl.String)
    fraction = text.str.extract(r"\.(\d*?)0*$").str.len_bytes().fill_null(0)
    lost = fraction > DEFAULT_SCALE
    if digits is not None:
        lost |= significant(text) > digits
    lost = lost.fill_null(False) & text.str.contains(r"\d")
    read = text.set(lost, None).cast(wanted, strict=False)
    return reasoned(read, text, pl.when(lost).then(pl.lit("digits_lost")).otherwise(_unreadable(text)))


def significant(text: pl.Series) -> pl.Series:
    """How many digits of a number in plain digits say something."""
    return text.str.replace_all(r"[-.]", "").str.strip_chars("0").str.len_bytes()


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


def read_dates(text: pl.Series) -> Reasoned:
    """Infinity, zero days and years after 9999 are out of range."""
    return reasoned(text.str.to_date("%Y-%m-%d", strict=False), text, pl.lit("out_of_range"))


def read_moments(text: pl.Series, zone: str) -> Reasoned:
    """The time of day in `zone`, without an offset, as UTC."""
    short = text.str.len_bytes() == 19
    full = pl.select(pl.when(short).then(text + ".000000").otherwise(text.str.pad_end(26, "0"))).to_series()
    naive = full.str.to_datetime("%Y-%m-%d %H:%M:%S.%6f", time_unit="us", strict=False)
    if zone == "UTC":
        return reasoned(naive.dt.replace_time_zone("UTC"), text, pl.lit("out_of_range"))
    local = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    reason = pl.when(naive.is_not_null()).then(pl.lit("ambiguous_time")).otherwise(pl.lit("out_of_range"))
    return reasoned(local.dt.convert_time_zone("UTC"), text, reason)


# ---- to text


def decimal_texts(values: pl.Series, digits: int | None) -> Reasoned:
    """Plain digits without trailing zeros. `digits`: the significant ones that the column keeps (None: all)."""
    text = values.cast(pl.String)
    fraction = text.str.contains(".", literal=True).fill_null(False)
    trimmed = text.str.strip_chars_end("0").str.strip_chars_end(".")
    text = trimmed.zip_with(fraction, text)
    return text, None if digits is None else reasons_where(significant(text) > digits, "digits_lost")


def moment_texts(values: pl.Series, zone: str, digits: int) -> Reasoned:
    """The time of day in `zone`. `digits`: how many of a second the column keeps."""
    reasons = None
    if digits < 6:
        reasons = reasons_where(values.dt.microsecond() % 10 ** (6 - digits) != 0, "digits_lost")
    local = values.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    if zone != "UTC":
        back = local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
        ambiguous = reasons_where(back.ne_missing(values), "ambiguous_time")
        reasons = either(ambiguous, reasons)
    return local.dt.strftime("%Y-%m-%d %H:%M:%S%.6f"), reasons
