"""The memory twin: a whole system in Python dicts, the contract of a real connector, every weakness on a switch.

For tests and simulations. The engine talks to it through `koppel.ports`; its user (the person on the other side, who
edits records while koppel works) through `put`, `edit`, `remove` and `records`. `MemorySystem.effects` tells what
koppel really changed; `on_effect` is called around every write, so that a simulation can look, edit or raise there, and
`loses` about every row of one, so that its answer can get lost.
"""

from koppel.connectors.memory.records import Record, Unreadable
from koppel.connectors.memory.stage import Effect, Loss
from koppel.connectors.memory.system import MemorySystem
from koppel.connectors.memory.table import Knobs, MemoryTable

__all__ = ["Effect", "Knobs", "Loss", "MemorySystem", "MemoryTable", "Record", "Unreadable"]
