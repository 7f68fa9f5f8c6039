"""Rows in memory, with versions, tombstones, key indexes and transactions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

Row = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """Columns whose values name one row."""

    name: str
    columns: tuple[str, ...]

    @property
    def enforced(self) -> bool:
        """Whether it has an index, so that no two rows share its values and rows can be found by it."""
        return True


class Keyed(Protocol):
    """A table, as far as its rows care."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def keys(self) -> Sequence[Key]:
        """Its keys beside the id."""


Taken = Callable[[Keyed, Key, str], Exception]
"""The refusal of a row that takes the values of a key which the row with that id has."""


class Rows:
    """All rows of some tables. A stored row is never changed, only replaced, so a reader may keep it.

    `version_column`: where rows keep their version. `broken`: keys, by name, whose index could not be built because
    rows share their values: they keep nobody from anything.
    """

    def __init__(self, names: Iterable[str], version_column: str, taken: Taken) -> None:
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in names}
        self.tombstones: dict[str, dict[str, int]] = {name: {} for name in self.tables}
        self.version = 1_000_000
        self._version_column = version_column
        self._indexes: dict[tuple[str, str], dict[tuple[Any, ...], str]] = {}
        self._undo: list[Callable[[], None]] | None = None
        self._taken = taken
        self.broken: set[str] = set()

    def next_version(self) -> int:
        """The next value of the row version, which is one counter for all tables."""
        self.version += 1
        return self.version

    def get(self, table: str, row_id: str) -> Row | None:
        """A row by its id in lower case."""
        return self.tables[table].get(row_id)

    def by_key(self, table: Keyed, key: Key, values: tuple[Any, ...]) -> str | None:
        """The id of the row with these values of a key."""
        return self._indexes.get((table.name, key.name), {}).get(comparable(values))

    def put(self, table: Keyed, row_id: str, row: Row, version: int | None = None) -> None:
        """Store a row in place of what was there; whoever does it, it is a change (wire 4.1.1). Raises what `taken`
        gives when it takes another one's key.

        `version`: the next one unless given.
        """
        before = self.get(table.name, row_id)
        row = {**row, self._version_column: version or self.next_version()}
        self._check_keys(table, row_id, row)
        self._place(table, row_id, before, row)
        self.remember(lambda: self._place(table, row_id, row, before))

    def remove(self, table: Keyed, row_id: str) -> None:
        """Delete a row that is there; a tombstone stays."""
        before = self.tables[table.name][row_id]
        buried = self.tombstones[table.name].get(row_id)
        self._place(table, row_id, before, None)
        self.tombstones[table.name][row_id] = self.next_version()

        def undo() -> None:
            self._place(table, row_id, None, before)
            self.tombstones[table.name].pop(row_id)
            if buried is not None:
                self.tombstones[table.name][row_id] = buried

        self.remember(undo)

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

    def remember(self, undo: Callable[[], None]) -> None:
        """What takes a step back, should the transaction fail."""
        if self._undo is not None:
            self._undo.append(undo)

    def _check_keys(self, table: Keyed, row_id: str, row: Row) -> None:
        for key in table.keys:
            if key.name in self.broken:
                continue
            values = key_values(key, row)
            holder = values and self.by_key(table, key, values)
            if holder and holder != row_id:
                raise self._taken(table, key, holder)

    def _place(self, table: Keyed, row_id: str, before: Row | None, after: Row | None) -> None:
        rows = self.tables[table.name]
        for key in table.keys:
            if key.enforced:
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
    """The values of a key, or None when one is null: those are never duplicates."""
    values = tuple(row.get(column) for column in key.columns)
    return None if None in values else values


def comparable(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values as keys compare them: text without regard to case (wire 1.2, 2.4, 4.1.13)."""
    return tuple(value.casefold() if isinstance(value, str) else value for value in values)
