"""`make bench`: the gate, or the scenarios named in ARGS, koppel and its limits in turn.

KOPPEL_BENCH_ROWS is the large size (1 000 000), KOPPEL_BENCH_ROUNDS how often everything is measured (3);
KOPPEL_BENCH_KEEP keeps the prepared states for the next time. docs/benchmarks.md is written when the whole gate was
measured at its full size.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields

from benchmarks import postgresql
from benchmarks.folder import KEEP, ROOT, STATES
from benchmarks.gate import Run, Scenario, scenarios
from benchmarks.meter import Figures
from benchmarks.peer import Unavailable
from benchmarks.report import gate_table, page

FULL_SIZE = 1_000_000
_PAGE = ROOT / "docs" / "benchmarks.md"


def main(wanted: Sequence[str]) -> None:
    """Measure the scenarios with these numbers (none: all), and tell what is met."""
    rows = int(os.environ.get("KOPPEL_BENCH_ROWS", FULL_SIZE))
    rounds = int(os.environ.get("KOPPEL_BENCH_ROUNDS", "3"))
    gate = scenarios(rows)
    numbers = [scenario.number for scenario in gate]
    if unknown := [name for name in wanted if name not in numbers]:
        sys.exit(f"there is no scenario {', '.join(unknown)}; there are {', '.join(numbers)}")
    chosen = [scenario for scenario in gate if not wanted or scenario.number in wanted]
    if not KEEP:  # what an earlier run left may be of another koppel
        postgresql.drop_all()
        shutil.rmtree(STATES, ignore_errors=True)
    try:
        results, missing = _measured(chosen, rounds)
        print("\n".join(gate_table(chosen, results)))
        if rows != FULL_SIZE:
            print(f"The gate is for {FULL_SIZE:,} rows; these were {rows:,}.")
        if chosen == list(gate) and rows == FULL_SIZE:
            _PAGE.write_text(page(chosen, results, missing, postgresql.version()), encoding="utf-8")
            print(f"written: {_PAGE.relative_to(ROOT)}")
    finally:
        if not KEEP:
            postgresql.remove()
            shutil.rmtree(STATES, ignore_errors=True)


def _measured(chosen: Sequence[Scenario], rounds: int) -> tuple[dict[Run, list[Figures]], dict[Run, str]]:
    """The figures of every run, and why some have none."""
    results: dict[Run, list[Figures]] = {}
    missing: dict[Run, str] = {}
    for run in _in_turn(chosen, rounds):
        if run not in missing:
            try:
                results.setdefault(run, []).append(_apart(run))
            except Unavailable as reason:
                missing[run] = str(reason)
                del results[run]
    return results, missing


def _in_turn(chosen: Sequence[Scenario], rounds: int) -> Iterator[Run]:
    """All runs of a scenario, then all again: the second time the other way round, so that being first helps nobody."""
    for scenario in chosen:
        for turn in range(rounds):
            yield from scenario.runs if turn % 2 == 0 else reversed(scenario.runs)


def _apart(run: Run) -> Figures:
    """Measure in a process of its own. Raises `Unavailable` when it cannot be measured; a failure ends the run."""
    command = [sys.executable, "-m", "benchmarks.child", run.name, str(run.rows)]
    done = subprocess.run(
        command, cwd=ROOT, env=postgresql.environment(), check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(f"{run.name} with {run.rows:,} rows failed")
    line = done.stdout.splitlines()[-1]
    print(line, file=sys.stderr, flush=True)
    found = json.loads(line)
    if "unavailable" in found:
        raise Unavailable(found["unavailable"])
    return Figures(**{field.name: found[field.name] for field in fields(Figures)})


if __name__ == "__main__":
    main(sys.argv[1:])
