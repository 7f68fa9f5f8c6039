"""What the facade answers, as things to look at: pure, so that commands and the demo show the same.

Captions are those a user of Business Central knows (semantics 1.2); systems have their own names, never left and right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from koppel.cli.words import WAITING, counted, moment, shown, thousands

if TYPE_CHECKING:
    from koppel.model.explanation import CellExplanation, Explanation
    from koppel.model.job import Counts, JobRecord
    from koppel.model.listing import Conflict, ErrorRecord
    from koppel.model.mapping import Mapping as TableMapping
    from koppel.model.review import PlannedValue, ReviewLine

Mappings = Mapping[str, "TableMapping"]

_COUNTERS = (
    "inserted", "modified", "deleted", "unchanged", "skipped", "failed", "coupled", "uncoupled",
    "conflicts", "waiting", "drift", "out",
)  # fmt: skip
_JOB_WIDTH, _REVIEW_WIDTH = 180, 135
_REVIEW_GIVES_UP = ((_REVIEW_WIDTH, ("Create by", "Waits for")), (110, ("Records", "Advice")))
"""Columns of the review that make room on a terminal narrower than this."""
_DELETION = "deletion"
_VERDICTS = {
    "keep": "",
    "to right": "goes to {right}",
    "to left": "goes to {left}",
    "resolve": "one value of both",
    "clash": "conflict",
}
_CONTENTS = {
    "to right": "{right} is to follow",
    "to left": "{left} is to follow",
    "both ways": "both are to follow",
    "clash": "in conflict",
}


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = ()) -> Table:
    """A table of values as they are; `numbers` names the columns that are aligned to the right."""
    made = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
    )
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(shown(value)) for value in row))
    return made


def side_names(mappings: Mappings, name: str) -> tuple[str, str]:
    """What the two sides of a mapping are called: the systems' names, or their tables where both are of one system."""
    known = mappings.get(name)
    if known is None:  # it was configured when the store heard of it
        return ("the one system", "the other system")
    if known.left.system != known.right.system:
        return (known.left.system, known.right.system)
    return ("left", "right") if known.left == known.right else (str(known.left), str(known.right))


def job_table(jobs: Sequence[JobRecord], mappings: Mappings, width: int = _JOB_WIDTH, planned: bool = False) -> Table:
    """A row per direction of every job; where `width` is too little, without the counts that are zero in all rows."""
    rows = [(job, to, counts) for job in jobs for to, counts in _directions(job, side_names(mappings, job.mapping))]
    used = [n for n in _COUNTERS if width >= _JOB_WIDTH or any(getattr(counts, n) for _, _, counts in rows)]
    head = ["Mapping", "To"] if planned else ["Run", "Job", "Mapping", "To", "Kind", "State"]
    if width >= _JOB_WIDTH and not planned:
        head.append("Started")
    body = []
    for job, to, counts in rows:
        values: dict[str, object] = {"Run": job.run, "Job": job.id, "Mapping": job.mapping, "To": to}
        values |= {"Kind": job.kind, "State": job.state, "Started": job.started}
        body.append([*(values[name] for name in head), *(getattr(counts, name) for name in used)])
    captions = [name.capitalize() for name in used]
    title = "Preview" if planned else "Integration Synchronization Jobs"
    return table(title, [*head, *captions], body, numbers=["Run", "Job", *captions])


def _directions(job: JobRecord, names: tuple[str, str]) -> list[tuple[str, Counts]]:
    """Both directions of a two-way mapping; of a one-way one the other only when something was counted there."""
    sides = (("->", names[1], job.tally.to_right), ("<-", names[0], job.tally.to_left))
    return [
        (name, counts)
        for arrow, name, counts in sides
        if job.direction in ("<->", arrow) or any(counts.as_dict().values())
    ]


def review_table(lines: Sequence[ReviewLine], width: int = _REVIEW_WIDTH) -> Table:
    """What there is, what koppel advises, what would be created and what keeps that from happening twice."""
    counts = ["Records", "In filter", "Uncoupled", "Created"]
    rows: list[list[object]] = []
    for line in lines:
        shared = [line.coupled, len(line.likely), str(line.advice), ", ".join(line.waits_for)]
        for place, side in enumerate(line.sides):
            own = [
                side.system,
                side.records,
                side.in_scope,
                side.uncoupled,
                line.creates[place],
                str(line.guarantees[place]),
            ]
            rows.append([line.mapping, *own, *shared] if place == 0 else [" ", *own, *[" "] * len(shared)])
    columns = ["Mapping", "System", *counts, "Create by", "Coupled", "Likely pairs", "Advice", "Waits for"]
    given_up = [names for least, names in _REVIEW_GIVES_UP if width < least]
    kept = [place for place, name in enumerate(columns) if not any(name in names for names in given_up)]
    columns, rows = [columns[place] for place in kept], [[row[place] for place in kept] for row in rows]
    return table("Full Synch. Review", columns, rows, numbers=[*counts, "Coupled", "Likely pairs"])


def likely_tables(line: ReviewLine, limit: int) -> list[RenderableType]:
    """The likely pairs of one mapping, and its records with several or unusable candidates, if any."""
    names = [side.system for side in line.sides]
    shown_: list[RenderableType] = []
    for frame, what, last in (
        (line.likely, counted(len(line.likely), "likely pair"), "Match rule"),
        (line.ambiguous, counted(len(line.ambiguous), "record") + " with several or unusable candidates", "Why"),
    ):
        if len(frame):
            shown_.append(table(f"{line.mapping}: {what}", [*names, last], frame.head(limit).rows()))
        if len(frame) > limit:
            shown_.append(Text(f"… and {thousands(len(frame) - limit)} more (koppel match {line.mapping} --limit N)"))
    return shown_


