"""What the stages of database servers have in common: koppel's systems, a user, and a clock that stands still until it
is told to go on.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar

from koppel.model.values import KeyOrigin
from koppel.ports import System, Table, TableOptions
from koppel.testing.stage import LOCAL, Trait

S = TypeVar("S", bound=System)
T = TypeVar("T", bound=Table)


class Opening(Protocol[S]):
    """`open_system` of a connector."""

    def __call__(
        self,
        name: str,
        url: str,
        timezone: str = "UTC",
        fields: Mapping[str, Mapping[str, str]] | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> S:
        """Open the database at the url."""


class ServerStage(ABC, Generic[S, T]):
    """A database; `url`: where it is."""

    lacks: frozenset[Trait] = frozenset()

    def __init__(self, open_system: Opening[S], url: str) -> None:
        self.moment: datetime | None = datetime(2026, 3, 1, 9, tzinfo=UTC)
        self.url = url
        self.systems: list[S] = []
        self._open_system = open_system
        self.system = self.open()

    def open(
        self, timezone: str = "UTC", fields: Mapping[str, Mapping[str, str]] | None = None, url: str | None = None
    ) -> S:
        """The system as configured."""
        system = self._open_system("erp", url or self.url, timezone, fields, now=self.now)
        self.systems.append(system)
        return system

    def close(self) -> None:
        for system in self.systems:
            system.close()

    @abstractmethod
    def sql(self, *statements: str) -> None:
        """What the user runs."""

    @abstractmethod
    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the user sees."""

    def open_table(self, name: str = "thing", options: TableOptions | None = None) -> T:
        """Open a table as it is now."""
        return self.system.table(name, options or TableOptions())  # type: ignore[return-value]

    def make(self, definition: str, *rows: str, name: str = "thing") -> T:
        """Create a table `name` with this body, fill it, open it."""
        self.sql(f"CREATE TABLE {name} ({definition})", *(f"INSERT INTO {name} VALUES ({row})" for row in rows))
        return self.open_table(name)

    # ---- koppel.testing.Stage

    @abstractmethod
    def table(self, origin: KeyOrigin) -> T: ...

    @abstractmethod
    def edit(self, table: Table, id_: str, values: Mapping[str, object]) -> None: ...

    def coded(self) -> T:
        """The contract's table, whose `no` is a code."""
        return self.open(fields={"thing": {"no": "code"}}).table("thing", TableOptions())  # type: ignore[return-value]

    def now(self) -> datetime:
        if self.moment is not None:
            return self.moment
        return self.servers_now()

    @abstractmethod
    def servers_now(self) -> datetime:
        """What the server's own clock says."""

    def wait(self, time: timedelta) -> None:
        assert self.moment is not None, "the server's own clock does not obey"
        self.moment += time

    def view(self) -> T:
        self.sql("CREATE VIEW seen AS SELECT * FROM thing")
        return self.open_table("seen", TableOptions(key=("id",)))

    def visits(self, definition: str) -> T:
        """A table with times of day in a zone."""
        self.sql(f"CREATE TABLE visit ({definition})")
        self.sql(*(f"INSERT INTO visit VALUES ('{id_}', '{time}')" for id_, time in LOCAL.items()))
        return self.open("Europe/Amsterdam").table("visit", TableOptions())  # type: ignore[return-value]

    def live(self, table: Table) -> T:
        self.moment = None
        self.systems.append(self._open_system("erp", self.url))
        return self.systems[-1].table("thing", TableOptions(lag=timedelta(0)))  # type: ignore[return-value]

    def begin(self, table: Table, id_: str, values: Mapping[str, object]) -> Callable[[], None]:
        self.sql("BEGIN")
        self.edit(table, id_, values)
        return lambda: self.sql("COMMIT")
