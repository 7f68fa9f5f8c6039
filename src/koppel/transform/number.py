"""Conversions of numbers: rounding, and writing and reading them the way people do (semantics 3.3.1)."""

import re

import polars as pl

from koppel.model.mapping import ConversionCall
from koppel.model.values import Kind
from koppel.transform.conversion import Argument, Arguments, Conversion, Step

_NUMBERS = frozenset({Kind.INTEGER, Kind.DECIMAL})
_SIGNS = (
    Argument("thousands", str, "the sign between groups of three digits; '' for none"),
    Argument("point", str, "the sign in front of the fraction"),
)


def _round(arguments: Arguments) -> Step:
    """Half away from zero, as Business Central rounds and as people do."""
    return lambda number: number.round(int(arguments[0]), mode="half_away_from_zero")


def _signs_problem(arguments: Arguments) -> str | None:
    thousands, point = str(arguments[0]), str(arguments[1])
    if len(point) != 1 or len(thousands) > 1:
        return "each sign is one character, and only the one for thousands may be empty"
    if thousands == point:
        return "the two signs must differ"
    return "a digit or a minus cannot be such a sign" if re.search(r"[0-9-]", thousands + point) else None


def _decimal_format(arguments: Arguments) -> Step:
    """Groups are set from the right by turning the digits round; expressions of Polars cannot look ahead."""
    thousands, point = str(arguments[0]), str(arguments[1])

    def write(number: pl.Expr) -> pl.Expr:
        text = number.cast(pl.String)
        digits = text.str.extract(r"([0-9]+)").str.reverse().str.replace_all(r"([0-9]{3})", "${1},")
        whole = digits.str.strip_chars_end(",").str.replace_all(",", thousands, literal=True).str.reverse()
        fraction = text.str.extract(r"\.([0-9]*?)0*$").fill_null("")
        tail = pl.when(fraction == "").then(pl.lit("")).otherwise(pl.lit(point) + fraction)
        sign = pl.when(text.str.starts_with("-")).then(pl.lit("-")).otherwise(pl.lit(""))
        return sign + whole + tail

    return write


def _parse_decimal(arguments: Arguments) -> Step:
    """To plain digits. Groups must be where they belong: with ',' for thousands '1,5' is a mistake, not fifteen."""
    thousands, point = (re.escape(str(sign)) for sign in arguments)
    whole = rf"[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+|[0-9]+" if thousands else "[0-9]+"

    def read(text: pl.Expr) -> pl.Expr:
        shaped = text.str.contains(rf"^-?(?:{whole})(?:{point}[0-9]+)?$")
        bare = text.str.replace_all(str(arguments[0]), "", literal=True) if thousands else text
        return pl.when(shaped).then(bare.str.replace(str(arguments[1]), ".", literal=True))

    return read


NUMBER_CONVERSIONS = (
    Conversion(
        "round",
        "Rounded to a number of digits, half away from zero.",
        _round,
        (Argument("digits", int, "digits after the point", 0),),
        takes=_NUMBERS,
    ),
    Conversion(
        "decimal_format",
        "A number as text with signs for thousands and fraction, such as decimal_format('.', ',').",
        _decimal_format,
        _SIGNS,
        takes=_NUMBERS,
        gives=lambda _: Kind.TEXT,
        problem=_signs_problem,
        inverse=lambda arguments: ConversionCall("parse_decimal", arguments),
    ),
    Conversion(
        "parse_decimal",
        "Text with signs for thousands and fraction as a number.",
        _parse_decimal,
        _SIGNS,
        gives=lambda _: Kind.DECIMAL,
        problem=_signs_problem,
        inverse=lambda arguments: ConversionCall("decimal_format", arguments),
        failure="not_a_number",
    ),
)
