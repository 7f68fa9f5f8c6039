"""The conversion that puts one value in the place of another: options of one system as those of the other."""

import polars as pl

from koppel.model.mapping import ConversionCall
from koppel.transform.conversion import Argument, Arguments, Conversion, Step


def _pairs(arguments: Arguments) -> dict[str, str]:
    return {str(old): str(new) for old, new in zip(arguments[::2], arguments[1::2], strict=True)}


def _map(arguments: Arguments) -> Step:
    """A blank is mapped only where '' is one of the values; a value nobody listed has no result."""
    pairs = _pairs(arguments)
    known = {old: new for old, new in pairs.items() if old}

    def look_up(text: pl.Expr) -> pl.Expr:
        answer = text.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.String)
        return pl.when(text.is_null()).then(pl.lit(pairs[""])).otherwise(answer) if "" in pairs else answer

    return look_up


def _map_problem(arguments: Arguments) -> str | None:
    twice = [old for old in arguments[::2] if list(map(str, arguments[::2])).count(str(old)) > 1]
    return f"{twice[0]!r} is given two values" if twice else None


def _map_inverse(arguments: Arguments) -> ConversionCall | None:
    """Only if no two values became the same one."""
    back = [text for old, new in _pairs(arguments).items() for text in (new, old)]
    return None if _map_problem(tuple(back)) else ConversionCall("map", tuple(back))


CHOICE_CONVERSIONS = (
    Conversion(
        "map",
        "Values in pairs, map('old', 'new', 'old', 'new'); any other value is an error. '' stands for a blank.",
        _map,
        (Argument("old", str, "the value that comes"), Argument("new", str, "the value it becomes")),
        repeats=True,
        problem=_map_problem,
        inverse=_map_inverse,
    ),
)
