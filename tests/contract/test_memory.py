"""The memory twin keeps the contract of a table, with every switch in every position, and its own promises."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
import polars as pl
import pytest

from koppel.connectors.memory import Knobs, MemorySystem, MemoryTable, Unreadable
from koppel.errors import ConfigurationError
from koppel.model.values import FAULT, ID, OP, FieldShape, KeyOrigin, Kind, TableShape
from koppel.model.write import CODE, Write, WriteKind
from koppel.ports import Feed, Table, TableOptions, Want
from koppel.testing import FIELDS, TableContract
from koppel.testing.stage import AWKWARD, Trait


def numbered(record: dict[str, object]) -> Mapping[str, object]:
    return {} if record["number"] else {"number": f"N-{record['name']}"}


class MemoryStage:
    """A memory system under a clock that stands still until it is told to go on."""

    lacks = frozenset({Trait.SCHEMAS, Trait.VIEWS, Trait.COMPUTED_FIELDS, Trait.LOCAL_TIMES, Trait.REFERENCES})

    def __init__(self, knobs: Knobs) -> None:
        self.moment = datetime(2026, 3, 1, 9, tzinfo=UTC)
        self.system = MemorySystem("erp", self.now)
        self.knobs = replace(knobs, fill=numbered)

    def table(self, origin: KeyOrigin) -> MemoryTable:
        kind = Kind.UUID if origin is KeyOrigin.CHOSEN else Kind.INTEGER
        return self._made((FieldShape("id", kind, nullable=False),), origin)

    def composite(self) -> MemoryTable:
        parts = tuple(FieldShape(name, Kind.TEXT, nullable=False) for name in ("area", "code"))
        return self._made(parts, KeyOrigin.CHOSEN)

    def _made(self, key: tuple[FieldShape, ...], origin: KeyOrigin) -> MemoryTable:
        fields = (*key, *FIELDS, FieldShape("modified", Kind.DATETIME))
        names = tuple(field.name for field in key)
        shape = TableShape("thing", fields, names, origin, "modified", timedelta(milliseconds=10))
        return self.system.create_table(shape, self.knobs)

    def put(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        assert isinstance(table, MemoryTable)
        table.put(id_, values)

    def edit(self, table: Table, id_: str, values: Mapping[str, object]) -> None:
        assert isinstance(table, MemoryTable)
        table.edit(id_, values)

    def remove(self, table: Table, id_: str) -> None:
        assert isinstance(table, MemoryTable)
        table.remove(id_)

    def awkward(self) -> MemoryTable:
        fields = (FieldShape("id", Kind.UUID, nullable=False), *(FieldShape(name, Kind.TEXT) for name in AWKWARD))
        return self.system.create_table(TableShape('Order "1" % {}', fields, ("id",), KeyOrigin.CHOSEN))

    def view(self) -> None:
        """What a memory table does not have."""

    computed = elsewhere = local = referring = view

    def live(self, table: Table) -> MemoryTable:
        return self.system.table("thing", TableOptions(lag=timedelta(0)))

    def begin(self, table: Table, id_: str, values: Mapping[str, object]) -> Callable[[], None]:
        """The system's lock is what keeps others out."""
        assert isinstance(table, MemoryTable)
        table._stage.lock.acquire()
        table.edit(id_, values)
        return table._stage.lock.release

    def now(self) -> datetime:
        return self.moment

    def wait(self, time: timedelta) -> None:
        self.moment += time


SWITCHES = [
    Knobs(feed=feed, conditional=conditional, returns_stored=stored, atomic_batch=atomic, page_rows=2)
    for feed in (Feed.FULL, Feed.MODIFIED_ON)
    for conditional, stored, atomic in product((True, False), repeat=3)
]


class TestMemory(TableContract):
    @pytest.fixture(
        params=SWITCHES,
        ids=lambda knobs: f"{knobs.feed}-{knobs.conditional}-{knobs.returns_stored}-{knobs.atomic_batch}",
    )
    def stage(self, request: pytest.FixtureRequest) -> MemoryStage:
        return MemoryStage(request.param)


