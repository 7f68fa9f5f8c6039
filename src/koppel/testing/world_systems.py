"""What a world asks of the systems it consists of. `MemorySystem` is one; others stand behind a wire."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from koppel.connectors.memory import Loss, Record
from koppel.ports import Table, TableOptions


class WorldTable(Table, Protocol):
    """A table with a user at its keyboard."""

    def put(self, id_: str, values: Mapping[str, object]) -> None:
        """A user creates a record."""

    def edit(self, id_: str, values: Mapping[str, object]) -> None:
        """A user changes some fields of one. A change stamp may be among them, where users can set one."""

    def remove(self, id_: str) -> None:
        """A user deletes one."""

    def records(self) -> dict[str, Record]:
        """All records as they are now, by id (a copy)."""


class WorldSystem(Protocol):
    """A system that tells of the moments at which it is written to, and whose answers can be lost."""

    on_effect: Callable[[str, str], None]
    """Called with a phase and a name around everything koppel changes; see `MemorySystem`."""
    loses: Callable[[str], Loss | None]
    """Whether and how an answer is lost."""

    def now(self) -> datetime:
        """What its clock shows (UTC)."""

    @property
    def effects(self) -> Sequence[object]:
        """What koppel really changed, in order."""

    def table(self, name: str, options: TableOptions) -> WorldTable:
        """Open a table."""

    def catch_up(self) -> None:
        """Carry out what arrived late; called when a run begins or has ended."""
