"""What the tables of one memory system share: its clock, what a simulation may interfere with, what really happened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from threading import RLock

from koppel.model.write import WriteKind


@dataclass(frozen=True)
class Effect:
    """One row koppel really changed; `values` is the whole record as stored (empty after a deletion)."""

    table: str
    kind: WriteKind
    id: str
    values: Mapping[str, object]


class Loss(StrEnum):
    """How the answer about one row of a write is lost: whoever wrote it is told that its fate is unknown."""

    REQUEST = "request"
    """It never arrived, and is not carried out."""
    ANSWER = "answer"
    """It is carried out."""
    LATE = "late"
    """It is carried out before the next write to the system, or when `MemorySystem.catch_up` is called."""


@dataclass(frozen=True)
class Stage:
    """What the tables of one system share: its clock, `on_effect`, `loses`, its lock, the list of effects, and what is
    still to be carried out.
    """

    clock: Callable[[], datetime]
    around: Callable[[str, str], None]
    loses: Callable[[str], Loss | None]
    lock: RLock
    effects: list[Effect]
    late: list[Callable[[], None]]

    def catch_up(self) -> None:
        """Carry out what arrived late."""
        with self.lock:
            while self.late:
                self.late.pop(0)()
