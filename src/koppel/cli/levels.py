"""The three levels of synchronisation: `sync` and `full`, their plans, the review before and the answer after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from koppel.cli.after_run import answer_text, finish
from koppel.cli.asking import confirmed, yes_or_no
from koppel.cli.options import EVERYWHERE, Common, Session, first_contacts, opened, usage
from koppel.cli.screen import counted, emit, out, tell
from koppel.model.policy import FirstContact

if TYPE_CHECKING:
    from koppel.model.review import ReviewLine

FirstContactOption = Annotated[
    list[str] | None,
    Parameter(
        name="--first-contact",
        negative="",
        help="Whose values stand where two records meet for the first time and differ: [MAPPING=]SYSTEM, newest or ask. Repeatable.",
    ),
]


def sync(
    *words: Annotated[str, Parameter(name="MAPPING-AND-IDS", help="A mapping and record ids of it (ID or system:ID), or several mappings.")],
    full: Annotated[bool, Parameter(name="--full", negative="", help="From the start: compare every coupled pair.")] = False,
    force: Annotated[bool, Parameter(name="--force", negative="", help="Carry every value of one system over; needs --to.")] = False,
    to: Annotated[str | None, Parameter(name="--to", help="The system that receives in a forced run.")] = None,
    sweep: Annotated[bool, Parameter(name="--sweep", negative="", help="Look for deletions now.")] = False,
    first_contact: FirstContactOption = None,
    plan: Annotated[bool, Parameter(name="--plan", negative="", help="Show what would happen; write nothing.")] = False,
    limit: Annotated[int, Parameter(name="--limit", help="How many records a plan shows.")] = 20,
    common: Common = EVERYWHERE,
) -> int:
    """Synchronise modified records: of all mappings, of those named, or just some records of one."""
    if force != (to is not None):
        raise usage("--force and --to belong together", "write --force --to SYSTEM")
    with opened(common) as session:
        names, records = _meant(session, words)
        if records:
            if full or sweep or first_contact or plan:
                raise usage("--full, --sweep, --first-contact and --plan are for whole mappings", "leave out the record ids")
            return _records(session, names[0], records, to)
        chosen = session.koppel.select(names)
        said = _Said(full, to, sweep, first_contacts(session, first_contact or [], chosen))
        if plan:
            return _plan(session, chosen, said, False, limit)
        if not confirmed(_sync_question(session, chosen, said), common, needed=force):
            return _declined(session)
        with session.bars.shown():
            report = session.koppel.sync(chosen, everything=full, force_to=to, sweep=sweep, first_contact=said.first_contact)
        return finish(session, report)


class _Said:
    """What was said about a run of modified records."""

    def __init__(self, everything: bool, force_to: str | None, sweep: bool, first_contact: Mapping[str, FirstContact]) -> None:
        self.everything, self.force_to, self.sweep, self.first_contact = everything, force_to, sweep, first_contact


def _meant(session: Session, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Mappings and record ids: all words are mappings, or the first is and the others are records of it."""
    mappings = session.koppel.mappings
    if not words or all(word in mappings for word in words):
        return list(words), []
    session.koppel.select([words[0]])
    return [words[0]], list(words[1:])


def _records(session: Session, mapping: str, records: Sequence[str], to: str | None) -> int:
    forced = f" by force to {to}" if to else ""
    if not confirmed(f"Synchronise {counted(len(records), 'record')} of {mapping}{forced}?", session.common, needed=to is not None):
        return _declined(session)
    with session.bars.shown():
        report = session.koppel.sync_records(mapping, records, None if to is None else session.word(mapping, to))
    return finish(session, report)


def _sync_question(session: Session, chosen: Sequence[str], said: _Said) -> str:
    couplings = sum(session.koppel.couplings(name) for name in chosen)
    what = f"{counted(len(chosen), 'mapping')} ({counted(couplings, 'coupling')})"
    if said.force_to is not None:
        return f"Look at every coupling of {what} and carry all values that differ to {said.force_to}?"
    return f"Synchronise {what} from the start?" if said.everything else f"Synchronise modified records of {what}?"


def _declined(session: Session) -> int:
    """Nothing happened, and that is no failure."""
    if session.common.json:
        emit({"run": None, "jobs": []})
    tell("Nothing was done.", session.common.quiet)
    return 0


def _plan(session: Session, chosen: Sequence[str], said: _Said, full: bool, limit: int) -> int:
    from koppel.cli.show_plan import show_plan

    with session.bars.shown():
        report = session.koppel.plan(
            chosen, full=full, everything=said.everything, force_to=said.force_to, sweep=said.sweep, first_contact=said.first_contact
        )
    if session.common.json:
        emit(report)
    else:
        show_plan(session, report, limit)
    return max((error.exit_code for error in report.errors.values()), default=0)


def plan(
    *mappings: Annotated[str, Parameter(name="MAPPING", help="The mappings; none means all.")],
    full: Annotated[bool, Parameter(name="--full", negative="", help="Plan a full synchronisation.")] = False,
    force: Annotated[bool, Parameter(name="--force", negative="", help="Plan a forced run; needs --to.")] = False,
    to: Annotated[str | None, Parameter(name="--to", help="The system that receives in a forced run.")] = None,
    sweep: Annotated[bool, Parameter(name="--sweep", negative="", help="Look for deletions.")] = False,
    first_contact: FirstContactOption = None,
    limit: Annotated[int, Parameter(name="--limit", help="How many records are shown.")] = 20,
    common: Common = EVERYWHERE,
) -> int:
    """Show what a run would do: counts, and values before and after. Writes nothing."""
    if force != (to is not None):
        raise usage("--force and --to belong together", "write --force --to SYSTEM")
    with opened(common) as session:
        chosen = session.koppel.select(mappings)
        said = _Said(False, to, sweep, first_contacts(session, first_contact or [], chosen))
        return _plan(session, chosen, said, full, limit)


