"""How values travel between coupled records: directions, merges, conflicts and who wins them (DESIGN 3)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from koppel.connectors.memory.table import Knobs
from koppel.model.policy import ConflictScope, Direction, OnConflict, Side
from tests.engine.twin import Twin, counts, line, two_way, values


def test_records_of_both_sides_are_created_on_the_other(twin: Twin) -> None:
    """DESIGN 2, only coupled off: created on the other side and coupled."""
    left = twin.put(Side.LEFT, 1, name="Anna", city="Ghent")
    right = twin.put(Side.RIGHT, 2, name="Bert")
    assert counts(twin.full()) == {"inserted": 2}
    pairs = dict(twin.couplings())
    assert values(twin.right, pairs[left]) == {"name": "Anna", "city": "Ghent"}
    made = {there: here for here, there in pairs.items()}[right]
    assert values(twin.left, made) == {"name": "Bert"}


def test_uncoupled_records_are_left_alone_unless_asked(twin: Twin) -> None:
    """DESIGN 2, only coupled on (semantics 4.5): nothing is created."""
    twin.put(Side.LEFT, 1, name="Anna")
    assert counts(twin.sync()) == {}
    assert not twin.right.records()


@pytest.mark.parametrize("direction", [Direction.TO_RIGHT, Direction.TO_LEFT])
def test_a_one_way_mapping_creates_one_way(twin: Twin, direction: Direction) -> None:
    """A mapping `->` never creates on the left, `<-` never on the right."""
    lines = tuple(replace(field, direction=direction) for field in twin.mapping.fields)
    twin.having(direction=direction, fields=lines)
    twin.put(Side.LEFT, 1, name="Anna")
    twin.put(Side.RIGHT, 2, name="Bert")
    assert counts(twin.full()) == {"inserted": 1}
    assert (len(twin.left.records()), len(twin.right.records())) == (
        (1, 2) if direction is Direction.TO_RIGHT else (2, 1)
    )


def test_an_edit_travels_and_only_its_field_is_written(twin: Twin) -> None:
    """DESIGN 4: only what moved is sent; a field of the other side that no line maps stays."""
    left, right = twin.pair(name="Anna", city="Ghent")
    twin.right.edit(right, {"blocked": True})
    twin.left.edit(left, {"city": "Bruges"})
    assert counts(twin.sync()) == {"modified": 1}
    assert values(twin.right, right) == {"name": "Anna", "city": "Bruges"}
    assert twin.right.records()[right]["blocked"] is True


def test_a_hundred_edits_of_different_fields_all_merge(twin: Twin) -> None:
    """DESIGN 3, conflict_scope field; bug museum: Skyvia loses one of two different-field edits.
    100 pairs, none lost.
    """
    for number in range(100):
        twin.put(Side.LEFT, number, name=f"n{number}", phone="1")
    twin.full()
    pairs = twin.couplings()
    for left, right in pairs:
        twin.left.edit(left, {"name": "left edit"})
        twin.right.edit(right, {"phone": "right edit"})
    job = twin.sync()
    assert counts(job.tally.to_right) == counts(job.tally.to_left) == {"modified": 100}, "a merge is modified in both"
    wanted = {"name": "left edit", "phone": "right edit"}
    assert all(values(twin.left, left) == values(twin.right, right) == wanted for left, right in pairs)
    assert not twin.conflicts()


def test_a_hundred_edits_of_the_same_field_are_a_hundred_conflicts(twin: Twin) -> None:
    """DESIGN 3: on_conflict = ask is the default, nothing of the field moves, nobody's edit is lost."""
    for number in range(100):
        twin.put(Side.LEFT, number, name="same")
    twin.full()
    pairs = twin.couplings()
    for left, right in pairs:
        twin.left.edit(left, {"name": "left edit"})
        twin.right.edit(right, {"name": "right edit"})
    effects = twin.effects()
    assert counts(twin.sync()) == {"conflicts": 100}
    assert twin.effects() == effects
    found = twin.conflicts()
    assert len(found) == 100
    assert {(c.kind, c.fields, c.left_values, c.right_values) for c in found} == {
        ("update", ("name",), ("left edit",), ("right edit",))
    }


def test_a_conflict_stays_one_conflict_and_closes_by_itself(twin: Twin) -> None:
    """DESIGN 3: seen again it is the same conflict; it closes when the sides agree."""
    left, right = twin.pair(name="Anna")
    twin.left.edit(left, {"name": "L"})
    twin.right.edit(right, {"name": "R"})
    twin.sync()
    first = twin.conflicts()
    twin.sync()
    assert twin.conflicts() == first
    twin.right.edit(right, {"name": "L"})
    effects = twin.effects()
    twin.sync()
    assert not twin.conflicts()
    assert twin.effects() == effects


