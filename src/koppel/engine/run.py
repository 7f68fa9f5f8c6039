"""A run: several jobs in dependency order, one after another; deletions at the end, in reverse."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from koppel.engine.context import JobContext
from koppel.engine.job import fail, finish, run_job
from koppel.engine.observe import Observed
from koppel.errors import KoppelError
from koppel.model.job import JobState
from koppel.reconcile.order import waves


@dataclass
class RunFailures:
    """What stopped lines of a run. `blocked`: lines not started because one they depend on did not finish."""

    errors: dict[str, KoppelError] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)


def run_lines(
    names: Sequence[str], depends_on: Mapping[str, Sequence[str]], open_line: Callable[[str], JobContext], strict: bool
) -> RunFailures:
    """Run one job per name, in waves, in file order within a wave. `strict`: a failed line blocks its dependants (and
    only these).
    """
    failures = RunFailures()
    unfinished: list[tuple[JobContext, Observed]] = []
    try:
        for name in (name for wave in waves(names, depends_on) for name in wave):
            stopper = next((d for d in depends_on.get(name, ()) if d in failures.errors or d in failures.blocked), None)
            if strict and stopper is not None:
                failures.blocked[name] = stopper
                continue
            _run_line(name, open_line, unfinished, failures)
        while unfinished:
            context, observed = unfinished.pop()
            _end(context, failures, lambda context=context, observed=observed: finish(context, observed))  # type: ignore[misc]
    except KeyboardInterrupt:
        for context, _ in unfinished:
            context.store.finish_job(context.job, JobState.CANCELLED, "stopped by its user", (None, None), swept=False)
        raise
    return failures


def _run_line(
    name: str,
    open_line: Callable[[str], JobContext],
    unfinished: list[tuple[JobContext, Observed]],
    failures: RunFailures,
) -> None:
    """One job up to its deletions; a job without any is finished at once."""
    try:
        context = open_line(name)
    except KoppelError as error:
        failures.errors[name] = error
        return

    def work() -> None:
        observed = run_job(context)
        if len(context.store.aside(context.job)):
            unfinished.append((context, observed))
        else:
            finish(context, observed)

    try:
        _end(context, failures, work)
    except KeyboardInterrupt:
        context.store.finish_job(context.job, JobState.CANCELLED, "stopped by its user", (None, None), swept=False)
        raise


def _end(context: JobContext, failures: RunFailures, work: Callable[[], None]) -> None:
    """Do some of a job's work; what stops it closes the job and is remembered."""
    try:
        work()
    except KoppelError as error:
        failures.errors[context.name] = error
        fail(context, error)
