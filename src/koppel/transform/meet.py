"""Where two kinds of values meet without a conversion: a value comes through unchanged, or a code says why not.

A value that would not come back the same is a failure, never rounded or cut: '007' is not the number 7, 12:30 does not
fit a date. Codes are those of `convert.REASONS`.
"""

from collections.abc import Callable

import polars as pl

from koppel.model.values import DEFAULT_SCALE, FieldShape, Kind, dtype
from koppel.transform.canonical import STRINGS, canonical_of, filled

_ANY = frozenset(Kind)
MEETS: dict[Kind, frozenset[Kind]] = {
    Kind.TEXT: _ANY,
    Kind.CODE: _ANY - {Kind.BOOLEAN},
    Kind.CHOICE: frozenset({Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.INTEGER}),
    Kind.INTEGER: frozenset({Kind.TEXT, Kind.CODE, Kind.CHOICE, Kind.INTEGER, Kind.DECIMAL}),
    Kind.DECIMAL: frozenset({Kind.TEXT, Kind.CODE, Kind.INTEGER, Kind.DECIMAL}),
    Kind.BOOLEAN: frozenset({Kind.TEXT, Kind.BOOLEAN}),
    Kind.DATE: frozenset({Kind.TEXT, Kind.CODE, Kind.DATE, Kind.DATETIME}),
    Kind.DATETIME: frozenset({Kind.TEXT, Kind.CODE, Kind.DATE, Kind.DATETIME}),
    Kind.UUID: frozenset({Kind.TEXT, Kind.CODE, Kind.UUID}),
}
"""Which kinds a value of a kind can become as it is; for all others a conversion has to be named."""

Converted = tuple[pl.Series, pl.Series]
"""Values and codes; a value with a code is null."""

_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"
_LEADING_ZERO = r"^-?0[0-9]"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def meet(values: pl.Series, shape: FieldShape, target: FieldShape) -> Converted:
    """Values of `shape` in the target's dtype, blanks as null, and codes where a value does not fit its kind."""
    assert target.kind in MEETS[shape.kind], f"{shape.kind} was checked to meet {target.kind}"
    if target.kind in STRINGS:
        return _to_string(values, shape, target)
    if shape.kind in STRINGS:
        return _FROM_TEXT[target.kind](_canonical(values, shape), target)
    if shape.kind in (Kind.INTEGER, Kind.DECIMAL):
        return _number_to_number(values, target)
    if target.kind is Kind.DATE and shape.kind is Kind.DATETIME:
        cut = values.dt.date()
        return _judged(cut, {"time_lost": cut.cast(values.dtype) != values})
    return _judged(values.cast(dtype(target)), {})


def _canonical(values: pl.Series, shape: FieldShape) -> pl.Series:
    return values.to_frame("value").select(canonical_of(pl.col("value"), shape)).to_series()


def _to_string(values: pl.Series, shape: FieldShape, target: FieldShape) -> Converted:
    """Canonical text; only a uuid asks for a form. Surrounding blanks and case of a code are no part of its value."""
    text = _canonical(values, shape)
    if target.kind in (Kind.CODE, Kind.UUID) and target.kind is not shape.kind:
        text = _canonical(text, target)
    return _judged(text, {"not_a_uuid": ~text.str.contains(_UUID)} if target.kind is Kind.UUID else {})


def _text_to_number(text: pl.Series, target: FieldShape) -> Converted:
    """Digits with at most one point. Zeros at the end of a fraction carry nothing; zeros in front would be lost."""
    scale = (DEFAULT_SCALE if target.scale is None else target.scale) if target.kind is Kind.DECIMAL else 0
    fraction = text.str.extract(r"\.([0-9]*?)0*$").fill_null("")
    plain = text.str.replace(r"\.0*$", "") if scale == 0 else text
    numbers = plain.cast(dtype(target), strict=False)
    codes = {
        "not_a_number": ~text.str.contains(_NUMBER),
        "digits_lost": text.str.contains(_LEADING_ZERO) | (fraction.str.len_bytes() > scale),
        "out_of_range": numbers.is_null() & text.is_not_null(),
    }
    return _judged(numbers, codes)


def _number_to_number(numbers: pl.Series, target: FieldShape) -> Converted:
    """Between scales and to whole numbers; compared again after the cast, because casts round and cut."""
    cast = numbers.cast(dtype(target), strict=False)
    back = cast.cast(numbers.dtype, strict=False)
    codes = {"out_of_range": cast.is_null() & numbers.is_not_null(), "digits_lost": back.ne_missing(numbers)}
    return _judged(cast, codes)


def _text_to_boolean(text: pl.Series, _: FieldShape) -> Converted:
    known = text.is_in(["true", "false"])
    return _judged(text == "true", {"not_a_boolean": ~known})


def _text_to_date(text: pl.Series, _: FieldShape) -> Converted:
    dates = text.str.to_date("%Y-%m-%d", strict=False)
    return _judged(dates, {"not_a_date": ~text.str.contains(_DATE) | (dates.is_null() & text.is_not_null())})


def _text_to_moment(text: pl.Series, target: FieldShape) -> Converted:
    """With an offset: without one nobody can say which moment is meant."""
    shaped = text.str.contains(_MOMENT)
    iso = text.str.replace("Z$", "+00:00").str.replace(" ", "T", literal=True)
    moments = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False).cast(dtype(target))
    return _judged(moments, {"not_a_date": ~shaped | (moments.is_null() & text.is_not_null())})


_FROM_TEXT: dict[Kind, Callable[[pl.Series, FieldShape], Converted]] = {
    Kind.INTEGER: _text_to_number,
    Kind.DECIMAL: _text_to_number,
    Kind.BOOLEAN: _text_to_boolean,
    Kind.DATE: _text_to_date,
    Kind.DATETIME: _text_to_moment,
}


def _judged(values: pl.Series, failures: dict[str, pl.Series]) -> Converted:
    """The values with the first failure that holds as code; a null mask (a blank value) is no failure."""
    return judge(values, pl.repeat(None, len(values), dtype=pl.String, eager=True), failures)


def judge(values: pl.Series, codes: pl.Series, failures: dict[str, pl.Series]) -> Converted:
    """Add failures (code → Boolean mask) to codes that are already there, which stay; null the values that failed."""
    found = {code: mask for code, mask in failures.items() if mask.any()}
    for code, mask in found.items():
        codes = pl.select(
            pl.when(codes.is_null() & mask.fill_null(False)).then(pl.lit(code)).otherwise(codes)
        ).to_series()
    if found:
        values = pl.select(pl.when(codes.is_null()).then(values)).to_series()
    return values, codes


def without_blanks(text: pl.Series) -> pl.Series:
    """Null for ''."""
    return text.to_frame("value").select(filled(pl.col("value"))).to_series()
