"""One side of a world as a service behind a wire: the connector at the near end, users at the far one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from koppel.connectors.memory import Loss, Record
from koppel.connectors.odata.timing import Timing
from koppel.ports import System, TableOptions
from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Answer
from koppel.sandbox.refusal import Refusal
from koppel.sandbox.rows import Rows
from koppel.testing.world_tables import TAG
from tests.poison import refuse
from tests.simulation.wire import Line

TEXTS = ("name", "phone", "city", "post_code", "note", "grade", "email", "zone")
"""The texts of a contact of a world, beside its tag."""


class WorldClock(Clock):
    """The clock of a world, in which waiting takes no time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._ahead = timedelta()

    def now(self) -> datetime:
        return self._now() + self._ahead

    def timing(self) -> Timing:
        """For the near end."""
        return Timing(self.now, lambda: self.now().timestamp(), self.advance, lambda: 0.5)


class FarSystem(ABC):
    """A `koppel.testing.world_systems.WorldSystem`. `names`: the tables of a world -> those that stand for them.
    `failure`: how the service breaks down. `poison`: tags of the records over which it breaks down whenever it is to
    store them, but for its own users.
    """

    names: Mapping[str, str]
    failure: Refusal
    options = TableOptions()

    def __init__(self, clock: WorldClock, answer: Answer, rows: Rows, draw: Random) -> None:
        self.clock = clock
        self.line = Line(answer, clock, draw, self.failure.code)
        self.poison: set[str] = set()
        patch = pytest.MonkeyPatch()
        refuse(patch, rows, self.failure, lambda row: self.line.serving and row.get(TAG) in self.poison)
        self.connection = self.connected()

    @abstractmethod
    def connected(self) -> System:
        """A connector as a new process has it."""

    @property
    @abstractmethod
    def others(self) -> Any:
        """The users of the system."""

    @abstractmethod
    def body(self, values: Mapping[str, object]) -> dict[str, object]:
        """Values as a user's client sends them."""

    @abstractmethod
    def stored(self, table: str) -> dict[str, Record]:
        """The records of a table as a world knows them."""

    def now(self) -> datetime:
        return self.clock.now()

    @property
    def on_effect(self) -> Callable[[str, str], None]:
        return self.line.on_effect

    @on_effect.setter
    def on_effect(self, called: Callable[[str, str], None]) -> None:
        self.line.on_effect = called

    @property
    def loses(self) -> Callable[[str], Loss | None]:
        return self.line.loses

    @loses.setter
    def loses(self, asked: Callable[[str], Loss | None]) -> None:
        self.line.loses = asked

    @property
    def effects(self) -> list[str]:
        return self.line.effects

    def catch_up(self) -> None:
        """Another process begins."""
        self.line.catch_up()
        self.connection = self.connected()

    def table(self, name: str, options: TableOptions) -> "FarTable":
        return FarTable(self, self.names[name])


class FarTable:
    """A table as koppel sees it, opened when koppel first looks, and as its users do."""

    def __init__(self, system: FarSystem, name: str) -> None:
        self._system = system
        self._name = name
        self._opened: Any = None

    def __getattr__(self, name: str) -> Any:
        """What koppel asks: the port."""
        if self._opened is None:
            self._opened = self._system.connection.table(self._name, self._system.options)
        return getattr(self._opened, name)

    def put(self, id_: str, values: Mapping[str, object]) -> None:
        self._system.others.create(self._name, {"id": id_, **self._system.body(values)})

    def edit(self, id_: str, values: Mapping[str, object]) -> None:
        self._system.others.edit(self._name, id_, self._system.body(values))

    def remove(self, id_: str) -> None:
        self._system.others.delete(self._name, id_)

    def records(self) -> dict[str, Record]:
        return self._system.stored(self._name)
