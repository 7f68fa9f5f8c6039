"""What a connector's tests provide for `TableContract`, and short ways to say a write."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import numpy as np
import polars as pl

from koppel.model.values import ID, OP, FieldShape, KeyOrigin, Kind, dtype
from koppel.model.write import Write, WriteKind
from koppel.ports import Changes, Table, Want

FIELDS = (
    FieldShape("no", Kind.CODE, length=20, unique=True),
    FieldShape("name", Kind.TEXT, length=100, nullable=False),
    FieldShape("note", Kind.TEXT),
    FieldShape("amount", Kind.DECIMAL, scale=2),
    FieldShape("pieces", Kind.INTEGER),
    FieldShape("active", Kind.BOOLEAN),
    FieldShape("since", Kind.DATE),
    FieldShape("seen", Kind.DATETIME),
    FieldShape("partner", Kind.UUID),
    FieldShape("rank", Kind.CHOICE, choices=("low", "high")),
    FieldShape("number", Kind.TEXT),
)
"""The fields of every table a stage makes, beside its key and its change stamp `modified`.

`number` is filled by the system itself when a record is created without one: with `N-` and the record's `name`.
"""


AWKWARD = ("select", 'a "b" %', "it's", "n", "k0", "s0", "t", "s", "ünï cødé", "a.b", "{}")
"""The text fields of a table whose names are as awkward as its fields'."""

LOCAL = {
    "summer": "2026-07-01 12:00:00",
    "winter": "2026-01-15 12:00:00",
    "twice": "2026-10-25 02:30:00",
    "never": "2026-03-29 02:30:00",
}
"""Times of day in Europe/Amsterdam, by the id of the record."""


class Trait(StrEnum):
    """What a system may lack."""

    GENERATED_KEYS = "generated keys"
    RESERVED_KEYS = "reserved keys"
    COMPOSITE_KEYS = "composite keys"
    QUOTED_NAMES = "quoted names"
    VIEWS = "views"
    COMPUTED_FIELDS = "computed fields"
    SCHEMAS = "schemas"
    LOCAL_TIMES = "local times"
    REFERENCES = "references"
    NULLS = "nulls"
    """Fields that hold no value; where there are none, a text is '' then, a number 0 and a flag false."""
    EMPTY_TEXTS = "empty texts"
    """Texts that are empty and a value all the same; where there are none, '' becomes null."""
    TRANSACTIONS = "transactions of its users"
    CODES = "codes"
    """Texts declared to be upper-case and trimmed; then `no` is a plain text."""


class Stage(Protocol):
    """A system with a user at its keyboard and a clock under the test's control. What it lacks it makes as None."""

    @property
    def lacks(self) -> frozenset[Trait]:
        """What the system does not have."""

    def table(self, origin: KeyOrigin) -> Table | None:
        """An empty table with FIELDS, a change stamp, and the key `id`: a uuid where it is chosen, else a whole number.
        None = the system has no such tables."""

    def composite(self) -> Table | None:
        """The same with two text columns, `area` and `code`, as its key."""

    def awkward(self) -> Table | None:
        """An empty table whose name has to be quoted, with the key `id`, a uuid, and the text fields AWKWARD."""

    def view(self) -> Table | None:
        """A view of all of `thing`, the table made before; opened with `id` as its key."""

    def computed(self) -> Table | None:
        """An empty table with the key `id`, a uuid, the text `name`, and `loud`, the same in upper case, computed by
        the system."""

    def elsewhere(self) -> Table | None:
        """An empty table `thing` with FIELDS in another schema than the usual one."""

    def local(self) -> Table | None:
        """A table with the key `id`, a text, and `seen`, date-times without offset, in the zone Europe/Amsterdam; it
        holds LOCAL."""

    def referring(self) -> Table | None:
        """An empty table with the key `id`, a uuid, and `parent`, a foreign key to `thing`, the table made before."""

    def live(self, table: Table) -> Table:
        """The same table without lag, under the system's own clock, as are the stage's edits from now on."""

    def begin(self, table: Table, id_: str, values: Mapping[str, object]) -> Callable[[], None] | None:
        """Its user edits a record in a transaction that stays open until the answer is called."""

    def put(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        """Its user creates a record; fields left out are null. `name` is always given."""

    def edit(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        """Its user changes some fields of a record, and with them the change stamp."""

    def remove(self, table: Table, id_: str) -> None:
        """Its user deletes a record."""

    def now(self) -> datetime:
        """The moment the system's clock shows (UTC)."""

    def wait(self, time: timedelta) -> None:
        """Let the system's clock go on."""


def written(
    stage: Stage,
    table: Table,
    kind: WriteKind,
    rows: Sequence[Mapping[str, object]],
    expected: Sequence[Mapping[str, object]] | None = None,
    want: Sequence[str] = (),
) -> list[dict[str, object]]:
    """Write rows: `id` (may be missing), and the fields to send; a field that is not there is not sent. The answers in
    order of the rows. `expected`: row by row what the records are believed to hold, the same fields in all."""
    names = tuple(dict.fromkeys(name for row in rows for name in row if name != "id"))
    ops = pl.Series(OP, range(1, len(rows) + 1), dtype=pl.Int64)
    frame = pl.DataFrame(
        [ops, pl.Series(ID, [row.get("id") for row in rows], dtype=pl.String), *columns(table, names, rows)]
    )
    mask = np.array([[name in row for name in names] for row in rows], dtype=np.bool_).reshape(len(rows), len(names))
    seen = None if expected is None else pl.DataFrame([ops, *columns(table, tuple(expected[0]), expected)])
    outcome = table.write(Write(kind, frame, names, mask, seen, tuple(want), stage.now()))
    assert sorted(outcome[OP].to_list()) == ops.to_list(), "every row is answered once, matched by OP"
    return outcome.sort(OP).to_dicts()


def columns(table: Table, names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> list[pl.Series]:
    """Values of these fields in the dtypes of a page."""
    shape = table.describe()
    made = []
    for name in names:
        field = shape.field(name)
        assert field is not None, f"{shape.name} has no {name}"
        made.append(pl.Series(name, [row.get(name) for row in rows], dtype=dtype(field)))
    return made


def fetched(table: Table, ids: Sequence[str], *fields: str) -> dict[str, dict[str, object]]:
    """Records by id."""
    frame = table.fetch(pl.Series(ID, ids, dtype=pl.String), Want(fields))
    assert frame[ID].is_unique().all(), "a record comes once, however often it is asked for"
    return {str(row[ID]): row for row in frame.to_dicts()}


def named(changes: Changes) -> list[str]:
    """The ids a feed names, page after page."""
    return [id_ for page in changes.pages for id_ in page[ID].to_list()]
