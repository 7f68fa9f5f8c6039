"""The smallest world an engine test needs: two memory systems with one customer table each, a store, jobs between them.

More tables and mappings can be added (`add`, `more`). `sync` runs one job; `full` one that creates and compares all.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import polars as pl

from koppel.connectors.memory.system import MemorySystem
from koppel.connectors.memory.table import Knobs, MemoryTable
from koppel.engine.bind import bind
from koppel.engine.context import Asked, Claim, JobContext, OpenTable, Tables
from koppel.engine.job import begin, fail, finish, run_job
from koppel.errors import KoppelError
from koppel.model.bound import Identity
from koppel.model.job import Counts, JobKind, JobRecord
from koppel.model.listing import Conflict, ErrorRecord
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
    fields = (key, *texts, *extra, FieldShape("modified", Kind.DATETIME))
    return TableShape(name, fields, ("id",), origin, modified="modified")


def two_way(*names: str, **settings: object) -> Mapping:
    """A two-way mapping of these fields under the same names."""
    lines = tuple(FieldMapping(name, name, Direction.BOTH) for name in (names or FIELDS))
    return Mapping("CUSTOMER", TableRef("erp", "customer"), TableRef("crm", "customer"), lines, **settings)  # type: ignore[arg-type]


def line(text: str, **settings: object) -> FieldMapping:
    """A field line from `left <-> right`; a `-` stands for no field on that side."""
    left, arrow, right = text.split()
    names = [None if name == "-" else name for name in (left, right)]
    return FieldMapping(names[0], names[1], Direction(arrow), **settings)  # type: ignore[arg-type]


def lines(*texts: str) -> tuple[FieldMapping, ...]:
    """Several field lines, see `line`."""
    return tuple(line(text) for text in texts)


def texts(name: str, *fields: str, key: str = "code", **kinds: Kind) -> TableShape:
    """A table whose key is a text, with further text fields and a change stamp."""
    shapes = [FieldShape(field, kinds.get(field, Kind.TEXT)) for field in fields]
    ends = (FieldShape(key, Kind.TEXT, nullable=False), *shapes, FieldShape("modified", Kind.DATETIME))
    return TableShape(name, ends, (key,), KeyOrigin.CHOSEN, modified="modified")


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
    more: dict[str, Mapping] = field(default_factory=dict)
    ahead: tuple[timedelta, timedelta] = (timedelta(0), timedelta(0))
    shared: tuple[Sequence[tuple[str, Side]], Sequence[tuple[str, Side]]] = ((), ())
    claims: tuple[Sequence[Claim], Sequence[Claim]] = ((), ())

    def __post_init__(self) -> None:
        """Make both systems and the store."""
        self.systems = (MemorySystem("erp", self.clock.now), MemorySystem("crm", self.clock.now))
        for side in Side:
            self.systems[side].create_table(self.shapes[side], self.knobs[side])
        self.ids = map(lambda n: f"00000000-0000-7000-8000-{n:012d}", count(1))
        self.owners = map(lambda n: f"test:{n}", count(1))
        self.store = self.open()

    def open(self, alive: bool = False) -> SqlStore:
        """Open the store as a new process would; to it, whoever held leases before is dead (or `alive`)."""
        url = f"sqlite:///{self.folder}/koppel.db"
        return open_store(url, self.clock.now, Owner(next(self.owners), lambda _: alive))

    def add(self, side: Side, shape: TableShape, knobs: Knobs | None = None) -> MemoryTable:
        """One more table on a side."""
        return self.systems[side].create_table(shape, knobs)

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
        letter = "a" if side is Side.LEFT else "b"
        numbered = self.shapes[side].key_origin is not KeyOrigin.CHOSEN
        id_ = str(number) if numbered else f"{letter}{number:07d}-0000-4000-8000-000000000000"
        self.table(side).put(id_, values)
        return id_

    def pair(self, number: int = 1, **values: object) -> tuple[str, str]:
        """A record made on the left and carried to the right; both ids."""
        left = self.put(Side.LEFT, number, **values)
        self.full()
        return left, dict(self.couplings())[left]

    def opened(self, ref: TableRef) -> OpenTable:
        """A table of either system, by its reference."""
        table = self.systems[0 if ref.system == "erp" else 1].table(ref.table, TableOptions())
        return OpenTable(table, table.describe())

    def tables(self, mapping: Mapping) -> Tables:
        """What a job of this mapping has open."""
        known = {**self.more, self.mapping.name: self.mapping}
        references = [line.reference for line in mapping.fields if line.reference]
        named = {name for reference in references for name in reference.mappings}
        referenced = {name: (self.opened(known[name].left), self.opened(known[name].right)) for name in named}
        hops = {reference.hop.table: self.opened(reference.hop.table) for reference in references if reference.hop}
        sides = (self.opened(mapping.left), self.opened(mapping.right))
        directions = {name: known[name].direction for name in named}
        return Tables(("erp", "crm"), sides, referenced, hops, self.ahead, self.shared, self.claims, directions)

    def context(self, asked: Asked, kind: JobKind = JobKind.SYNC, mapping: Mapping | None = None) -> JobContext:
        """A job that has just been opened."""
        mapping = mapping or self.mapping
        tables = self.tables(mapping)
        bound = bind(mapping, tables)
        job = self.store.open_job(self.store.open_run(kind), mapping.name, kind, mapping.direction, repr(mapping))
        return JobContext(job, bound, tables, self.store, asked, self.clock.now, self.new_ids)

    def new_ids(self, how_many: int) -> Sequence[str]:
        """Ids that grow."""
        return [next(self.ids) for _ in range(how_many)]

    def sync(
        self, asked: Asked | None = None, meanwhile: Callable[[], None] | None = None, mapping: Mapping | None = None
    ) -> JobRecord:
        """Run one job to its end; `meanwhile` happens between its look and its finish. Raises what the job raises."""
        context = self.context(asked or Asked(), mapping=mapping)
        try:
            observed = run_job(context)
            if meanwhile:
                meanwhile()
            finish(context, observed)
        except KoppelError as error:
            fail(context, error)
            raise
        return self.store.jobs()[0]

    def full(self, mapping: Mapping | None = None, **asked: object) -> JobRecord:
        """A job that considers and creates uncoupled records and compares everything."""
        return self.sync(Asked(creates=True, everything=True, **asked), mapping=mapping)  # type: ignore[arg-type]

    def couplings(self, mapping: str = "CUSTOMER") -> list[tuple[str, str]]:
        """All coupled pairs."""
        numbers = self.store.all_couplings(mapping)
        frames = [self.store.coupling(number).select("left_id", "right_id") for number in numbers]
        return pl.concat(frames).rows() if frames else []

    def conflicts(self) -> list[Conflict]:
        """Every open conflict."""
        return self.store.conflicts()

    def errors(self) -> list[ErrorRecord]:
        """Every record that could not be carried."""
        return self.store.errors()

    def effects(self) -> int:
        """How many rows koppel changed so far, on both sides."""
        return sum(len(system.effects) for system in self.systems)

    def context_open(self) -> JobContext:
        """A job that is open and will never be finished."""
        return self.context(Asked())

    def context_recovered(self) -> None:
        """A job that finishes what a crash left open and looks at nothing."""
        context = self.context(Asked())
        begin(context)
        finish(context, None)

    def context_identity(self) -> Identity:
        """Where the ids of records created on the right come from."""
        return bind(self.mapping, self.tables(self.mapping)).identities[Side.RIGHT]

    def having(self, **settings: object) -> "Twin":
        """Change the mapping's settings."""
        self.mapping = replace(self.mapping, **settings)  # type: ignore[arg-type]
        return self

    def during(self, phase: str, name: str, what: Callable[[], None], side: Side = Side.RIGHT, times: int = 1) -> None:
        """Let a user do something around koppel's next writes of that name (see `MemorySystem.on_effect`)."""
        left = [times]

        def act(now: str, effect: str) -> None:
            if (now, effect) == (phase, name) and left[0]:
                left[0] -= 1
                what()

        self.systems[side].on_effect = act


def counts(job: JobRecord | Counts) -> dict[str, int]:
    """A job's totals (or one direction's counts) without the zeros."""
    total = job if isinstance(job, Counts) else job.tally.total
    return {name: number for name, number in total.as_dict().items() if number}


def values(table: MemoryTable, id_: str, fields: Iterable[str] = FIELDS) -> dict[str, object]:
    """The filled fields of one record."""
    record = table.records()[id_]
    return {name: record[name] for name in fields if record[name] is not None}
