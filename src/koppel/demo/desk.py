"""Where people work in one system of the demo, whatever it is made of."""

from typing import Any, Protocol, TypeAlias

from koppel.demo.files import Row, Value

Record: TypeAlias = dict[str, Any]
"""A row as it is read."""


class Desk(Protocol):
    """One system under the hands of its users. Tables and columns are named as in the demo's databases."""

    def rows(self, table: str) -> list[Record]:
        """All rows of a table, in the order of their ids."""

    def change(self, table: str, key: Value, values: Row) -> None:
        """Edit a row that is there."""

    def add(self, table: str, row: Row) -> None:
        """Enter a new row."""

    def remove(self, table: str, key: Value) -> None:
        """Delete a row that is there."""
