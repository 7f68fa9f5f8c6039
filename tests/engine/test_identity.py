"""A lost answer is looked up, by whatever tells the record: every kind of identity (DESIGN 7; `Identity`)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from koppel.connectors.memory import Knobs
from koppel.engine.context import Asked, JobContext
from koppel.engine.run import run_lines
from koppel.errors import ConfigurationError, LeaseLost
from koppel.model.bound import Identity
from koppel.model.mapping import SideOptions, TableRef
from koppel.model.policy import OnConflict, OnDelete, Side
from koppel.model.values import KeyOrigin
from koppel.transform.filter import parse
from tests.engine.twin import Twin, counts, customer, lines, texts, two_way, values


class Killed(BaseException):
    """The process dies here."""


def die() -> None:
    """The process dies here."""
    raise Killed


def world(folder: Path, identity: Identity) -> Twin:
    """A twin whose right table gives ids in this way."""
    if identity is Identity.KEY:
        twin = Twin(
            folder, shapes=(customer(), texts("customer", "name", "phone", "city", "post_code", "number", key="no"))
        )
        fields = (*lines("number -> no"), *two_way("name", "phone").fields)
        return twin.having(fields=fields)
    origins = {Identity.CLIENT: KeyOrigin.CHOSEN, Identity.RESERVED: KeyOrigin.RESERVED}
    shape = customer(origin=origins.get(identity, KeyOrigin.GENERATED))
    if identity is Identity.MARK:
        shape = replace(shape, mark="number")
    twin = Twin(folder, shapes=(customer(), shape))
    fields = two_way("name", "phone").fields
    return twin.having(fields=(*lines("number <-> number"), *fields) if identity is Identity.LOOKUP else fields)


def killed_run(twin: Twin, act: Callable[[], object]) -> None:
    """A run in which the process dies; what it held in memory is gone and another process opens the store."""
    with pytest.raises(Killed):
        act()
    for system in twin.systems:
        system.on_effect = lambda phase, name: None
    twin.store.close()
    twin.store = twin.open()


@pytest.mark.parametrize("identity", [identity for identity in Identity if identity is not Identity.IMPOSSIBLE])
@pytest.mark.parametrize("phase", ["before", "inside", "after"])
@pytest.mark.parametrize("atomic", [True, False])
def test_a_kill_around_a_create_leaves_no_duplicate(
    tmp_path: Path, identity: Identity, phase: str, atomic: bool
) -> None:
    """DESIGN 7: looked up by client id, reserved key, key or unique field, never repeated blindly."""
    twin = world(tmp_path, identity)
    twin.add(Side.RIGHT, twin.shapes[1], Knobs(atomic_batch=atomic))
    assert twin.context_identity() is identity
    for number in range(4):
        twin.left.edit(twin.put(Side.LEFT, number, name=f"n{number}"), {"number": f"N{number}"})
    twin.during(phase, "create customer", die)
    killed_run(twin, twin.full)
    twin.full()
    names = [record["name"] for record in twin.right.records().values()]
    assert len(names) == len(set(names))
    assert len(twin.left.records()) == 4, "what was created and not coupled is not created back either"
    unknown = [error.record for error in twin.errors() if error.code == "unknown_outcome"]
    if identity is Identity.NONE:
        assert len(unknown) == 4, "nothing tells what became of them: a person decides"
        assert counts(twin.full()).get("inserted") is None
    else:
        assert not unknown
        assert len(twin.couplings()) == len(names) == 4
    assert twin.store.open_intents("CUSTOMER") == []


def test_a_mark_that_is_mapped_too_is_a_mistake(tmp_path: Path) -> None:
    """Two would give the record its number."""
    twin = world(tmp_path, Identity.MARK)
    twin.having(fields=two_way("name", "number").fields)
    with pytest.raises(ConfigurationError, match="number is mapped, so it gets its numbers there"):
        twin.context_identity()


def test_a_person_who_looked_can_let_an_unknown_create_be_tried_again(tmp_path: Path) -> None:
    """DESIGN 2, unknown outcome: Retry creates it; a coupling by hand ends it."""
    twin = world(tmp_path, Identity.NONE)
    made, lost = twin.put(Side.LEFT, 1, name="made"), twin.put(Side.LEFT, 2, name="lost")
    twin.add(Side.RIGHT, twin.shapes[1], Knobs(atomic_batch=False))
    twin.during("inside", "create customer", die)
    killed_run(twin, twin.full)
    twin.full()
    ((right, record),) = twin.right.records().items()
    one, other = (made, lost) if record["name"] == "made" else (lost, made)
    twin.store.couple("CUSTOMER", pl.DataFrame({"left_id": [one], "right_id": [right]}))
    twin.full()
    assert [error.record for error in twin.errors()] == [other]
    twin.store.retry("CUSTOMER", None)
    assert twin.full().tally.total.inserted == 1
    assert len(twin.right.records()) == 2
    assert len(twin.left.records()) == 2
    assert not twin.errors()


def test_a_blank_in_the_unique_field_makes_a_lost_answer_unknown(tmp_path: Path) -> None:
    """DESIGN 7: what has nothing to be found by is an unknown outcome, not a second create."""
    twin = world(tmp_path, Identity.LOOKUP)
    twin.put(Side.LEFT, 1, name="without a number")
    twin.during("after", "create customer", die)
    killed_run(twin, twin.full)
    for _ in range(2):
        twin.full()
        assert len(twin.right.records()) == len(twin.left.records()) == 1
    assert {error.code for error in twin.errors()} == {"unknown_outcome", "waiting"}


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_kill_around_an_update_moves_only_what_arrived(twin: Twin, phase: str) -> None:
    """DESIGN 7: cells that hold what was sent are settled; the others are decided again."""
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"name": "Bea"})
    twin.during(phase, "update customer", die)
    killed_run(twin, twin.sync)
    twin.right.edit(right, {"phone": "2"})
    twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Bea", "phone": "2"}
    assert not twin.conflicts()


def test_a_conflict_on_a_recovered_record_is_always_asked(twin: Twin) -> None:
    """DESIGN 3: no rule decides a conflict on a record with a recovered write; not in the next run either."""
    twin.having(on_conflict=OnConflict.LEFT)
    left, right = twin.pair(name="Anna", phone="1")
    twin.left.edit(left, {"name": "Bea"})
    twin.during("before", "update customer", die)
    killed_run(twin, twin.sync)
    twin.right.edit(right, {"name": "Cleo"})
    for _ in range(3):
        twin.sync()
        assert [conflict.fields for conflict in twin.conflicts()] == [("name",)]
    assert values(twin.right, right)["name"] == "Cleo"


@pytest.mark.parametrize("which", [Side.RIGHT, Side.LEFT])
@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_kill_between_the_two_writes_of_a_resolver_resolves_again(twin: Twin, phase: str, which: Side) -> None:
    """DESIGN 4: a resolver's value settles when both sides hold it; else the loser would never hear of it."""
    twin.having(on_conflict=OnConflict.LONGEST)
    left, right = twin.pair(name="Anna")
    twin.left.edit(left, {"name": "Bea"})
    twin.right.edit(right, {"name": "Cleopatra"})
    twin.during(phase, "update customer", die, which)
    killed_run(twin, twin.sync)
    twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Cleopatra"}


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_kill_around_a_deletion_ends_in_a_deletion(twin: Twin, phase: str) -> None:
    """DESIGN 7: a record that is gone was deleted; one that is still there is decided again."""
    twin.having(on_delete=OnDelete.DELETE)
    left, _right = twin.pair(name="Anna")
    twin.left.remove(left)
    twin.during(phase, "delete customer", die)
    killed_run(twin, twin.sync)
    twin.sync()
    assert not twin.right.records()
    assert not twin.couplings()
    assert not twin.conflicts()


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_kill_while_restoring_a_coupling_made_by_hand(twin: Twin, phase: str) -> None:
    """DESIGN 7: the coupling's generation is that of the manual verb; recovery must move it all the same."""
    twin.having(on_delete=OnDelete.RESTORE)
    left, right = twin.put(Side.LEFT, 1, name="Anna"), twin.put(Side.RIGHT, 2, name="Anna")
    twin.store.apply_mapping("CUSTOMER", repr(twin.mapping))
    twin.store.couple("CUSTOMER", pl.DataFrame({"left_id": [left], "right_id": [right]}))
    twin.sync()
    twin.right.remove(right)
    twin.during(phase, "create customer", die)
    killed_run(twin, twin.sync)
    twin.full()
    assert len(twin.right.records()) == len(twin.left.records()) == len(twin.couplings()) == 1


