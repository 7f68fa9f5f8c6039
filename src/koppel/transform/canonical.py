"""The canonical text of a value: two values are the same if and only if their canonical texts are.

Blank is blank (DESIGN 3): null and the empty text have no canonical text, they are null. Zero and false are values,
never blanks. Text is not Unicode-normalised and not trimmed: what is written back must be byte for byte what was
read, so 'é' in one code point and 'é' in two are two values here. Raise `fingerprint.CANONICAL_VERSION` whenever a
form changes.
"""

import polars as pl

from koppel.model.values import DEFAULT_SCALE, FieldShape, Kind

STRINGS = frozenset({Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.UUID})
"""The kinds whose values travel as text; in all of them the empty text is a blank."""


def canonical(field: FieldShape) -> pl.Expr:
    """Column `field.name` as canonical text (String), null where it is blank.

    text, choice: as is. code: trimmed, upper case. integer, decimal: plain notation without trailing zeros. boolean:
    true, false. date: 2026-11-22. date-time: 2026-11-22T10:20:30.123456Z. uuid: lower case, hyphens, no braces.
    """
    return canonical_of(pl.col(field.name), field)


def canonical_of(value: pl.Expr, field: FieldShape) -> pl.Expr:
    """The same for an expression that holds values of this field's kind in the field's dtype."""
    match field.kind:
        case Kind.TEXT | Kind.CHOICE:
            return filled(value)
        case Kind.CODE:
            return filled(value.str.strip_chars().str.to_uppercase())
        case Kind.UUID:
            return _uuid_text(filled(value))
        case Kind.DECIMAL:
            return _decimal_text(value, DEFAULT_SCALE if field.scale is None else field.scale)
        case Kind.DATETIME:
            return value.dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")
        case _:
            return value.cast(pl.String)


def filled(text: pl.Expr) -> pl.Expr:
    """Text with null for the empty text."""
    return pl.when(text != "").then(text)


def blank(field: FieldShape) -> pl.Expr:
    """Whether column `field.name` is blank (Boolean, never null): null, or empty text (a code: nothing but spaces)."""
    value = pl.col(field.name)
    if field.kind is Kind.CODE:
        value = value.str.strip_chars()
    return value.is_null() | (value == "").fill_null(False) if field.kind in STRINGS else value.is_null()


def _decimal_text(value: pl.Expr, scale: int) -> pl.Expr:
    """Polars writes every digit of the scale; fixed-point numbers have neither exponents nor a negative zero."""
    text = value.cast(pl.String)
    return text.str.strip_chars_end("0").str.strip_chars_end(".") if scale else text


def _uuid_text(value: pl.Expr) -> pl.Expr:
    """8-4-4-4-12 in lower case. What has not 32 digits stays as it is: `convert` names it, no fingerprint loses it."""
    return value.str.strip_chars("{}").str.to_lowercase().map_batches(_with_hyphens, return_dtype=pl.String)


def _with_hyphens(lower: pl.Series) -> pl.Series:
    """Hyphens for the values that have none. Nearly always there are none such, and looking costs nothing."""
    bare = lower.str.len_bytes() == 32
    if not bare.any():
        return lower
    parts = [lower.str.slice(start, length) for start, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return pl.select(pl.when(bare).then(pl.concat_str(parts, separator="-")).otherwise(lower)).to_series()
