"""The right side of a world as a Dataverse environment: the connector at the near end, users at the far one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from koppel.connectors.dataverse import sending
from koppel.connectors.dataverse.opening import API, system_of
from koppel.connectors.dataverse.table import DataverseTable
from koppel.connectors.memory import Loss, Record
from koppel.connectors.odata.session import Limits
from koppel.connectors.odata.timing import Timing
from koppel.ports import TableOptions
from koppel.sandbox.clock import Clock
from koppel.sandbox.dataverse import addresses
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import Column, Kind, Target
from koppel.sandbox.dataverse.tables import TABLES
from koppel.testing.world_tables import GROUP, TAG, TWO_WAY, ZONE
from tests.contract.dataverse_stage import standing
from tests.dataverse.crm import Bearer
from tests.sandbox.web import URL, web
from tests.simulation.wire import Line

FIRM = standing("firm", *(Column(name, Kind.TEXT, length=100) for name in (TAG, "name")))
PERSON = standing(
    "person",
    *(Column(name, Kind.TEXT, length=100) for name in (TAG, *TWO_WAY, *GROUP, "note", "grade", "email", ZONE)),
    Column("company", Kind.LOOKUP, targets=(Target("firm", "company_Firm"),)),
)
NAMES = {"contact": PERSON, "company": FIRM}
"""The tables of a world -> those that stand for them; no key of theirs but the id keeps duplicates out."""


@contextmanager
def peopled(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Environments have these tables, and a write is sent in several requests."""
    with patch.context() as patched:
        for table in NAMES.values():
            patched.setitem(TABLES, table.name, table)  # type: ignore[arg-type]
            patched.setitem(addresses._SETS, table.set_name, table)
        patched.setattr(sending, "ROWS_AT_ONCE", 2)
        yield


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


class FarDataverse:
    """An environment in which `contact` and `company` are tables; a `koppel.testing.world_systems.WorldSystem`."""

    def __init__(self, now: Callable[[], datetime], draw: Random) -> None:
        self.clock = WorldClock(now)
        self.web = web(clock=self.clock)
        self.line = Line(self.web.dataverse.answer, self.clock, draw)
        self.connection = self._connected()

    def _connected(self) -> Any:
        limits = Limits(most_lanes=1)
        return system_of("crm", URL + API, Bearer(self.web), "UTC", limits, self.clock.timing(), self.line)

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
        self.connection = self._connected()

    def table(self, name: str, options: TableOptions) -> "FarTable":
        return FarTable(self, name, options)


class FarTable:
    """A table as koppel sees it, opened when koppel first looks, and as its users do."""

    def __init__(self, system: FarDataverse, name: str, options: TableOptions) -> None:
        self._system = system
        self._standing = NAMES[name]
        self._options = options
        self._opened: DataverseTable | None = None

    def __getattr__(self, name: str) -> Any:
        """The methods of the port."""
        if self._opened is None:
            self._opened = self._system.connection.table(self._standing.name, self._options)
        return getattr(self._opened, name)

    def put(self, id_: str, values: Mapping[str, object]) -> None:
        self._system.web.others.create(self._standing.name, {"id": id_, **self._body(values)})

    def edit(self, id_: str, values: Mapping[str, object]) -> None:
        self._system.web.others.edit(self._standing.name, id_, self._body(values))

    def remove(self, id_: str) -> None:
        self._system.web.others.delete(self._standing.name, id_)

    def records(self) -> dict[str, Record]:
        rows = self._system.web.environment.rows.tables[self._standing.name]
        names = [column.name for column in self._standing.columns.values()]
        return {id_: {name: _plain(row.get(name)) for name in names} for id_, row in rows.items()}

    def _body(self, values: Mapping[str, object]) -> dict[str, object]:
        """Values as a user's client sends them; change stamps are the system's own."""
        body = {name: value for name, value in values.items() if name not in ("company", "modified")}
        if "company" in values:
            company = values["company"]
            body["company_Firm@odata.bind"] = None if company is None else f"/firms({company})"
        return body


def _plain(value: object) -> object:
    return value.id if isinstance(value, Ref) else value
