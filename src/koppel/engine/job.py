"""One job: one mapping once. This is the story; each verb has a file of its own beside this one.

recover what a crash left open → observe both sides → (translate → reconcile → guard → write → settle) page by page →
finish. A crash is just a job whose last two verbs are finished by `recover`.
"""

from koppel.engine.blanked import blanked_columns
from koppel.engine.context import Again, JobContext, Round
from koppel.engine.garbage import between_pages
from koppel.engine.observe import Observed, observe, pages
from koppel.engine.pipeline import carry
from koppel.engine.recover import recover
from koppel.errors import Halted, KoppelError, LeaseLost
from koppel.model.coupling import COUPLING
from koppel.model.job import JobState
from koppel.model.policy import Side
from koppel.reconcile.guard import Limits, SetAside, suspicious
from koppel.reconcile.plan import Aside

MAX_ROUNDS = 20
"""Looks at waiting records within one job; each must make progress, so this only bounds a table that refers to itself
that deeply.
"""

AT_ONCE = frozenset({Aside.UNCOUPLING, Aside.BLANKING, Aside.RESTORE, Aside.OVERWRITE})
"""What is released at the end of its job; deletions wait for the end of the run, in reverse dependency order."""


def run_job(context: JobContext) -> Observed:
    """Everything of a job but its deletions and its end. Raises `Halted` by a guard, `SystemFailure`, `LeaseLost`,
    `StoreFailure`.
    """
    with between_pages():
        begin(context)
        observed = observe(context)
        _carry_all(context, observed.total)
        return observed


def _carry_all(context: JobContext, total: int) -> None:
    """Carry what was lined up, look again at what could not be done at once, and release what the guard lets pass."""
    done = 0

    def tell(pairs: int) -> None:
        nonlocal done
        done += pairs
        context.progress(done, total)

    carry(context, pages(context, total), Round.FIRST, tell)
    look_again(context)
    guard(context)
    release(context, AT_ONCE)


def begin(context: JobContext) -> None:
    """Know the layouts, and finish what a crash left open, before anything is looked at."""
    context.layout = context.store.layout(context.name, context.bound.layout)
    context.layouts = context.store.layouts(context.name)
    recover(context)


def run_pairs(context: JobContext, couplings: list[int], lone: list[tuple[Side, str]]) -> None:
    """Look at exactly these pairs: a selection, an answer to a conflict, or what a person approved."""
    begin(context)
    context.store.begin_due(context.job)
    _carry_all(context, context.store.line_up_couplings(couplings, lone))


def look_again(context: JobContext) -> None:
    """Stale and waiting pairs once more, as long as that makes progress; then what records created in this job have to
    send back.
    """
    before: tuple[frozenset[int], frozenset[tuple[Side, str]]] | None = None
    for turn in range(MAX_ROUNDS):
        again = (frozenset(context.again.couplings), frozenset(context.again.lone))
        if not (again[0] or again[1]):
            break
        last = again == before or turn == MAX_ROUNDS - 1
        _carry_again(context, sorted(again[0]), sorted(again[1]), Round.LAST if last else Round.AGAIN)
        if last:
            break
        before = again
    _follow_up(context)


def _carry_again(context: JobContext, couplings: list[int], lone: list[tuple[Side, str]], round_: Round) -> None:
    created = context.again.created
    context.again = Again(created=created)
    context.store.line_up_couplings(couplings, lone)
    carry(context, pages(context), round_)


def _follow_up(context: JobContext) -> None:
    created = context.again.created
    if len(created):
        context.again = Again()
        couplings = context.store.coupled(context.name, Side.LEFT, created)[COUPLING].to_list()
        _carry_again(context, couplings, [], Round.FOLLOW_UP)


def guard(context: JobContext) -> None:
    """Judge the total of what was set aside. Raises `Halted` and leaves it for `koppel approve`."""
    kept = context.store.aside(context.job)
    if context.asked.lifted or not len(kept):
        return
    counts = dict(kept["kind"].value_counts().rows())
    aside = SetAside(
        **{f"{name}s": counts.get(name, 0) for name in ("deletion", "uncoupling", "blanking", "restore", "overwrite")}
    )
    mapping = context.bound.mapping
    reasons = suspicious(
        aside, context.store.count_couplings(context.name), Limits(mapping.guard_rows, mapping.guard_percent)
    )
    reasons += blanked_columns(context, kept.filter(kept["kind"] == "blanking")[COUPLING].to_list())
    if reasons:
        raise Halted([f"{context.name}: {reason}" for reason in reasons], f"koppel approve {context.job.id}")


def release(context: JobContext, kinds: frozenset[Aside]) -> None:
    """Carry out what was set aside of these kinds: decided again from a fresh look, written conditionally."""
    names = [kind.name.lower() for kind in kinds]
    aside = context.store.aside(context.job)
    couplings = aside.filter(aside["kind"].is_in(names))[COUPLING].to_list()
    if not couplings:
        return
    context.store.clear_aside(context.job, names)
    before = context.asked
    context.asked = context.asked.releasing(kinds)
    _carry_again(context, couplings, [], Round.FIRST)
    look_again(context)
    context.asked = before


def finish(context: JobContext, observed: Observed | None) -> None:
    """Carry out deletions, then close the job and move the watermarks: once, at the end."""
    release(context, frozenset({Aside.DELETION}))
    context.store.forget_history(context.name, context.bound.mapping.history_days)
    marks = observed.watermarks if observed is not None else (None, None)
    context.store.finish_job(context.job, JobState.DONE, "", marks, observed is not None and observed.swept)


def fail(context: JobContext, error: KoppelError) -> None:
    """Close a job that could not go on; its watermarks stay, so the next run takes up where it started.

    One that lost its lease has been closed already, by whoever has taken over.
    """
    if isinstance(error, LeaseLost):
        return
    state = JobState.HALTED if isinstance(error, Halted) else JobState.FAILED
    context.store.finish_job(context.job, state, str(error), (None, None), swept=False)
