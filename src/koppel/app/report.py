"""What the facade answers, and its form as JSON. Names here are public: the command line prints them with `--json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import polars as pl

from koppel.errors import Halted, KoppelError
from koppel.model.cost import Cost
from koppel.model.job import JobRecord, JobState
from koppel.model.review import PlannedValue, ReviewLine


@dataclass(frozen=True)
class RunReport:
    """How a run ended. `errors`: what stopped a line; `blocked`: line → the line it depends on that did not finish.

    `opened`: conflicts opened by this run. `question`: mappings whose scheduled jobs may keep creating records, if the
    answer is yes. `left_alone`: records that a person had named and nothing was done with → why.
    """

    run: int
    jobs: list[JobRecord]
    errors: Mapping[str, KoppelError] = field(default_factory=dict)
    blocked: Mapping[str, str] = field(default_factory=dict)
    opened: int = 0
    question: tuple[str, ...] = ()
    left_alone: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 done; 1 records failed or conflicts were opened; 3 a system failed; 4 halted (the gravest counts)."""
        if self.errors:
            return max(error.exit_code for error in self.errors.values())
        trouble = any(job.state is not JobState.DONE for job in self.jobs) or self.blocked
        failed = any(job.tally.total.failed for job in self.jobs)
        return 1 if failed or trouble or self.opened else 0

    @property
    def halted(self) -> list[Halted]:
        """The guards that stopped lines."""
        return [error for error in self.errors.values() if isinstance(error, Halted)]


@dataclass(frozen=True)
class PlanReport:
    """What a run would do: its jobs with their counts, and every value that would be written. Nothing was.

    `halted`: what would keep the run from beginning at all; the plan shows what follows when likely pairs are coupled.
    `guarantees`: of mappings that would create records, where, and what keeps one from being made twice.
    `costs`: what the run costs at services that bear only so much.
    """

    jobs: list[JobRecord]
    values: list[PlannedValue]
    errors: Mapping[str, KoppelError]
    halted: Halted | None = None
    guarantees: Sequence["Guarantee"] = ()
    costs: Sequence[Cost] = ()

    @property
    def exit_code(self) -> int:
        """0, or that of the gravest thing the run would stop at."""
        return max((error.exit_code for error in (*self.errors.values(), *filter(None, [self.halted]))), default=0)


@dataclass(frozen=True)
class Guarantee:
    """What keeps creates of a mapping in one system from being repeated. `by`: where the id of a new record comes from;
    `text`: what that means, in a sentence.
    """

    mapping: str
    system: str
    by: str
    text: str


@dataclass(frozen=True)
class MatchReport:
    """Likely pairs of one mapping. `coupled`: how many were accepted, `apart`: how many rejected; `run`: the run that
    did it.
    """

    line: ReviewLine
    coupled: int = 0
    apart: int = 0
    run: RunReport | None = None


@dataclass(frozen=True)
class FirstContactQuestion:
    """One question per mapping: values that differ and were never in agreement. `counts`: per field, `samples`: (field,
    left, right).
    """

    mapping: str
    systems: tuple[str, str]
    pairs: int
    counts: Mapping[str, int]
    samples: Sequence[tuple[str, str | None, str | None]]


@dataclass(frozen=True)
class CheckLine:
    """One thing that was checked: whether it is well, and what to do if not. `warning`: a run is possible anyway;
    `unreachable`: a system did not do what was asked, which says nothing against the configuration.
    """

    subject: str
    well: bool
    text: str
    remedy: str = ""
    warning: bool = False
    unreachable: bool = False


@dataclass(frozen=True)
class ApplyLine:
    """How the configuration differs from what was applied last, for one mapping."""

    mapping: str
    change: str
    couplings: int


def job_json(job: JobRecord) -> dict[str, Any]:
    """A job as `jobs --json` prints it."""
    return {
        "id": job.id,
        "run": job.run,
        "mapping": job.mapping,
        "kind": str(job.kind),
        "direction": job.direction,
        "state": str(job.state),
        "started": job.started.isoformat(),
        "finished": job.finished.isoformat() if job.finished else None,
        "counts": job.tally.total.as_dict(),
        "by_direction": {"to_right": job.tally.to_right.as_dict(), "to_left": job.tally.to_left.as_dict()},
        "message": job.message,
    }


def as_json(value: Any) -> Any:
    """Any answer of the facade as plain JSON values."""
    if isinstance(value, RunReport):
        return _run_json(value)
    if isinstance(value, JobRecord):
        return job_json(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return _plain(value)


def _run_json(report: RunReport) -> dict[str, Any]:
    return {
        "run": report.run,
        "jobs": [job_json(job) for job in report.jobs],
        "errors": {name: str(error) for name, error in report.errors.items()},
        "blocked": dict(report.blocked),
        "question": list(report.question),
        "left_alone": dict(report.left_alone),
    }


def _plain(value: Any) -> Any:
    """A single value."""
    match value:
        case pl.DataFrame():
            return value.to_dicts()
        case KoppelError():
            return str(value)
        case Enum():
            return value.name.lower() if isinstance(value.value, int) else value.value
        case timedelta():
            return value.total_seconds()
        case datetime():
            return value.isoformat()
        case bytes():
            return value.hex()
        case _:
            return value
