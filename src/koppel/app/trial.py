"""A short contract of a table, over its port, with a record of its own: what must hold at a real service too.

The whole contract is `koppel.testing.TableContract`; it needs tables made for it, which a real environment has not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from koppel.model.point import Point
from koppel.model.values import ID, OP, KeyOrigin
from koppel.model.write import CODE, MESSAGE, Outcome, Write, WriteKind
from koppel.ports import Table, Want

_OP = pl.Series(OP, [1], dtype=pl.Int64)


@dataclass
class Trial:
    """`text`, `other`: two texts of the table. `mark`: the value of the first. `now`: the moment of the service.
    `id`: the record that was made, as long as it is there.
    """

    table: Table
    text: str
    other: str
    mark: str
    new_id: Callable[[], str]
    now: Callable[[], datetime]
    id: str | None = None
    _held: str = field(default="", init=False)
    """What the other text is known to hold."""

    def points(self) -> Iterator[Point]:
        """Every point in turn. Nothing after a record that could not be made has anything to stand on."""
        cursor = self.table.changes(None, Want(())).cursor
        made = self._create()
        yield self._point("C1", "A new record is stored, and answered as stored", made)
        if self.id is None:
            return
        yield self._point("C2", "It is found by its text", self._find())
        yield self._point("C3", "It is read by its id", self._read())
        yield self._point("C4", "An edit of what it is not any more is refused", self._outdated_edit())
        yield self._point("C5", "An edit of what it is is stored", self._edit() or self._read())
        yield self._point("C6", "The feed names it", self._named(cursor, self.id))
        cursor, id_ = self.table.changes(None, Want(())).cursor, self.id
        yield self._point("C7", "It is deleted", self._delete() or self._gone(id_))
        if self.table.features.reports_deletions:
            yield self._point("C8", "The feed names its deletion", self._named(cursor, id_))

    def _point(self, code: str, question: str, trouble: str) -> Point:
        return Point(code, question, trouble or "yes", well=not trouble)

    def _write(self, kind: WriteKind, values: dict[str, str], expected: str | None) -> dict[str, object]:
        """The outcome of one row. `expected`: what the other text is believed to hold, where something is."""
        texts = [pl.Series(name, [value], dtype=pl.String) for name, value in values.items()]
        rows = pl.DataFrame([_OP, pl.Series(ID, [self.id], dtype=pl.String), *texts])
        held = None if expected is None else pl.DataFrame([_OP, pl.Series(self.other, [expected or None], pl.String)])
        mask = np.ones((1, len(values)), dtype=np.bool_)
        want = () if kind is WriteKind.DELETE else tuple(values)
        write = Write(kind, rows, tuple(values), mask, held, want, self.now())
        return self.table.write(write).row(0, named=True)

    def _create(self) -> str:
        """'' or what went wrong; the id is known afterwards."""
        chosen = self.table.describe().key_origin is KeyOrigin.CHOSEN
        self.id = self.new_id() if chosen else None
        outcome = self._write(WriteKind.CREATE, {self.text: self.mark}, None)
        well = outcome[CODE] == Outcome.WRITTEN
        if well:
            self.id = str(outcome[ID])
        elif outcome[CODE] != Outcome.UNKNOWN:  # else it may be there under the id we chose
            self.id = None
        if not well:
            return _no(outcome)
        return "" if outcome[self.text] == self.mark else "no: it is not answered as it was sent"

    def _find(self) -> str:
        keys = pl.DataFrame([_OP, pl.Series(self.text, [self.mark], dtype=pl.String)])
        found = self.table.find(keys, ignore_case=False)[ID].to_list()
        return "" if self.id in found else "no"

    def _read(self) -> str:
        """Whether the record is read as it is known."""
        rows = self.table.fetch(pl.Series(ID, [self.id]), Want((self.text, self.other)))
        if not len(rows) or rows[self.text][0] != self.mark:
            return "no"
        return "" if (rows[self.other][0] or "") == self._held else "no: it does not hold what was sent"

    def _outdated_edit(self) -> str:
        outcome = self._write(WriteKind.UPDATE, {self.other: "never"}, "something else")
        return "" if outcome[CODE] == Outcome.STALE else _no(outcome)

    def _edit(self) -> str:
        outcome = self._write(WriteKind.UPDATE, {self.other: "edited"}, self._held)
        if outcome[CODE] != Outcome.WRITTEN:
            return _no(outcome)
        self._held = "edited"
        return ""

    def _named(self, cursor: str, id_: str) -> str:
        pages = self.table.changes(cursor, Want(())).pages
        return "" if any(id_ in page[ID].to_list() for page in pages) else "no"

    def _delete(self) -> str:
        outcome = self._write(WriteKind.DELETE, {}, self._held)
        if outcome[CODE] != Outcome.WRITTEN:
            return _no(outcome)
        self.id = None
        return ""

    def _gone(self, id_: str) -> str:
        return "no: it is still there" if len(self.table.fetch(pl.Series(ID, [id_]), Want(()))) else ""


def _no(outcome: dict[str, object]) -> str:
    """What became of the record instead."""
    return f"no: {outcome[CODE]} {outcome[MESSAGE] or ''}".strip()
