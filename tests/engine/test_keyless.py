"""A table whose key nothing fills: kept in step, and a record to be created there is that record's error
(docs/decisions 10).
"""

from dataclasses import replace
from pathlib import Path

import pytest

from koppel.model.policy import Side
from koppel.model.values import FieldShape, Kind
from tests.engine.twin import Twin, customer


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    """The left table has a short natural key that no field line writes."""
    shape = customer()
    short = replace(shape, fields=(FieldShape("id", Kind.CODE, length=20, nullable=False), *shape.fields[1:]))
    return Twin(tmp_path, shapes=(short, customer()))


def test_a_record_that_cannot_be_created_is_an_error_and_stops_nothing(twin: Twin) -> None:
    twin.left.put("C1", {"name": "Ann"})
    twin.put(Side.RIGHT, 1, name="Bea")
    job = twin.full()
    assert (job.tally.to_right.inserted, job.tally.to_left.failed) == (1, 1)
    (error,) = twin.store.errors()
    assert (error.code, error.field, error.side) == ("no_key", "id", Side.RIGHT)
    assert list(twin.left.records()) == ["C1"]


def test_coupled_records_travel_both_ways(twin: Twin) -> None:
    twin.left.put("C1", {"name": "Ann"})
    twin.full()
    (right,) = twin.right.records()
    twin.right.edit(right, {"phone": "7"})
    assert twin.sync().tally.to_left.modified == 1
    assert twin.left.records()["C1"]["phone"] == "7"
