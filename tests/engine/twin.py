"""Two memory systems with one customer table each, a store, and jobs between them: the smallest world an engine test needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from koppel.connectors.memory.system import MemorySystem
from koppel.connectors.memory.table import Knobs, MemoryTable
from koppel.engine.bind import bind
from koppel.engine.context import Asked, JobContext, OpenTable, Tables
from koppel.engine.job import fail, finish, run_job
from koppel.errors import KoppelError
from koppel.model.job import JobKind, JobRecord
from koppel.model.mapping import FieldMapping, Mapping, TableRef
from koppel.model.policy import Direction, Side
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape
from koppel.ports import TableOptions
from koppel.store import SqlStore, open_store
from koppel.store.connection import Owner

FIELDS = ("name", "phone", "city", "post_code")


def customer(name: str = "customer", origin: KeyOrigin = KeyOrigin.CHOSEN) -> TableShape:
    """A customer table: id, four texts, a change stamp in microseconds."""
    key = FieldShape("id", Kind.INTEGER if origin is not KeyOrigin.CHOSEN else Kind.UUID, nullable=False)
    texts = [FieldShape(text, Kind.TEXT, length=30) for text in FIELDS]
    extra = [FieldShape("number", Kind.TEXT, unique=True), FieldShape("blocked", Kind.BOOLEAN)]
    return TableShape(name, (key, *texts, *extra, FieldShape("modified", Kind.DATETIME)), ("id",), origin, modified="modified")


def two_way(*names: str, **settings: object) -> Mapping:
    """A two-way mapping of these fields under the same names."""
    lines = tuple(FieldMapping(name, name, Direction.BOTH) for name in (names or FIELDS))
    return Mapping("CUSTOMER", TableRef("erp", "customer"), TableRef("crm", "customer"), lines, **settings)  # type: ignore[arg-type]


@dataclass
class Clock:
    """A clock that ticks a second at every look, so that nothing ever happens at the same moment."""

    moment: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """The next moment."""
        self.moment += timedelta(seconds=1)
        return self.moment


@dataclass
class Twin:
    """The world of one test."""

    folder: Path
    mapping: Mapping = field(default_factory=two_way)
    shapes: tuple[TableShape, TableShape] = field(default_factory=lambda: (customer(), customer()))
    knobs: tuple[Knobs, Knobs] = field(default_factory=lambda: (Knobs(), Knobs()))
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        """Make both systems and the store."""
        self.systems = (MemorySystem("erp", self.clock.now), MemorySystem("crm", self.clock.now))
        for side in Side:
            self.systems[side].create_table(self.shapes[side], self.knobs[side])
        self.ids = map(lambda n: f"00000000-0000-7000-8000-{n:012d}", count(1))
        self.store = self.open()

    def open(self) -> SqlStore:
        """Open the store as a new process would; whoever held it before is dead."""
        return open_store(f"sqlite:///{self.folder}/koppel.db", self.clock.now, Owner(f"test:{next(self.ids)}", lambda _: False))

    def table(self, side: Side) -> MemoryTable:
        """The customer table of one side."""
        return self.systems[side].table(self.shapes[side].name, TableOptions())

    @property
    def left(self) -> MemoryTable:
        """The left table."""
        return self.table(Side.LEFT)

    @property
    def right(self) -> MemoryTable:
        """The right table."""
        return self.table(Side.RIGHT)

    def put(self, side: Side, number: int, **values: object) -> str:
        """A record made by a user; its id."""
        id_ = str(number) if self.shapes[side].key_origin is not KeyOrigin.CHOSEN else f"{side.word[0] * 0}{'a' if side is Side.LEFT else 'b'}{number:07d}-0000-4000-8000-000000000000"
        self.table(side).put(id_, values)
        return id_

    def context(self, asked: Asked, kind: JobKind = JobKind.SYNC) -> JobContext:
        """A job that has just been opened."""
        open_tables = tuple(OpenTable(self.table(side), self.shapes[side]) for side in Side)
        tables = Tables(("erp", "crm"), (open_tables[0], open_tables[1]), {"CUSTOMER": (open_tables[0], open_tables[1])})
        bound = bind(self.mapping, tables)
        job = self.store.open_job(self.store.open_run(kind), self.mapping.name, kind, self.mapping.direction, repr(self.mapping))
        return JobContext(job, bound, tables, self.store, asked, self.clock.now, self.new_ids)

    def new_ids(self, how_many: int) -> Sequence[str]:
        """Ids that grow."""
        return [next(self.ids) for _ in range(how_many)]

    def sync(self, asked: Asked | None = None, meanwhile: Callable[[], None] | None = None) -> JobRecord:
        """Run one job to its end; `meanwhile` happens between its look and its finish. Raises what the job raises."""
        context = self.context(asked or Asked())
        try:
            observed = run_job(context)
            if meanwhile:
                meanwhile()
            finish(context, observed)
        except KoppelError as error:
            fail(context, error)
            raise
        return self.store.jobs()[0]

    def full(self, **asked: object) -> JobRecord:
        """A job that considers and creates uncoupled records and compares everything."""
        return self.sync(Asked(creates=True, everything=True, **asked))  # type: ignore[arg-type]

    def couplings(self) -> list[tuple[str, str]]:
        """All coupled pairs."""
        frame = self.store.coupled("CUSTOMER", Side.LEFT, __import__("polars").Series([str(i) for i in self.left.records()]))
        return frame.select("left_id", "right_id").rows()

    def having(self, **settings: object) -> "Twin":
        """Change the mapping's settings."""
        self.mapping = replace(self.mapping, **settings)  # type: ignore[arg-type]
        return self
