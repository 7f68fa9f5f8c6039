"""`koppel full`: the review, what is confirmed with it, and the run over everything (DESIGN 8, level 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from koppel.cli.after_run import finish
from koppel.cli.asking import confirmed
from koppel.cli.levels import (
    FirstContactOption,
    MappingNames,
    OnLikely,
    Page,
    PlanLimit,
    Said,
    declined,
    planned,
    reviewed,
)
from koppel.cli.options import EVERYWHERE, Common, Session, first_contacts, flag, opened
from koppel.cli.show import show_review
from koppel.cli.words import counted

if TYPE_CHECKING:
    from koppel.app import FullOptions
    from koppel.model.review import ReviewLine


@Parameter(name="*")
@dataclass(frozen=True)
class Lines(OnLikely):
    """Which lines a full run has, and what it does about likely pairs."""

    exclude: Annotated[
        tuple[str, ...], Parameter(name="--exclude", negative="", help="A mapping that is left out. Repeatable.")
    ] = ()
    restart: Annotated[str | None, Parameter(name="--restart", help="Only this mapping and what waited for it.")] = None
    page: Page = None


ALL_LINES = Lines()


def full(
    *mappings: MappingNames,
    lines: Lines = ALL_LINES,
    first_contact: FirstContactOption = None,
    keep_creating: Annotated[
        Literal["yes", "no"] | None, Parameter(name="--keep-creating", help="The answer to the question at the end.")
    ] = None,
    plan: Annotated[bool, flag("--plan", "Show what would happen; write nothing.")] = False,
    limit: PlanLimit = 20,
    common: Common = EVERYWHERE,
) -> int:
    """Synchronise everything: review, then couple and create in dependency order, uncoupled records included."""
    lines.check()
    with opened(common) as session:
        options = _options(session, mappings, lines, first_contact or [])
        names = session.koppel.full_lines(mappings, options)
        found = reviewed(session, names)
        if not common.json:
            show_review(found)
        if plan:
            said = Said(True, None, True, options.first_contact, lines.couple_likely, lines.create_anyway)
            return planned(session, names, said, True, limit)
        undecided = any(len(line.likely) for line in found) and not (lines.couple_likely or lines.create_anyway)
        # Undecided likely pairs halt the run whatever is confirmed, so nobody is asked first.
        if not undecided and not confirmed(_question(found, lines.create_anyway), common, needed=True):
            return declined(session)
        with session.bars.shown():
            report = session.koppel.full(mappings, options)
        return finish(session, report, None if keep_creating is None else keep_creating == "yes")


def _options(session: Session, mappings: Sequence[str], lines: Lines, answers: Sequence[str]) -> FullOptions:
    """What was said, as the facade takes it. Raises `ConfigurationError` for names that do not exist."""
    from koppel.app import FullOptions

    koppel = session.koppel
    koppel.select([*lines.exclude, *([lines.restart] if lines.restart else [])])
    chosen = [name for name in koppel.select(mappings, lines.page) if name not in lines.exclude]
    won = first_contacts(session, answers, chosen)
    return FullOptions(lines.exclude, lines.restart, lines.page, lines.couple_likely, lines.create_anyway, won)


def _question(lines: Sequence[ReviewLine], create_anyway: bool) -> str:
    """What is about to happen, in numbers."""
    creates: dict[str, int] = {}
    likely = sum(len(line.likely) for line in lines)
    for line in lines:
        more = len(line.likely) if create_anyway else 0
        for side, number in zip(line.sides, line.creates, strict=True):
            creates[side.system] = creates.get(side.system, 0) + number + more
    parts = [f"{counted(sum(line.coupled for line in lines), 'coupling')} compared"]
    if likely and not create_anyway:
        parts.append(f"{counted(likely, 'likely pair')} coupled")
    parts += [f"up to {counted(number, 'record')} created in {system}" for system, number in creates.items() if number]
    return f"Run the full synchronisation of {counted(len(lines), 'mapping')} ({', '.join(parts)})?"
