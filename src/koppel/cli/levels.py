"""`koppel sync`, `plan`, `review` and `answer`: the levels beside the full synchronisation, and what all share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from koppel.cli.after_run import answer_text, finish
from koppel.cli.asking import confirmed, on_terminal, yes_or_no
from koppel.cli.options import EVERYWHERE, Common, Session, first_contacts, flag, opened, usage
from koppel.cli.screen import emit, out, tell
from koppel.cli.show import show_plan, show_review
from koppel.cli.words import counted
from koppel.model.policy import FirstContact

if TYPE_CHECKING:
    from koppel.model.review import ReviewLine

FirstContactOption = Annotated[
    list[str] | None,
    Parameter(
        name="--first-contact",
        negative="",
        help="Whose values stand where records meet for the first time: [MAPPING=]SYSTEM, newest, ask. Repeatable.",
    ),
]

MappingNames = Annotated[str, Parameter(name="MAPPING", help="The mappings; none means all.")]
Page = Annotated[str | None, Parameter(name="--page", help="Only the mappings of one connection page.")]
PlanLimit = Annotated[int, Parameter(name="--limit", help="How many records a plan shows.")]


@dataclass(frozen=True)
class Said:
    """What was said about a run of modified records."""

    everything: bool
    force_to: str | None
    sweep: bool
    first_contact: Mapping[str, FirstContact]
    couple_likely: bool = False
    create_anyway: bool = False


@Parameter(name="*")
@dataclass(frozen=True)
class OnLikely:
    """What a full run does about likely pairs; nothing said: it halts."""

    couple_likely: Annotated[bool, flag("--couple-likely", "Couple likely pairs.")] = False
    create_anyway: Annotated[
        bool, flag("--create-anyway", "Create although there are likely pairs; these are kept apart for good.")
    ] = False

    def check(self) -> None:
        """Raise `ConfigurationError` where both are said."""
        if self.couple_likely and self.create_anyway:
            raise usage("--couple-likely and --create-anyway exclude each other", "say one of them")


NOTHING_SAID = OnLikely()


def sync(
    *words: Annotated[
        str,
        Parameter(
            name="MAPPING-AND-IDS", help="A mapping and record ids of it (ID or system:ID), or several mappings."
        ),
    ],
    full: Annotated[bool, flag("--full", "From the start: compare every coupled pair.")] = False,
    force: Annotated[bool, flag("--force", "Carry every value of one system over; needs --to.")] = False,
    to: Annotated[str | None, Parameter(name="--to", help="The system that receives in a forced run.")] = None,
    sweep: Annotated[bool, flag("--sweep", "Look for deletions now.")] = False,
    first_contact: FirstContactOption = None,
    plan: Annotated[bool, flag("--plan", "Show what would happen; write nothing.")] = False,
    limit: PlanLimit = 20,
    common: Common = EVERYWHERE,
) -> int:
    """Synchronise modified records: of all mappings, of those named, or just some records of one."""
    if force != (to is not None):
        raise usage("--force and --to belong together", "write --force --to SYSTEM")
    with opened(common) as session:
        names, records = _meant(session, words)
        if records:
            if full or sweep or first_contact or plan:
                raise usage(
                    "--full, --sweep, --first-contact and --plan are for whole mappings", "leave out the record ids"
                )
            return _records(session, names[0], records, to)
        chosen = session.koppel.select(names)
        said = Said(full, to, sweep, first_contacts(session, first_contact or [], chosen))
        if plan:
            return planned(session, chosen, said, False, limit)
        if not confirmed(lambda: _sync_question(session, chosen, said), common, needed=force):
            return declined(session)
        with session.bars.shown():
            report = session.koppel.sync(
                chosen, everything=full, force_to=to, sweep=sweep, first_contact=said.first_contact
            )
        return finish(session, report)


def _meant(session: Session, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Mappings and record ids: all words are mappings, or the first is and the others are records of it."""
    mappings = session.koppel.mappings
    if not words or all(word in mappings for word in words):
        return list(words), []
    session.koppel.select([words[0]])
    return [words[0]], list(words[1:])


def _records(session: Session, mapping: str, records: Sequence[str], to: str | None) -> int:
    forced = f" by force to {to}" if to else ""
    if not confirmed(
        f"Synchronise {counted(len(records), 'record')} of {mapping}{forced}?", session.common, needed=to is not None
    ):
        return declined(session)
    with session.bars.shown():
        report = session.koppel.sync_records(mapping, records, None if to is None else session.word(mapping, to))
    return finish(session, report)


