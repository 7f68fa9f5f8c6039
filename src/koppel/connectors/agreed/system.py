"""What databases have in common behind `koppel.ports.System`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from koppel.connectors.agreed.shapes import check_kinds_have_tables
from koppel.errors import ConfigurationError
from koppel.ports import Finding, Use


class Closing(Protocol):
    """Something that is open."""

    def close(self) -> None:
        """Close it. Safe to call twice."""


D = TypeVar("D", bound=Closing)


class DatabaseSystem(ABC, Generic[D]):
    """One database. `timezone`: what date-times without offset mean; `kinds`: by table in lower case, and column, those
    that the configuration gives.
    """

    def __init__(self, name: str, database: D, timezone: str, kinds: Mapping[str, Mapping[str, str]]) -> None:
        self._name = name
        self._database = database
        self._timezone = timezone
        self._kinds = kinds

    @property
    def name(self) -> str:
        """The name the configuration gives it."""
        return self._name

    @abstractmethod
    def tables(self) -> tuple[str, ...]:
        """The names of its tables and views."""

    def kinds_of(self, table: str) -> Mapping[str, str]:
        """The kinds given to columns of a table (any case)."""
        return self._kinds.get(table.lower(), {})

    def check_kinds(self) -> None:
        """Close and raise ConfigurationError when kinds are given to tables that are not there."""
        try:
            check_kinds_have_tables(self.name, self._kinds, self.tables())
        except ConfigurationError:
            self.close()
            raise

    def check(self, uses: Mapping[str, Use]) -> Sequence[Finding]:
        """Nothing: what its tables need is told when they are opened."""
        return ()

    def currency(self) -> None:
        """Not known."""

    def close(self) -> None:
        """Close every connection."""
        self._database.close()