def test_a_mapped_key_that_is_renamed_takes_its_coupling_along(tmp_path: Path) -> None:
    """An update of a natural key changes the record's id: the coupling follows it."""
    twin = world(tmp_path, Identity.KEY)
    left = twin.put(Side.LEFT, 1, name="Anna")
    twin.left.edit(left, {"number": "N1"})
    twin.full()
    twin.left.edit(left, {"number": "N2"})
    twin.sync()
    assert twin.couplings() == [(left, "N2")]
    assert list(twin.right.records()) == ["N2"]
    effects = twin.effects()
    twin.full()
    assert twin.effects() == effects


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_kill_around_a_rename_is_found_again(tmp_path: Path, phase: str) -> None:
    """DESIGN 7: the record is looked up under its new key."""
    twin = world(tmp_path, Identity.KEY)
    left = twin.put(Side.LEFT, 1, name="Anna")
    twin.left.edit(left, {"number": "N1"})
    twin.full()
    twin.left.edit(left, {"number": "N2"})
    twin.during(phase, "update customer", die)
    killed_run(twin, twin.sync)
    twin.sync()
    assert twin.couplings() == [(left, "N2")]
    assert not twin.conflicts()
    assert not twin.errors()


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_mapping_changed_after_a_crash_still_recovers(twin: Twin, phase: str) -> None:
    """The intents were packed in the fields of their day: of another layout nothing is known, and
    nothing is doubled.
    """
    left = twin.put(Side.LEFT, 1, name="Anna", phone="1")
    twin.during(phase, "create customer", die)
    killed_run(twin, twin.full)
    twin.having(fields=two_way("name", "city", "phone").fields)
    twin.full()
    assert len(twin.right.records()) == len(twin.left.records()) == 1
    assert [pair[0] for pair in twin.couplings()] == [left]
    assert not twin.conflicts()


