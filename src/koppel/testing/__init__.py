"""What others test with: the contract of a table, and the memory twin.

A connector's author subclasses `TableContract`; whoever tests a mapping or a job uses `MemorySystem`.
"""

from koppel.connectors.memory import Effect, Knobs, MemorySystem, MemoryTable, Unreadable
from koppel.testing.contract import TableContract
from koppel.testing.stage import FIELDS, Stage

__all__ = [
    "FIELDS",
    "Effect",
    "Knobs",
    "MemorySystem",
    "MemoryTable",
    "Stage",
    "TableContract",
    "Unreadable",
]