def _sync_question(session: Session, chosen: Sequence[str], said: Said) -> str:
    couplings = sum(session.koppel.couplings(name) for name in chosen)
    what = f"{counted(len(chosen), 'mapping')} ({counted(couplings, 'coupling')})"
    if said.force_to is not None:
        return _forced_question(session, chosen, said, what)
    return f"Synchronise {what} from the start?" if said.everything else f"Synchronise modified records of {what}?"


def _forced_question(session: Session, chosen: Sequence[str], said: Said, what: str) -> str:
    """How much a forced run would replace (DESIGN 3), found out by planning it where somebody can answer."""
    carry = f"carry all values that differ to {said.force_to}"
    if not on_terminal():
        return f"Look at every coupling of {what} and {carry}?"
    with session.bars.shown():
        plan = session.koppel.plan(chosen, force_to=said.force_to)
    records = counted(len({(value.table, value.id) for value in plan.values}), "record")
    return f"Look at every coupling of {what} and {carry}: {counted(len(plan.values), 'value')} of {records}?"


def declined(session: Session) -> int:
    """Nothing happened, and that is no failure: exit code 0."""
    if session.common.json:
        emit({"run": None, "jobs": []})
    tell("Nothing was done.", session.common.quiet)
    return 0


def planned(session: Session, chosen: Sequence[str], said: Said, full: bool, limit: int) -> int:
    """Show what a run would do; the exit code."""
    with session.bars.shown():
        report = session.koppel.plan(
            chosen,
            full=full,
            everything=said.everything,
            force_to=said.force_to,
            sweep=said.sweep,
            first_contact=said.first_contact,
            couple_likely=said.couple_likely,
            create_anyway=said.create_anyway,
        )
    if session.common.json:
        emit(report)
    else:
        show_plan(session, report, limit)
    if report.halted is not None:
        tell(f"The run itself would halt before it begins.\n{report.halted}")
    return report.exit_code


def plan(
    *mappings: MappingNames,
    full: Annotated[bool, flag("--full", "Plan a full synchronisation.")] = False,
    force: Annotated[bool, flag("--force", "Plan a forced run; needs --to.")] = False,
    to: Annotated[str | None, Parameter(name="--to", help="The system that receives in a forced run.")] = None,
    sweep: Annotated[bool, flag("--sweep", "Look for deletions.")] = False,
    first_contact: FirstContactOption = None,
    likely: OnLikely = NOTHING_SAID,
    limit: PlanLimit = 20,
    common: Common = EVERYWHERE,
) -> int:
    """Show what a run would do: counts, and values before and after. Writes nothing."""
    if force != (to is not None):
        raise usage("--force and --to belong together", "write --force --to SYSTEM")
    if likely != NOTHING_SAID and not full:
        raise usage("what becomes of likely pairs is said of a full run", "write --full with it")
    likely.check()
    with opened(common) as session:
        chosen = session.koppel.select(mappings)
        won = first_contacts(session, first_contact or [], chosen)
        said = Said(False, to, sweep, won, likely.couple_likely, likely.create_anyway)
        return planned(session, chosen, said, full, limit)


def review(
    *mappings: MappingNames,
    page: Page = None,
    common: Common = EVERYWHERE,
) -> int:
    """Show what a full synchronisation would meet, mapping by mapping. Writes nothing."""
    with opened(common) as session:
        lines = reviewed(session, session.koppel.select(mappings, page))
        if common.json:
            emit(lines)
        else:
            show_review(lines)
            out("Nothing was written.")
    return 0


def reviewed(session: Session, chosen: Sequence[str]) -> list[ReviewLine]:
    """The review of these mappings."""
    with session.bars.busy("Reviewing both sides"):
        return session.koppel.review(chosen)


def answer(
    *words: Annotated[
        str,
        Parameter(
            name="RUN-AND-ANSWER", help="yes or no (ja, nee); before it the run's number, without it the latest."
        ),
    ],
    common: Common = EVERYWHERE,
) -> int:
    """Answer the final question of a full run: may scheduled jobs keep creating records?"""
    said = yes_or_no(words[-1]) if words else None
    if said is None or len(words) > 2 or (len(words) == 2 and not words[0].isdigit()):
        raise usage(
            "an answer is yes or no, with the number of the run before it if it is not the latest",
            "koppel answer [RUN] yes|no",
        )
    with opened(common) as session:
        mappings = session.koppel.answer(int(words[0]) if len(words) == 2 else None, said)
        if common.json:
            emit({"answer": said, "mappings": mappings})
        else:
            out(answer_text(mappings, said))
    return 0
