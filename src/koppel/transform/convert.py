"""Values of one field made into values that another field can hold, or into a reason why they cannot.

A whole column at a time. Nothing is rounded, cut or guessed on the way: what does not arrive whole is that record's
error, with one of the codes of `REASONS` (DESIGN 10). A blank stays a blank: null where the target may be null, '' in a
text that may not.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import polars as pl

from koppel.model.filter import Literal
from koppel.model.mapping import ConversionCall
from koppel.model.values import FieldShape, Kind, dtype
from koppel.transform.meet import Converted, judge, meet, without_blanks
from koppel.transform.registry import CONVERSIONS, kind_after

REASONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "too_long": (
            "The value is longer than {field} can hold.",
            "Shorten it, or add cut(1, …) to the field's line.",
        ),
        "not_a_number": ("The value for {field} is not a number.", "Correct it, or add parse_decimal(…)."),
        "not_a_date": ("The value for {field} is not a date.", "Correct it, or add parse_date(…)."),
        "not_a_uuid": ("The value for {field} is not a uuid.", "Correct it, or map a field that holds the id."),
        "not_a_boolean": ("The value for {field} is neither true nor false.", "Correct it, or add map(…)."),
        "digits_lost": ("{field} cannot hold all digits of the value.", "Correct it, or add round(…)."),
        "time_lost": ("{field} holds a date and the value has a time of day.", "Correct it, or add date_format(…)."),
        "out_of_range": ("The value is too large for {field}.", "Correct it on the side it comes from."),
        "unknown_choice": ("The value is not one that {field} can hold.", "Add the value there, or add map(…)."),
        "blank_not_allowed": ("{field} must not be blank.", "Fill it on the side it comes from, or add default(…)."),
        "no_conversion_result": (
            "The conversions of {field} have no result for the value.",
            "Correct it, or let the conversion know the value.",
        ),
    }
)
"""Code → (sentence with {field}, remedy)."""

_TEXT = FieldShape("value", Kind.TEXT)


def convert(
    source: pl.Series, shape: FieldShape, calls: Sequence[ConversionCall], target: FieldShape
) -> tuple[pl.Series, pl.Series]:
    """`source`, values of `shape`, through the calls into values of `target`: (values in its dtype, codes).

    A code (String, a key of `REASONS`) is null where the value arrived; where there is one, the value is null. The
    chain has passed `registry.check_chain`.
    """
    if not calls:
        return _placed(source, shape, target)
    values, current, codes = source, shape, _no_codes(len(source))
    for call in calls:
        values, current, failed = _apply(call, values, current)
        codes = pl.select(pl.coalesce(codes, failed)).to_series()
    values, failed = _placed(values, current, target)
    codes = pl.select(pl.coalesce(codes, failed)).to_series()
    return judge(values, codes, {"no_conversion_result": codes.is_not_null()})


def fit(series: pl.Series, target: FieldShape) -> tuple[pl.Series, pl.Series]:
    """Values that come from elsewhere (a constant, a reference) into `target`: (values in its dtype, codes).

    `series`: canonical text (String) or values of a kind that meets the target's.
    """
    return _placed(series, _shape_of(series.dtype), target)


def literal(text: str, target: FieldShape) -> Literal | None:
    """The value of `target` with this canonical text; None for a blank that may be null. Raises ValueError in words."""
    values, codes = fit(pl.Series([text], dtype=pl.String), target)
    code = codes.item()
    if code is not None:
        raise ValueError(f"{text!r}: {REASONS[code][0].format(field=target.name)}")
    value: Literal | None = values.item()
    return value


def _apply(call: ConversionCall, values: pl.Series, shape: FieldShape) -> tuple[pl.Series, FieldShape, pl.Series]:
    """One conversion: (values, what they are now, codes). No result for a value that was there is a failure."""
    conversion = CONVERSIONS[call.name]
    codes = _no_codes(len(values))
    if shape.kind in conversion.takes:
        came = without_blanks(values) if values.dtype == pl.String else values
    else:
        came, _ = meet(values, shape, _TEXT)
    gone = came.to_frame("value").select(conversion.build(call.arguments)(pl.col("value"))).to_series()
    given, codes = judge(gone, codes, {conversion.failure: gone.is_null() & came.is_not_null()})
    kind = kind_after(call, shape.kind)
    after = shape if kind is shape.kind else FieldShape(shape.name, kind)
    if given.dtype == pl.String and dtype(after) != pl.String:
        given, failed = meet(given, _TEXT, after)
        codes = pl.select(pl.coalesce(codes, failed)).to_series()
    return given, after, codes


def _placed(values: pl.Series, shape: FieldShape, target: FieldShape) -> Converted:
    """Into the target's kind, then into its bounds."""
    if shape.kind is Kind.TEXT and target.kind is Kind.TEXT:
        return _bounded(values, _no_codes(len(values)), target)
    return _bounded(*meet(values, shape, target), target)


def _bounded(values: pl.Series, codes: pl.Series, target: FieldShape) -> Converted:
    """Length, choices and blanks. Bytes first: a text of few bytes has few characters, and nearly all are."""
    failures: dict[str, pl.Series] = {}
    if dtype(target) == pl.String:
        values = _blanks_of(values, target)
        if target.length is not None and _most_bytes(values) > target.length:
            failures["too_long"] = values.str.len_chars() > target.length
        if target.kind is Kind.CHOICE and target.choices:
            failures["unknown_choice"] = ~values.is_in(list(target.choices))
    if not target.nullable and values.null_count():
        failures["blank_not_allowed"] = values.is_null() & codes.is_null()
    return judge(values, codes, failures)


def _most_bytes(values: pl.Series) -> int:
    most = values.str.len_bytes().max()
    return most if isinstance(most, int) else 0


def _blanks_of(values: pl.Series, target: FieldShape) -> pl.Series:
    """Null where the target may be null; else '', if that is a value of it."""
    if target.nullable:
        return without_blanks(values)
    empty_is_a_value = target.kind in (Kind.TEXT, Kind.CODE) or "" in target.choices
    return values.fill_null("") if empty_is_a_value else without_blanks(values)


def _no_codes(length: int) -> pl.Series:
    return pl.repeat(None, length, dtype=pl.String, eager=True)


def _shape_of(type_: pl.DataType) -> FieldShape:
    """The kind whose values travel in this dtype; text stands for all kinds of text."""
    kinds = {pl.Int64: Kind.INTEGER, pl.Boolean: Kind.BOOLEAN, pl.Date: Kind.DATE, pl.Datetime: Kind.DATETIME}
    if isinstance(type_, pl.Decimal):
        return FieldShape("value", Kind.DECIMAL, scale=type_.scale)
    return FieldShape("value", kinds.get(type_.base_type(), Kind.TEXT))
