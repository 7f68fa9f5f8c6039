"""Dying at a chosen moment: what a simulation needs to stop the engine anywhere, without a fail point in the product.

A *moment* is a place where something outside memory has just changed or is about to: around every write to a system
(`MemorySystem.on_effect`) and around every commit of the store (`WatchedStore`). Moments are numbered; at a chosen one
`Killed` is raised, which nothing in koppel catches.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event

from koppel.connectors.memory import Loss
from koppel.store import SqlStore
from koppel.store.schema import temporary

_CHANGES = ("INSERT", "UPDATE", "DELETE")
_TEMPORARY = frozenset(temporary.tables)


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Moments:
    """Counts moments. `dies(number)`: whether the process dies at this one; `meanwhile`: what users do at one; `loses`:
    whose answers are lost (`MemorySystem.loses`).
    """

    dies: Callable[[int], bool] = lambda number: False
    meanwhile: Callable[[], None] = lambda: None
    loses: Callable[[str], Loss | None] = lambda name: None
    count: int = 0
    names: list[str] = field(default_factory=list)

    def pass_by(self, name: str, users_may_act: bool = True) -> None:
        """One moment. Raises `Killed`."""
        self.count += 1
        self.names.append(name)
        if self.dies(self.count):
            raise Killed(f"moment {self.count}: {name}")
        if users_may_act:
            self.meanwhile()

    def on_effect(self, phase: str, name: str) -> None:
        """For `MemorySystem.on_effect`. Inside a write the table is locked, so nobody else can act there."""
        self.pass_by(f"{phase} {name}", users_may_act=phase != "inside")


class WatchedStore(SqlStore):
    """A store that passes by a moment before and after every commit that changed more than the job's own scratch
    tables.
    """

    moments: Moments = Moments()
    _changed: bool = False

    def watch(self, moments: Moments) -> None:
        """From now on, tell of commits; and do not wait for the disk: only the process dies here, the computer stays
        on.
        """
        self.moments = moments
        driver = self.connection.connection.driver_connection
        assert driver is not None, "an open store has a connection"
        if self.engine.dialect.name == "sqlite":
            driver.execute("PRAGMA synchronous=OFF")
        event.listen(self.engine, "before_cursor_execute", self._notice)

    def _notice(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        words = statement.split(maxsplit=6)
        if words[0] in _CHANGES and not _TEMPORARY & set(words):
            self._changed = True

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """As the store's own, with a moment before and after the commit."""
        self._changed = False
        with super().transaction() as connection:
            yield connection
            if self._changed:
                self.moments.pass_by("before commit")
        if self._changed:
            self.moments.pass_by("after commit")
