"""Commands on single records, pairs, conflicts and halted jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from koppel.cli.after_run import finish
from koppel.cli.asking import confirmed
from koppel.cli.options import EVERYWHERE, Common, Session, flag, opened, usage, winner_of
from koppel.cli.screen import emit, out, tell
from koppel.cli.show import show_likely
from koppel.cli.words import counted

if TYPE_CHECKING:
    from koppel.app import MatchReport

MappingName = Annotated[str, Parameter(name="MAPPING", help="The mapping.")]


def couple(
    mapping: MappingName,
    left: Annotated[str, Parameter(name="LEFT", help="The record's id in the mapping's first system.")],
    right: Annotated[str, Parameter(name="RIGHT", help="The record's id in its second system.")],
    /,
    *,
    take: Annotated[
        str | None, Parameter(name="--take", help="The system whose values stand where the two differ.")
    ] = None,
    common: Common = EVERYWHERE,
) -> int:
    """Couple two records and synchronise them."""
    with opened(common) as session:
        with session.bars.shown():
            report = session.koppel.couple(mapping, left, right, None if take is None else session.word(mapping, take))
        return finish(session, report)


def uncouple(
    mapping: MappingName,
    /,
    *ids: Annotated[str, Parameter(name="ID", help="Records (ID or system:ID).")],
    everything: Annotated[bool, flag("--all", "All couplings of the mapping.")] = False,
    common: Common = EVERYWHERE,
) -> int:
    """Take couplings away. No record is touched, and the pairs are kept apart from then on."""
    if everything == bool(ids):
        raise usage("name records, or say --all", "koppel uncouple MAPPING ID… | --all")
    with opened(common) as session:
        session.koppel.select([mapping])
        many = session.koppel.couplings(mapping) if everything else len(ids)
        if not confirmed(f"Take {counted(many, 'coupling')} of {mapping} away?", common, needed=False):
            many = -1
        else:
            many = session.koppel.uncouple(mapping, ids, everything)
        _say(session, {"mapping": mapping, "uncoupled": max(many, 0)}, _uncoupled_text(mapping, many))
    return 0


def _uncoupled_text(mapping: str, many: int) -> str:
    return "Nothing was done." if many < 0 else f"{mapping}: {counted(many, 'pair')} uncoupled; no record was touched."


def match(
    mapping: MappingName,
    /,
    *,
    accept: Annotated[bool, flag("--accept", "Couple the likely pairs and synchronise them.")] = False,
    reject: Annotated[bool, flag("--reject", "Keep the likely pairs apart for good.")] = False,
    first_contact: Annotated[
        str | None,
        Parameter(name="--first-contact", help="Whose values stand where two records differ: a system, newest or ask."),
    ] = None,
    limit: Annotated[int, Parameter(name="--limit", help="How many pairs are shown.")] = 20,
    common: Common = EVERYWHERE,
) -> int:
    """Show the likely pairs of a mapping; couple them, or keep them apart."""
    if accept and reject:
        raise usage("--accept and --reject exclude each other", "say one of them")
    if first_contact is not None and not accept:
        raise usage("--first-contact is for pairs that are coupled", "say --accept with it")
    with opened(common) as session:
        session.koppel.select([mapping])
        winner = None if first_contact is None else winner_of(session, mapping, first_contact)
        verb = "Couple" if accept else "Keep apart"
        if (accept or reject) and not confirmed(f"{verb} all likely pairs of {mapping}?", common, needed=False):
            tell("Nothing was done.", common.quiet)
            accept = reject = False
        with session.bars.busy(f"Matching {mapping}"):
            report = session.koppel.match(mapping, accept, reject, winner)
        return _matched(session, report, limit)


def _matched(session: Session, report: MatchReport, limit: int) -> int:
    """Show what was found, and what became of it."""
    name, common = report.line.mapping, session.common
    if common.json:
        emit(report)
    else:
        show_likely(report.line, limit)
        out(_match_text(report))
    if report.run is None:
        if len(report.line.likely) and not report.apart:
            tell(f"→ koppel match {name} --accept couples them, --reject keeps them apart", common.quiet)
        return 0
    return finish(session, report.run, printed=common.json)


def _match_text(report: MatchReport) -> str:
    name = report.line.mapping
    if report.run is not None:
        return f"{name}: {counted(report.coupled, 'pair')} coupled."
    if report.apart:
        return f"{name}: {counted(report.apart, 'pair')} kept apart."
    return f"{name}: {counted(len(report.line.likely), 'likely pair')}. Nothing was written."


def explain(
    mapping: MappingName,
    id: Annotated[str, Parameter(name="ID", help="The record (ID or system:ID).")],
    /,
    *,
    common: Common = EVERYWHERE,
) -> int:
    """Tell everything about one record: values, what the next run would do and why, errors, conflicts, history."""
    from koppel.cli.tables import explanation_table

    with opened(common) as session:
        told = session.koppel.explain(mapping, id)
        if common.json:
            emit(told)
        else:
            out(explanation_table(told, session.koppel.mappings))
    return 0


def resolve(
    id: Annotated[int, Parameter(name="ID", help="The conflict's number (koppel conflicts).")],
    /,
    *,
    take: Annotated[
        str,
        Parameter(
            name="--take", help="The system whose values stand; for a deletion restore, uncouple, delete or deactivate."
        ),
    ],
    common: Common = EVERYWHERE,
) -> int:
    """Close a conflict with a person's choice. Refused when a record has changed since the conflict was shown."""
    with opened(common) as session:
        conflict = next((c for c in session.koppel.conflicts() if c.id == id), None)
        word = take if conflict is None else session.word(conflict.mapping, take)
        with session.bars.shown():
            report = session.koppel.resolve(id, word)
        return finish(session, report)


def retry(
    *words: Annotated[
        str, Parameter(name="MAPPING-AND-IDS", help="A mapping, error numbers, both, or nothing for all.")
    ],
    common: Common = EVERYWHERE,
) -> int:
    """Let the next run try skipped records again."""
    with opened(common) as session:
        named = words[:1] if words and not words[0].isdigit() else ()
        session.koppel.select(named)
        numbers = words[len(named) :]
        wrong = [number for number in numbers if not number.isdigit()]
        if wrong:
            raise usage(f"{', '.join(wrong)}: no number of an error", "koppel errors lists them")
        lifted = session.koppel.retry(named[0] if named else None, [int(number) for number in numbers])
        _say(session, {"retried": lifted}, f"{counted(lifted, 'skipped record')} will be tried again by the next run.")
    return 0


def approve(
    job: Annotated[int, Parameter(name="JOB", help="The number of a halted job (koppel jobs).")],
    /,
    *,
    common: Common = EVERYWHERE,
) -> int:
    """Lift the guard that halted a job, for exactly what it had set aside."""
    with opened(common) as session:
        halted = next((j for j in session.koppel.jobs() if j.id == job), None)
        if halted is not None and not common.yes:
            tell(halted.message, common.quiet)
        if not confirmed(f"Carry out what job {job} had set aside?", common, needed=False):
            _say(session, {"run": None, "jobs": []}, "Nothing was done.")
            return 0
        with session.bars.shown():
            report = session.koppel.approve(job)
        return finish(session, report)


def _say(session: Session, document: object, text: str) -> None:
    """A short answer: a sentence, or its document."""
    if session.common.json:
        emit(document)
    else:
        out(text)
