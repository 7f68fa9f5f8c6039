"""What every verb of a job needs at hand, and what a run may ask of a job beyond the mapping's own policy."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

import polars as pl

from koppel.engine.hands import hand
from koppel.model.bound import BoundMapping
from koppel.model.coupling import ASIDE_SCHEMA, Settlement
from koppel.model.filter import Filter
from koppel.model.job import Job
from koppel.model.mapping import TableRef
from koppel.model.policy import Direction, FirstContact, OnDelete, Side
from koppel.model.values import TableShape
from koppel.ports import Store, Table
from koppel.reconcile.plan import Aside


@dataclass(frozen=True)
class OpenTable:
    """A table of a system, opened, with its shape at hand."""

    table: Table
    shape: TableShape


@dataclass(frozen=True)
class Claim:
    """Another mapping of a table, on `side` of it, that couples its records with those of a different table of the same
    counterpart: what it has coupled, or has inside its `filter`, is something else (None = it claims only what it has
    coupled).
    """

    mapping: str
    side: Side
    filter: Filter | None = None


@dataclass(frozen=True)
class Tables:
    """Both tables of a mapping, and those its references lead through. `names`: the systems' names, left and right;
    `ahead`: how far their clocks are ahead of ours; `shared`: per side, the other mappings that write to the same
    table, and on which of their sides it is; `claims`: per side, what is known to be other mappings' in the same table;
    `directions`: of the mappings that references lead through.
    """

    names: tuple[str, str]
    sides: tuple[OpenTable, OpenTable]
    referenced: Mapping[str, tuple[OpenTable, OpenTable]] = field(default_factory=dict)
    hops: Mapping[TableRef, OpenTable] = field(default_factory=dict)
    ahead: tuple[timedelta, timedelta] = (timedelta(0), timedelta(0))
    shared: tuple[Sequence[tuple[str, Side]], Sequence[tuple[str, Side]]] = ((), ())
    claims: tuple[Sequence[Claim], Sequence[Claim]] = ((), ())
    directions: Mapping[str, Direction] = field(default_factory=dict)

    def __getitem__(self, side: Side) -> OpenTable:
        """The table on `side`."""
        return self.sides[side]


@dataclass(frozen=True)
class Asked:
    """What this run asks of a job, beside the mapping's policy.

    `creates`: uncoupled records are considered and created. `everything`: every coupling is compared, whatever its
    versions say. `forced`: every cell is unseen, blanks travel, and this side receives. `first_contact`, `on_delete`,
    `winner`: answers that a person gave for this run. `released`: kinds of set-aside actions that are carried out at
    once. `fresh`: these pairs were coupled and counted a moment ago; that nothing else happens to them is not counted
    again. `lifted`: a person has approved what a guard halted. `sweep`: look for deletions now.
    """

    creates: bool = False
    everything: bool = False
    forced: Side | None = None
    first_contact: FirstContact | None = None
    on_delete: OnDelete | None = None
    winner: Side | None = None
    released: frozenset[Aside] = frozenset()
    fresh: bool = False
    lifted: bool = False
    sweep: bool = False

    def releasing(self, kinds: frozenset[Aside]) -> "Asked":
        """The same, with these kinds carried out at once."""
        return replace(self, released=self.released | kinds)


class Round(Enum):
    """Which look at a pair this is."""

    FIRST = "first"
    AGAIN = "again"
    """Stale and waiting pairs, while that makes progress."""
    LAST = "last"
    """No progress any more: what still waits is put into the retry set and counted."""
    FOLLOW_UP = "follow-up"
    """Records created or resolved a moment ago: only what travels back is counted."""

    @property
    def final(self) -> bool:
        """Whether the job does not look at these pairs again after it."""
        return self in (Round.LAST, Round.FOLLOW_UP)


@dataclass
class Again:
    """Pairs to be looked at once more in this job: stale, waiting, or created a moment ago with values still to travel
    back.
    """

    couplings: set[int] = field(default_factory=set)
    lone: set[tuple[Side, str]] = field(default_factory=set)
    created: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))
    """Left ids of couplings made a moment ago that have unseen cells, or in which a resolver's value is to be settled,
    or the system has filled something in.
    """

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.couplings or self.lone or len(self.created))


@dataclass
class JobContext:
    """One job at work. `layout`: the number under which its baselines are kept; `again`: what must be looked at once
    more (see `job`).
    """

    job: Job
    bound: BoundMapping
    tables: Tables
    store: Store
    asked: Asked
    now: Callable[[], datetime]
    new_ids: Callable[[int], Sequence[str]]
    layout: int = 0
    layouts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    progress: Callable[[int, int], None] = lambda done, total: None
    again: Again = field(default_factory=Again)
    hand: Callable[[bool], Executor] = hand
    """Who reads and writes for the pipeline; a simulation gives hands whose order can be repeated."""

    @property
    def name(self) -> str:
        """The mapping's name."""
        return self.bound.name

    def creating(self) -> "JobContext":
        """The same job, for uncoupled records: such a record is lined up only when it is to be created, by this run or
        by an earlier one that could not.
        """
        return replace(self, asked=replace(self.asked, creates=True))

    def note(self, facts: Settlement) -> None:
        """Commit facts that need no write."""
        self.store.intend(self.job, facts, [], pl.DataFrame(schema=ASIDE_SCHEMA))
