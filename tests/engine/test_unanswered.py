"""Rows of a batch whose answer is lost are looked up in the same job, by the rule of `recover` (DESIGN 7)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from koppel.connectors.memory import Knobs, Loss, Record
from koppel.connectors.memory.table import MemoryTable
from koppel.errors import Unreachable
from koppel.model.bound import Identity
from koppel.model.policy import OnConflict, OnDelete, Side
from koppel.ports import Want
from tests.engine.test_identity import world
from tests.engine.twin import Twin, counts, lines, two_way, values

NUMBERED = [identity for identity in Identity if identity not in (Identity.IMPOSSIBLE, Identity.NONE)]
IN_PARTS = Knobs(atomic_batch=False)


def losing(*losses: Loss | None, kind: str = "") -> Callable[[str], Loss | None]:
    """Loses the answers about the next rows in these ways, and no more."""
    left = list(losses)
    return lambda name: left.pop(0) if left and name.startswith(kind) else None


def several(folder: Path, identity: Identity, knobs: Knobs = IN_PARTS) -> Twin:
    """Four records to be created on the right."""
    twin = world(folder, identity)
    twin.add(Side.RIGHT, twin.shapes[1], knobs)
    for number in range(4):
        twin.left.edit(twin.put(Side.LEFT, number, name=f"n{number}"), {"number": f"N{number}"})
    return twin


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Twin, str, str]:
    """One coupled pair, in tables that write row by row."""
    twin = Twin(tmp_path, knobs=(IN_PARTS, IN_PARTS))
    return (twin, *twin.pair(name="Anna", phone="1"))


@pytest.mark.parametrize("identity", NUMBERED)
@pytest.mark.parametrize("loss", [Loss.REQUEST, Loss.ANSWER])
def test_creates_are_coupled_or_made_in_the_same_job(tmp_path: Path, identity: Identity, loss: Loss) -> None:
    """Found: coupled. Not found: created again, under the id that was chosen before."""
    twin = several(tmp_path, identity)
    twin.systems[Side.RIGHT].loses = losing(None, loss, loss)
    assert counts(twin.full()) == {"inserted": 4}
    assert sorted(str(record["name"]) for record in twin.right.records().values()) == ["n0", "n1", "n2", "n3"]
    assert len(twin.couplings()) == 4 and not twin.errors()
    before = twin.effects()
    assert counts(twin.full()) == {"unchanged": 4}
    assert twin.effects() == before
    assert twin.store.open_intents("CUSTOMER") == []


@pytest.mark.parametrize("loss", [Loss.REQUEST, Loss.ANSWER])
def test_what_nothing_tells_apart_waits_for_a_person(tmp_path: Path, loss: Loss) -> None:
    """Identity NONE: the rows that were answered are coupled, the other one is that record's error."""
    twin = several(tmp_path, Identity.NONE)
    twin.systems[Side.RIGHT].loses = losing(None, loss)
    assert counts(twin.full()) == {"inserted": 3, "skipped": 1}
    assert [(error.code, error.skipped) for error in twin.errors()][:1] == [("unknown_outcome", True)]
    assert len(twin.couplings()) == 3 and len(twin.left.records()) == 4


@pytest.mark.parametrize("identity", [Identity.KEY, Identity.CLIENT, Identity.RESERVED])
def test_a_create_that_is_carried_out_after_the_look_is_found_by_the_next_job(
    tmp_path: Path, identity: Identity
) -> None:
    """A service goes on when its line is cut. What it makes is no newcomer, and nothing is made twice."""
    twin = several(tmp_path, identity)
    twin.systems[Side.RIGHT].loses = losing(Loss.LATE)
    assert counts(twin.full()) == {"inserted": 3, "failed": 1}, "the second try finds the id taken"
    twin.full()
    assert len(twin.left.records()) == len(twin.right.records()) == len(twin.couplings()) == 4
    assert not twin.errors() and not twin.conflicts()


