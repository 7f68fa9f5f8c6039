"""What was measured, as a page: the gate with what is met, the figures behind it, and on what they were measured."""

import os
import platform
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks import peer
from benchmarks.child import function_of
from benchmarks.gate import Mark, Results, Run, Scenario
from benchmarks.meter import Figures

_PACKAGES = ("koppel", "polars", "polars-hash", "numpy", "SQLAlchemy", "psycopg")


def page(scenarios: Sequence[Scenario], results: Results, missing: dict[Run, str], server: str) -> str:
    """The page in Markdown. `missing`: why a run was not measured; `server`: the version of PostgreSQL."""
    rounds = max(map(len, results.values()), default=0)
    return "\n".join(
        [
            "# Benchmarks",
            "",
            _INTRODUCTION.format(rounds=rounds),
            "## The gate",
            "",
            *gate_table(scenarios, results),
            "",
            *_apologies(missing),
            "## The figures",
            "",
            _FIGURES,
            *_figures_table(results),
            "",
            "## Measured on",
            "",
            *_machine(results, server),
            "",
        ]
    )


def gate_table(scenarios: Sequence[Scenario], results: Results) -> list[str]:
    """Gate, measured, met or not."""
    lines = ["| | scenario | gate | measured | |", "| --- | --- | --- | --- | --- |"]
    for scenario in scenarios:
        for place, mark in enumerate(scenario.marks):
            head = f"{scenario.number} | {scenario.text}" if place == 0 else " | "
            lines.append(f"| {head} | {_wanted(mark)} | {_found(mark, mark.value(results))} |")
    return lines


def _wanted(mark: Mark) -> str:
    sign = "≥" if mark.at_least else "≤"
    amount = _with_unit(f"{mark.limit:,.10g}", mark.unit)
    if mark.unit == "×":
        return f"{sign} {amount} {mark.text}"
    return f"{mark.text}: {sign} {amount}" if mark.limit else f"{mark.text}: none"


def _found(mark: Mark, value: float | None) -> str:
    if value is None:
        return "not measured | –"
    return f"{_with_unit(_number(value), mark.unit)} | {'met' if mark.met(value) else '**not met**'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:,.2f}"


def _with_unit(number: str, unit: str) -> str:
    return f"{number} {unit}".strip()


def _apologies(missing: dict[Run, str]) -> list[str]:
    lines = [f"{run.name} with {run.rows:,} rows was not measured: {reason}" for run, reason in missing.items()]
    return [*lines, ""] if lines else []


def _figures_table(results: Results) -> list[str]:
    lines = ["| | rows | wall s | client CPU s | server CPU s | peak MB | what |", "| --- " * 7 + "|"]
    for run, rounds in results.items():
        wall = [figures.seconds for figures in rounds]
        spread = f"{median(wall):,.2f} ({min(wall):,.2f}–{max(wall):,.2f})" if len(wall) > 1 else f"{wall[0]:,.2f}"
        client, server, peak = (_middle(rounds, name) for name in ("client_cpu", "server_cpu", "peak_mb"))
        what = (function_of(run.name).__doc__ or "").splitlines()[0] + _more(rounds)
        lines.append(f"| {run.name} | {run.rows:,} | {spread} | {client:,.2f} | {server:,.2f} | {peak:,.0f} | {what} |")
    return lines


def _more(rounds: Sequence[Figures]) -> str:
    """What only this scenario tells."""
    medians = {name: median(figures.more[name] for figures in rounds) for name in rounds[0].more}
    told = ", ".join(f"{name.replace('_', ' ')}: {_number(value)}" for name, value in medians.items())
    return f" ({told})" if told else ""


def _middle(rounds: Sequence[Figures], name: str) -> float:
    return median(float(getattr(figures, name)) for figures in rounds)


def _machine(results: Results, server: str) -> list[str]:
    others = [figures.others for rounds in results.values() for figures in rounds]
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return [
        f"* {datetime.now(UTC):%d %B %Y}; {_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB of memory,"
        f" {platform.system()}",
        f"* Python {platform.python_version()}, {packages}",
        f"* PostgreSQL {server} on the same machine, SQLite {sqlite3.sqlite_version}, dlt {peer.VERSION}",
        f"* other programs kept {median(others):.2f} cores busy meanwhile (at most {max(others):.2f})",
    ]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


_INTRODUCTION = """This page is written by `make bench`. Everything is measured in a process of its own, koppel and the
limit of the same work in turn (rounds: {rounds}); a ratio is the median of the ratios of each round, any other figure
the median. After every measurement both sides are compared; nothing counts that was not equal.

The workload: customers with a number, a decimal, two foreign keys and a choice become accounts with other names, a uuid
as key, two foreign keys, an index on the change stamp and the choice as text. Ten fields are mapped, two ways but for
the number. [`workload.py`](../benchmarks/workload.py) and [`sides.py`](../benchmarks/sides.py) have it. P12 loads an
empty Dataverse from Business Central, both as `koppel sandbox` starts them; its limit is the same calls sent again by
nobody in particular, as many at once as each service works on ([`services.py`](../benchmarks/services.py)).
"""
_FIGURES = """`wall`: median (least–most), from opening koppel to closing it, imports not counted; of `process` and
`dlt` the whole process. `client CPU`: of the measured process; `server CPU`: of all processes of PostgreSQL. `peak`:
the most memory the measured process held; that of a limit includes the libraries it shares with koppel.
"""
