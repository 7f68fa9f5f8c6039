"""What a conversion is: a named pure function on a column, with what is needed to check a call of it.

The conversions themselves stand by subject in `text`, `number`, `time`, `choice` and `constant`, and all of them by
name in `registry`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from koppel.model.mapping import ConversionCall
from koppel.model.values import Kind

Arguments = tuple[str | int, ...]
Step = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True)
class Argument:
    """One argument of a conversion. `least`: the smallest number allowed. A text may be written as a number."""

    name: str
    type: type[str] | type[int]
    doc: str
    least: int | None = None


def _no_problem(_: Arguments) -> str | None:
    return None


def _as_it_came(_: Arguments) -> Kind | None:
    return None


def _no_inverse(_: Arguments) -> ConversionCall | None:
    return None


@dataclass(frozen=True)
class Conversion:
    """A named function on a column.

    `build(arguments)` makes the expression; it gets null for every blank and says null where it has no result (a
    failure unless the value was blank), or '' for a result that is blank. `takes`: the kinds it gets as they are; any
    other kind comes as canonical text if TEXT is among them, and is a mistake if not. `gives`: the kind of the result,
    None for the one that came. `problem`: what is wrong with arguments of the right types. `inverse`: the way back.
    `repeats`: the arguments may be given any number of times. `failure`: the code of a value without result.
    """

    name: str
    doc: str
    build: Callable[[Arguments], Step]
    arguments: tuple[Argument, ...] = ()
    repeats: bool = False
    takes: frozenset[Kind] = frozenset({Kind.TEXT})
    gives: Callable[[Arguments], Kind | None] = _as_it_came
    problem: Callable[[Arguments], str | None] = _no_problem
    inverse: Callable[[Arguments], ConversionCall | None] = _no_inverse
    failure: str = "no_conversion_result"
