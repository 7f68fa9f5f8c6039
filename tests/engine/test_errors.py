"""Records that cannot be carried: they stop nobody else, are tried again, then wait for a person (semantics 4.7, C3,
C4).
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from koppel.connectors.memory import Unreadable
from koppel.engine.context import Asked
from koppel.engine.ping_pong import FEW
from koppel.model.mapping import ConversionCall, MatchRule
from koppel.model.policy import Direction, Drift, Side
from koppel.model.values import FieldShape, KeyOrigin, Kind, TableShape
from tests.engine.twin import Twin, counts, customer, line, lines, values


@pytest.fixture
def narrow(twin: Twin) -> Twin:
    """A right side whose names hold five characters."""
    fields = tuple(FieldShape("name", Kind.TEXT, length=5) if f.name == "name" else f for f in customer().fields)
    twin.shapes = (customer(), TableShape("customer", fields, ("id",), KeyOrigin.CHOSEN, modified="modified"))
    twin.add(Side.RIGHT, twin.shapes[1])
    return twin


def test_error_then_skipped_then_an_edit_lifts_it(narrow: Twin) -> None:
    """Semantics 4.7.5; DESIGN 7, retry set: the same failure in two jobs → skipped; an edit lifts it. Failed creates
    too.
    """
    left = narrow.put(Side.LEFT, 1, name="too long a name")
    assert counts(narrow.full()) == {"failed": 1}
    (error,) = narrow.errors()
    assert (error.side, error.record, error.field, error.skipped) == (Side.LEFT, left, "name", False)
    assert counts(narrow.full()) == {"skipped": 1}
    assert narrow.errors()[0].skipped
    assert counts(narrow.full()) == {"skipped": 1}
    narrow.left.edit(left, {"name": "Anna"})
    assert counts(narrow.full()) == {"inserted": 1}
    assert not narrow.errors()


def test_retry_lifts_a_skip(narrow: Twin) -> None:
    """DESIGN 7: Retry lifts it."""
    narrow.put(Side.LEFT, 1, name="too long a name")
    narrow.full()
    narrow.full()
    assert narrow.store.retry("CUSTOMER", None) == 1
    narrow.having(fields=(line("name <-> name", convert_right=(ConversionCall("cut", (1, 5)),)),))
    assert counts(narrow.full()) == {"inserted": 1}
    assert not narrow.errors()


def test_a_failed_create_is_tried_again_though_nothing_changed(narrow: Twin) -> None:
    """DESIGN 7; bug museum: Business Central never tries a failed create again. Here it is in the retry set."""
    narrow.put(Side.LEFT, 1, name="too long a name")
    narrow.sync(Asked(creates=True))
    narrow.clock.moment = narrow.clock.moment.replace(year=2027)
    narrow.sync(Asked(creates=True))
    narrow.sync(Asked(creates=True))
    assert counts(narrow.sync(Asked(creates=True))) == {"skipped": 1}


def test_one_bad_value_stops_nobody_else(narrow: Twin) -> None:
    """DESIGN 10; bug museum SymmetricDS head-of-line block."""
    for number in range(10):
        narrow.put(Side.LEFT, number, name="too long a name" if number == 4 else f"n{number}")
    assert counts(narrow.full()) == {"inserted": 9, "failed": 1}


def test_a_record_that_cannot_be_read_leaves_the_page(twin: Twin) -> None:
    """DESIGN 10: a value that does not decode is that record's error, and nothing of it is compared or written."""
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"name": Unreadable("bad_date"), "phone": "2"})
    other = twin.put(Side.LEFT, 2, name="Bea")
    assert counts(twin.full()) == {"inserted": 1, "failed": 1}
    assert values(twin.right, right) == {"name": "Anna", "phone": "1"}
    assert [(error.record, error.field, error.code) for error in twin.errors()] == [(left, "name", "bad_date")]
    assert other in dict(twin.couplings())
    twin.left.edit(left, {"name": "Anne"})
    twin.full()
    assert values(twin.right, right) == {"name": "Anne", "phone": "2"}
    assert not twin.errors()


def test_a_refusal_of_the_system_is_the_records_error(twin: Twin) -> None:
    """DESIGN 12: a unique constraint refuses one row; the rest of the batch goes in."""
    twin.having(fields=lines("name <-> name", "number <-> number"))
    for number in range(3):
        twin.left.edit(twin.put(Side.LEFT, number, name=f"n{number}"), {"number": str(number)})
    twin.right.edit(twin.put(Side.RIGHT, 9, name="other"), {"number": "1"})
    one_way = tuple(replace(field, direction=Direction.TO_RIGHT) for field in twin.mapping.fields)
    twin.having(fields=one_way, direction=Direction.TO_RIGHT)
    assert counts(twin.full()) == {"inserted": 2, "failed": 1}
    (error,) = twin.errors()
    assert (error.code, error.field, error.side) == ("refused", "number", Side.LEFT)
    assert "another record has the same number" in error.message


