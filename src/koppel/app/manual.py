"""The manual verbs: on one record, one pair, one conflict, one halted job."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from koppel.app.checks import select, side_of
from koppel.app.levels import Workplace
from koppel.app.lookups import find_record
from koppel.app.report import MatchReport, RunReport
from koppel.engine.context import Asked, JobContext
from koppel.engine.explain import explain_pair, pair_of
from koppel.engine.job import AT_ONCE, fail, finish, run_job, run_pairs
from koppel.engine.page import read_page
from koppel.engine.review import review
from koppel.errors import ConfigurationError, KoppelError, Problem
from koppel.model.coupling import COUPLING, PAIR_SCHEMA, ConflictKind
from koppel.model.job import JobKind, JobState
from koppel.model.listing import Conflict
from koppel.model.policy import FirstContact, OnDelete, Side
from koppel.model.situation import Presence
from koppel.ports import Want
from koppel.reconcile.plan import Aside

_DELETION_CHOICES = {
    "restore": OnDelete.RESTORE,
    "uncouple": OnDelete.UNCOUPLE,
    "delete": OnDelete.DELETE,
    "deactivate": OnDelete.DEACTIVATE,
}


def _one_job(
    workplace: Workplace, mapping: str, kind: JobKind, asked: Asked, work: Callable[[JobContext], object]
) -> RunReport:
    """A run of one job that does this piece of work."""
    select(workplace.mappings, [mapping], None)
    ready = workplace.prepare([mapping])
    before = {conflict.id for conflict in workplace.store.conflicts()}
    number = workplace.store.open_run(kind)
    errors: dict[str, KoppelError] = {}
    try:
        context = workplace.open_job(number, mapping, kind, asked, ready)
        try:
            work(context)
            finish(context, None)
        except KoppelError as error:
            fail(context, error)
            errors[mapping] = error
    finally:
        workplace.store.finish_run(number)
    opened = sum(conflict.id not in before for conflict in workplace.store.conflicts())
    return RunReport(number, workplace.store.jobs(run=number), errors, {}, opened)


def sync_records(workplace: Workplace, mapping: str, records: Sequence[str], force_to: str | None) -> RunReport:
    """One record or a selection: decided as in any run; uncoupled ones are created when the mapping lets its jobs
    create.
    """
    select(workplace.mappings, [mapping], None)
    look = workplace.look(mapping)
    found = [find_record(look, record) for record in records]
    forced = None if force_to is None else side_of(workplace.mappings[mapping], force_to)
    asked = Asked(creates=not workplace.only_coupled(mapping), forced=forced)

    def work(context: JobContext) -> None:
        couplings, lone = [], []
        for side, record in found:
            known = context.store.coupled(mapping, side, pl.Series([record]))
            if len(known):
                couplings.append(known[COUPLING][0])
            elif asked.creates:
                lone.append((side, record))
        run_pairs(context, couplings, lone)

    report = _one_job(workplace, mapping, JobKind.SYNC, asked, work)
    return replace(report, left_alone=_left_alone(workplace.look(mapping, asked), found))


def _left_alone(context: JobContext, records: Sequence[tuple[Side, str]]) -> dict[str, str]:
    """Which of these records nothing is done with, and why: not coupled, or out of the mapping's filter."""
    told = {record: explain_pair(context, pair_of(context, side, record)) for side, record in records}
    return {
        record: it.sentence
        for record, it in told.items()
        if it is not None
        and it.action == "keep"
        and (not it.verdict.page.coupled[0] or Presence.OUT in np.ravel(it.verdict.plan.presence))
    }