@pytest.mark.parametrize("phase", ["before", "after"])
def test_what_a_lost_write_replaced_is_in_the_history(twin: Twin, phase: str) -> None:
    """DESIGN 7, laws: no edit is lost without a history row holding it; and none is told of that did not happen."""
    twin.having(fields=lines("name -> name"))
    left, right = twin.pair(name="Anna")
    twin.right.edit(right, {"name": "typed on the right"})
    twin.left.edit(left, {"name": "Bea"})
    twin.during(phase, "update customer", die)
    killed_run(twin, twin.sync)
    twin.context_recovered()
    history = twin.store.history_of("CUSTOMER", Side.RIGHT, right)
    expected = [("typed on the right", "Bea")] if phase == "after" else []
    assert [(entry.before, entry.after) for entry in history] == expected


@pytest.mark.parametrize(("days", "left"), [(90, 2), (1, 1), (0, 0)])
def test_history_is_kept_as_long_as_the_mapping_says(twin: Twin, days: int, left: int) -> None:
    """DESIGN 11: history_days, 0 = off. An older history is forgotten, whole."""
    twin.having(history_days=90)
    record, other = twin.pair(name="Anna")
    for name in ("Bea", "Cleo"):
        twin.left.edit(record, {"name": name})
        twin.sync()
        twin.clock.moment += timedelta(hours=20)
    twin.having(history_days=days)
    twin.sync()
    assert len(twin.store.history_of("CUSTOMER", Side.RIGHT, other)) == left
    assert twin.store.count_rows("history") == twin.store.count_rows("history_record") == left


def test_two_workers_never_hold_one_mapping(twin: Twin) -> None:
    """DESIGN 7, fencing: the second one gets LeaseLost while the first is alive."""
    twin.context_open()
    twin.store = twin.open(alive=True)
    with pytest.raises(LeaseLost, match="is being synchronised by"):
        twin.full()


