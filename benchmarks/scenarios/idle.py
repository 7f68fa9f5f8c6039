"""P3: nothing has changed, and it is not yet time to sweep for deletions."""

import time
from dataclasses import replace
from statistics import median

from benchmarks import postgresql, states
from benchmarks.meter import Figures, Meter
from koppel.app import Koppel

_TURNS = 11


def warm(rows: int) -> Figures:
    """One run in a process that has its connections open, as a worker has: the median of several."""
    with Koppel.open(states.pair(rows)) as koppel:
        koppel.sync()
        postgresql.checkpoint()
        with Meter(postgresql.postmaster()) as meter:
            seconds = [_turn(koppel) for _ in range(_TURNS)]
    found = meter.figures
    return replace(
        found,
        seconds=median(seconds),
        client_cpu=found.client_cpu / _TURNS,
        server_cpu=found.server_cpu / _TURNS,
    )


def process(rows: int) -> Figures:
    """The command `koppel sync`, from the start of its process to the end."""
    configuration = states.pair(rows)
    postgresql.checkpoint()
    return states.sync_command(configuration)


def _turn(koppel: Koppel) -> float:
    started = time.perf_counter()
    report = koppel.sync()
    seconds = time.perf_counter() - started
    assert not any(report.jobs[0].tally.total.as_dict().values()), "there was nothing to do"
    return seconds