def test_a_create_that_is_carried_out_after_the_job_is_found_by_the_next_one(tmp_path: Path) -> None:
    """Before its record is taken for a newcomer."""
    twin = several(tmp_path, Identity.CLIENT)
    twin.systems[Side.RIGHT].loses = losing(Loss.REQUEST, *[None] * 3, Loss.REQUEST, Loss.LATE)
    assert counts(twin.full()) == {"inserted": 3, "failed": 1}
    twin.systems[Side.RIGHT].catch_up()
    twin.full()
    assert len(twin.left.records()) == len(twin.right.records()) == len(twin.couplings()) == 4
    assert not twin.errors() and not twin.conflicts()


def test_what_an_earlier_try_made_does_not_hold_what_a_later_one_sent(tmp_path: Path) -> None:
    """Found by the simulation: the first try arrives when its source has been edited and is tried again, and the answer
    to that is lost too. What is found must not settle what only the second try sent.
    """
    twin = world(tmp_path, Identity.CLIENT)
    twin.add(Side.RIGHT, twin.shapes[1], IN_PARTS)
    left = twin.put(Side.LEFT, 1, name="Anna")
    twin.systems[Side.RIGHT].loses = losing(Loss.LATE, Loss.ANSWER)
    twin.during("before", "create customer", lambda: twin.left.edit(left, {"phone": "1"}))
    twin.full()
    ((right, _),) = twin.right.records().items()
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Anna", "phone": "1"}
    assert not twin.conflicts() and not twin.errors()


def test_records_that_are_never_answered_are_tried_in_every_run(tmp_path: Path) -> None:
    """A system may break down for a night: that sets nobody aside, and nobody has to say Retry afterwards (semantics
    10.3 no. 22, 10.4.8). The same id is sent every time.
    """
    twin = several(tmp_path, Identity.CLIENT)
    lost = {"create customer": Loss.REQUEST}
    twin.systems[Side.RIGHT].loses = lost.get
    assert counts(twin.full()) == {"failed": 4}
    for _ in range(2):
        assert counts(twin.sync()) == {"failed": 4}, "the retry set names them, whatever the feed does"
        assert {(error.code, error.skipped) for error in twin.errors()} == {("answer_lost", False)}
    lost.clear()
    assert counts(twin.sync()) == {"inserted": 4}
    assert not twin.errors()


def test_what_the_system_filled_in_travels_back_in_the_same_job(tmp_path: Path) -> None:
    """DESIGN 4: generated numbers. The lost answer would have told them."""

    def fill(record: Record) -> Record:
        return {"number": f"N-{record['name']}"} if not record["number"] else {}

    twin = Twin(tmp_path, knobs=(Knobs(), replace(IN_PARTS, fill=fill)))
    twin.having(fields=(*two_way("name").fields, *lines("number <- number")))
    left = twin.put(Side.LEFT, 1, name="Anna")
    twin.systems[Side.RIGHT].loses = losing(Loss.ANSWER)
    twin.full()
    assert values(twin.left, left, ("number",)) == {"number": "N-Anna"}


@pytest.mark.parametrize("loss", [Loss.REQUEST, Loss.ANSWER])
def test_an_update_arrives_once_and_its_history_is_kept(pair: tuple[Twin, str, str], loss: Loss) -> None:
    """Cells that hold what was sent are settled; the others are sent again."""
    twin, left, right = pair
    twin.left.edit(left, {"name": "Bea"})
    twin.systems[Side.RIGHT].loses = losing(loss)
    assert counts(twin.sync()) == {"modified": 1}
    assert values(twin.right, right) == {"name": "Bea", "phone": "1"}
    history = twin.store.history_of("CUSTOMER", Side.RIGHT, right)
    assert [(entry.before, entry.after) for entry in history] == [("Anna", "Bea")]
    assert not twin.conflicts() and not twin.errors()
    assert counts(twin.full()) == {"unchanged": 1}


