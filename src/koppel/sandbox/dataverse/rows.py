"""The rows of an environment in memory, with versions, tombstones, key indexes and transactions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from koppel.sandbox.dataverse.refusal import DUPLICATE_KEY, Refusal
from koppel.sandbox.dataverse.shape import Key, Table
from koppel.sandbox.dataverse.tables import TABLES

Row = dict[str, Any]


class Ref(NamedTuple):
    """The row a lookup names."""

    table: str
    id: str


class Rows:
    """All rows. A stored row is never changed, only replaced, so a reader may keep it."""

    def __init__(self, duplicate_status: Callable[[], int]) -> None:
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in TABLES}
        self.tombstones: dict[str, dict[str, int]] = {name: {} for name in TABLES}
        self.version = 1_000_000
        self._indexes: dict[tuple[str, str], dict[tuple[Any, ...], str]] = {}
        self._undo: list[Callable[[], None]] | None = None
        self._duplicate_status = duplicate_status

    def next_version(self) -> int:
        """The next value of the row version, which is one counter for all tables."""
        self.version += 1
        return self.version

    def get(self, table: str, row_id: str) -> Row | None:
        """A row by its id in lower case."""
        return self.tables[table].get(row_id)

    def by_key(self, table: Table, key: Key, values: tuple[Any, ...]) -> str | None:
        """The id of the row with these values of an alternate key."""
        return self._indexes.get((table.name, key.name), {}).get(comparable(values))

    def put(self, table: Table, row_id: str, row: Row) -> None:
        """Store a row in place of what was there. Raises `Refusal` when it takes another one's key (wire 1.10)."""
        before = self.get(table.name, row_id)
        row = {**row, "versionnumber": self.next_version()}
        self._check_keys(table, row_id, row)
        self._place(table, row_id, before, row)
        self._remember(lambda: self._place(table, row_id, row, before))

    def remove(self, table: Table, row_id: str) -> None:
        """Delete a row that is there; a tombstone stays for the deltas."""
        before = self.tables[table.name][row_id]
        buried = self.tombstones[table.name].get(row_id)
        self._place(table, row_id, before, None)
        self.tombstones[table.name][row_id] = self.next_version()

        def undo() -> None:
            self._place(table, row_id, None, before)
            self.tombstones[table.name].pop(row_id)
            if buried is not None:
                self.tombstones[table.name][row_id] = buried

        self._remember(undo)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; one inside another belongs to it."""
        if self._undo is not None:
            yield
            return
        self._undo = []
        try:
            yield
        except BaseException:
            for undo in reversed(self._undo):
                undo()
            raise
        finally:
            self._undo = None

    def _remember(self, undo: Callable[[], None]) -> None:
        if self._undo is not None:
            self._undo.append(undo)

    def _check_keys(self, table: Table, row_id: str, row: Row) -> None:
        for key in table.keys:
            values = key_values(key, row)
            holder = values and self.by_key(table, key, values)
            if holder and holder != row_id:
                text = f"Entity Key {key.name} violated. A record with the same value for the key already exists."
                winner = f"<Error><EntityKeyName>{key.name}</EntityKeyName><DuplicateId>{holder}</DuplicateId></Error>"
                raise Refusal(self._duplicate_status(), DUPLICATE_KEY, f"{text} {winner}")

    def _place(self, table: Table, row_id: str, before: Row | None, after: Row | None) -> None:
        rows = self.tables[table.name]
        for key in table.keys:
            if key.status == "Active":
                index = self._indexes.setdefault((table.name, key.name), {})
                if before is not None and (values := key_values(key, before)):
                    index.pop(comparable(values), None)
                if after is not None and (values := key_values(key, after)):
                    index[comparable(values)] = row_id
        if after is None:
            rows.pop(row_id, None)
        else:
            rows[row_id] = after


def key_values(key: Key, row: Row) -> tuple[Any, ...] | None:
    """The values of a key, or None when one is blank: blanks are never duplicates."""
    values = tuple(row.get(column) for column in key.columns)
    return None if None in values else values


def comparable(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values as they are compared: text without regard to case (wire 1.2)."""
    return tuple(value.casefold() if isinstance(value, str) else value for value in values)
