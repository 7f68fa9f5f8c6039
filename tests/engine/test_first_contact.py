"""The first comparison of a pair or a field that was never in agreement, and one-way fields (DESIGN 3)."""

from dataclasses import replace

import polars as pl
import pytest

from koppel.engine.context import Asked
from koppel.model.policy import Drift, FirstContact, Side
from tests.engine.twin import Twin, counts, line, lines, two_way, values


def coupled(twin: Twin, left: dict[str, object], right: dict[str, object]) -> tuple[str, str]:
    """Two records that differ, coupled by hand: no baseline."""
    ids = (twin.put(Side.LEFT, 1, **left), twin.put(Side.RIGHT, 2, **right))
    twin.store.apply_mapping(twin.mapping.name, repr(twin.mapping))
    twin.store.couple("CUSTOMER", pl.DataFrame({"left_id": [ids[0]], "right_id": [ids[1]]}))
    return ids


def test_a_manual_coupling_is_due_at_once(twin: Twin) -> None:
    """DESIGN 3: couplings without baseline are always due; equal settles, a blank takes the other side's value."""
    left, right = coupled(twin, {"name": "Anna", "phone": "1"}, {"name": "Anna", "city": "Ghent"})
    twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Anna", "phone": "1", "city": "Ghent"}
    effects = twin.effects()
    assert counts(twin.sync()).keys() <= {"unchanged"}
    assert twin.effects() == effects


def test_values_that_differ_are_asked_about_and_none_is_replaced(twin: Twin) -> None:
    """DESIGN 3: first_contact = ask is the default."""
    left, right = coupled(twin, {"name": "Anna", "phone": "1"}, {"name": "Bea"})
    assert counts(twin.sync())["conflicts"] == 1
    (conflict,) = twin.conflicts()
    assert (conflict.kind, conflict.fields) == ("first contact", ("name",))
    assert values(twin.left, left)["name"] == "Anna"
    assert values(twin.right, right) == {"name": "Bea", "phone": "1"}, "the rest travels"


@pytest.mark.parametrize(("policy", "name"), [(FirstContact.LEFT, "Anna"), (FirstContact.RIGHT, "Bea")])
def test_a_winner_decides_but_never_blanks_a_filled_value(twin: Twin, policy: FirstContact, name: str) -> None:
    """DESIGN 3: a winner's blank takes the loser's value all the same; 0 filled values blanked."""
    twin.having(first_contact=policy)
    left, right = coupled(twin, {"name": "Anna", "phone": "1"}, {"name": "Bea", "city": "Ghent"})
    twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": name, "phone": "1", "city": "Ghent"}
    assert not twin.conflicts()


def test_an_answer_for_this_run_goes_before_the_mapping(twin: Twin) -> None:
    """DESIGN 3, 8: `--first-contact SIDE` answers once."""
    left, right = coupled(twin, {"name": "Anna"}, {"name": "Bea"})
    twin.sync(Asked(first_contact=FirstContact.RIGHT))
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Bea"}


def test_a_one_way_field_follows_its_direction_at_first_contact(twin: Twin) -> None:
    """DESIGN 3: one-way fields follow their direction, but a blank source never blanks the receiver."""
    twin.having(fields=lines("name -> name", "phone <- phone", "city -> city"))
    left, right = coupled(twin, {"name": "Anna", "phone": "1"}, {"name": "Bea", "phone": "2", "city": "Ghent"})
    twin.sync()
    assert values(twin.right, right) == {"name": "Anna", "phone": "2", "city": "Ghent"}
    assert values(twin.left, left) == {"name": "Anna", "phone": "2"}
    assert not twin.conflicts()


def test_an_added_field_is_unseen_for_that_field_only(twin: Twin) -> None:
    """DESIGN 4, layouts: an added field is a first contact of that field, not of a million records."""
    twin.having(fields=two_way("name", "phone").fields)
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"city": "Ghent"})
    twin.right.edit(right, {"city": "Bruges"})
    twin.sync()
    twin.having(fields=two_way("city", "name", "phone").fields)
    twin.left.edit(left, {"name": "Bea"})
    twin.sync()
    assert values(twin.right, right)["name"] == "Bea", "what was seen before is an ordinary edit"
    assert [(c.kind, c.fields) for c in twin.conflicts()] == [("first contact", ("city",))]


def test_drift_is_shown_and_not_carried(twin: Twin) -> None:
    """DESIGN 3, one-way fields: an edit on the receiving side is neither carried nor settled nor a conflict."""
    twin.having(fields=lines("name -> name", "phone <-> phone"))
    _left, right = twin.pair(name="Anna", phone="1")
    twin.right.edit(right, {"name": "Bea"})
    effects = twin.effects()
    assert counts(twin.sync()) == {"drift": 1}
    assert twin.effects() == effects
    assert not twin.conflicts()


def test_drift_is_overwritten_by_the_next_edit_of_the_source(twin: Twin) -> None:
    """DESIGN 3: overwritten when the field is next written in its direction."""
    twin.having(fields=lines("name -> name"))
    left, right = twin.pair(name="Anna")
    twin.right.edit(right, {"name": "Bea"})
    twin.sync()
    twin.left.edit(left, {"name": "Cleo"})
    twin.sync()
    assert values(twin.right, right) == {"name": "Cleo"}