def review(
    *mappings: Annotated[str, Parameter(name="MAPPING", help="The mappings; none means all.")],
    page: Annotated[str | None, Parameter(name="--page", help="Only the mappings of one connection page.")] = None,
    common: Common = EVERYWHERE,
) -> int:
    """Show what a full synchronisation would meet, mapping by mapping. Writes nothing."""
    with opened(common) as session:
        lines = _review(session, session.koppel.select(mappings, page))
        if common.json:
            emit(lines)
        else:
            _show_review(session, lines)
            out("Nothing was written.")
    return 0


def _review(session: Session, chosen: Sequence[str]) -> list[ReviewLine]:
    with session.bars.busy("Reviewing both sides"):
        return session.koppel.review(chosen)


def _show_review(session: Session, lines: Sequence[ReviewLine]) -> None:
    from koppel.cli.show_plan import show_review

    show_review(session, lines)


def full(
    *mappings: Annotated[str, Parameter(name="MAPPING", help="The mappings; none means all.")],
    exclude: Annotated[list[str] | None, Parameter(name="--exclude", negative="", help="A mapping that is left out. Repeatable.")] = None,
    restart: Annotated[str | None, Parameter(name="--restart", help="Only this mapping and what waited for it.")] = None,
    page: Annotated[str | None, Parameter(name="--page", help="Only the mappings of one connection page.")] = None,
    couple_likely: Annotated[bool, Parameter(name="--couple-likely", negative="", help="Couple likely pairs.")] = False,
    create_anyway: Annotated[
        bool, Parameter(name="--create-anyway", negative="", help="Create although there are likely pairs; these are kept apart for good.")
    ] = False,
    first_contact: FirstContactOption = None,
    keep_creating: Annotated[
        Literal["yes", "no"] | None, Parameter(name="--keep-creating", help="The answer to the question at the end.")
    ] = None,
    plan: Annotated[bool, Parameter(name="--plan", negative="", help="Show what would happen; write nothing.")] = False,
    limit: Annotated[int, Parameter(name="--limit", help="How many records a plan shows.")] = 20,
    common: Common = EVERYWHERE,
) -> int:
    """Synchronise everything: review, then couple and create in dependency order, also where only coupled records are synchronised."""
    if couple_likely and create_anyway:
        raise usage("--couple-likely and --create-anyway exclude each other", "say one of them")
    with opened(common) as session:
        from koppel.app import FullOptions

        koppel = session.koppel
        koppel.select([*(exclude or []), *([restart] if restart else [])])
        chosen = [name for name in koppel.select(mappings, page) if name not in (exclude or [])]
        won = first_contacts(session, first_contact or [], chosen)
        options = FullOptions(tuple(exclude or ()), restart, page, couple_likely, create_anyway, won)
        lines = koppel.full_lines(mappings, options)
        reviewed = _review(session, lines)
        if not common.json:
            _show_review(session, reviewed)
        if plan:
            return _plan(session, lines, _Said(True, None, True, won), True, limit)
        undecided = any(len(line.likely) for line in reviewed) and not (couple_likely or create_anyway)
        # Undecided likely pairs halt the run whatever is confirmed, so nobody is asked first.
        if not undecided and not confirmed(_full_question(reviewed, create_anyway), common, needed=True):
            return _declined(session)
        with session.bars.shown():
            report = koppel.full(mappings, options)
        return finish(session, report, None if keep_creating is None else keep_creating == "yes")


def _full_question(lines: Sequence[ReviewLine], create_anyway: bool) -> str:
    """What is about to happen, in numbers."""
    creates: dict[str, int] = {}
    likely = sum(len(line.likely) for line in lines)
    for line in lines:
        for place, side in enumerate(line.sides):
            creates[side.system] = creates.get(side.system, 0) + line.creates[place] + (len(line.likely) if create_anyway else 0)
    parts = [f"{counted(sum(line.coupled for line in lines), 'coupling')} compared"]
    if likely and not create_anyway:
        parts.append(f"{counted(likely, 'likely pair')} coupled")
    parts += [f"up to {counted(number, 'record')} created in {system}" for system, number in creates.items() if number]
    return f"Run the full synchronisation of {counted(len(lines), 'mapping')} ({', '.join(parts)})?"


def answer(
    *words: Annotated[str, Parameter(name="RUN-AND-ANSWER", help="yes or no (ja, nee); before it the run's number, without it the latest.")],
    common: Common = EVERYWHERE,
) -> int:
    """Answer the final question of a full run: may scheduled jobs keep creating records?"""
    said = yes_or_no(words[-1]) if words else None
    if said is None or len(words) > 2 or (len(words) == 2 and not words[0].isdigit()):
        raise usage("an answer is yes or no, with the number of the run before it if it is not the latest", "koppel answer [RUN] yes|no")
    with opened(common) as session:
        mappings = session.koppel.answer(int(words[0]) if len(words) == 2 else None, said)
        if common.json:
            emit({"answer": said, "mappings": mappings})
        else:
            out(answer_text(mappings, said))
    return 0
