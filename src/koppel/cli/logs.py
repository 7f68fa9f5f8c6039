"""Commands that list: the job log, records that could not be carried, conflicts."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from koppel.cli.options import EVERYWHERE, Common, flag, opened
from koppel.cli.screen import emit
from koppel.cli.show import show_conflicts, show_errors, show_jobs
from koppel.cli.words import WAITING

MappingChoice = Annotated[str | None, Parameter(name="MAPPING", help="Only this mapping.")]
Limit = Annotated[int | None, Parameter(name="--limit", help="How many are listed (50; with --json all).")]
All = Annotated[bool, flag("--all", "List all.")]

_READABLE = 50
"""Rows of a table that is read by people; a document holds everything unless told otherwise."""


def _limit(limit: int | None, everything: bool, common: Common) -> int | None:
    """How many are listed; None is all."""
    if everything or (limit is None and common.json):
        return None
    return _READABLE if limit is None else limit


def jobs(
    mapping: MappingChoice = None,
    /,
    *,
    run: Annotated[int | None, Parameter(name="--run", help="Only the jobs of this run.")] = None,
    limit: Limit = None,
    everything: All = False,
    common: Common = EVERYWHERE,
) -> int:
    """Show the job log: the latest run first, its jobs in their order, a row per direction."""
    with opened(common) as session:
        session.koppel.select([mapping] if mapping else [])
        found = session.koppel.jobs(mapping, run, _limit(limit, everything, common))
        found.sort(key=lambda job: (-job.run, job.id))
        if common.json:
            emit(found)
        else:
            show_jobs(session, found)
    return 0


def errors(
    mapping: MappingChoice = None, /, *, limit: Limit = None, everything: All = False, common: Common = EVERYWHERE
) -> int:
    """Show records that could not be carried, and why."""
    with opened(common) as session:
        session.koppel.select([mapping] if mapping else [])
        # What only waits for another record is no failure, and there may be much of it.
        found = sorted(session.koppel.errors(mapping), key=lambda error: error.code == WAITING)
        if common.json:
            emit(found[: _limit(limit, everything, common)])
        else:
            show_errors(session, found, _limit(limit, everything, common))
    return 0


def conflicts(
    mapping: MappingChoice = None, /, *, limit: Limit = None, everything: All = False, common: Common = EVERYWHERE
) -> int:
    """Show open conflicts: both values, since when, and how each is resolved."""
    with opened(common) as session:
        session.koppel.select([mapping] if mapping else [])
        found = session.koppel.conflicts(mapping)
        if common.json:
            emit(found[: _limit(limit, everything, common)])
        else:
            show_conflicts(session, found, _limit(limit, everything, common))
    return 0
