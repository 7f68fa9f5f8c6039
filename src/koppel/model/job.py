"""Runs and jobs: a job is one mapping once; a run is several jobs in dependency order. What they counted, and how they
ended.
"""

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from koppel.model.policy import Side


class JobKind(StrEnum):
    """What a job was asked to do."""

    SYNC = "sync"
    FULL = "full"
    MATCH = "match"
    UNCOUPLE = "uncouple"
    APPROVE = "approve"


class JobState(StrEnum):
    """How a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    HALTED = "halted"
    """A guard stopped it; what it set aside waits for `koppel approve`."""
    INTERRUPTED = "interrupted"
    """Its process died; the next job of the mapping recovered what it left open."""
    CANCELLED = "cancelled"


@dataclass
class Counts:
    """What became of the records decided in one direction; each counts exactly once. The first eight are Business
    Central's.

    `coupled` counts couplings made and stands beside what then became of the pair (semantics 4.13).
    """

    inserted: int = 0
    modified: int = 0
    deleted: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    coupled: int = 0
    uncoupled: int = 0
    conflicts: int = 0
    waiting: int = 0
    drift: int = 0
    out: int = 0

    def add(self, other: "Counts") -> None:
        """Add the other's numbers to these."""
        for name in COUNTERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, int]:
        """The counters by name, in the order of the job log."""
        return {name: getattr(self, name) for name in COUNTERS}


COUNTERS = tuple(f.name for f in fields(Counts))


@dataclass
class Tally:
    """A job's counts, one set per direction of travel."""

    to_right: Counts = field(default_factory=Counts)
    to_left: Counts = field(default_factory=Counts)

    def towards(self, side: Side) -> Counts:
        """The counts of what travels to `side`."""
        return self.to_right if side is Side.RIGHT else self.to_left

    def add(self, other: "Tally") -> None:
        """Add the other's numbers to these."""
        self.to_right.add(other.to_right)
        self.to_left.add(other.to_left)

    @property
    def total(self) -> Counts:
        """Both directions together."""
        total = Counts()
        total.add(self.to_right)
        total.add(self.to_left)
        return total


@dataclass(frozen=True)
class Job:
    """One running job. `epoch` fences it: a settle of an older epoch changes nothing."""

    id: int
    run: int
    mapping: str
    kind: JobKind
    epoch: int


@dataclass(frozen=True)
class JobRecord:
    """A job as the job log shows it."""

    id: int
    run: int
    mapping: str
    kind: JobKind
    direction: str
    state: JobState
    started: datetime
    finished: datetime | None
    tally: Tally
    message: str


@dataclass(frozen=True)
class RunRecord:
    """A run as it stands. `question` holds the mappings that the final question of a full run is about; `answer` is
    None while open.
    """

    id: int
    kind: JobKind
    started: datetime
    finished: datetime | None
    question: tuple[str, ...]
    answer: bool | None
