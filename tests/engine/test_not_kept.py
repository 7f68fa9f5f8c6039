"""A system that keeps another value than it was sent, and says so (`model.write.ALTERED`, docs/decisions 38)."""

import polars as pl
import pytest

from koppel.connectors.memory import MemoryTable
from koppel.model.mapping import SideOptions
from koppel.model.policy import OnConflict, OnDelete, Side
from koppel.model.write import ALTERED, Write
from tests.engine.twin import Twin, counts, values

KEPT = "kept"


@pytest.fixture(autouse=True)
def stubborn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both tables make another name of 'BAD', and say of which field."""
    write = MemoryTable.write

    def altering(table: MemoryTable, batch: Write) -> pl.DataFrame:
        if "name" not in batch.fields:
            return write(table, batch)
        sent = batch.mask[:, batch.fields.index("name")]
        bad = sent & (batch.rows["name"] == "BAD").fill_null(False).to_numpy()
        name = pl.when(pl.Series(bad)).then(pl.lit(KEPT)).otherwise("name").alias("name")
        answer = write(table, Write(**{**vars(batch), "rows": batch.rows.with_columns(name)}))
        return answer.with_columns(pl.Series(ALTERED, [["name"] if each else None for each in bad]))

    monkeypatch.setattr(MemoryTable, "write", altering)


def test_a_value_that_is_not_kept_is_an_error_until_something_is(twin: Twin) -> None:
    """It is tried in two runs, and then waits for a person; what else was sent is settled."""
    left, right = twin.pair(name="OLD", city="Ghent")
    twin.left.edit(left, {"name": "BAD", "city": "Bruges"})
    twin.sync()
    assert [(error.code, error.field) for error in twin.errors()] == [("altered", "name")]
    assert values(twin.right, right) == {"name": KEPT, "city": "Bruges"}
    twin.left.edit(left, {"name": "GOOD"})
    assert counts(twin.sync()) == {"modified": 1}
    assert (values(twin.right, right)["name"], twin.errors()) == ("GOOD", [])


@pytest.mark.parametrize("full", [False, True])
def test_a_source_that_takes_it_back_is_not_taken_for_agreed(twin: Twin, full: bool) -> None:
    """Law 4: the other side holds something else meanwhile, so what the source said before travels once more."""
    left, right = twin.pair(name="OLD")
    twin.left.edit(left, {"name": "BAD"})
    twin.sync()
    twin.left.edit(left, {"name": "OLD"})
    (twin.full if full else twin.sync)()
    assert (values(twin.right, right)["name"], twin.errors()) == ("OLD", [])


def test_a_new_record_whose_value_is_blanked_again(twin: Twin) -> None:
    left = twin.put(Side.LEFT, 1, name="BAD", city="Ghent")
    twin.full()
    ((_, right),) = twin.couplings()
    assert [error.code for error in twin.errors()] == ["altered"]
    twin.left.edit(left, {"name": None})
    twin.sync()
    assert (values(twin.right, right), twin.errors()) == ({"city": "Ghent"}, [])


def test_what_a_resolver_has_chosen_is_told_too(twin: Twin) -> None:
    twin.having(on_conflict=OnConflict.LONGEST)
    left, right = twin.pair(name="OLD")
    twin.left.edit(left, {"name": "BAD"})
    twin.right.edit(right, {"name": "X"})
    twin.sync()
    assert "altered" in {error.code for error in twin.errors()}


def test_a_record_that_stays_in_use_stays_coupled(twin: Twin) -> None:
    """A deactivation that is not kept is none."""
    out = SideOptions(deactivate=("name", "BAD"))
    twin.having(on_delete=OnDelete.DEACTIVATE, left_options=out, right_options=out)
    left, right = twin.pair(name="OLD")
    twin.left.remove(left)
    twin.full(lifted=True)
    assert twin.couplings() == [(left, right)]
    assert [(error.code, error.field) for error in twin.errors()] == [("altered", "name")]
