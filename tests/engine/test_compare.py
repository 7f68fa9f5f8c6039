"""Comparing everything: the feeds bring the values along, and only what is not as agreed is looked at (DESIGN 5, 9)."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from koppel.connectors.memory import MemoryTable
from koppel.engine.context import Asked
from koppel.engine.pretend import Pretended, PretendTable
from koppel.model.mapping import SideOptions
from koppel.model.policy import FilterScope, Side
from koppel.model.values import ID, OP, VERSION
from koppel.model.write import Write, WriteKind
from koppel.ports import Want
from koppel.transform.filter_text import parse
from tests.engine.twin import Twin, counts, lines, values


@pytest.fixture
def twin(twin: Twin) -> Twin:
    """Five coupled pairs that have stood still for a while."""
    for number in range(5):
        twin.put(Side.LEFT, number, name=f"n{number}", city="Ghent")
    twin.full()
    twin.clock.moment += twin.left.features.lag * 60
    twin.sync()
    twin.clock.moment += twin.left.features.lag * 60
    return twin


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The ids of every record whose fields were read a second time."""
    read: list[str] = []
    fetch = MemoryTable.fetch

    def watched(table: MemoryTable, ids: pl.Series, want: Want) -> pl.DataFrame:
        read.extend(ids if want.fields else [])
        return fetch(table, ids, want)

    monkeypatch.setattr(MemoryTable, "fetch", watched)
    yield read


def test_what_is_as_agreed_is_read_once(twin: Twin, fetched: list[str]) -> None:
    """It is compared and counted all the same."""
    assert counts(twin.full().tally.to_right) == {"unchanged": 5}
    assert fetched == []


def test_only_the_pair_that_differs_is_looked_at(twin: Twin, fetched: list[str]) -> None:
    left, right = twin.couplings()[3]
    twin.right.edit(right, {"city": "Bruges"})
    assert counts(twin.full()) == {"unchanged": 4, "modified": 1}
    assert set(fetched) == {left, right}
    assert values(twin.left, left)["city"] == "Bruges"


def test_an_edit_that_left_no_trace_is_found(twin: Twin) -> None:
    """What `everything` is for: the change stamp did not move, so no other run sees it."""
    left, right = twin.couplings()[0]
    stamp = twin.left.records()[left]["modified"]
    twin.left.edit(left, {"name": "Bea", "modified": stamp})
    assert counts(twin.sync()) == {}
    assert counts(twin.full()) == {"unchanged": 4, "modified": 1}
    assert values(twin.right, right)["name"] == "Bea"


def test_versions_that_moved_are_kept(twin: Twin, fetched: list[str]) -> None:
    """A record was touched and says the same: the next full run reads it once again."""
    left, right = twin.couplings()[0]
    twin.left.edit(left, {"blocked": True})
    twin.clock.moment += twin.left.features.lag * 60
    twin.full()
    assert set(fetched) == {left, right}
    fetched.clear()
    twin.full()
    assert fetched == []


def test_a_record_that_was_deleted_is_looked_at(twin: Twin) -> None:
    twin.left.remove(twin.couplings()[2][0])
    assert counts(twin.full()) == {"unchanged": 4, "conflicts": 1}


@pytest.mark.parametrize(
    ("scope", "counted"),
    [(FilterScope.EVERYTHING, {"unchanged": 4, "out": 1}), (FilterScope.NEW_RECORDS, {"unchanged": 5})],
)
def test_the_filter_is_asked(twin: Twin, scope: FilterScope, counted: dict[str, int]) -> None:
    rule = "name <> 'n1'"
    twin.having(left_options=SideOptions(filter_text=rule, filter=parse(rule)), filter_scope=scope)
    assert counts(twin.full()) == counted


def test_what_is_open_about_a_pair_is_closed(twin: Twin) -> None:
    """An error whose cause is gone, and a conflict that both users took back, end with the pair as it was."""
    (left, right), (other, _) = twin.couplings()[:2]
    twin.left.edit(left, {"name": "L"})
    twin.right.edit(right, {"name": "R"})
    twin.left.edit(other, {"name": "far too long for the other side, which has thirty"})
    twin.sync()
    assert (len(twin.conflicts()), len(twin.errors())) == (1, 1)
    twin.left.edit(left, {"name": "n0"})
    twin.right.edit(right, {"name": "n0"})
    twin.left.edit(other, {"name": "n1"})
    assert counts(twin.full()) == {"unchanged": 5}
    assert (twin.conflicts(), twin.errors()) == ([], [])


def test_another_layout_is_looked_at(twin: Twin) -> None:
    """A field that was added has no baseline yet."""
    left, right = twin.couplings()[0]
    twin.left.edit(left, {"number": "C1"})
    twin.having(fields=(*twin.mapping.fields, *lines("number <-> number")))
    twin.full()
    assert twin.right.records()[right]["number"] == "C1"


def test_forcing_looks_at_every_pair(twin: Twin, fetched: list[str]) -> None:
    """Every cell is unseen then, so nothing is as agreed."""
    twin.sync(Asked(everything=True, forced=Side.RIGHT))
    assert {id_ for pair in twin.couplings() for id_ in pair} == set(fetched)


def test_small_pages_give_the_same(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs that differ are lined up in parts (bar R6)."""
    monkeypatch.setattr("koppel.store.lineup.FETCH_ROWS", 1)
    for left, _ in twin.couplings()[:3]:
        twin.left.edit(left, {"city": "Bruges"})
    assert counts(twin.full()) == {"unchanged": 2, "modified": 3}


def test_a_plan_compares_with_what_would_have_been_written(twin: Twin) -> None:
    """Another mapping of the same plan may have changed or deleted what the real feed still shows."""
    (first, second, *rest) = sorted(twin.left.records())
    table = PretendTable(twin.left, twin.left.describe(), Pretended("CUSTOMER", "erp"))
    now = twin.clock.now()
    rows = pl.DataFrame({OP: [0], ID: [first], "name": ["Bea"]})
    table.write(Write(WriteKind.UPDATE, rows, ("name",), np.ones((1, 1), dtype=np.bool_), None, (), now))
    gone = pl.DataFrame({OP: [0], ID: [second]})
    table.write(Write(WriteKind.DELETE, gone, (), np.ones((1, 0), dtype=np.bool_), None, (), now))
    (page,) = table.changes(None, Want(("name",))).pages
    shown = {id_: (version is None, name) for id_, version, name in page.select(ID, VERSION, "name").rows()}
    assert shown.pop(first) == (True, "Bea")
    assert {id_: version for id_, (version, _) in shown.items()} == dict.fromkeys(rest, False)
