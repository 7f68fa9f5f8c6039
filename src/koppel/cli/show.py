"""Showing what the facade answered on this terminal: the tables of `tables`, and sentences around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from koppel.cli.options import Session
from koppel.cli.screen import out, screen, tell
from koppel.cli.words import counted
from koppel.model.cost import costs

if TYPE_CHECKING:
    from koppel.app import PlanReport, RunReport
    from koppel.model.cost import Cost
    from koppel.model.job import JobRecord
    from koppel.model.listing import Conflict, ErrorRecord
    from koppel.model.review import ReviewLine

_FEW = 5
"""Likely pairs of each mapping shown beneath a review."""


def show_jobs(session: Session, jobs: Sequence[JobRecord], planned: bool = False) -> None:
    """The job log."""
    from koppel.cli.tables import job_table

    out(job_table(jobs, session.koppel.mappings, screen().width, planned))


def show_messages(report: RunReport | PlanReport) -> None:
    """Why lines of a run stopped or were not started for it, and why named records were left alone; on stderr."""
    for name, error in report.errors.items():
        tell(f"{name} stopped: {error}")
    for record, why in getattr(report, "left_alone", {}).items():
        tell(f"{record}: {why}")
    for name, stopper in getattr(report, "blocked", {}).items():
        tell(f"{name} was not started: it waits for {stopper}, which stopped\n    → koppel full --restart {stopper}")


def hints(session: Session, report: RunReport) -> None:
    """What a person may look at now."""
    quiet, totals = session.common.quiet, [job.tally.total for job in report.jobs]
    failed = sum(counts.failed + counts.skipped for counts in totals)
    if failed:
        tell(f"{counted(failed, 'record')} could not be carried: koppel errors", quiet)
    if report.opened:
        tell(f"{counted(report.opened, 'conflict')} opened by this run: koppel conflicts", quiet)
    waiting = sum(counts.waiting for counts in totals)
    if waiting:
        tell(
            f"Waiting for records that are not coupled yet: {counted(waiting, 'record')}; the next run tries again",
            quiet,
        )


def show_review(lines: Sequence[ReviewLine]) -> None:
    """The table before a full run, and some of the likely pairs."""
    from koppel.cli.tables import likely_tables, review_table

    out(review_table(lines, screen().width))
    created = [by for line in lines for by, made in zip(line.guarantees, line.creates, strict=True) if made]
    for identity in dict.fromkeys(created):
        out(f"Created by {identity}: {identity.guarantee}.")
    for line in lines:
        for part in likely_tables(line, _FEW):
            out(part)
    show_costs(costs(work for line in lines for work in line.works))


def show_likely(line: ReviewLine, limit: int) -> None:
    """The likely pairs of one mapping."""
    from koppel.cli.tables import likely_tables

    for part in likely_tables(line, limit):
        out(part)


def show_plan(session: Session, report: PlanReport, limit: int) -> None:
    """What a run would do: the counts, the values of the first `limit` records, and that nothing was written."""
    from koppel.cli.tables import plan_tables

    show_jobs(session, report.jobs, planned=True)
    for part in plan_tables(report.values, limit):
        out(part)
    show_messages(report)
    for one in report.guarantees:
        out(f"{one.mapping}, created in {one.system}: {one.text}.")
    show_costs(report.costs)
    out("Nothing was written.")


def show_costs(costs: Sequence[Cost]) -> None:
    """What a run costs at services that bear only so much, one by one."""
    for cost in costs:
        minutes = "less than a minute" if cost.seconds < 60 else f"about {counted(round(cost.seconds / 60), 'minute')}"
        share = f"{cost.share:.0%} of the calls it allows meanwhile"
        out(f"{cost.system}: {counted(cost.calls, 'call')}, {minutes} (an estimate), {share}")
        for effect in cost.effects:
            out(f"    {effect}")


def show_errors(session: Session, errors: Sequence[ErrorRecord], limit: int | None) -> None:
    """Records that could not be carried."""
    from koppel.cli.tables import error_table

    if not errors:
        out("There are no errors.")
        return
    out(error_table(errors[:limit], session.koppel.mappings))
    _more(len(errors), limit, "error")
    if any(error.skipped for error in errors):
        out("Skipped records failed the same way twice; an edit or `koppel retry` lets the next run try them again.")


def show_conflicts(session: Session, conflicts: Sequence[Conflict], limit: int | None) -> None:
    """Every conflict with both values."""
    from koppel.cli.tables import conflict_table

    if not conflicts:
        out("There are no conflicts.")
        return
    out(conflict_table(conflicts[:limit], session.koppel.mappings))
    _more(len(conflicts), limit, "conflict")


def _more(found: int, limit: int | None, what: str) -> None:
    if limit is not None and found > limit:
        out(f"… and {counted(found - limit, what)} more (--limit N, --all)")
