"""Single records as people look at them: errors, conflicts with both values, and one record explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from koppel.cli.options import Session
from koppel.cli.screen import counted, moment, out, shown, table

if TYPE_CHECKING:
    from koppel.model.explanation import Explanation
    from koppel.model.listing import Conflict, ErrorRecord, HistoryEntry

_DELETION = "deletion"
_VERDICTS = {"keep": "", "to right": "goes to {right}", "to left": "goes to {left}", "resolve": "one value of both", "clash": "conflict", "drift": "drift"}


def show_errors(session: Session, errors: Sequence[ErrorRecord], limit: int | None) -> None:
    """Records that could not be carried, with what is wrong and since when."""
    rows = [
        [e.id, e.mapping, f"{session.names(e.mapping)[e.side]}:{e.record}", e.field, e.message, "skipped" if e.skipped else "tried again", e.times,
         e.job, e.last_at]
        for e in errors[:limit]
    ]  # fmt: skip
    columns = ["ID", "Mapping", "Record", "Field", "Error", "Next", "Times", "Job", "Last"]
    out(table("Coupled Data Synchronization Errors", columns, rows, numbers=["ID", "Times", "Job"]))
    if limit is not None and len(errors) > limit:
        out(f"… and {counted(len(errors) - limit, 'error')} more (--all)")
    if any(error.skipped for error in errors):
        out("Skipped records failed the same way twice; an edit or `koppel retry` lets the next run try them again.")


def show_conflicts(session: Session, conflicts: Sequence[Conflict], limit: int | None = None) -> None:
    """Every conflict with both values, and how it is resolved."""
    if not conflicts:
        out("There are no conflicts.")
    for conflict in conflicts[:limit]:
        show_conflict(session, conflict)
    if limit is not None and len(conflicts) > limit:
        out(f"… and {counted(len(conflicts) - limit, 'conflict')} more (--all)")


def show_conflict(session: Session, conflict: Conflict) -> None:
    """One conflict: what stands on both sides, since when, and what may be said about it."""
    names = session.names(conflict.mapping)
    ids = f"{names[0]} {conflict.left_id} ⇄ {names[1]} {conflict.right_id}"
    out(f"Conflict {conflict.id}   {conflict.mapping}   {conflict.kind}   {ids}   since {moment(conflict.opened_at)}")
    rows = list(zip(conflict.fields, conflict.left_values, conflict.right_values, strict=False))
    if rows:
        out(table("", ["Field", *names], rows))
    if conflict.kind == _DELETION:
        gone = [name for name, seen in zip(names, (conflict.left_print, conflict.right_print), strict=True) if seen is None]
        if gone:
            out(f"    the record was deleted in {' and '.join(gone)}")
    choices = "restore|uncouple|delete|deactivate" if conflict.kind == _DELETION else "|".join(names)
    out(f"    → koppel resolve {conflict.id} --take {choices}\n")


def show_explanation(session: Session, told: Explanation) -> None:
    """One record: where its halves are, what the next run would do and why, field by field, and what happened to it."""
    halves = [f"{name} {id_}" for name, id_ in zip(told.systems, told.ids, strict=True) if id_ is not None]
    out(f"{told.mapping}: {' ⇄ '.join(halves)} ({'coupled' if told.coupled else 'not coupled'})")
    out(f"  Now:  {told.systems[0]} {told.situation[0]}, {told.systems[1]} {told.situation[1]}, content {_sided(told.situation[2], told.systems)}")
    out(f"  Next: {told.action}")
    out(f"  Why:  {told.sentence}\n")
    rows = [
        [_sided(c.field, told.systems), c.left, c.left_move, c.right, c.right_move, _sided(_VERDICTS.get(c.verdict, c.verdict), told.systems), c.reason]
        for c in told.cells
    ]
    out(table("Fields", ["Field", told.systems[0], "", told.systems[1], "", "What happens", "Why not"], rows))
    if told.errors:
        show_errors(session, told.errors, None)
    for conflict in told.conflicts:
        show_conflict(session, conflict)
    if told.history:
        out(table("Written by koppel", ["When", "Job", "Field", "Before", "After"], [_written(entry) for entry in told.history], numbers=["Job"]))


def _sided(text: str, names: tuple[str, str]) -> str:
    """The same with the systems' names where a word of the code stands."""
    said = {"to right": "{right} differs", "to left": "{left} differs"}.get(text, text)
    return said.replace("{left}", names[0]).replace("{right}", names[1])


def _written(entry: HistoryEntry) -> list[object]:
    return [moment(entry.at), entry.job, entry.field, shown(entry.before), shown(entry.after)]
