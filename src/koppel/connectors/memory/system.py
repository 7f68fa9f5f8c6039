"""A system of memory tables: its clock, its effects, and the moments at which a simulation may interfere."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from threading import RLock

from koppel.connectors.memory.stage import Effect, Loss, Stage
from koppel.connectors.memory.table import Knobs, MemoryTable
from koppel.errors import ConfigurationError, Problem
from koppel.model.values import TableShape
from koppel.ports import Finding, TableOptions, Use


class MemorySystem:
    """A system of memory tables. `now`: its clock (UTC), used for its users' change stamps and for cursors.

    `on_effect(phase, name)` is called around every write, with a name like `create customer`: phase `before`; `inside`,
    when half of the rows are stored (an atomic batch takes them back if this raises); `after`, when all is stored and
    the answer not yet given. `reserve` calls it with `before` and `after`. Whatever it raises reaches the engine.
    `loses(name)` says for each row of a batch that is not atomic whether its answer is lost, and how. `effects` lists
    every row koppel really changed.
    """

    def __init__(
        self, name: str, now: Callable[[], datetime], on_effect: Callable[[str, str], None] | None = None
    ) -> None:
        self._name = name
        self._tables: dict[str, MemoryTable] = {}
        self.now = now
        self.on_effect: Callable[[str, str], None] = on_effect or (lambda phase, name: None)
        self.loses: Callable[[str], Loss | None] = lambda name: None
        self.effects: list[Effect] = []
        self._stage = Stage(self._clock, self._around, self._loses, RLock(), self.effects, [])

    @property
    def name(self) -> str:
        """The name the configuration gives it."""
        return self._name

    def identity(self) -> str:
        """Which installation this is."""
        return f"memory:{self._name}"

    def tables(self) -> tuple[str, ...]:
        """The names of its tables."""
        return tuple(self._tables)

    def create_table(self, shape: TableShape, knobs: Knobs | None = None) -> MemoryTable:
        """A new empty table (or an emptied one). `knobs`: what it can and cannot do; None = all it can."""
        self._tables[shape.name] = MemoryTable(shape, knobs or Knobs(), self._stage)
        return self._tables[shape.name]

    def catch_up(self) -> None:
        """Carry out what arrived late."""
        self._stage.catch_up()

    def _clock(self) -> datetime:
        return self.now()

    def _around(self, phase: str, name: str) -> None:
        self.on_effect(phase, name)

    def _loses(self, name: str) -> Loss | None:
        return self.loses(name)

    def table(self, name: str, options: TableOptions) -> MemoryTable:
        """The table of that name; with options, a second view of the same records."""
        table = self._tables.get(name)
        if table is None:
            known = ", ".join(self._tables) or "none"
            raise ConfigurationError([Problem(self._name, f"there is no table {name}", f"its tables are: {known}")])
        return table if options == TableOptions() else table.with_options(options)

    def check(self, uses: Mapping[str, Use]) -> Sequence[Finding]:
        """Nothing: what its tables need is told when they are opened."""
        return ()

    def currency(self) -> None:
        """Not known."""

    def close(self) -> None:
        """Nothing is open."""
