"""A seeded world: both sides are edited by users between and during runs, the process dies anywhere, and laws must
hold.

`World(folder, seed)` draws a setting (or takes one); `live` lets users act and runs happen, with kills; `rest` finishes
what is open; `check` compares with the laws of `world_laws`. The same seed gives the same history.
"""

import random
import shutil
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import text

from koppel.connectors.memory import Knobs, Loss, MemorySystem, Record
from koppel.engine.bind import bind
from koppel.engine.context import Asked, JobContext, OpenTable, Tables
from koppel.engine.hands import Inline
from koppel.engine.run import RunFailures, run_lines
from koppel.model.job import JobKind, JobRecord
from koppel.model.mapping import Mapping, TableRef
from koppel.model.policy import Side
from koppel.model.write import WriteKind
from koppel.ports import TableOptions
from koppel.store.connection import Owner
from koppel.testing.hands import Late
from koppel.testing.interrupts import Killed, Moments, WatchedStore
from koppel.testing.world_laws import Laws
from koppel.testing.world_systems import WorldSystem
from koppel.testing.world_tables import (
    CHOSEN,
    COMPANIES,
    CONTACTS,
    Setting,
    companies,
    company_shape,
    contact_shape,
    contacts,
)
from koppel.testing.world_users import Users

RUNS_TO_REST = 3
"""Undisturbed runs after which everything must have come to rest."""


