"""Conversions between dates and text by a pattern such as %d-%m-%Y (semantics 3.3.1, 3.3.4)."""

import re

import polars as pl

from koppel.model.mapping import ConversionCall
from koppel.model.values import Kind
from koppel.transform.conversion import Argument, Arguments, Conversion, Step

_DATE_PARTS = frozenset("Ymdyj")
_TIME_PARTS = frozenset("HMS")
_PATTERN = (Argument("pattern", str, "%Y %m %d (%y two digits, %j day of the year), %H %M %S, %% for %"),)


def _parts(arguments: Arguments) -> set[str]:
    """The letters behind the percent signs."""
    return set(re.findall(r"%(.)", str(arguments[0]), flags=re.DOTALL)) - {"%"}


def _format_problem(arguments: Arguments) -> str | None:
    parts = _parts(arguments)
    unknown = sorted(parts - _DATE_PARTS - _TIME_PARTS)
    if unknown or re.search(r"(?<!%)(%%)*%$", str(arguments[0])):
        return f"%{unknown[0] if unknown else ''} is not a part of a date; there are %Y %m %d %y %j %H %M %S %%"
    return None if parts else "the pattern has no part of a date; write it like %d-%m-%Y"


def _parse_problem(arguments: Arguments) -> str | None:
    """A text is a day only if the pattern has year, month and day, and a moment only if it is whole."""
    parts = _parts(arguments)
    if problem := _format_problem(arguments):
        return problem
    if not parts & {"Y", "y"} or not ({"m", "d"} <= parts or "j" in parts):
        return "the pattern must hold year, month and day to name a date"
    return "a time of day needs %H and %M" if parts & _TIME_PARTS and not {"H", "M"} <= parts else None


def _date_format(arguments: Arguments) -> Step:
    return lambda moment: moment.dt.to_string(str(arguments[0]))


def _date_format_inverse(arguments: Arguments) -> ConversionCall | None:
    return None if _parse_problem(arguments) else ConversionCall("parse_date", arguments)


def _parse_date(arguments: Arguments) -> Step:
    """Times are UTC. What reads differently when it is written again (1 for 01) is not what the pattern says."""
    pattern = str(arguments[0])

    def read(text: pl.Expr) -> pl.Expr:
        if _parts(arguments) & _TIME_PARTS:
            value = text.str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
        else:
            value = text.str.to_date(pattern, strict=False)
        return pl.when(value.dt.to_string(pattern) == text).then(value)

    return read


TIME_CONVERSIONS = (
    Conversion(
        "date_format",
        "A date or moment (UTC) as text, such as date_format('%d-%m-%Y').",
        _date_format,
        _PATTERN,
        takes=frozenset({Kind.DATE, Kind.DATETIME}),
        gives=lambda _: Kind.TEXT,
        problem=_format_problem,
        inverse=_date_format_inverse,
    ),
    Conversion(
        "parse_date",
        "Text as a date, or as a moment (UTC) if the pattern has a time.",
        _parse_date,
        _PATTERN,
        gives=lambda arguments: Kind.DATETIME if _parts(arguments) & _TIME_PARTS else Kind.DATE,
        problem=_parse_problem,
        inverse=lambda arguments: ConversionCall("date_format", arguments),
        failure="not_a_date",
    ),
)