def match(
    workplace: Workplace, mapping: str, accept: bool, reject: bool, first_contact: FirstContact | None
) -> MatchReport:
    """Likely pairs: listed; coupled and synchronised (`accept`); or kept apart (`reject`), each free to be created on
    the other side.
    """
    select(workplace.mappings, [mapping], None)
    if not workplace.mappings[mapping].match:
        remedy = 'add match = ["left_field = right_field"] to it'
        raise ConfigurationError([Problem(f"mappings.{mapping}", "it has no match rules", remedy)])
    line = review(workplace.look(mapping, Asked(creates=True)))
    if accept:

        def work(context: JobContext) -> None:
            workplace.store.count_coupled(context.job, workplace.store.couple(mapping, line.likely))
            made = context.store.coupled(mapping, Side.LEFT, line.likely["left_id"])[COUPLING].to_list()
            run_pairs(context, made, [])

        report = _one_job(workplace, mapping, JobKind.MATCH, Asked(first_contact=first_contact, fresh=True), work)
        return MatchReport(line, coupled=len(line.likely), run=report)
    if reject:
        workplace.prepare([mapping])
        workplace.store.apply_mapping(mapping, workplace.document(mapping))
        workplace.store.keep_apart(mapping, line.likely, creates=True)
        return MatchReport(line, apart=len(line.likely))
    return MatchReport(line)


def couple(workplace: Workplace, mapping: str, left: str, right: str, winner: str | None) -> RunReport:
    """Couple two records (semantics 6.1, 4.7.2). Raises `ConfigurationError` when one does not exist or is coupled
    already.
    """
    select(workplace.mappings, [mapping], None)
    look, problems, replaced = workplace.look(mapping), [], []
    ids = (left.removeprefix(f"{look.tables.names[0]}:"), right.removeprefix(f"{look.tables.names[1]}:"))
    for side in Side:
        name, one = look.tables.names[side], pl.Series([ids[side]])
        known = workplace.store.coupled(mapping, side, one)
        other = known[("left_id", "right_id")[side.other]]
        if not len(look.tables[side].table.fetch(one, Want(()))):
            problems.append(Problem(mapping, f"{name} has no record {ids[side]!r}"))
        elif len(known) and len(look.tables[side.other].table.fetch(other, Want(()))):
            problems.append(
                Problem(mapping, f"{ids[side]} in {name} is coupled with {other[0]} already", "uncouple it first")
            )
        elif len(known):  # its partner is gone: the coupling may be taken over (semantics F2)
            replaced += known[COUPLING].to_list()
    if problems:
        raise ConfigurationError(problems)
    chosen = (
        None
        if winner is None
        else (FirstContact.LEFT, FirstContact.RIGHT)[side_of(workplace.mappings[mapping], winner)]
    )

    def work(context: JobContext) -> None:
        workplace.store.uncouple(mapping, replaced, apart=False)
        workplace.store.couple(mapping, pl.DataFrame({"left_id": [ids[0]], "right_id": [ids[1]]}))
        workplace.store.count_coupled(context.job, 1)
        run_pairs(context, context.store.coupled(mapping, Side.LEFT, pl.Series([ids[0]]))[COUPLING].to_list(), [])

    return _one_job(workplace, mapping, JobKind.MATCH, Asked(first_contact=chosen, fresh=True), work)


def uncouple(workplace: Workplace, mapping: str, records: Sequence[str], everything: bool) -> int:
    """Take couplings away and keep the pairs apart (semantics 6.5); business records stay."""
    select(workplace.mappings, [mapping], None)
    if everything:
        couplings = workplace.store.all_couplings(mapping)
    else:
        look = workplace.look(mapping)
        found = [find_record(look, record) for record in records]
        couplings = [
            n for side, record in found for n in workplace.store.coupled(mapping, side, pl.Series([record]))[COUPLING]
        ]
    counted = len(couplings)

    def work(context: JobContext) -> None:
        workplace.store.uncouple(mapping, couplings, apart=True)
        workplace.store.count_uncoupled(context.job, counted)

    _one_job(workplace, mapping, JobKind.UNCOUPLE, Asked(), work)
    return counted


def answer_first_contact(workplace: Workplace, mapping: str, winner: FirstContact) -> RunReport:
    """All open first contacts of the mapping, decided by this winner."""
    couplings = [c.coupling for c in workplace.store.conflicts(mapping) if c.kind == ConflictKind.FIRST_CONTACT]
    asked = Asked(first_contact=winner)
    return _one_job(workplace, mapping, JobKind.SYNC, asked, lambda context: run_pairs(context, couplings, []))


