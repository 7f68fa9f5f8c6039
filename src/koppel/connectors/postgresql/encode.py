"""Columns of a write to the text PostgreSQL reads; the mirror of `decode`, and the bytes that COPY takes.

What the column would not keep exactly is refused with a reason, never rounded or cut.
"""

import polars as pl

from koppel.connectors.postgresql.reflect import FLOATS, Column
from koppel.model.values import Kind

REASONS = {
    "digits_lost": "the database would keep fewer digits of this value",
    "ambiguous_time": "this moment has no time of day of its own in the database's time zone",
    "zero_byte": "the database does not take the character with the code 0",
}
"""What a reason means, for the message of a refusal."""

Encoded = tuple[pl.Series, pl.Series | None]
"""Texts, and the reasons of those that cannot be stored (None = all can)."""


def encode(column: Column, values: pl.Series, zone: str) -> Encoded:
    """The values as text; nulls stay nulls."""
    match column.shape.kind:
        case Kind.DECIMAL:
            return _decimals(column, values)
        case Kind.DATETIME:
            return _moments(column, values, zone)
        case Kind.BOOLEAN | Kind.DATE | Kind.INTEGER:
            return values.cast(pl.String), None
        case _:
            return values, _reasons(values.str.contains("\0", literal=True), "zero_byte")


def _decimals(column: Column, values: pl.Series) -> Encoded:
    text = values.cast(pl.String)
    fraction = text.str.contains(".", literal=True).fill_null(False)
    trimmed = text.str.strip_chars_end("0").str.strip_chars_end(".")
    text = trimmed.zip_with(fraction, text)
    if column.type not in FLOATS:
        return text, None
    digits = text.str.replace_all(r"[-.]", "").str.strip_chars("0").str.len_bytes()
    return text, _reasons(digits > FLOATS[column.type], "digits_lost")


def _moments(column: Column, values: pl.Series, zone: str) -> Encoded:
    reasons = None
    if column.digits < 6:
        reasons = _reasons(values.dt.microsecond() % 10 ** (6 - column.digits) != 0, "digits_lost")
    if column.type == "timestamptz" or zone == "UTC":
        return values.dt.strftime("%Y-%m-%d %H:%M:%S%.6f+00"), reasons
    local = values.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    back = local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.convert_time_zone("UTC")
    ambiguous = _reasons(back.ne_missing(values), "ambiguous_time")
    return local.dt.strftime("%Y-%m-%d %H:%M:%S%.6f"), ambiguous if reasons is None else reasons


def _reasons(bad: pl.Series, reason: str) -> pl.Series | None:
    bad = bad.fill_null(False)
    if not bad.any():
        return None
    return pl.select(pl.when(bad).then(pl.lit(reason))).to_series()


def copy_bytes(frame: pl.DataFrame) -> bytes:
    """Texts (and whole numbers) as COPY's text format takes them: one line per row, whatever the texts hold."""
    escaped = []
    for column in frame.iter_columns():
        marked = column
        if column.dtype == pl.String and column.str.contains(r"[\\\n\r\t]").any():
            for sign, mark in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
                marked = marked.str.replace_all(sign, mark, literal=True)
        escaped.append(marked)
    ready = pl.DataFrame(escaped)
    return ready.write_csv(
        include_header=False, separator="\t", quote_style="never", null_value="\\N", line_terminator="\n"
    ).encode()


def array(texts: pl.Series) -> str:
    """An array of texts as PostgreSQL reads it; the values must not hold zero bytes."""
    escaped = texts.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return "{" + ",".join(('"' + escaped + '"').to_list()) + "}"
