"""What people look at before anything moves: the review of a full synchronisation, likely pairs, and the plan of a run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from koppel.cli.options import Session
from koppel.cli.screen import counted, is_narrow, out, table, thousands
from koppel.cli.show_jobs import show_jobs, show_messages

if TYPE_CHECKING:
    import polars as pl

    from koppel.app import PlanReport
    from koppel.model.review import PlannedValue, ReviewLine

_REVIEW_WIDTH = 190


def show_review(session: Session, lines: Sequence[ReviewLine]) -> None:
    """The table before a full run: what there is, what koppel advises, what would be created and what keeps it from happening twice."""
    counts = ["Records", "In filter", "Uncoupled", "Created"]
    rows: list[list[object]] = []
    for line in lines:
        shared = [line.coupled, len(line.likely), str(line.advice), ", ".join(line.waits_for)]
        for place, side in enumerate(line.sides):
            first = [line.mapping, *shared] if place == 0 else [" "] * 5
            own = [side.system, side.records, side.in_scope, side.uncoupled, line.creates[place], str(line.guarantees[place])]
            rows.append([first[0], *own, *first[1:]])
    columns = ["Mapping", "System", *counts, "Create by", "Coupled", "Likely pairs", "Advice", "Waits for"]
    if is_narrow(_REVIEW_WIDTH):
        columns, rows = columns[:6] + columns[7:10], [row[:6] + row[7:10] for row in rows]
    out(table("Full Synch. Review", columns, rows, numbers=[*counts, "Coupled", "Likely pairs"]))
    for line in lines:
        if len(line.likely) or len(line.ambiguous):
            show_likely(session, line, limit=5)


def show_likely(session: Session, line: ReviewLine, limit: int) -> None:
    """The likely pairs of one mapping, and its records with several or unusable candidates."""
    names = session.names(line.mapping)
    if len(line.likely):
        title = f"{line.mapping}: {counted(len(line.likely), 'likely pair')}"
        out(table(title, [names[0], names[1], "Match rule"], line.likely.head(limit).rows()))
        _more(line.likely, limit)
    if len(line.ambiguous):
        title = f"{line.mapping}: {counted(len(line.ambiguous), 'record')} with several or unusable candidates"
        out(table(title, [names[0], names[1], "Why"], line.ambiguous.head(limit).rows()))
        _more(line.ambiguous, limit)


def _more(frame: pl.DataFrame, limit: int) -> None:
    if len(frame) > limit:
        out(f"… and {thousands(len(frame) - limit)} more (koppel match MAPPING --limit N)")


def show_plan(session: Session, report: PlanReport, limit: int) -> None:
    """What a run would do: the counts, the values of the first `limit` records, and that nothing was written."""
    show_jobs(session, report.jobs, planned=True)
    records = [list(values) for _, values in groupby(report.values, key=lambda v: (v.mapping, v.system, v.kind, v.id))]
    rows = [row for values in records[:limit] for row in _record_rows(values)]
    if rows:
        out(table("Values to be written", ["Mapping", "System", "Action", "Record", "Field", "Before", "After"], rows))
    if len(records) > limit:
        out(f"… and {counted(len(records) - limit, 'record')} more (--limit N shows them, --json shows all)")
    show_messages(session, report)
    out("Nothing was written.")


def _record_rows(values: Sequence[PlannedValue]) -> list[list[object]]:
    """One record: what is done with it stands on the first row only."""
    rows: list[list[object]] = []
    for place, value in enumerate(values):
        head = [value.mapping, f"{value.system}.{value.table}", value.kind, _id(value)] if place == 0 else [" "] * 4
        rows.append([*head, value.field, value.before, value.after])
    return rows


def _id(value: PlannedValue) -> str:
    """The record's id; one that does not exist yet may have none."""
    return "(new)" if value.kind == "create" and value.id.startswith("-") else value.id
