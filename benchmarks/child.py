"""One measured thing in this process: `python -m benchmarks.child P1.koppel 100000` prints a line of JSON.

A result that is not verified is an error: what is printed was equal on both sides.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module

from benchmarks.meter import Figures

MEASURED = {
    "P1.koppel": "initial.koppel",
    "P1.plain": "initial.plain",
    "P2.koppel": "changed.koppel",
    "P4.koppel": "two_way.koppel",
    "P6.koppel": "sqlite.koppel",
    "P6.plain": "sqlite.plain",
    "P11.koppel": "compare.koppel",
    "P11.raw": "compare.raw",
}
"""What can be measured -> the function in `benchmarks.scenarios` that does it."""


def measure(name: str, rows: int) -> Figures:
    """Measure one thing here."""
    module, _, function = MEASURED[name].partition(".")
    work: Callable[[int], Figures] = getattr(import_module(f"benchmarks.scenarios.{module}"), function)
    return work(rows)


if __name__ == "__main__":
    found = {"name": sys.argv[1], "rows": int(sys.argv[2]), **asdict(measure(sys.argv[1], int(sys.argv[2])))}
    print(json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in found.items()}))
