"""When the worker of one process runs which mapping: decided from what is known, so that no test has to wait.

A mapping is due when its period has passed since it was last started. One that failed is tried again after its period,
then after twice as long, up to six hours. One that is paused, or held by another process, waits and stays due.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from koppel.model.job import JobKind, JobRecord, JobState
from koppel.reconcile.order import waves

BACK_OFF_LIMIT = 6 * 3600.0
"""Seconds between two tries of what keeps failing; a longer period of its own stays as it is."""

_DOUBLINGS = 32
_STOPPED = (JobState.FAILED, JobState.HALTED)
_CUT_SHORT = (JobState.RUNNING, JobState.INTERRUPTED, JobState.CANCELLED)


@dataclass(frozen=True)
class Line:
    """What is known of one mapping. `every`: its period in seconds, None = never; `started`: its last start, None = it
    is due; `failures`: how often in a row it failed.
    """

    every: float | None
    started: datetime | None = None
    failures: int = 0

    def begun(self, now: datetime) -> "Line":
        """The same, started now."""
        return Line(self.every, now, self.failures)

    def ended(self, well: bool) -> "Line":
        """The same after a try that went well or not."""
        return Line(self.every, self.started, 0 if well else self.failures + 1)

    def after(self, newest: JobRecord | None) -> "Line":
        """The same with its failures forgotten when its newest job, by whomever, was started since and ended well."""
        mended = newest is not None and self.started is not None and newest.started > self.started
        return self.ended(well=True) if mended and newest and newest.state is JobState.DONE else self

    def waited_for(self, now: datetime) -> float | None:
        """Seconds until it is due, 0 when it is; None = never. A start in the future is no reason to wait: the clock
        was set back.
        """
        if self.every is None:
            return None
        if self.started is None or self.started > now:
            return 0.0
        return max(0.0, (self.started + timedelta(seconds=_interval(self.every, self.failures)) - now).total_seconds())


@dataclass(frozen=True)
class Turn:
    """What is due: to be run now, in this order, or left alone because it is paused or held."""

    run: tuple[str, ...]
    paused: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def _interval(every: float, failures: int) -> float:
    if failures < 2:
        return every
    return max(every, min(every * 2.0 ** min(failures - 1, _DOUBLINGS), BACK_OFF_LIMIT))


def remembered(every: float | None, jobs: Sequence[JobRecord]) -> Line:
    """What the job log (newest first) tells of a mapping, for a worker that starts.

    A job that was cut short, or whose process is dead, is taken up at once.
    """
    runs = [job for job in jobs if job.kind in (JobKind.SYNC, JobKind.FULL)]
    if not runs or runs[0].state in _CUT_SHORT:
        return Line(every)
    return Line(every, runs[0].started, sum(1 for _ in takewhile(lambda job: job.state in _STOPPED, runs)))


def decide(
    lines: Mapping[str, Line],
    depends_on: Mapping[str, Sequence[str]],
    now: datetime,
    paused: Collection[str],
    held: Collection[str],
) -> Turn:
    """What to do with the mappings that are due: dependencies first, then the order of `lines`."""
    due = [name for name, line in lines.items() if line.waited_for(now) == 0]
    ordered = [name for wave in waves(due, depends_on) for name in wave]
    return Turn(
        tuple(name for name in ordered if name not in paused and name not in held),
        tuple(name for name in ordered if name in paused),
        tuple(name for name in ordered if name in held and name not in paused),
    )


def seconds_to_wait(lines: Mapping[str, Line], turn: Turn, now: datetime, longest: float) -> float:
    """How long nothing can be due that is not yet, at most `longest` seconds: what `turn` left alone may change."""
    left_alone = {*turn.paused, *turn.held}
    waits = [line.waited_for(now) for name, line in lines.items() if name not in left_alone]
    return min((longest, *(wait for wait in waits if wait is not None)))
