"""Records that leave the filter, records that are deleted, and the guards before accidents (DESIGN 3, 5, 7)."""

from dataclasses import replace

import polars as pl
import pytest

from koppel.engine.context import Asked
from koppel.errors import Halted
from koppel.model.mapping import Mapping, SideOptions, TableRef
from koppel.model.policy import Direction, FilterScope, FirstContact, OnDelete, Side
from koppel.reconcile.plan import Aside
from koppel.transform.filter import parse
from tests.engine.twin import Twin, counts, lines, texts, values

ALL_ASIDE = frozenset(Aside)


def only_ghent(twin: Twin) -> Twin:
    """The mapping is about Ghent."""
    text = "city = 'Ghent'"
    return twin.having(left_options=SideOptions(filter_text=text, filter=parse(text)))


def many(twin: Twin, number: int = 60, **settings: object) -> list[tuple[str, str]]:
    """So many coupled pairs."""
    twin.having(**settings)
    for place in range(number):
        twin.put(Side.LEFT, place, name=f"n{place}", phone="1")
    twin.full()
    return twin.couplings()


def test_leaving_the_filter_freezes_and_is_no_deletion(twin: Twin) -> None:
    """DESIGN 3, out; bug museum rclone#5986 (a filter deletes): frozen, counted, decided as usual on return."""
    only_ghent(twin)
    left, right = twin.pair(name="Anna", city="Ghent")
    twin.left.edit(left, {"city": "Bruges", "name": "Bea"})
    effects = twin.effects()
    assert counts(twin.sync()) == {"out": 1}
    assert twin.effects() == effects
    assert twin.couplings() == [(left, right)]
    twin.right.edit(right, {"phone": "1"})
    twin.sync()
    twin.left.edit(left, {"city": "Ghent"})
    twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Bea", "city": "Ghent", "phone": "1"}


def test_records_outside_the_filter_are_not_created(twin: Twin) -> None:
    """DESIGN 2, out: the filter decides what takes part."""
    only_ghent(twin)
    twin.put(Side.LEFT, 1, name="Anna", city="Bruges")
    assert counts(twin.full()) == {}


def test_a_filter_for_new_records_only_lets_coupled_ones_be(twin: Twin) -> None:
    """DESIGN 3: filter_scope = new records only."""
    only_ghent(twin).having(filter_scope=FilterScope.NEW_RECORDS)
    left, right = twin.pair(name="Anna", city="Ghent")
    twin.left.edit(left, {"city": "Bruges"})
    twin.sync()
    assert values(twin.right, right)["city"] == "Bruges"


@pytest.mark.parametrize("gone", list(Side))
@pytest.mark.parametrize("policy", [OnDelete.ASK, OnDelete.RESTORE, OnDelete.UNCOUPLE, OnDelete.DELETE])
def test_a_deletion_does_what_the_policy_says(twin: Twin, gone: Side, policy: OnDelete) -> None:
    """Semantics 4.6.6; DESIGN 3, on_delete."""
    twin.having(on_delete=policy)
    ids = twin.pair(name="Anna")
    twin.table(gone).remove(ids[gone])
    job = twin.sync()
    left = [len(twin.table(side).records()) for side in Side]
    expected: dict[OnDelete, tuple[dict[str, int], list[int], int]] = {
        OnDelete.ASK: ({"conflicts": 1}, [int(gone is not side) for side in Side], 1),
        OnDelete.RESTORE: ({"inserted": 1}, [1, 1], 1),
        OnDelete.UNCOUPLE: ({"uncoupled": 1}, [int(gone is not side) for side in Side], 0),
        OnDelete.DELETE: ({"deleted": 1}, [0, 0], 0),
    }
    assert (counts(job), left, len(twin.couplings())) == expected[policy]
    effects = twin.effects()
    twin.full()
    twin.sync()
    assert twin.effects() == effects, "what was uncoupled is remembered as apart and is not created again"


