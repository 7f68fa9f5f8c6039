"""What follows a run: its job log, what went wrong, the open first contacts, and the question that ends a full run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from koppel.cli.asking import ask, choose, on_terminal
from koppel.cli.options import Session, winner_of
from koppel.cli.screen import emit, tell
from koppel.cli.show import hints, show_jobs, show_messages
from koppel.cli.words import counted, shown, thousands

if TYPE_CHECKING:
    from koppel.app import FirstContactQuestion, RunReport


def finish(session: Session, report: RunReport, keep_creating: bool | None = None, printed: bool = False) -> int:
    """Show how a run ended, ask what is left to be asked, and give the exit code.

    `keep_creating`: the final answer, given beforehand. `printed`: the JSON document of this command is out already.
    """
    if session.common.json:
        if not printed:
            emit(report)
    else:
        show_jobs(session, report.jobs)
    show_messages(report)
    ended = _first_contacts(session, report)
    hints(session, ended)
    _final_question(session, ended, keep_creating)
    return ended.exit_code


def _first_contacts(session: Session, report: RunReport) -> RunReport:
    """One question per mapping whose pairs met for the first time and differ; the report as it stands afterwards."""
    mappings = {job.mapping for job in report.jobs}
    questions = [question for question in session.koppel.first_contact_questions() if question.mapping in mappings]
    asked = on_terminal() and not session.common.yes
    answered = [_ask_first_contact(session, question) for question in questions] if asked else []
    if not asked:
        for question in questions:
            _hint(session, question)
    if not any(answered):
        return report
    jobs = {job.id for job in report.jobs}
    still_open = sum(conflict.job in jobs for conflict in session.koppel.conflicts())
    return replace(report, opened=min(report.opened, still_open))


def _told(session: Session, question: FirstContactQuestion) -> str:
    counts = ", ".join(f"{field} {thousands(number)}" for field, number in question.counts.items())
    pairs = counted(question.pairs, "pair")
    return f"{question.mapping}: {pairs} met for the first time with values that differ ({counts})"


def _hint(session: Session, question: FirstContactQuestion) -> None:
    names = "|".join(session.names(question.mapping))
    again = f"koppel sync {question.mapping} --first-contact {question.mapping}={names}|newest"
    tell(f"{_told(session, question)}; they stay as they are\n    → {again}", session.common.quiet)


def _ask_first_contact(session: Session, question: FirstContactQuestion) -> bool:
    """Ask one of them; whether it was answered."""
    names = session.names(question.mapping)
    tell(_told(session, question))
    for sample in _samples(question, names):
        tell(sample)
    choices = {name: f"the values of {name} stand" for name in names}
    choices |= {"newest": "the record changed last stands, pair by pair", "leave": "all stay as they are"}
    answer = choose(f"Whose values stand in {question.mapping}?", choices)
    if answer is None or answer == "leave":
        return False
    with session.bars.shown():
        ended = session.koppel.answer_first_contact(question.mapping, winner_of(session, question.mapping, answer))
    show_messages(ended)
    if not session.common.json and not ended.errors:
        show_jobs(session, ended.jobs)
    return True


def _samples(question: FirstContactQuestion, names: Sequence[str]) -> list[str]:
    return [
        f"    {field}: {names[0]} {shown(left)!r}, {names[1]} {shown(right)!r}"
        for field, left, right in question.samples
    ]


def _final_question(session: Session, report: RunReport, keep_creating: bool | None) -> None:
    """May scheduled jobs keep creating records? Unanswered means no for now (semantics 5.3.5)."""
    if not report.question:
        return
    names = ", ".join(report.question)
    answer = keep_creating
    if answer is None and on_terminal() and not session.common.yes:
        answer = ask(f"May scheduled jobs keep creating uncoupled records for {names}?")
    if answer is None:
        text = f"Jobs of {names} leave uncoupled records alone from now on; they may keep creating them"
        tell(f"{text}\n    → koppel answer {report.run} yes|no", session.common.quiet)
        return
    session.koppel.answer(report.run, answer)
    tell(answer_text(report.question, answer), session.common.quiet)


def answer_text(mappings: Sequence[str], yes: bool) -> str:
    """What an answer to the final question means from now on."""
    names = ", ".join(mappings)
    return (
        f"Scheduled jobs keep creating records for {names}."
        if yes
        else f"Nothing changes for {names}: jobs create as configured."
    )
