"""Planning a run: the real run, over tables that only pretend to be written and a copy of the store that is thrown
away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import polars as pl

from koppel.app.full import keep_apart, likely_pairs, undecided
from koppel.app.levels import Workplace
from koppel.app.preflight import preflight
from koppel.app.report import Guarantee, PlanReport
from koppel.engine.context import Asked, JobContext, OpenTable
from koppel.engine.pretend import Pretended, PretendTable
from koppel.engine.run import run_lines
from koppel.errors import Halted
from koppel.model.bound import BoundMapping
from koppel.model.cost import Work, costs
from koppel.model.job import JobKind, JobRecord
from koppel.model.mapping import Mapping as TableMapping
from koppel.model.policy import Side
from koppel.model.review import PlannedValue
from koppel.store import open_store, snapshot


@dataclass
class _Pretence:
    """The pretended tables of one plan: one per system and table, whichever mapping writes to it."""

    tables: dict[tuple[str, str], PretendTable] = field(default_factory=dict)
    records: dict[tuple[str, str], Pretended] = field(default_factory=dict)

    def wrap(self, mapping: TableMapping, system: str, opened: OpenTable) -> OpenTable:
        """The table as the plan sees it."""
        key = (system, opened.shape.name)
        if key not in self.tables:
            self.records[key] = Pretended(mapping.name, system)
            self.tables[key] = PretendTable(opened.table, opened.shape, self.records[key])
        return OpenTable(self.tables[key], opened.shape)

    def works(self) -> Iterator[Work]:
        """What the run would read and write at services that bear only so much."""
        for key, table in self.tables.items():
            if (rates := table.features.rates) is not None:
                yield Work(key[0], rates, self.records[key].read, self.records[key].written)

    def planned(self) -> list[PlannedValue]:
        """Every value that would be written, table by table."""
        return [value for (_, table), record in self.records.items() for value in record.planned(table)]


def plan_full(
    workplace: Workplace, names: Sequence[str], asked: Mapping[str, Asked], couple_likely: bool, create_anyway: bool
) -> PlanReport:
    """What a full run would do with likely pairs coupled or, `create_anyway`, kept apart; would it begin."""
    likely = likely_pairs(workplace, names)
    report = plan_run(workplace, JobKind.FULL, names, asked, likely if create_anyway else {})
    halts = report.halted is None and likely and not (couple_likely or create_anyway)
    return replace(report, halted=undecided(likely)) if halts else report


def plan_run(
    workplace: Workplace,
    kind: JobKind,
    names: Sequence[str],
    asked: Mapping[str, Asked],
    apart: Mapping[str, pl.DataFrame] = MappingProxyType({}),
) -> PlanReport:
    """What a run of these mappings would do. Neither a system nor the store is changed. `apart`: pairs that the run
    would not couple.
    """
    preflight(workplace.connections, [workplace.mappings[name] for name in names], writes=False)
    if kind is JobKind.FULL:
        asked = {name: replace(said, creates=True, everything=True) for name, said in asked.items()}
    pretence = _Pretence()
    with TemporaryDirectory(prefix="koppel-plan-") as folder:
        copy = Path(folder) / "store.db"
        snapshot(workplace.store.url, copy)
        store = open_store(f"sqlite:///{copy}")
        pretended = Workplace(replace(workplace.connections, wrap=pretence.wrap), store, workplace.progress)
        try:
            keep_apart(pretended, apart)
            number, opened = store.open_run(kind), dict[str, JobContext]()
            failures = run_lines(
                names,
                workplace.depends_on(),
                lambda name: opened.setdefault(name, pretended.open_job(number, name, kind, asked[name])),
                strict=kind is JobKind.FULL,
            )
            jobs = sorted(store.jobs(run=number), key=lambda job: job.id)
        finally:
            store.close()
    guarantees = [one for job in jobs for one in _guarantees(job, opened[job.mapping].bound)]
    surprise, cost = _surprise(workplace, names), costs(pretence.works())
    return PlanReport(jobs, pretence.planned(), failures.errors, surprise, guarantees, cost)


def _guarantees(job: JobRecord, bound: BoundMapping) -> list[Guarantee]:
    """What keeps the creates of a planned job from being repeated."""
    return [
        Guarantee(bound.name, bound.mapping.table(side).system, str(identity), identity.guarantee)
        for side, identity in zip(Side, bound.identities, strict=True)
        if job.tally.towards(side).inserted
    ]


def _surprise(workplace: Workplace, names: Sequence[str]) -> Halted | None:
    """What would halt the run before it begins, whatever it is going to do."""
    try:
        workplace.refuse_surprises(names)
    except Halted as halted:
        return halted
    return None
