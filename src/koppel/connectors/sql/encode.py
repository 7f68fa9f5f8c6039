"""Columns of a write to the values SQLite stores, in the form the column already uses; the mirror of `decode`.

What the column would not keep exactly is refused with a reason (`digits_lost`, `ambiguous_time`), never damaged: SQLite
keeps 15 digits of a number that is not whole (DESIGN 14).
"""

import polars as pl

from koppel.connectors.sql.decode import moments
from koppel.connectors.sql.reflect import Column
from koppel.model.values import Kind

REASONS = {
    "digits_lost": "the database keeps 15 digits of this number, it has more",
    "ambiguous_time": "this moment has no time of day of its own in the database's time zone",
}
"""What a reason means, for the message of a refusal."""

Encoded = tuple[list[object], pl.Series | None]
"""Values to bind, and the reasons of those that cannot be stored (None = all can)."""

_KEPT_DIGITS = 15


def encode(column: Column, values: pl.Series) -> Encoded:
    """The values as they are bound; nulls stay nulls."""
    match column.shape.kind:
        case Kind.BOOLEAN:
            stored = values.replace_strict(
                {True: "true", False: "false"} if column.words else {True: 1, False: 0},
                return_dtype=pl.String if column.words else pl.Int64,
                default=None,
            )
            return stored.to_list(), None
        case Kind.DECIMAL:
            return _decimals(column, values)
        case Kind.DATE:
            return values.cast(pl.String).to_list(), None
        case Kind.DATETIME:
            return _moments(column, values)
        case Kind.UUID:
            return uuid_form(values, column.uuid).to_list(), None
        case _:
            return values.to_list(), None


def _decimals(column: Column, values: pl.Series) -> Encoded:
    text = values.cast(pl.String)
    fraction = text.str.contains(".", literal=True).fill_null(False)
    trimmed = text.str.strip_chars_end("0").str.strip_chars_end(".")
    text = pl.select(pl.when(fraction).then(trimmed).otherwise(text)).to_series()
    if column.affinity not in ("NUMERIC", "REAL", "INTEGER"):
        return text.to_list(), None
    digits = text.str.replace_all(r"[-.]", "").str.strip_chars("0").str.len_bytes()
    whole = ~text.str.contains(".", literal=True) & (text.str.len_bytes() <= 18) & (column.affinity != "REAL")
    lost = ((digits > _KEPT_DIGITS) & ~whole).fill_null(False)
    return text.to_list(), _reasons(lost, "digits_lost")


def _moments(column: Column, values: pl.Series) -> Encoded:
    """Text has room for every digit: the form's fraction where that is enough, else six digits."""
    form = column.time
    text = form.text(values)
    short = moments(text, form.zone)[0].ne_missing(values)
    if short.any():
        text = text.zip_with(~short, form.with_digits(6).text(values))
        return text.to_list(), _reasons(moments(text, form.zone)[0].ne_missing(values), "ambiguous_time")
    return text.to_list(), None


def _reasons(bad: pl.Series, reason: str) -> pl.Series | None:
    if not bad.any():
        return None
    return pl.select(pl.when(bad).then(pl.lit(reason))).to_series()


def uuid_form(values: pl.Series, form: str) -> pl.Series:
    """Canonical uuids (lower case, hyphens) in one of `UUID_FORMS`."""
    case, punctuation = form.split("-")
    if punctuation == "plain":
        values = values.str.replace_all("-", "", literal=True)
    elif punctuation == "braces":
        values = "{" + values + "}"
    return values.str.to_uppercase() if case == "upper" else values


UUID_FORMS = tuple(
    f"{case}-{punctuation}" for case in ("lower", "upper") for punctuation in ("hyphens", "plain", "braces")
)
"""The forms in which uuids are found as text."""