def test_a_blank_that_arrives_as_another_blank_keeps_its_history(pair: tuple[Twin, str, str]) -> None:
    """Found by the simulation: Business Central keeps '' where null was written, and what it replaced was kept nowhere
    when the answer was lost (law 5).
    """
    twin, left, right = pair
    twin.left.edit(left, {"phone": None})
    twin.during("after", "update customer", lambda: twin.right.edit(right, {"phone": ""}))
    twin.systems[Side.RIGHT].loses = losing(Loss.ANSWER)
    twin.sync()
    history = twin.store.history_of("CUSTOMER", Side.RIGHT, right)
    assert [(entry.field, entry.before, entry.after) for entry in history] == [("phone", "1", None)]


@pytest.mark.parametrize("loss", [Loss.REQUEST, Loss.ANSWER])
def test_both_writes_of_a_merge_may_be_lost(pair: tuple[Twin, str, str], loss: Loss) -> None:
    """What one side's look-up settles the other one's does not take back."""
    twin, left, right = pair
    twin.left.edit(left, {"name": "Bea"})
    twin.right.edit(right, {"phone": "2"})
    for system in twin.systems:
        system.loses = losing(loss)
    twin.sync()
    assert values(twin.left, left) == values(twin.right, right) == {"name": "Bea", "phone": "2"}
    assert not twin.conflicts() and not twin.errors()
    assert counts(twin.full()) == {"unchanged": 1}


def test_a_conflict_after_a_lost_update_is_always_asked(pair: tuple[Twin, str, str]) -> None:
    """DESIGN 3: no rule decides a conflict on a record with a write of unknown fate, also within the job."""
    twin, left, right = pair
    twin.having(on_conflict=OnConflict.LEFT)
    twin.left.edit(left, {"name": "Bea"})
    twin.during("after", "update customer", lambda: twin.right.edit(right, {"name": "Cleo"}))
    twin.systems[Side.RIGHT].loses = losing(Loss.REQUEST)
    twin.sync()
    assert [conflict.fields for conflict in twin.conflicts()] == [("name",)]
    assert values(twin.right, right)["name"] == "Cleo"


@pytest.mark.parametrize("loss", [Loss.REQUEST, Loss.ANSWER])
def test_a_deletion_is_carried_out_once(pair: tuple[Twin, str, str], loss: Loss) -> None:
    """A record that is gone was deleted; one that is still there is decided again."""
    twin, left, right = pair
    twin.having(on_delete=OnDelete.DELETE)
    twin.left.remove(left)
    twin.systems[Side.RIGHT].loses = losing(loss)
    assert counts(twin.full()) == {"deleted": 1}
    assert right not in twin.right.records()
    assert not twin.couplings() and not twin.conflicts() and not twin.errors()


def test_when_nothing_can_be_looked_up_the_journal_keeps_what_was_not_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service breaks down in the middle of a batch: what it answered is settled, the rest is for the next run."""
    twin = several(tmp_path, Identity.CLIENT)
    twin.systems[Side.RIGHT].loses = losing(None, Loss.ANSWER, Loss.REQUEST)
    fetch = MemoryTable.fetch

    def down(table: MemoryTable, ids: object, want: Want) -> object:
        raise Unreachable("crm", "it is down")

    twin.during("after", "create customer", lambda: monkeypatch.setattr(MemoryTable, "fetch", down))
    with pytest.raises(Unreachable):
        twin.full()
    assert len(twin.couplings()) == 2
    (left,) = twin.store.open_intents("CUSTOMER")
    assert len(left.intent.rows) == 2
    monkeypatch.setattr(MemoryTable, "fetch", fetch)
    assert counts(twin.full()) == {"inserted": 1, "unchanged": 3}
    assert len(twin.right.records()) == len(twin.couplings()) == 4
