"""The job log and the outcome of a run, as tables and sentences. Captions are those a user of Business Central knows (semantics 1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from koppel.cli.options import Session
from koppel.cli.screen import counted, is_narrow, moment, out, table, tell

if TYPE_CHECKING:
    from koppel.app import PlanReport, RunReport
    from koppel.model.job import Counts, JobRecord

_COUNTERS = (
    "inserted", "modified", "deleted", "unchanged", "skipped", "failed", "coupled", "uncoupled",
    "conflicts", "waiting", "drift", "out",
)  # fmt: skip
_CAPTIONS = tuple(name.capitalize() for name in _COUNTERS)
_FULL_WIDTH = 200


@dataclass(frozen=True)
class _Row:
    """One direction of one job."""

    job: JobRecord
    towards: str
    counts: Counts


def show_jobs(session: Session, jobs: Sequence[JobRecord], planned: bool = False) -> None:
    """A row per direction of every job, with the eight counts and what else became of records."""
    rows = [row for job in jobs for row in _rows(session, job)]
    # A terminal too narrow for all of them shows the counts that there are.
    used = [n for n in _COUNTERS if not is_narrow(_FULL_WIDTH) or any(getattr(row.counts, n) for row in rows)]
    head = ("Mapping", "To") if planned else ("Run", "Job", "Mapping", "To", "Kind", "Started", "State")
    captions = [_CAPTIONS[_COUNTERS.index(name)] for name in used]
    body = [[*_head(row, planned), *(getattr(row.counts, name) for name in used)] for row in rows]
    title = "Preview" if planned else "Integration Synchronization Jobs"
    out(table(title, [*head, *captions], body, numbers=["Run", "Job", *captions]))
    if rows and not used:
        out("There was nothing to do.")


def _head(row: _Row, planned: bool) -> list[object]:
    job = row.job
    if planned:
        return [job.mapping, row.towards]
    return [job.run, job.id, job.mapping, row.towards, str(job.kind), moment(job.started), str(job.state)]


def _rows(session: Session, job: JobRecord) -> list[_Row]:
    """Both directions of a two-way mapping; of a one-way one the other only when something was counted there."""
    names = session.names(job.mapping)
    towards = ((job.tally.to_right, names[1], "->"), (job.tally.to_left, names[0], "<-"))
    return [
        _Row(job, name, counts)
        for counts, name, direction in towards
        if job.direction in ("<->", direction) or any(counts.as_dict().values())
    ]


def show_messages(session: Session, report: RunReport | PlanReport) -> None:
    """Why lines of a run stopped, and which were not started for it; on stderr."""
    for name, error in report.errors.items():
        tell(f"{name} stopped: {error}")
    for name, stopper in getattr(report, "blocked", {}).items():
        tell(f"{name} was not started: it waits for {stopper}, which did not finish")


def hints(session: Session, report: RunReport) -> None:
    """What a person may look at now."""
    quiet, total = session.common.quiet, [job.tally.total for job in report.jobs]
    failed = sum(counts.failed + counts.skipped for counts in total)
    if failed:
        tell(f"{counted(failed, 'record')} could not be carried: koppel errors", quiet)
    if report.opened:
        tell(f"{counted(report.opened, 'conflict')} opened by this run: koppel conflicts", quiet)
    waiting = sum(counts.waiting for counts in total)
    if waiting:
        are = "record waits" if waiting == 1 else "records wait"
        tell(f"{waiting} {are} for a record that is not coupled yet; the next run tries again", quiet)