def test_beside_a_conflict_the_other_fields_travel(twin: Twin) -> None:
    """DESIGN 3, conflict_scope = field: a clash does not change the action of the other cells."""
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"name": "L", "phone": "2"})
    twin.right.edit(right, {"name": "R", "city": "Ghent"})
    twin.sync()
    assert values(twin.right, right) == {"name": "R", "phone": "2", "city": "Ghent"}
    assert values(twin.left, left) == {"name": "L", "phone": "2", "city": "Ghent"}
    assert [conflict.fields for conflict in twin.conflicts()] == [("name",)]


def test_with_conflict_scope_record_the_whole_pair_waits(twin: Twin) -> None:
    """DESIGN 3, conflict_scope = record; semantics 4.6.13: as Business Central."""
    twin.having(conflict_scope=ConflictScope.RECORD)
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"name": "L", "phone": "2"})
    twin.right.edit(right, {"name": "R"})
    effects = twin.effects()
    assert counts(twin.sync()) == {"conflicts": 1}
    assert twin.effects() == effects


def test_post_code_left_against_city_right_is_one_conflict_of_the_address(twin: Twin) -> None:
    """DESIGN 3, groups: both-sided edits inside one group are one conflict, shown whole; half an address never
    travels.
    """
    twin.having(together=(("city", "post_code"),))
    left, right = twin.pair(name="Anna", city="Ghent", post_code="9000")
    twin.left.edit(left, {"post_code": "8000"})
    twin.right.edit(right, {"city": "Bruges"})
    assert counts(twin.sync()) == {"conflicts": 1}
    (conflict,) = twin.conflicts()
    assert conflict.fields == ("city", "post_code")
    assert conflict.left_values == ("Ghent", "8000")
    assert conflict.right_values == ("Bruges", "9000")
    assert values(twin.left, left)["city"] == "Ghent"


def test_an_edit_of_one_field_sends_its_whole_group(twin: Twin) -> None:
    """DESIGN 3, groups: a write sends the whole group in declared order."""
    twin.having(together=(("city", "post_code"),))
    left, right = twin.pair(city="Ghent", post_code="9000", name="Anna")
    twin.left.edit(left, {"post_code": "9050"})
    twin.sync()
    history = twin.store.history_of("CUSTOMER", Side.RIGHT, right)
    assert {entry.field: (entry.before, entry.after) for entry in history} == {
        "city": ("Ghent", "Ghent"),
        "post_code": ("9000", "9050"),
    }


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (OnConflict.LEFT, "10"),
        (OnConflict.RIGHT, "9 plus"),
        (OnConflict.MAX, "9 plus"),
        (OnConflict.MIN, "10"),
        (OnConflict.LONGEST, "9 plus"),
    ],
)
def test_winners_and_resolvers_leave_no_conflict(twin: Twin, policy: OnConflict, kept: str) -> None:
    """DESIGN 3, on_conflict: the winner's value stands on both sides and stays there."""
    twin.having(on_conflict=policy)
    left, right = twin.pair(name="5")
    twin.left.edit(left, {"name": "10"})
    twin.right.edit(right, {"name": "9 plus"})
    twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": kept}
    assert not twin.conflicts()
    effects = twin.effects()
    assert counts(twin.sync()).keys() <= {"unchanged"}
    assert twin.effects() == effects


@pytest.mark.parametrize("policy", [OnConflict.LONGEST, OnConflict.UNION])
def test_a_resolver_that_cannot_tell_makes_one_value_not_two(twin: Twin, policy: OnConflict) -> None:
    """Two values of one length must not change places for ever: both sides get the same one, and a
    further run writes nothing.
    """
    twin.having(on_conflict=policy)
    left, right = twin.pair(name="Anna")
    twin.left.edit(left, {"name": "Lea"})
    twin.right.edit(right, {"name": "Rob"})
    twin.sync()
    assert (
        values(twin.left, left)
        == values(twin.right, right)
        == {"name": "Lea" if policy is OnConflict.LONGEST else "Lea;Rob"}
    )
    effects = twin.effects()
    twin.sync()
    assert twin.effects() == effects