def test_a_refused_update_loses_nothing_and_arrives_when_the_way_is_free(twin: Twin) -> None:
    """DESIGN 4: an error moves nothing, so the edit is still one."""
    twin.having(fields=lines("name <-> name", "number <-> number"))
    first = twin.put(Side.LEFT, 1)
    blocker = twin.put(Side.RIGHT, 9)
    twin.right.edit(blocker, {"number": "9"})
    twin.full()
    twin.left.edit(first, {"number": "9", "name": "Anna"})
    blocked = next(left for left, right in twin.couplings() if right == blocker)
    assert counts(twin.sync()) == {"failed": 1}
    twin.left.edit(blocked, {"number": "10"})
    twin.sync()
    twin.store.retry("CUSTOMER", None)
    twin.sync()
    right = dict(twin.couplings())[first]
    assert (twin.right.records()[right]["number"], twin.right.records()[right]["name"]) == ("9", "Anna")
    assert not twin.errors()


def test_ambiguity_is_not_a_create(twin: Twin) -> None:
    """DESIGN 3; bug museum: Business Central creates a duplicate when its match is ambiguous."""
    twin.having(match=(MatchRule((("name", "name"),)),))
    twin.put(Side.LEFT, 1, name="Anna")
    twin.put(Side.RIGHT, 2, name="Anna")
    twin.put(Side.RIGHT, 3, name="Anna")
    job = twin.full()
    assert counts(job) == {"failed": 3}
    assert {error.code for error in twin.errors()} == {"ambiguous"}
    assert twin.effects() == 0


@pytest.fixture
def bouncing(twin: Twin) -> tuple[Twin, str]:
    """A pair whose name something on the right puts back whenever koppel has written it; the right id."""
    twin.having(fields=(line("name -> name"), line("phone <-> phone")), drift=Drift.RESTORE)
    _, right = twin.pair(name="Anna", phone="1")
    twin.put(Side.LEFT, 2, name="Bea", phone="2")
    twin.full()
    for _ in range(FEW):
        twin.right.edit(right, {"name": "MR ANNA"})
        assert counts(twin.sync()) == {"modified": 1}
    twin.right.edit(right, {"name": "MR ANNA"})
    return twin, right


def test_a_ping_pong_is_stopped_by_count_and_listed(bouncing: tuple[Twin, str]) -> None:
    """DESIGN 7: the same cell written more than a few times a day in one direction is stopped and is an error."""
    twin, right = bouncing
    assert counts(twin.sync()) == {"failed": 1}
    (error,) = twin.errors()
    assert (error.code, error.field) == ("ping_pong", "name")
    assert "changes it back" in error.message and "→" not in error.message
    effects = twin.effects()
    assert counts(twin.sync()) == {"skipped": 1}
    assert twin.effects() == effects
    assert values(twin.right, right) == {"name": "MR ANNA", "phone": "1"}


def test_a_ping_pong_is_tried_again_when_a_day_has_passed(bouncing: tuple[Twin, str]) -> None:
    """Nobody has to lift it once what changed the value back is gone."""
    twin, right = bouncing
    twin.sync()
    twin.sync()
    twin.clock.moment += timedelta(days=1)
    assert counts(twin.sync()) == {"modified": 1}
    assert values(twin.right, right)["name"] == "Anna"
    assert not twin.errors()


def test_a_person_is_not_stopped_as_a_ping_pong(bouncing: tuple[Twin, str]) -> None:
    """A forced run is somebody's word."""
    twin, right = bouncing
    twin.sync()
    twin.sync(Asked(everything=True, forced=Side.RIGHT))
    assert values(twin.right, right)["name"] == "Anna"
    assert not twin.errors()


def test_other_records_and_fields_are_not_stopped_by_a_ping_pong(bouncing: tuple[Twin, str]) -> None:
    """It is a matter of one cell: the name of another record, and another field of the same one, still travel."""
    twin, right = bouncing
    twin.right.edit(right, {"name": "Anna", "phone": "3"})
    for left, name in zip(dict(twin.couplings()), ("Anna", "Cleo"), strict=True):
        twin.left.edit(left, {"name": name})
    assert counts(twin.sync()) == {"modified": 2}
    assert not twin.errors()