def test_a_late_settle_of_an_old_epoch_changes_nothing(twin: Twin) -> None:
    """DESIGN 7, fencing: whoever was taken for dead finds his settle refused; the successor has looked the write up."""
    left = twin.put(Side.LEFT, 1, name="Anna")
    first = twin.store

    def overtaken() -> None:
        twin.systems[1].on_effect = lambda phase, name: None
        twin.store = twin.open()
        twin.full()
        twin.store, _ = first, twin.store

    twin.during("after", "create customer", overtaken)
    with pytest.raises(LeaseLost):
        twin.full()
    twin.store = twin.open()
    assert [pair[0] for pair in twin.couplings()] == [left]
    assert len(twin.right.records()) == 1
    twin.full()
    assert len(twin.right.records()) == len(twin.left.records()) == 1


def test_a_line_that_was_taken_over_does_not_stop_the_others(twin: Twin) -> None:
    """DESIGN 7, fencing: a lost lease ends one line of a run, and the job log keeps what its successor wrote."""
    twin.put(Side.LEFT, 1, name="Anna")
    first, ran = twin.store, []

    def overtaken() -> None:
        twin.systems[1].on_effect = lambda phase, name: None
        twin.store = twin.open()
        twin.full()
        twin.store = first

    def open_line(name: str) -> JobContext:
        ran.append(name)
        return twin.context(Asked(creates=True, everything=True), mapping=replace(twin.mapping, name=name))

    twin.during("after", "create customer", overtaken)
    failures = run_lines(["CUSTOMER", "OTHER"], {}, open_line, strict=False)
    assert ran == ["CUSTOMER", "OTHER"]
    assert [(name, type(error)) for name, error in failures.errors.items()] == [("CUSTOMER", LeaseLost)]
    assert [(job.mapping, job.state) for job in twin.store.jobs()] == [
        ("OTHER", "done"),
        ("CUSTOMER", "done"),
        ("CUSTOMER", "interrupted"),
    ]


def test_an_interrupted_job_is_closed_by_the_next_and_its_set_aside_forgotten(twin: Twin) -> None:
    """DESIGN 7: opening a job closes a dead one as interrupted; what it had set aside is decided again, once."""
    twin.having(on_delete=OnDelete.DELETE)
    left, _right = twin.pair(name="Anna")
    twin.left.remove(left)
    twin.during("before", "delete customer", die)
    killed_run(twin, twin.sync)
    twin.sync()
    assert [job.state for job in twin.store.jobs()][:2] == ["done", "interrupted"]
    assert twin.store.count_rows("aside") == 0


def test_a_newcomer_waits_in_every_mapping_that_reads_the_table(tmp_path: Path) -> None:
    """DESIGN 7: an account whose create was lost is a customer's; the vendors' mapping must not make a vendor of it."""
    twin = world(tmp_path, Identity.NONE)
    vendors = replace(twin.mapping, name="VENDOR", left=TableRef("erp", "vendor"))
    twin.add(Side.LEFT, customer("vendor"))
    twin.shared = ((), (("CUSTOMER", Side.RIGHT),))
    twin.put(Side.LEFT, 1, name="Anna")
    twin.during("after", "create customer", die)
    killed_run(twin, twin.full)
    assert counts(twin.full(vendors)) == {"waiting": 1}, "the lost create is still in the journal"
    twin.context_recovered()
    assert counts(twin.full(vendors)) == {"waiting": 1}, "and now it is given up"
    (unknown,) = [error for error in twin.errors() if error.code == "unknown_outcome"]
    twin.store.couple("CUSTOMER", pl.DataFrame({"left_id": [unknown.record], "right_id": list(twin.right.records())}))
    twin.full()
    assert counts(twin.full(vendors)) == {"inserted": 1}, "no customer waits for this account"


def test_an_unknown_create_is_not_forgotten_when_its_source_leaves_the_filter(tmp_path: Path) -> None:
    """Found by seed 2025: what the lost create made would be taken for a newcomer, and created back."""
    twin = world(tmp_path, Identity.NONE)
    inside = "blocked = FALSE"
    twin.having(only_coupled=False, left_options=SideOptions(filter_text=inside, filter=parse(inside)))
    left = twin.put(Side.LEFT, 1, name="Anna", blocked=False)
    twin.during("after", "create customer", die)
    killed_run(twin, twin.full)
    twin.left.edit(left, {"blocked": True})
    for _ in range(3):
        twin.full()
    assert len(twin.left.records()) == len(twin.right.records()) == 1
