"""The three levels: full, all modified, one mapping. How a run is put together from jobs, and what is asked before and
after.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from koppel.app.connections import Connections, new_ids, now
from koppel.app.preflight import Ready, preflight
from koppel.app.report import RunReport
from koppel.config import mapping_document
from koppel.engine.context import Asked, JobContext
from koppel.engine.run import RunFailures, run_lines
from koppel.errors import Halted
from koppel.model.job import Job, JobKind, JobState
from koppel.model.mapping import Mapping as TableMapping
from koppel.model.policy import FirstContact
from koppel.store import SqlStore

ProgressOf = Callable[[str], Callable[[int, int], None]]
"""For a mapping's name, a function of (pairs done, pairs in all)."""


@dataclass
class Workplace:
    """What every verb of the facade works with."""

    connections: Connections
    store: SqlStore
    progress: ProgressOf = field(default=lambda name: lambda done, total: None)

    @property
    def mappings(self) -> Mapping[str, TableMapping]:
        """The configured mappings, in file order."""
        return self.connections.configuration.mappings

    def depends_on(self) -> dict[str, tuple[str, ...]]:
        """What each mapping comes after."""
        return {name: mapping.depends_on for name, mapping in self.mappings.items()}

    def only_coupled(self, name: str) -> bool:
        """Whether a mapping's ordinary jobs leave uncoupled records alone: as answered at the end of a full run, else
        as configured.
        """
        answered = self.store.only_coupled(name)
        return self.mappings[name].only_coupled if answered is None else answered

    def document(self, name: str) -> str:
        """The mapping as the store keeps it."""
        return json.dumps(mapping_document(self.mappings[name]), sort_keys=True)

    def open_job(self, run: int, name: str, kind: JobKind, asked: Asked, ready: Ready | None = None) -> JobContext:
        """Open a job with its tables bound. `ready`: what its preflight has bound already."""
        mapping = self.mappings[name]
        if asked.first_contact is FirstContact.NEWEST:  # change stamps have to be read, so there must be some
            bound, tables = self.connections.bind(replace(mapping, first_contact=FirstContact.NEWEST))
        else:
            bound, tables = (ready or {}).get(name) or self.connections.bind(mapping)
        job = self.store.open_job(run, name, kind, str(bound.mapping.direction), self.document(name))
        return JobContext(job, bound, tables, self.store, asked, now, new_ids, progress=self.progress(name))

    def look(self, name: str, asked: Asked | None = None) -> JobContext:
        """A context for looking only: there is no job, and nothing may be settled with it."""
        bound, tables = self.connections.bind(self.mappings[name])
        context = JobContext(
            Job(0, 0, name, JobKind.SYNC, 0), bound, tables, self.store, asked or Asked(), now, new_ids
        )
        context.layouts = self.store.layouts(name)
        return context

    def prepare(self, names: Sequence[str]) -> Ready:
        """Before anything is written: everything fits, the systems are the ones they were, and no filter changed behind
        our back. The mappings, bound.
        """
        ready = preflight(self.connections, [self.mappings[name] for name in names], writes=True)
        self.refuse_surprises(names)
        self.connections.remember_identities([self.mappings[name] for name in names], self.store)
        return ready

    def refuse_surprises(self, names: Sequence[str]) -> None:
        """Halt where a system is not the one it was, or a filter changed behind our back. Writes nothing."""
        self.connections.check_identities([self.mappings[name] for name in names], self.store)
        changed = [name for name in names if self._filter_changed(name)]
        if changed:
            reasons = [
                f"{name}: a filter is not what it was; records may come in or go out of scope" for name in changed
            ]
            raise Halted(reasons, "koppel apply")

    def _filter_changed(self, name: str) -> bool:
        applied = self.store.applied_document(name)
        if applied is None:
            return False
        before, today = json.loads(applied), mapping_document(self.mappings[name])
        return any(before.get(key) != today.get(key) for key in ("left_filter", "right_filter"))


def run(
    workplace: Workplace, kind: JobKind, names: Sequence[str], asked: Mapping[str, Asked], strict: bool
) -> RunReport:
    """One run over these mappings in dependency order."""
    ready = workplace.prepare(names)
    store = workplace.store
    conflicts_before = {conflict.id for conflict in store.conflicts()}
    number = store.open_run(kind)
    failures = run_lines(
        names, workplace.depends_on(), lambda name: workplace.open_job(number, name, kind, asked[name], ready), strict
    )
    opened = sum(conflict.id not in conflicts_before for conflict in store.conflicts())
    question = _question(workplace, number, names, failures) if kind is JobKind.FULL else ()
    store.finish_run(number, question)
    jobs = sorted(store.jobs(run=number), key=lambda job: job.id)
    return RunReport(number, jobs, failures.errors, failures.blocked, opened, question)


def _question(workplace: Workplace, number: int, names: Sequence[str], failures: RunFailures) -> tuple[str, ...]:
    """The mappings that the final question is about: finished, and leaving uncoupled records alone so far (semantics
    5.3.5).
    """
    done = {job.mapping for job in workplace.store.jobs(run=number) if job.state is JobState.DONE}
    return tuple(
        name for name in names if name in done and name not in failures.errors and workplace.only_coupled(name)
    )


def winners(answers: Mapping[str, FirstContact], names: Sequence[str]) -> dict[str, FirstContact | None]:
    """Per mapping, the first-contact winner given for this run; the answer under '' is for all others."""
    return {name: answers.get(name, answers.get("")) for name in names}
