"""One measured thing in this process: `python -m benchmarks.child P1.koppel 100000` prints a line of JSON.

A result that is not verified is an error: what is printed was equal on both sides.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module

from benchmarks.meter import Figures
from benchmarks.peer import Unavailable

MEASURED = {
    "P1.koppel": "initial.koppel",
    "P1.plain": "initial.plain",
    "P2.koppel": "changed.koppel",
    "P2.process": "changed.process",
    "P2.dlt": "changed.dlt",
    "P3.warm": "idle.warm",
    "P3.process": "idle.process",
    "P4.koppel": "two_way.koppel",
    "P6.koppel": "sqlite.koppel",
    "P6.plain": "sqlite.plain",
    "P7.koppel": "reconcile.reconcile",
    "P9.conflicts": "conflicts.conflicts",
    "P9.clean": "conflicts.clean",
    "P11.koppel": "compare.koppel",
    "P11.plain": "compare.plain",
    "P12.koppel": "services.koppel",
}
"""What can be measured -> the function in `benchmarks.scenarios` that does it."""


def function_of(name: str) -> Callable[[int], Figures]:
    """The function that measures this; its docstring says what."""
    module, _, function = MEASURED[name].partition(".")
    found: Callable[[int], Figures] = getattr(import_module(f"benchmarks.scenarios.{module}"), function)
    return found


def main(name: str, rows: int) -> None:
    """Measure one thing here and print what it costs, or why it cannot be measured."""
    try:
        print(json.dumps({"name": name, "rows": rows, **asdict(function_of(name)(rows))}))
    except Unavailable as reason:
        print(json.dumps({"name": name, "rows": rows, "unavailable": str(reason)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
