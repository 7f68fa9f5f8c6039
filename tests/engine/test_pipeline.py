"""Pages overlap: one is written while the next is decided and the one after it is read (DESIGN 5, 7)."""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from koppel.connectors.memory import MemoryTable
from koppel.connectors.memory.table import Knobs
from koppel.engine import pipeline
from koppel.engine.context import Asked, JobContext
from koppel.engine.hands import Inline
from koppel.engine.job import fail, finish, run_job
from koppel.errors import Unreachable
from koppel.model.job import JobRecord
from koppel.model.mapping import MatchRule
from koppel.model.policy import Side
from koppel.model.values import KeyOrigin, TableShape
from koppel.model.write import Write
from koppel.ports import Want
from koppel.testing.hands import Late
from tests.engine.twin import Twin, counts, customer

Hand = Callable[[], Executor]
HANDS = pytest.mark.parametrize("hand", [Inline, Late, lambda: ThreadPoolExecutor(1)], ids=["inline", "late", "thread"])


def small_pages(folder: Path, shapes: tuple[TableShape, TableShape] | None = None, **settings: Any) -> Twin:
    """A world whose pages hold two pairs."""
    twin = Twin(folder, shapes=shapes or (customer(), customer()), knobs=(Knobs(batch_rows=2), Knobs(batch_rows=2)))
    return twin.having(only_coupled=False, **settings)


def carried(twin: Twin, hand: Hand) -> JobRecord:
    """A full job with these hands."""
    context: JobContext = twin.context(Asked(creates=True, everything=True))
    context.hand = lambda elsewhere: hand()
    try:
        finish(context, run_job(context))
    except Unreachable as error:
        fail(context, error)
        raise
    return twin.store.jobs()[0]


def notes(monkeypatch: pytest.MonkeyPatch, story: list[str]) -> None:
    """Have the tables tell when they are read and written."""
    fetch, write = MemoryTable.fetch, MemoryTable.write

    def told_fetch(table: MemoryTable, ids: pl.Series, want: Want) -> pl.DataFrame:
        story.extend(["read"] if len(ids) else [])
        return fetch(table, ids, want)

    def told_write(table: MemoryTable, batch: Write) -> pl.DataFrame:
        story.append("write")
        return write(table, batch)

    monkeypatch.setattr(MemoryTable, "fetch", told_fetch)
    monkeypatch.setattr(MemoryTable, "write", told_write)


def test_a_page_is_read_before_the_one_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = small_pages(tmp_path)
    for number in range(6):
        twin.put(Side.LEFT, number, name=f"n{number}")
    story: list[str] = []
    notes(monkeypatch, story)
    carried(twin, Inline)
    assert story[:5] == ["read", "read", "write", "read", "write"]


@pytest.mark.parametrize(("side", "landings"), [(Side.LEFT, 1), (Side.RIGHT, 3)], ids=["to the right", "to the left"])
def test_pages_wait_only_where_a_lost_create_could_not_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: Side, landings: int
) -> None:
    """The left gives keys, and nothing unique is mapped; the right takes koppel's. Creates on the left wait until the
    page before them is settled, creates on the right need not (issue 4: only the limits of a service slow a load).
    """
    twin = small_pages(tmp_path, shapes=(customer(origin=KeyOrigin.GENERATED), customer()))
    for number in range(6):
        twin.put(side, number + 1, name=f"n{number}")
    waited: list[int] = []
    land = pipeline._Flight.land

    def told_land(flight: Any) -> None:
        waited.extend([1] if flight._open else [])
        land(flight)

    monkeypatch.setattr(pipeline._Flight, "land", told_land)
    assert counts(carried(twin, Late)) == {"inserted": 6}
    assert len(waited) == landings


@HANDS
def test_every_page_arrives_once(tmp_path: Path, hand: Hand) -> None:
    twin = small_pages(tmp_path)
    for number in range(9):
        twin.put(Side.LEFT, number, name=f"n{number}")
        twin.put(Side.RIGHT, number, name=f"m{number}")
    assert counts(carried(twin, hand)) == {"inserted": 18}
    assert len(twin.left.records()) == len(twin.right.records()) == len(twin.couplings()) == 18
    assert not counts(twin.sync()).get("modified")


@HANDS
def test_a_partner_made_by_the_page_before_is_found(tmp_path: Path, hand: Hand) -> None:
    """Nothing ambiguous creates a record (DESIGN 3): a page looks for partners when what was made before is there."""
    twin = small_pages(tmp_path, match=(MatchRule((("phone", "phone"),)),))
    for number in range(4):
        twin.put(Side.LEFT, number, name=f"n{number}", phone="same" if number in (0, 3) else None)
    carried(twin, hand)
    assert [error.code for error in twin.errors()] == ["ambiguous"]
    assert len(twin.right.records()) == 3


@HANDS
def test_what_was_not_sent_after_a_failure_is_taken_back(
    tmp_path: Path, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a write that was sent has a fate to be found out: the second fails, the third is never sent."""
    twin = small_pages(tmp_path)
    for number in range(8):
        twin.put(Side.LEFT, number, name=f"n{number}")
    write, calls = MemoryTable.write, []

    def breaks(table: MemoryTable, batch: Write) -> pl.DataFrame:
        calls.append(batch)
        if len(calls) == 2:
            raise Unreachable("crm", "the line is dead", "try again")
        return write(table, batch)

    monkeypatch.setattr(MemoryTable, "write", breaks)
    with pytest.raises(Unreachable):
        carried(twin, hand)
    assert len(calls) == 2
    assert len(twin.right.records()) == len(twin.couplings()) == 2
    assert len(twin.store.open_intents("CUSTOMER")) == 1
    assert counts(twin.full()) == {"inserted": 6, "unchanged": 2}
