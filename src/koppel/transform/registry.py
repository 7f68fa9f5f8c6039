"""All conversions by name, and what can be wrong with a chain of them.

`check_chain` looks at names, arguments and kinds when the configuration is loaded, so that the only failures left at
run time are those of single values.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from koppel.model.mapping import ConversionCall
from koppel.model.values import FieldShape, Kind
from koppel.transform.choice import CHOICE_CONVERSIONS
from koppel.transform.constant import CONSTANT_CONVERSIONS
from koppel.transform.conversion import Argument, Conversion
from koppel.transform.meet import MEETS
from koppel.transform.number import NUMBER_CONVERSIONS
from koppel.transform.text import TEXT_CONVERSIONS
from koppel.transform.time import TIME_CONVERSIONS

CONVERSIONS: Mapping[str, Conversion] = MappingProxyType(
    {
        conversion.name: conversion
        for conversion in (
            *TEXT_CONVERSIONS,
            *NUMBER_CONVERSIONS,
            *TIME_CONVERSIONS,
            *CHOICE_CONVERSIONS,
            *CONSTANT_CONVERSIONS,
        )
    }
)


_LEAST = {Kind.BOOLEAN: len("true"), Kind.DATE: len("2026-01-31"), Kind.DATETIME: len("2026-01-31T10:00:00Z")}
_LEAST[Kind.UUID] = len("0190a5f2000070008000000000000001")
"""How many characters a text of each kind has at least."""


def check_calls(calls: Sequence[ConversionCall]) -> list[str]:
    """What is wrong with names and arguments, as far as it can be said before the tables are known."""
    return [problem for call in calls for problem in _call_problems(call)]


def check_chain(calls: Sequence[ConversionCall], source: FieldShape, target: FieldShape) -> list[str]:
    """What keeps values of `source` from reaching `target` through these calls, in sentences; empty if nothing."""
    problems = check_calls(calls)
    if problems:
        return problems
    kind = source.kind
    for call in calls:
        conversion = CONVERSIONS[call.name]
        if not conversion.takes & {kind, Kind.TEXT}:
            problems.append(f"{call.name} takes {_either(conversion.takes)}, and here comes {kind}")
        kind = kind_after(call, kind)
    if not problems and target.kind not in MEETS[kind]:
        problems.append(
            f"{source.name} comes as {kind} and {target.name} is {target.kind}: name a conversion, for example map(…)"
        )
    return problems or ([] if calls else _misfits(source, target))


def _misfits(source: FieldShape, target: FieldShape) -> list[str]:
    """Why no value but a blank one could ever arrive, though the kinds meet."""
    least = _LEAST.get(target.kind, 0)
    if source.kind in (Kind.TEXT, Kind.CODE) and source.length is not None and source.length < least:
        what = (
            f"{source.name} holds {source.length} characters, and {target.name} is a {target.kind}, which has {least}"
        )
        return [f"{what}: name the mapping that tells one from the other, @ MAPPING, or a conversion"]
    if source.choices and target.choices and {*source.choices}.isdisjoint(target.choices):
        what = f"{target.name} has none of the choices of {source.name}, only {', '.join(map(repr, target.choices))}"
        return [f"{what}: name a conversion, map(…)"]
    return []


def kind_after(call: ConversionCall, kind: Kind) -> Kind:
    """The kind of the values behind a call."""
    conversion = CONVERSIONS[call.name]
    return conversion.gives(call.arguments) or (kind if kind in conversion.takes else Kind.TEXT)


def inverse_chain(calls: Sequence[ConversionCall]) -> tuple[ConversionCall, ...]:
    """The way back of a two-way field: the inverses in reverse order; what has none is left out.

    So `<-> | lower` converts on its way to the right only. Calls that `check_calls` objects to have no inverse.
    """
    backwards = [CONVERSIONS[call.name].inverse(call.arguments) for call in reversed(calls) if not _call_problems(call)]
    return tuple(call for call in backwards if call is not None)


def _either(kinds: frozenset[Kind]) -> str:
    return " or ".join(sorted(kinds))


def _call_problems(call: ConversionCall) -> list[str]:
    conversion = CONVERSIONS.get(call.name)
    if conversion is None:
        near = difflib.get_close_matches(call.name, CONVERSIONS, n=1)
        return [f"there is no conversion {call.name}" + (f"; did you mean {near[0]}?" if near else "")]
    problems = list(_argument_problems(call, conversion))
    if not problems and (problem := conversion.problem(call.arguments)):
        problems.append(f"{call.name}: {problem}")
    return problems


def _argument_problems(call: ConversionCall, conversion: Conversion) -> Iterator[str]:
    wanted, given = conversion.arguments, call.arguments
    counts_fit = len(given) > 0 and len(given) % len(wanted) == 0 if conversion.repeats else len(given) == len(wanted)
    if not counts_fit:
        signature = ", ".join(argument.name for argument in wanted) + (", …" if conversion.repeats else "")
        yield f"{call.name} is written {call.name}({signature}), and here are {len(given)} arguments"
        return
    for place, value in enumerate(given):
        yield from _value_problems(call.name, wanted[place % len(wanted)], value)


def _value_problems(name: str, argument: Argument, value: str | int) -> Iterator[str]:
    """A text may be written as a number, a number not as a text."""
    if argument.type is not int:
        return
    if not isinstance(value, int):
        yield f"{name}: {argument.name} is a whole number ({argument.doc}), not {value!r}"
    elif argument.least is not None and value < argument.least:
        yield f"{name}: {argument.name} is at least {argument.least} ({argument.doc}), not {value}"