def resolve(workplace: Workplace, number: int, choice: str) -> RunReport:
    """Close a conflict. Raises `ConfigurationError` when it is not there, the choice does not fit, or a side has moved
    since it was shown.
    """
    conflict = next((c for c in workplace.store.conflicts() if c.id == number), None)
    if conflict is None:
        raise ConfigurationError([Problem("", f"there is no open conflict {number}", "koppel conflicts lists them")])
    select(workplace.mappings, [conflict.mapping], None)
    _refuse_moved(workplace, conflict)
    if conflict.kind == ConflictKind.DELETION:
        if choice not in _DELETION_CHOICES:
            raise ConfigurationError(
                [Problem("", f"{choice!r} does not answer a deletion", f"say {', '.join(_DELETION_CHOICES)}")]
            )
        asked = Asked(on_delete=_DELETION_CHOICES[choice], released=frozenset(Aside))
    else:
        asked = Asked(winner=side_of(workplace.mappings[conflict.mapping], choice), released=frozenset(Aside))
    return _one_job(
        workplace, conflict.mapping, JobKind.SYNC, asked, lambda context: run_pairs(context, [conflict.coupling], [])
    )


def _refuse_moved(workplace: Workplace, conflict: Conflict) -> None:
    """A choice was made about what was shown; if a side looks different now, it is shown again first."""
    context = workplace.look(conflict.mapping)
    row = workplace.store.coupling(conflict.coupling)
    page = read_page(context, row.with_columns(left_due=pl.lit(True), right_due=pl.lit(True)).select(*PAIR_SCHEMA))
    shown = (conflict.left_print, conflict.right_print)
    now = [page.prints[side][0].tobytes() if page.exists[side][0] else None for side in Side]
    moved = [context.tables.names[side] for side in Side if now[side] != shown[side]]
    if moved:
        what = f"the record in {' and '.join(moved)} has changed since the conflict was shown"
        raise ConfigurationError(
            [Problem(f"conflict {conflict.id}", what, f"koppel sync {conflict.mapping}, then look again")]
        )


def approve(workplace: Workplace, job: int) -> RunReport:
    """Lift the guard of a halted job: for exactly what it set aside; when it was halted before that, for one run."""
    record = next((j for j in workplace.store.jobs() if j.id == job), None)
    if record is None or record.state is not JobState.HALTED:
        what = f"there is no job {job}" if record is None else f"job {job} is {record.state}, not halted"
        raise ConfigurationError([Problem("", what, "koppel jobs shows halted jobs")])
    aside = workplace.store.aside_of(job)
    asked = Asked(lifted=True, released=frozenset(Aside) if aside else AT_ONCE)
    if aside:
        report = _one_job(
            workplace, record.mapping, JobKind.APPROVE, asked, lambda context: run_pairs(context, aside, [])
        )
    else:
        again = replace(
            asked, creates=not workplace.only_coupled(record.mapping) or record.kind is JobKind.FULL, sweep=True
        )
        report = _one_job(workplace, record.mapping, JobKind.APPROVE, again, run_job)
    if not report.errors:
        workplace.store.close_job(job, JobState.DONE)
    return report


def answer(workplace: Workplace, number: int | None, yes: bool) -> tuple[str, ...]:
    """Answer the final question: yes lets scheduled jobs keep creating records, no leaves all as it was (semantics
    5.3.5).
    """
    asked = [
        r for r in workplace.store.runs() if r.question and (r.id == number if number is not None else r.answer is None)
    ]
    if not asked:
        what = "no full run has an open question" if number is None else f"run {number} has asked nothing"
        raise ConfigurationError([Problem("", what, "koppel jobs shows the runs")])
    run = asked[0]
    workplace.store.set_only_coupled(run.question, False if yes else None)
    workplace.store.answer_run(run.id, yes)
    return run.question