@pytest.mark.parametrize("policy", [OnDelete.RESTORE, OnDelete.DELETE])
def test_a_deletion_never_goes_against_the_direction(twin: Twin, policy: OnDelete) -> None:
    """DESIGN 3: what the policy wants but the direction forbids is a person's decision."""
    fields = tuple(replace(field, direction=Direction.TO_RIGHT) for field in twin.mapping.fields)
    twin.having(direction=Direction.TO_RIGHT, fields=fields, on_delete=policy)
    left, right = twin.pair(name="Anna")
    (twin.right if policy is OnDelete.DELETE else twin.left).remove(right if policy is OnDelete.DELETE else left)
    assert counts(twin.sync()) == {"conflicts": 1}
    assert [conflict.kind for conflict in twin.conflicts()] == ["deletion"]


def test_a_changed_record_is_never_deleted(twin: Twin) -> None:
    """DESIGN 3, all policies: an unseen edit of the survivor makes it a person's decision."""
    twin.having(on_delete=OnDelete.DELETE)
    left, right = twin.pair(name="Anna")
    twin.left.remove(left)
    twin.right.edit(right, {"name": "Bea"})
    assert counts(twin.sync()) == {"conflicts": 1}
    assert right in twin.right.records()


def test_deactivate_says_so_in_a_field_and_uncouples(twin: Twin) -> None:
    """DESIGN 3: on_delete = deactivate."""
    options = SideOptions(deactivate=("blocked", "true"))
    twin.having(on_delete=OnDelete.DEACTIVATE, left_options=options, right_options=options)
    left, right = twin.pair(name="Anna")
    twin.left.remove(left)
    twin.sync()
    assert twin.right.records()[right]["blocked"] is True
    assert not twin.couplings()
    effects = twin.effects()
    twin.full()
    assert twin.effects() == effects


def test_both_records_deleted_ends_the_coupling(twin: Twin) -> None:
    """Semantics 4.6: nobody is asked about two deleted records."""
    left, right = twin.pair(name="Anna")
    twin.left.remove(left)
    twin.right.remove(right)
    assert counts(twin.sync()) == {"uncoupled": 1}
    assert not twin.couplings()
    assert not twin.conflicts()


def test_restoring_keeps_the_coupling_and_loses_no_field(twin: Twin) -> None:
    """DESIGN 3: restore creates the record again and takes the coupling along."""
    twin.having(on_delete=OnDelete.RESTORE)
    left, right = twin.pair(name="Anna", phone="1")
    twin.right.remove(right)
    twin.sync()
    ((left_again, right_again),) = twin.couplings()
    assert (left_again, values(twin.right, right_again)) == (left, {"name": "Anna", "phone": "1"})
    twin.right.edit(right_again, {"phone": "2"})
    twin.sync()
    assert values(twin.left, left)["phone"] == "2"


@pytest.mark.parametrize(
    ("policy", "word"), [(OnDelete.DELETE, "deleted"), (OnDelete.UNCOUPLE, "uncoupled"), (OnDelete.RESTORE, "created")]
)
def test_mass_deletions_halt_before_anything_is_written(twin: Twin, policy: OnDelete, word: str) -> None:
    """DESIGN 7, guards: more than 50 and 20 % halts; nothing is written; approving releases exactly these."""
    pairs = many(twin, 300, on_delete=policy)
    for left, _ in pairs[:31]:  # neither side looks emptied, but together it is more than 60
        twin.left.remove(left)
    for _, right in pairs[31:61]:
        twin.right.remove(right)
    effects = twin.effects()
    with pytest.raises(Halted, match=word):
        twin.sync()
    assert twin.effects() == effects
    assert len(twin.couplings()) == 300
    assert twin.store.jobs()[0].state == "halted"
    job = twin.sync(Asked(lifted=True, released=ALL_ASIDE))
    assert sum(counts(job).values()) == 61
    assert len(twin.couplings()) == (300 if policy is OnDelete.RESTORE else 239)


def test_within_the_limits_nothing_halts(twin: Twin) -> None:
    """DESIGN 11: guard_rows 50 or guard_percent 20, whichever is larger."""
    for left, _ in many(twin, 60, on_delete=OnDelete.DELETE)[:50]:
        twin.left.remove(left)
    assert counts(twin.sync()) == {"deleted": 50}