def test_drift_restore_overwrites_at_once(twin: Twin) -> None:
    """DESIGN 3: drift = restore."""
    twin.having(fields=lines("name -> name"), drift=Drift.RESTORE)
    _left, right = twin.pair(name="Anna")
    twin.right.edit(right, {"name": "Bea"})
    assert counts(twin.sync()) == {"modified": 1}
    assert values(twin.right, right) == {"name": "Anna"}
    history = twin.store.history_of("CUSTOMER", Side.RIGHT, right)
    assert [(entry.before, entry.after) for entry in history] == [("Bea", "Anna")], "the edit is in the history"


def test_constants_and_fields_written_on_creation_only(twin: Twin) -> None:
    """DESIGN 11: a constant is kept on the receiving side; `on create` is never looked at again."""
    fields = (
        *two_way("name").fields,
        line("- -> city", constant="Ghent"),
        line("- -> phone", constant="0", on_create=True),
    )
    twin.having(fields=fields, drift=Drift.RESTORE)
    _left, right = twin.pair(name="Anna")
    assert values(twin.right, right) == {"name": "Anna", "city": "Ghent", "phone": "0"}
    twin.right.edit(right, {"city": "Bruges", "phone": "7"})
    twin.sync()
    assert values(twin.right, right) == {"name": "Anna", "city": "Ghent", "phone": "7"}


def test_not_null_never_carries_a_blank(twin: Twin) -> None:
    """Semantics 4.8.9: a blank source has nothing to say; the receiver keeps its value and nothing is left open."""
    twin.having(fields=(*two_way("name").fields, line("phone -> phone", not_null=True)))
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"phone": None})
    effects = twin.effects()
    twin.sync()
    assert values(twin.right, right) == {"name": "Anna", "phone": "1"}
    assert twin.effects() == effects


def test_generated_values_travel_back(twin: Twin) -> None:
    """DESIGN 4: after a create, what the system filled in is unseen and travels back in the same job; counted once."""
    from koppel.connectors.memory.table import Knobs

    numbers = iter(range(1, 9))
    twin.add(Side.RIGHT, twin.shapes[1], Knobs(fill=lambda record: {"number": f"N{next(numbers)}", "city": "Default"}))
    twin.having(fields=lines("name <-> name", "number <- number", "city <-> city"))
    left = twin.put(Side.LEFT, 1, name="Anna")
    job = twin.full()
    assert twin.left.records()[left]["number"] == "N1"
    assert twin.left.records()[left]["city"] == "Default", (
        "a blank takes what the system filled in, and never blanks it"
    )
    assert (counts(job.tally.to_right), counts(job.tally.to_left)) == ({"inserted": 1}, {"modified": 1})
    effects = twin.effects()
    twin.full()
    assert twin.effects() == effects


def test_a_forced_run_writes_one_way_and_not_what_agrees(twin: Twin) -> None:
    """DESIGN 3: every cell is unseen, the direction wins; what agrees is not written; blanks travel."""
    pairs = [twin.put(Side.LEFT, n, name="Anna", phone="1") for n in range(3)]
    twin.full()
    rights = dict(twin.couplings())
    first, second = pairs[0], pairs[1]
    twin.right.edit(rights[first], {"name": "Bea"})
    twin.left.edit(second, {"phone": None})
    effects = twin.effects()
    job = twin.sync(Asked(everything=True, forced=Side.RIGHT))
    assert values(twin.right, rights[first]) == {"name": "Anna", "phone": "1"}
    assert values(twin.right, rights[second]) == {"name": "Anna"}
    assert twin.effects() == effects + 2
    assert counts(job) == {"modified": 2, "unchanged": 1}
    assert counts(twin.sync()).keys() <= {"unchanged"}


def test_a_forced_run_never_goes_against_a_fields_direction(twin: Twin) -> None:
    """DESIGN 3: a forced run towards the right leaves `<-` fields alone."""
    twin.having(fields=lines("name <-> name", "phone <- phone"))
    _left, right = twin.pair(name="Anna")
    twin.right.edit(right, {"phone": "1", "name": "Bea"})
    twin.sync(Asked(everything=True, forced=Side.RIGHT))
    assert values(twin.right, right) == {"name": "Anna", "phone": "1"}


def test_a_person_answers_an_open_conflict(twin: Twin) -> None:
    """DESIGN 3: `resolve` decides every clashing cell of the chosen pair for one side."""
    from koppel.engine.job import finish, run_pairs

    left, right = twin.pair(name="Anna")
    twin.left.edit(left, {"name": "L"})
    twin.right.edit(right, {"name": "R"})
    twin.sync()
    (conflict,) = twin.conflicts()
    context = twin.context(Asked(winner=Side.RIGHT))
    run_pairs(context, [conflict.coupling], [])
    finish(context, None)
    assert values(twin.left, left) == {"name": "R"}
    assert not twin.conflicts()


def test_a_mirrored_mapping_does_the_mirrored_thing(twin: Twin) -> None:
    """Bar R6: swapping the sides mirrors the result."""
    mirrored = tuple(
        replace(field, direction=field.direction.mirrored)
        for field in lines("name -> name", "phone <- phone", "city <-> city")
    )
    twin.having(fields=mirrored)
    left, right = twin.pair(name="x", phone="1", city="Ghent")
    twin.left.edit(left, {"phone": "2"})
    twin.right.edit(right, {"name": "y", "city": "Bruges"})
    twin.sync()
    assert values(twin.left, left) == {"name": "y", "phone": "2", "city": "Bruges"}
    assert values(twin.right, right)["phone"] == "2"
