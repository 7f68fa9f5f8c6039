"""Conversions that supply a value of their own: for blanks, or for every record."""

import polars as pl

from koppel.transform.conversion import Argument, Arguments, Conversion, Step

_VALUE = (Argument("value", str, "canonical text of the value"),)


def _default(arguments: Arguments) -> Step:
    return lambda text: text.fill_null(pl.lit(str(arguments[0])))


def _constant(arguments: Arguments) -> Step:
    value = pl.lit(str(arguments[0]))
    return lambda text: pl.when(text.is_null()).then(value).otherwise(value)


CONSTANT_CONVERSIONS = (
    Conversion("default", "This value in the place of every blank.", _default, _VALUE),
    Conversion("constant", "This value for every record, whatever it holds.", _constant, _VALUE),
)