@pytest.mark.parametrize("later", [Side.LEFT, Side.RIGHT])
def test_newest_wins_asks_the_systems_clocks(twin: Twin, later: Side) -> None:
    """DESIGN 3: `newest` compares the systems' own stamps."""
    twin.having(on_conflict=OnConflict.NEWEST)
    ids = twin.pair(name="old")
    for side in (later.other, later):
        twin.clock.moment += timedelta(seconds=10)
        twin.table(side).edit(ids[side], {"name": side.word})
    twin.sync()
    assert values(twin.left, ids[0]) == values(twin.right, ids[1]) == {"name": later.word}


def test_newest_knows_that_a_clock_is_ahead(twin: Twin) -> None:
    """DESIGN 3: the stamps are corrected by the clock offset measured at connection."""
    twin.having(on_conflict=OnConflict.NEWEST)
    ids = twin.pair(name="old")
    twin.ahead = (timedelta(0), timedelta(minutes=1))
    for side in (Side.RIGHT, Side.LEFT):
        twin.clock.moment += timedelta(seconds=10)
        stamp = twin.clock.now() + twin.ahead[side]
        twin.table(side).edit(ids[side], {"name": side.word, "modified": stamp})
    twin.sync()
    assert values(twin.left, ids[0]) == values(twin.right, ids[1]) == {"name": "left"}


def test_newest_within_the_skew_is_nobody(twin: Twin) -> None:
    """DESIGN 3: within granularity + skew_seconds a person is asked."""
    twin.having(on_conflict=OnConflict.NEWEST, skew_seconds=5)
    left, right = twin.pair(name="old")
    twin.left.edit(left, {"name": "L"})
    twin.right.edit(right, {"name": "R"})
    assert counts(twin.sync()) == {"conflicts": 1}


def test_a_fields_own_winner_goes_before_the_mappings(twin: Twin) -> None:
    """DESIGN 3: on_conflict is a policy per field too."""
    twin.having(fields=(*two_way("name").fields, line("phone <-> phone", on_conflict=OnConflict.RIGHT)))
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"name": "L", "phone": "2"})
    twin.right.edit(right, {"name": "R", "phone": "3"})
    twin.sync()
    assert values(twin.left, left) == {"name": "L", "phone": "3"}
    assert [conflict.fields for conflict in twin.conflicts()] == [("name",)]


def test_clearing_a_value_travels_like_any_edit(twin: Twin) -> None:
    """DESIGN 3: blank is blank; a person's blanking of one field is carried (it is only counted by the guard)."""
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"phone": None})
    assert counts(twin.sync()) == {"modified": 1}
    assert values(twin.right, right) == {"name": "Anna"}


def test_our_own_echo_is_no_edit(twin: Twin) -> None:
    """DESIGN 4; bug museum pglogical#210, MinnPost#445: what koppel wrote never comes back as a change."""
    twin.pair(name="Anna")
    effects = twin.effects()
    for _ in range(3):
        job = twin.sync()
        assert counts(job).keys() <= {"unchanged"}
    assert twin.effects() == effects


def test_what_was_stored_is_settled_not_what_was_meant(twin: Twin) -> None:
    """DESIGN 4: a system that stores its own form keeps it; it is neither an edit nor a conflict, and an edit still
    travels.
    """
    twin.knobs = (Knobs(), Knobs(fill=lambda record: {"name": str(record["name"]).upper()}))
    twin.add(Side.RIGHT, twin.shapes[1], twin.knobs[1])
    left, right = twin.pair(name="Anna", phone="1")
    effects = twin.effects()
    twin.sync()
    assert (values(twin.left, left)["name"], values(twin.right, right)["name"]) == ("Anna", "ANNA")
    assert twin.effects() == effects
    twin.right.edit(right, {"name": "BEA"})
    twin.sync()
    assert values(twin.left, left)["name"] == "BEA"
    assert not twin.conflicts()


def test_an_edit_right_after_our_write_is_an_edit(twin: Twin) -> None:
    """DESIGN 4: what a user does between the write and its settling travels back and is not taken for what koppel
    stored.
    """
    left, right = twin.pair(name="Anna")
    twin.left.edit(left, {"name": "Bea"})
    twin.during("after", "update customer", lambda: twin.right.edit(right, {"name": "Cleo"}))
    twin.sync()
    twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Cleo"}


def test_a_system_that_does_not_say_what_it_stored_is_believed(twin: Twin) -> None:
    """DESIGN 4: else what we sent; no blank is taken for the answer."""
    twin.add(Side.RIGHT, twin.shapes[1], Knobs(returns_stored=False))
    left, right = twin.pair(name="Anna")
    twin.left.edit(left, {"name": "Bea"})
    twin.sync()
    twin.left.edit(left, {"name": "Cleo"})
    twin.sync()
    assert not twin.conflicts()
    assert values(twin.right, right) == {"name": "Cleo"}
