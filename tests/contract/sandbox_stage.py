"""What the stages of services have in common: a user of the sandbox who edits records, and its clock."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from koppel.ports import Table


class Others(Protocol):
    """Whoever else works at the service, past its API."""

    def create(self, table: str, body: dict[str, Any]) -> object:
        """A new record."""

    def edit(self, table: str, id_: str, body: dict[str, Any]) -> object:
        """Other values for some fields."""

    def delete(self, table: str, id_: str) -> object:
        """One record less."""


class Clock(Protocol):
    """The clock of the service."""

    def now(self) -> datetime:
        """What it says."""

    def advance(self, seconds: float) -> object:
        """Time passes."""


def nothing(stage: object) -> None:
    """A table such as the service does not have."""


class SandboxStage(ABC):
    """`others`, `clock`: those of the service."""

    def __init__(self, others: Others, clock: Clock) -> None:
        self.others = others
        self.clock = clock

    @abstractmethod
    def body(self, values: Mapping[str, object]) -> dict[str, Any]:
        """Values as a user's client would send them."""

    def put(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        self.others.create(table.describe().name, {"id": id_, **self.body(values)})

    def edit(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        self.others.edit(table.describe().name, id_, self.body(values))

    def remove(self, table: Table, id_: str) -> None:
        self.others.delete(table.describe().name, id_)

    def now(self) -> datetime:
        return self.clock.now()

    def wait(self, time: timedelta) -> None:
        self.clock.advance(time.total_seconds())