def test_an_emptied_side_halts(twin: Twin) -> None:
    """DESIGN 7, bar R10: a side that reads empty is an accident, whatever on_delete says."""
    for left, _ in many(twin, 60, on_delete=OnDelete.DELETE):
        twin.left.remove(left)
    effects = twin.effects()
    with pytest.raises(Halted, match="cannot be found in erp"):
        twin.sync()
    assert twin.effects() == effects


def test_a_column_that_reads_blank_everywhere_halts_however_few_it_were(twin: Twin) -> None:
    """DESIGN 7, guards: column security; every value of a field is gone at once, whatever the limits allow."""
    pairs = many(twin, 20)
    for _, right in pairs:
        twin.right.edit(right, {"phone": None})
    effects = twin.effects()
    with pytest.raises(Halted, match="phone reads blank in every record of crm, and 20 had a value"):
        twin.sync()
    assert twin.effects() == effects
    twin.right.edit(pairs[0][1], {"phone": "1"})  # one is enough to see that it can be read
    assert counts(twin.sync()) == {"modified": 19, "unchanged": 1}


def test_a_handful_of_blankings_is_an_ordinary_day(twin: Twin) -> None:
    """Five records that lose the only values of a field were edited by somebody."""
    for left, _ in many(twin, 5):
        twin.left.edit(left, {"phone": None})
    assert counts(twin.sync()) == {"modified": 5}


def test_mass_blankings_halt(twin: Twin) -> None:
    """DESIGN 7, guards: more than 50 and 20 % of the couplings would lose a value."""
    pairs = many(twin)
    for left, _ in pairs:
        twin.left.edit(left, {"phone": None})
    effects = twin.effects()
    with pytest.raises(Halted, match="blanked"):
        twin.sync()
    assert twin.effects() == effects
    twin.sync(Asked(lifted=True, released=ALL_ASIDE))
    assert all("phone" not in values(twin.right, right) for _, right in pairs)


def test_mass_overwrites_at_first_contact_halt_unless_just_asked_for(twin: Twin) -> None:
    """DESIGN 5: first-contact overwrites by a standing policy count too; a choice made for this run does not."""
    pairs = many(twin, 60, fields=lines("name <-> name"))
    for _, right in pairs:
        twin.right.edit(right, {"city": "Bruges"})
    for left, _ in pairs:
        twin.left.edit(left, {"city": "Ghent"})
    twin.having(fields=lines("name <-> name", "city <-> city"), first_contact=FirstContact.LEFT)
    effects = twin.effects()
    with pytest.raises(Halted, match="overwritten at first contact"):
        twin.full()
    assert twin.effects() == effects
    assert counts(twin.full(first_contact=FirstContact.LEFT)) == {"modified": 60}


def test_a_halted_run_leaves_no_watermark_behind(twin: Twin) -> None:
    """DESIGN 7: watermarks move once, at the end; what a guard stopped is seen again."""
    pairs = many(twin)
    for left, _ in pairs:
        twin.left.edit(left, {"phone": None})
    for _ in range(2):
        with pytest.raises(Halted):
            twin.sync()


def test_a_record_made_again_under_the_same_key_is_carried(twin: Twin) -> None:
    """A pair of which both records were deleted is not kept apart: a natural key may come back (DESIGN 2, apart)."""
    tables = [twin.add(side, texts("item", "name")) for side in Side]
    fields = lines("code <-> code", "name <-> name")
    twin.mapping = Mapping("CUSTOMER", TableRef("erp", "item"), TableRef("crm", "item"), fields)
    tables[0].put("A", {"name": "first"})
    twin.full()
    for table in tables:
        table.remove("A")
    twin.full()
    tables[0].put("A", {"name": "second"})
    assert counts(twin.full()) == {"inserted": 1}
    found = twin.store.coupled("CUSTOMER", Side.LEFT, pl.Series(["A"]))
    assert found.select("left_id", "right_id").rows() == [("A", "A")]