@dataclass
class World:
    """One world. `store_type`: tests put a broken store here and must see the laws broken. `store_url`: where the store
    is, when it is not to be a file in the folder.
    """

    folder: Path
    seed: int
    setting: Setting | None = None
    store_type: type[WatchedStore] = WatchedStore
    moment: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    kills: int = 0
    steps: int = 0
    store_url: str = ""
    moments: Moments = field(default_factory=Moments)

    def __post_init__(self) -> None:
        """Make systems, users and the store."""
        self.draw = random.Random(self.seed)
        self.drawn = self.setting or Setting.drawn(self.draw)
        self.systems: tuple[WorldSystem, WorldSystem] = (self.made_system(Side.LEFT), self.made_system(Side.RIGHT))
        self.users = Users(self.drawn, self.systems, self.draw)
        self.mappings = {COMPANIES: companies(), CONTACTS: contacts(self.drawn)}
        if not self.drawn.families:
            del self.mappings[COMPANIES]
        self._ids, self._owners = count(1), count(1)
        self.store = self._open()

    def made_system(self, side: Side) -> WorldSystem:
        """A new system with the tables of that side."""
        knobs = Knobs(
            atomic_batch=self.drawn.atomic, returns_stored=self.drawn.returns_stored, batch_rows=self.drawn.batch_rows
        )
        if self.drawn.shouts and side is Side.RIGHT:
            knobs = replace(knobs, returns_stored=True, fill=_shout)
        system = MemorySystem("erp" if side is Side.LEFT else "crm", self.now)
        system.create_table(contact_shape(self.drawn), knobs)
        system.create_table(company_shape(side))
        return system

    # ---- what happens

    def live(self, steps: int) -> None:
        """Users act and runs happen, so many times; some runs die, some have users act while they work."""
        for _ in range(steps):
            self.steps += 1
            for _ in range(self.draw.choice([1, 2, 4])):
                self.users.act()
            danger = self.draw.choice([0.0, 0.0, 0.05, 0.15])
            busy = self.draw.choice([0.0, 0.05, 0.2])
            self.disturbed(Moments(self._deadly(danger), self._sometimes(busy), self.loss))

    def disturbed(self, moments: Moments, full: bool | None = None) -> bool:
        """One run with these moments; whether it lived to its end. After a death another process opens the store."""
        self.moments = moments
        self._watch()
        try:
            self.run(self.draw.random() < 0.3 if full is None else full)
        except Killed:
            self.kills += 1
            self.store.close()
            self.moments = Moments()
            self._watch()
            self.store = self._open()
            return False
        self.moments = Moments()
        self._watch()
        return True

    def loss(self, name: str) -> Loss | None:
        """Whether and how the answer about a row of the write `name` is lost. One that may still be carried out is one
        whose id koppel chose: by nothing else it could be told from a newcomer.
        """
        if self.draw.random() >= self.drawn.losing:
            return None
        late = name.startswith(WriteKind.CREATE) and self.drawn.identity in CHOSEN
        return self.draw.choice([Loss.REQUEST, Loss.ANSWER, *([Loss.LATE] if late else [])])

    def run(self, full: bool = True) -> list[JobRecord]:
        """One run of all mappings; `full`: everything is compared, else what changed."""
        kind = JobKind.FULL if full else JobKind.SYNC
        number = self.store.open_run(kind)
        asked = Asked(creates=True, everything=full, lifted=True)
        depends = {name: mapping.depends_on for name, mapping in self.mappings.items()}
        failures = run_lines(
            list(self.mappings), depends, lambda name: self._job(number, name, kind, asked), strict=False
        )
        self.store.finish_run(number)
        self.judge(failures)
        return self.store.jobs(run=number)

    def judge(self, failures: RunFailures) -> None:
        """No run of a world fails, unless its systems may be out of reach."""
        assert not failures.errors, f"{self}: a run failed: {failures.errors}"

    def rest(self, runs: int = RUNS_TO_REST) -> None:
        """So many undisturbed runs, after which nothing may happen any more. Fails when something does."""
        for _ in range(runs):
            self.run(full=False)
        before = self._state()
        self.run(full=True)
        after = self._state()
        assert before == after, f"{self}: a further run wrote: {self._effects()[before[0] :]}"

    def copy(self, folder: Path) -> "World":
        """The same world in another folder: what happens to the one does not happen to the other."""
        assert not self.store_url, "a file can be copied"
        self.store.close()
        shutil.copy(self._file, folder / self._file.name)
        self.store = self._open()
        other = World(folder, self.seed, self.drawn, self.store_type, self.moment)
        for mine, others in zip(self.systems, other.systems, strict=True):
            assert isinstance(mine, MemorySystem) and isinstance(others, MemorySystem), "memory can be copied"
            for name in mine.tables():
                mine.table(name, TableOptions()).copy_into(others.table(name, TableOptions()))
        other.draw.setstate(self.draw.getstate())
        other.users.take_over(self.users)
        other._ids, other._owners = copy(self._ids), copy(self._owners)
        return other

    def check(self) -> None:
        """Fail when a law is broken, with everything needed to see it again."""
        broken = Laws(self.mappings[CONTACTS], self.users, self.store).broken()
        assert not broken, "\n".join([f"{self}:", *broken])

    def __str__(self) -> str:
        """How to see this history again."""
        return f"World(seed={self.seed}, setting={self.drawn}) after {self.steps} steps, {self.kills} kills"

    # ---- how

    def _deadly(self, danger: float) -> Callable[[int], bool]:
        return lambda number: self.draw.random() < danger

    def _sometimes(self, busy: float) -> Callable[[], None]:
        def act() -> None:
            if self.draw.random() < busy:
                self.users.act()

        return act

    def now(self) -> datetime:
        """What all clocks show; it never shows the same twice."""
        self.moment += timedelta(microseconds=50_021)
        return self.moment

    def _watch(self) -> None:
        self.store.moments = self.moments
        for system in self.systems:
            system.on_effect = self.moments.on_effect
            system.loses = self.moments.loses
            system.catch_up()

    def _open(self) -> WatchedStore:
        """The store as a new process opens it; whoever held leases before is dead."""
        owner = Owner(f"world:{next(self._owners)}", lambda _: False)
        store = self.store_type(self.store_url or f"sqlite:///{self._file}", self.now, owner)
        store.watch(self.moments)
        return store

    @property
    def _file(self) -> Path:
        return self.folder / f"koppel-{self.seed}.db"

    def _table(self, ref: TableRef) -> OpenTable:
        table = self.systems[Side.LEFT if ref.system == "erp" else Side.RIGHT].table(ref.table, TableOptions())
        return OpenTable(table, table.describe())

    def _tables(self, mapping: Mapping) -> Tables:
        names = {name for line in mapping.fields if line.reference for name in line.reference.mappings}
        referenced = {
            name: (self._table(self.mappings[name].left), self._table(self.mappings[name].right)) for name in names
        }
        return Tables(("erp", "crm"), (self._table(mapping.left), self._table(mapping.right)), referenced)

    def _job(self, run: int, name: str, kind: JobKind, asked: Asked) -> JobContext:
        mapping = self.mappings[name]
        tables = self._tables(mapping)
        job = self.store.open_job(run, name, kind, mapping.direction, repr(mapping))
        hands = Late if self.drawn.pipelined else Inline
        bound = bind(mapping, tables)
        return JobContext(
            job, bound, tables, self.store, asked, self.now, self._new_ids, hand=lambda elsewhere: hands()
        )

    def _new_ids(self, how_many: int) -> Sequence[str]:
        return [f"00000000-0000-7000-8000-{next(self._ids):012d}" for _ in range(how_many)]

    def _effects(self) -> list[object]:
        return [effect for system in self.systems for effect in system.effects]

    def _state(self) -> tuple[int, list[tuple[object, ...]]]:
        """How often systems were written to, and every coupling as the store keeps it."""
        with self.store.transaction() as connection:
            couplings = [tuple(row) for row in connection.execute(text("SELECT * FROM coupling ORDER BY id"))]
        return len(self._effects()), couplings


def _shout(record: Record) -> Record:
    return {"name": str(record["name"]).upper()} if record["name"] else {}
