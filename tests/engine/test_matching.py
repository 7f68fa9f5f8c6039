"""Look before you create: partners found on the other side, pairs kept apart, couplings taken over (DESIGN 3)."""

import polars as pl
import pytest

from koppel.model.mapping import MatchRule, SideOptions
from koppel.model.policy import OnDelete, Side
from koppel.transform.filter import parse
from tests.engine.twin import Twin, values

BY_NAME = (MatchRule((("name", "name"),), ignore_case=True),)


def test_one_free_partner_is_coupled_and_not_created(twin: Twin) -> None:
    """DESIGN 3; bug museum: Skyvia's first run doubles what is on both sides already. One free → couple, first
    contact.
    """
    twin.having(match=BY_NAME)
    left = twin.put(Side.LEFT, 1, name="Anna", phone="1")
    right = twin.put(Side.RIGHT, 2, name="Anna", city="Ghent")
    job = twin.full()
    assert twin.couplings() == [(left, right)]
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Anna", "phone": "1", "city": "Ghent"}
    assert job.tally.total.coupled == 1
    assert job.tally.total.inserted == 0


def test_a_partner_that_is_coupled_elsewhere_is_ambiguous(twin: Twin) -> None:
    """DESIGN 3: coupled elsewhere → error; no second record with that name is made."""
    twin.having(match=BY_NAME)
    twin.pair(1, name="Anna")
    second = twin.put(Side.LEFT, 2, name="ANNA")
    effects = twin.effects()
    twin.full()
    assert [(error.record, error.code) for error in twin.errors()] == [(second, "ambiguous")]
    assert twin.effects() == effects


def test_a_partner_outside_its_filter_is_reported(twin: Twin) -> None:
    """DESIGN 3: outside the destination's filter → neither coupled nor created."""
    text = "city = 'Ghent'"
    twin.having(match=BY_NAME, right_options=SideOptions(filter_text=text, filter=parse(text)))
    left = twin.put(Side.LEFT, 1, name="Anna")
    twin.put(Side.RIGHT, 2, name="Anna", city="Bruges")
    twin.full()
    assert [(error.record, error.code) for error in twin.errors()] == [(left, "match_outside_filter")]
    assert not twin.couplings()
    assert twin.effects() == 0


def test_a_partner_that_comes_into_the_filter_is_coupled_though_it_was_reported_twice(twin: Twin) -> None:
    """An edit of the partner, not of the reported record, cures it: looking decides anew in every run."""
    text = "city = 'Ghent'"
    twin.having(match=BY_NAME, right_options=SideOptions(filter_text=text, filter=parse(text)))
    left = twin.put(Side.LEFT, 1, name="Anna")
    right = twin.put(Side.RIGHT, 2, name="Anna", city="Bruges")
    twin.full()
    twin.full()
    assert [error.skipped for error in twin.errors()] == [True]
    twin.right.edit(right, {"city": "Ghent"})
    twin.full()
    assert twin.couplings() == [(left, right)]
    assert not twin.errors()


@pytest.mark.parametrize("policy", [OnDelete.ASK, OnDelete.DELETE, OnDelete.UNCOUPLE, OnDelete.RESTORE])
def test_a_record_made_anew_takes_the_coupling_of_its_gone_forerunner(twin: Twin, policy: OnDelete) -> None:
    """DESIGN 3: one coupled to a gone record → taken over (re-key); deletions are decided after
    that, so none is left.
    """
    twin.having(match=BY_NAME, on_delete=policy)
    left, right = twin.pair(1, name="Anna", phone="1")
    twin.left.remove(left)
    again = twin.put(Side.LEFT, 5, name="Anna", city="Ghent")
    twin.full()
    assert twin.couplings() == [(again, right)]
    assert values(twin.left, again) == values(twin.right, right) == {"name": "Anna", "phone": "1", "city": "Ghent"}
    assert not twin.conflicts()
    effects = twin.effects()
    twin.full()
    assert twin.effects() == effects


def test_a_coupling_made_by_hand_can_be_taken_over_too(twin: Twin) -> None:
    """DESIGN 7: a manual verb has bumped the generation; taking over must not be refused for that."""
    twin.having(match=BY_NAME)
    left, right = twin.put(Side.LEFT, 1, name="Anna"), twin.put(Side.RIGHT, 2, name="Anna")
    twin.store.apply_mapping("CUSTOMER", repr(twin.mapping))
    twin.store.couple("CUSTOMER", pl.DataFrame({"left_id": [left], "right_id": [right]}))
    twin.full()
    twin.left.remove(left)
    again = twin.put(Side.LEFT, 5, name="Anna")
    twin.full()
    assert twin.couplings() == [(again, right)]


def test_taking_over_is_remembered_even_when_every_field_is_asked_about(twin: Twin) -> None:
    """A coupling taken over is moved at once, whatever becomes of its fields; the conflict is about the new pair."""
    twin.having(match=(MatchRule((("number", "number"),)),))
    left, right = twin.pair(1, name="Anna")
    twin.right.edit(right, {"number": "7"})
    twin.left.remove(left)
    again = twin.put(Side.LEFT, 5, name="Bea")
    twin.left.edit(again, {"number": "7"})
    twin.full()
    assert twin.couplings() == [(again, right)]
    assert [(c.kind, c.left_id) for c in twin.conflicts()] == [("first contact", again)]
    opened = twin.conflicts()
    twin.full()
    assert twin.conflicts() == opened


def test_records_kept_apart_are_neither_matched_nor_created(twin: Twin) -> None:
    """DESIGN 2, apart: never matched or re-created unless asked."""
    twin.having(match=BY_NAME)
    _left, _right = twin.pair(1, name="Anna")
    twin.store.uncouple("CUSTOMER", twin.store.all_couplings("CUSTOMER"), apart=True)
    effects = twin.effects()
    twin.full()
    assert not twin.couplings()
    assert twin.effects() == effects


def test_a_rejected_match_may_still_be_created(twin: Twin) -> None:
    """DESIGN 8, create anyway: the listed pairs are marked apart, and each is created on the other side."""
    twin.having(match=BY_NAME)
    left, right = twin.put(Side.LEFT, 1, name="Anna"), twin.put(Side.RIGHT, 2, name="Anna")
    twin.store.apply_mapping("CUSTOMER", repr(twin.mapping))
    twin.store.keep_apart("CUSTOMER", pl.DataFrame({"left_id": [left], "right_id": [right]}), creates=True)
    twin.full()
    assert len(twin.couplings()) == 2
    assert (left, right) not in twin.couplings()


def test_rules_are_tried_in_order_of_priority(twin: Twin) -> None:
    """DESIGN 3: match rules in order; the first one with a hit decides."""
    twin.having(match=(MatchRule((("number", "number"),)), *BY_NAME))
    left = twin.put(Side.LEFT, 1, name="Anna")
    twin.left.edit(left, {"number": "7"})
    namesake = twin.put(Side.RIGHT, 2, name="Anna")
    right = twin.put(Side.RIGHT, 3, name="Ann")
    twin.right.edit(right, {"number": "7"})
    twin.full()
    assert (left, right) in twin.couplings()
    assert [error.record for error in twin.errors()] == [namesake], "its namesake is coupled elsewhere"
