"""Running unattended: one process that runs every mapping when it is due, until it is told to stop (DESIGN 9).

When a mapping ran last stands in the job log, so a worker that starts takes up where the last one ended; that nothing
runs twice at once is the business of the leases, and what a kill leaves open that of the journal.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from koppel.app.connections import closing, now
from koppel.app.levels import Workplace
from koppel.app.report import RunReport
from koppel.errors import ConfigurationError, Halted, KoppelError, LeaseLost, Problem
from koppel.model.job import JobKind, JobRecord, JobState
from koppel.runtime.local import Line, Turn, decide, remembered, seconds_to_wait

LOOK_SECONDS = 5.0
"""How soon the worker sees that a mapping was resumed, let go of, or mended by a person."""

PAUSED, HELD = "paused", "held"
_REMEMBERED_JOBS = 50


@dataclass(frozen=True)
class WorkLine:
    """A line of the worker's log. `state`: a job's state, or paused or held; `counts`: those that are not zero."""

    time: datetime
    mapping: str
    state: str
    job: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    message: str = ""


Tell = Callable[[WorkLine], None]
Wait = Callable[[float], bool]
"""Waits so many seconds, or shorter when the worker is to stop; whether it is. 0 only asks."""


@dataclass
class _Desk:
    """The worker at work. `left_alone`: what was said of mappings that are due but paused or held."""

    workplace: Workplace
    sync: Callable[[str], RunReport]
    tell: Tell
    wait: Wait
    lines: dict[str, Line]
    left_alone: dict[str, str] = field(default_factory=dict)
    exit_code: int = 0


def work(
    workplace: Workplace, names: Sequence[str], sync: Callable[[str], RunReport], once: bool, tell: Tell, wait: Wait
) -> int:
    """Run these mappings whenever they are due, or `once` those due now; the gravest exit code of the runs.

    A run that fails is told and tried again later; only koppel's own store ends the worker (`StoreFailure`).
    """
    lines = {name: _remembered(workplace, name) for name in names}
    if all(line.every is None for line in lines.values()):
        what = f"every = 'off' for {', '.join(names) or 'all mappings'}: there is nothing to do"
        raise ConfigurationError([Problem("", what, "give a mapping a period, such as every = '30m'")])
    desk = _Desk(workplace, sync, tell, wait, lines)
    while True:
        turn = _look(desk)
        _run_all(desk, turn)
        if once or desk.wait(seconds_to_wait(desk.lines, turn, now(), LOOK_SECONDS)):
            return desk.exit_code


def _remembered(workplace: Workplace, name: str) -> Line:
    jobs = workplace.store.jobs(mapping=name, limit=_REMEMBERED_JOBS)
    return remembered(workplace.mappings[name].every_seconds, jobs)


def _look(desk: _Desk) -> Turn:
    """What is due; says of what is left alone why, once."""
    for name, line in desk.lines.items():
        if line.failures:
            desk.lines[name] = line.after(_newest(desk, name))
    turn = decide(desk.lines, desk.workplace.depends_on(), now(), desk.workplace.store.paused(), _held(desk))
    for name in turn.paused:
        _leave_alone(desk, name, PAUSED)
    for name in turn.held:
        _leave_alone(desk, name, HELD, "another process is synchronising it, or a full synchronisation is running")
    return turn


def _held(desk: _Desk) -> frozenset[str]:
    """What other processes hold; everything while one of them is at work on a full synchronisation."""
    configured = list(desk.workplace.mappings)
    held = desk.workplace.store.held(configured)
    newest = (_newest(desk, name) for name in held)
    full = any(job is not None and job.kind is JobKind.FULL for job in newest)
    return frozenset(configured if full else held)


def _newest(desk: _Desk, name: str) -> JobRecord | None:
    return next(iter(desk.workplace.store.jobs(mapping=name, limit=1)), None)


def _leave_alone(desk: _Desk, name: str, why: str, message: str = "") -> None:
    if desk.left_alone.get(name) != why:
        desk.left_alone[name] = why
        desk.tell(WorkLine(now(), name, why, message=message))


def _run_all(desk: _Desk, turn: Turn) -> None:
    """Run what is due, one after another. Each is asked for again: the one before it may have taken hours."""
    for place, name in enumerate(turn.run):
        if desk.wait(0):
            break
        if place and name not in _look(desk).run:
            continue
        _run(desk, name)
    if turn.run:
        # A connection that idles until the next run may be dead by then, and a table may have changed.
        closing(desk.workplace.connections)


def _run(desk: _Desk, name: str) -> None:
    before = desk.lines[name]
    desk.lines[name] = before.begun(now())
    began = time.monotonic()
    try:
        report = desk.sync(name)
    except KoppelError as error:
        report = RunReport(0, [], {name: error})
    line = _told(name, report, time.monotonic() - began)
    if line.state == HELD:
        desk.lines[name] = before
        _leave_alone(desk, name, HELD, line.message)
        return
    desk.left_alone.pop(name, None)
    well = line.state == JobState.DONE
    desk.lines[name] = desk.lines[name].ended(well)
    if not well:
        closing(desk.workplace.connections)  # what follows may use the same connection, and it may be broken
    desk.exit_code = max(desk.exit_code, report.exit_code)
    desk.tell(line)


def _told(name: str, report: RunReport, seconds: float) -> WorkLine:
    """A run of one mapping as a line of the log."""
    error, job = report.errors.get(name), next(iter(report.jobs), None)
    message = " ".join(str(error).split()) if error else ""
    if isinstance(error, LeaseLost):
        return WorkLine(now(), name, HELD, message=message)
    if job is None:
        state = JobState.HALTED if isinstance(error, Halted) else JobState.FAILED
        return WorkLine(now(), name, str(state), seconds=round(seconds, 3), message=message)
    counts = {counter: number for counter, number in job.tally.total.as_dict().items() if number}
    return WorkLine(now(), name, str(job.state), job.id, counts, round(seconds, 3), message)