ON = np.ones((1, 1), np.bool_)
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def create(*names: str) -> Write:
    frame = pl.DataFrame({OP: range(len(names)), ID: [f"id-{name}" for name in names], "name": names})
    return Write(WriteKind.CREATE, frame, ("name",), ON.repeat(len(names), 0), None, ("name",), MOMENT)


def update(id_: str, name: str, expected: str) -> Write:
    frame = pl.DataFrame({OP: [1], ID: [id_], "name": [name]})
    seen = pl.DataFrame({OP: [1], "name": [expected]})
    return Write(WriteKind.UPDATE, frame, ("name",), ON, seen, (), MOMENT)


class Stop(Exception):
    """What a simulation raises to kill koppel at an effect."""


@pytest.mark.parametrize(
    ("atomic", "phase", "stored"),
    [
        (True, "before", 0),
        (True, "inside", 0),
        (True, "after", 4),
        (False, "before", 0),
        (False, "inside", 2),
        (False, "after", 4),
    ],
)
def test_a_simulation_can_kill_a_write_before_inside_and_after(atomic: bool, phase: str, stored: int) -> None:
    """Half of a batch that is not atomic stays behind; nothing of one that is; after it, everything (DESIGN 7, 13)."""
    stage = MemoryStage(Knobs(atomic_batch=atomic))
    table = stage.table(KeyOrigin.CHOSEN)
    seen = []

    def stop(now: str, name: str) -> None:
        seen.append(name)
        if now == phase:
            raise Stop

    stage.system.on_effect = stop
    with pytest.raises(Stop):
        table.write(create("a", "b", "c", "d"))
    assert len(table.records()) == stored
    assert [effect.id for effect in stage.system.effects] == [f"id-{name}" for name in "abcd"[:stored]]
    assert set(seen) == {"create thing"}


@pytest.mark.parametrize(("conditional", "name"), [(True, "theirs"), (False, "ours")])
def test_only_a_conditional_table_notices_an_edit_at_the_last_moment(conditional: bool, name: str) -> None:
    """A table that is not conditional is compared just before the call, and says so in its features (DESIGN 7)."""
    stage = MemoryStage(Knobs(conditional=conditional))
    table = stage.table(KeyOrigin.CHOSEN)
    table.put("id", {"name": "old"})
    stage.system.on_effect = lambda phase, _: table.edit("id", {"name": "theirs"}) if phase == "before" else None
    outcome = table.write(update("id", "ours", "old"))
    assert outcome[CODE].to_list() == ["stale" if conditional else "written"]
    assert table.records()["id"]["name"] == name


def test_a_record_that_vanishes_at_the_last_moment_is_missing() -> None:
    stage = MemoryStage(Knobs(conditional=False))
    table = stage.table(KeyOrigin.CHOSEN)
    table.put("id", {"name": "old"})
    stage.system.on_effect = lambda phase, _: table.remove("id") if phase == "before" else None
    assert table.write(update("id", "ours", "old"))[CODE].to_list() == ["missing"]


def test_an_unreadable_value_is_null_with_a_reason() -> None:
    """ports: a value that cannot be represented is null and its record's FAULT says `field: reason`."""
    table = MemoryStage(Knobs()).table(KeyOrigin.CHOSEN)
    table.put("id", {"name": "old", "amount": Unreadable("digits_lost")})
    page = table.fetch(pl.Series(["id"]), Want(("name", "amount")))
    assert page.row(0, named=True) | {"@version": None} == {
        ID: "id",
        "@version": None,
        FAULT: "amount: digits_lost",
        "name": "old",
        "amount": None,
    }
    assert table.fetch(pl.Series(["id"]), Want(("name",)))[FAULT].to_list() == [None]


def test_options_are_checked_and_share_the_records() -> None:
    stage = MemoryStage(Knobs())
    table = stage.table(KeyOrigin.CHOSEN)
    view = stage.system.table("thing", TableOptions(modified="seen", lag=timedelta(0)))
    table.put("id", {"name": "x"})
    assert view.records() == table.records()
    assert (view.describe().modified, view.features.lag) == ("seen", timedelta(0))
    for options in (TableOptions(key=("name",)), TableOptions(modified="name")):
        with pytest.raises(ConfigurationError):
            stage.system.table("thing", options)
    with pytest.raises(ConfigurationError, match="its tables are: thing"):
        stage.system.table("nothing", TableOptions())
