"""The traps of wire 4 as tables: which test of a connector covers each, and how the sandbox is broken to see it fail.

A test that passes whatever the service does says nothing about the connector. So for every trap a rule of the sandbox
is broken, and its test has to notice; where no rule stands behind a trap, the table says why.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from koppel import sandbox
from koppel.errors import KoppelError
from koppel.sandbox import refusal
from koppel.sandbox.language import disguised

Break = Callable[[pytest.MonkeyPatch], object]
"""Breaks a rule for the time of a test."""
Test = Callable[..., None]
Ends = Mapping[str, Callable[[], object]]
"""The far ends that tests ask for, by the name of the fixture."""

NOTICED = (AssertionError, KoppelError, pytest.fail.Exception, LookupError, ValueError)
"""How a test fails."""


@dataclass(frozen=True)
class Broken:
    """`test` fails once `how` has broken a rule. `what`: the rule as it is then. `given`: of a test with parameters,
    one set of them.
    """

    what: str
    test: Test
    how: Break
    given: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Unbroken:
    """`test` covers a trap behind which there is no rule of the sandbox, and `why`."""

    test: Test
    why: str


Traps = Mapping[int, tuple[Broken | Unbroken, ...]]
"""By the number of the trap."""


def always(place: Any, name: str, answer: Any = None) -> Break:
    """A rule that gives the same answer every time."""
    return lambda patch: patch.setattr(place, name, lambda *_, **__: answer)


def instead(place: Any, name: str, rule: Any) -> Break:
    """Another rule."""
    return lambda patch: patch.setattr(place, name, rule)


def after(place: Any, name: str, change: Callable[..., Any]) -> Break:
    """A rule whose answer is changed, given it and what it was asked."""

    def broken(patch: pytest.MonkeyPatch) -> None:
        rule = getattr(place, name)
        patch.setattr(place, name, lambda *said, **more: change(rule(*said, **more), *said))

    return broken


def every_break(traps: Traps) -> Mapping[str, Broken]:
    """All broken rules by what is broken."""
    broken = [case for cases in traps.values() for case in cases if isinstance(case, Broken)]
    assert len({case.what for case in broken}) == len(broken), "two breaks have one name"
    return {case.what: case for case in broken}


def run(case: Broken | Unbroken, ends: Ends, broken: pytest.MonkeyPatch | None = None) -> None:
    """Run the test of a case over far ends made for it; over a broken rule where there is a patch to break it with."""
    given = case.given if isinstance(case, Broken) else {}
    with pytest.MonkeyPatch.context() as own:
        usual: Ends = {**ends, "monkeypatch": lambda: own}
        asked = signature(case.test).parameters
        arguments = {name: given[name] if name in given else usual[name]() for name in asked}
        if broken is not None and isinstance(case, Broken):
            case.how(broken)
        case.test(**arguments)


def every_test(*tables: Traps) -> Mapping[object, Broken | Unbroken]:
    """One case for each test that covers a trap."""
    return {case.test: case for table in tables for cases in table.values() for case in cases}


def run_in_another_language(case: Broken | Unbroken, ends: Ends) -> None:
    """Run the test of a case, in which a far end that speaks another language has to refuse something."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refusal, "disguised", lambda text: said.append(disguised(text)) or said[-1])
        run(case, ends)
    assert said, "nothing was refused, so nothing was proven"


def is_noticed(case: Broken, ends: Ends, patch: pytest.MonkeyPatch) -> None:
    """Break a rule, and see the test fail."""
    with pytest.raises(NOTICED):
        run(case, ends, patch)


def check_table(traps: Traps, section: str, last: int) -> None:
    """Every trap of a section of wire is listed, its tests are named after it, and the sandbox says which it sets."""
    assert [*traps] == [*range(1, last + 1)]
    for number, cases in traps.items():
        for case in cases:
            name = getattr(case.test, "__name__", "")
            assert re.match(rf"test_0*{number}_", name), f"{section}.{number} is covered by {name}"
        if any(isinstance(case, Broken) for case in cases):
            assert f"{section}.{number}" in _cited(), f"no rule of the sandbox says that it is {section}.{number}"


@cache
def _cited() -> frozenset[str]:
    """The traps that the sandbox says it sets."""
    code = "\n".join(path.read_text("utf-8") for path in Path(sandbox.__file__).parent.rglob("*.py"))
    return frozenset(re.findall(r"\b4\.[123]\.\d+\b", code))