def plan_tables(values: Sequence[PlannedValue], limit: int) -> list[RenderableType]:
    """The values of the first `limit` records that would be written, a record after the other, if any."""
    records: dict[tuple[str, str, str, str], list[PlannedValue]] = {}
    for value in values:
        records.setdefault((value.mapping, value.system, value.kind, value.id), []).append(value)
    chosen = list(records.values())[:limit]
    if not chosen:
        return []
    rows = [row for record in chosen for row in _planned_rows(record)]
    made: list[RenderableType] = [
        table("Values to be written", ["Mapping", "Table", "Action", "Record", "Field", "Before", "After"], rows)
    ]
    if len(records) > limit:
        made.append(Text(f"… and {counted(len(records) - limit, 'more record')} (--limit N shows them, --json all)"))
    return made


def _planned_rows(values: Sequence[PlannedValue]) -> list[list[object]]:
    """One record: what is done with it stands on its first row only."""
    first = values[0]
    # A record that its system is yet to number has a number below zero in a plan.
    name = "(new)" if first.kind == "create" and first.id.startswith("-") else first.id
    head: list[object] = [first.mapping, f"{first.system}.{first.table}", first.kind, name]
    return [[*(head if place == 0 else [" "] * 4), v.field, v.before, v.after] for place, v in enumerate(values)]


def error_table(errors: Sequence[ErrorRecord], mappings: Mappings) -> Table:
    """Records that could not be carried: what is wrong, and whether the next run tries again."""
    rows = []
    for error in errors:
        record = f"{side_names(mappings, error.mapping)[error.side]}:{error.record}"
        after = "waits" if error.code == WAITING else "skipped" if error.skipped else "tried again"
        rows.append(
            [error.id, error.mapping, record, error.field, error.message, after, error.times, error.job, error.last_at]
        )
    columns = ["ID", "Mapping", "Record", "Field", "Error", "Next", "Times", "Job", "Last"]
    return table("Coupled Data Synchronization Errors", columns, rows, numbers=["ID", "Times", "Job"])


def conflict_table(conflicts: Sequence[Conflict], mappings: Mappings) -> RenderableType:
    """Every conflict with both values, since when, and how it is resolved."""
    return Group(
        *(part for conflict in conflicts for part in _conflict(conflict, side_names(mappings, conflict.mapping)))
    )


def _conflict(conflict: Conflict, names: tuple[str, str]) -> list[RenderableType]:
    ids = f"{names[0]} {conflict.left_id} ⇄ {names[1]} {conflict.right_id}"
    parts: list[RenderableType] = [
        Text(f"Conflict {conflict.id}  {conflict.mapping}  {conflict.kind}  {ids}  since {moment(conflict.opened_at)}")
    ]
    rows = list(zip(conflict.fields, conflict.left_values, conflict.right_values, strict=False))
    if rows:
        parts.append(table("", ["Field", *names], rows))
    prints = zip(names, (conflict.left_print, conflict.right_print), strict=True)
    gone = [name for name, seen in prints if seen is None] if conflict.kind == _DELETION else []
    if gone:
        parts.append(Text(f"    the record was deleted in {' and '.join(gone)}"))
    choices = "restore|uncouple|delete|deactivate" if conflict.kind == _DELETION else "|".join(names)
    return [*parts, Text(f"    → koppel resolve {conflict.id} --take {choices}"), Text("")]


def explanation_table(told: Explanation, mappings: Mappings) -> RenderableType:
    """One record: where its halves are, what the next run would do and why, field by field, and what happened to it."""
    names = side_names(mappings, told.mapping)
    halves = [f"{name} {id_}" for name, id_ in zip(names, told.ids, strict=True) if id_ is not None]
    content = _sided(_CONTENTS.get(told.situation[2], told.situation[2]), names)
    parts: list[RenderableType] = [
        Text(f"{told.mapping}: {' ⇄ '.join(halves)} ({'coupled' if told.coupled else 'not coupled'})"),
        Text(f"  Now:   {names[0]} {told.situation[0]}, {names[1]} {told.situation[1]}; values: {content}"),
        Text(f"  Next:  {told.action}"),
        Text(f"  Why:   {told.sentence}\n"),
        table(
            "Fields",
            ["Field", names[0], "", names[1], " ", "What happens", "Why not"],
            [_cell(cell, names) for cell in told.cells],
        ),
    ]
    if told.errors:
        parts.append(error_table(told.errors, mappings))
    if told.conflicts:
        parts.append(conflict_table(told.conflicts, mappings))
    if told.history:
        rows = [[moment(entry.at), entry.job, entry.field, entry.before, entry.after] for entry in told.history]
        parts.append(table("Written by koppel", ["When", "Job", "Field", "Before", "After"], rows, numbers=["Job"]))
    return Group(*parts)


def _cell(cell: CellExplanation, names: tuple[str, str]) -> list[object]:
    verdict = _sided(_VERDICTS.get(cell.verdict, cell.verdict), names)
    moves = [" " if move == "same" else move for move in (cell.left_move, cell.right_move)]
    return [cell.field, cell.left, moves[0], cell.right, moves[1], verdict or " ", cell.reason or " "]


def _sided(text: str, names: tuple[str, str]) -> str:
    """The same with the systems' names where the code says left and right."""
    return text.replace("{left}", names[0]).replace("{right}", names[1])
