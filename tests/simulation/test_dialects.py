"""The laws of every history over the dialects: what a wire can do, a service can refuse and a death can leave open.

Deliverable 7 of issue 4: a lost reply after the commit, a part of a batch, throttling, a process killed before and
after the n-th effect. `make test` lives some histories, `make simulate` many more (KOPPEL_SEED, KOPPEL_SEEDS,
KOPPEL_STEPS).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import pytest

from koppel.connectors.dataverse import answers
from koppel.connectors.memory import Loss
from koppel.model.bound import Identity
from koppel.model.policy import Direction, OnDelete, Side
from koppel.ports import OpenIntent
from koppel.testing.interrupts import Moments, WatchedStore
from koppel.testing.world_tables import Setting
from tests.simulation import far_business_central, far_dataverse
from tests.simulation.far_world import BusinessCentralWorld, DataverseWorld, FarWorld
from tests.simulation.histories import hunted, survived
from tests.simulation.test_every_moment import changes_something, die_at
from tests.simulation.wire import Mishap

SEEDS, STEPS = (4,), 3
SETTING = Setting(Identity.CLIENT, on_delete=OnDelete.DELETE, families=False)
WORLDS: dict[str, Callable[..., FarWorld]] = {
    "Dataverse": DataverseWorld,
    "Business Central, ids of koppel": BusinessCentralWorld,
    "Business Central, reserved numbers": partial(BusinessCentralWorld, numbers="reserved K000001..K999999"),
    "Business Central, number series": partial(BusinessCentralWorld, numbers="series"),
}
"""By dialect and who gives new records their ids or numbers."""

dialects = pytest.mark.parametrize("dialect", WORLDS)


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with far_dataverse.peopled(monkeypatch), far_business_central.peopled(monkeypatch):
        yield


def drawn(seed: int, dialect: str) -> Setting:
    """Any setting in which something is written to the far side, and answers are lost."""
    draw = Random(seed)
    there = Direction.TO_RIGHT if dialect == "Dataverse" else Direction.TO_LEFT
    direction = draw.choice([Direction.BOTH, Direction.BOTH, there])
    losing = draw.choice([0.05, 0.2, 0.4])
    setting = replace(Setting.drawn(draw), identity=Identity.CLIENT, direction=direction, losing=losing, shouts=False)
    return setting if dialect == "Dataverse" else replace(setting, families=False)


def peopled(world: FarWorld) -> None:
    """Users make something on both sides; over the first of it the service breaks down, until the world comes to
    rest.
    """
    for side in (world.far_side.other,) * 3 + (world.far_side,):
        world.users.create(side)
    world.far.poison = {world.users.made[0]}


def lived(folder: Path, dialect: str, seed: int, steps: int) -> FarWorld:
    """A world after that history."""
    return survived(WORLDS[dialect](folder, seed, drawn(seed, dialect)), seed, steps, "test_dialects", peopled)


@dialects
def test_histories_break_no_law(tmp_path: Path, dialect: str) -> None:
    """No duplicates, couplings one to one, journal empty, a further run writes nothing; and things did go wrong."""
    worlds = [lived(tmp_path, dialect, seed, STEPS) for seed in SEEDS]
    mishaps = sum((Counter(world.far.line.mishaps) for world in worlds), Counter[Mishap]())
    assert mishaps.total() > 2 and len(mishaps) > 2, mishaps
    assert all(world.far.effects for world in worlds)


@pytest.mark.slow
@dialects
def test_hunt(tmp_path: Path, capsys: pytest.CaptureFixture[str], dialect: str) -> None:
    """As long a hunt as asked for."""
    first, number, steps = hunted()
    mishaps, kills = Counter[Mishap](), 0
    for seed in range(first, first + number):
        world = lived(tmp_path, dialect, seed, steps)
        mishaps, kills = mishaps + Counter(world.far.line.mishaps), kills + world.kills
        for file in tmp_path.iterdir():
            file.unlink()
    with capsys.disabled():
        told = ", ".join(f"{mishap}: {times}" for mishap, times in mishaps.items())
        print(f"\nhunt over {dialect}: {number} seeds from {first}, {kills} kills, {told}: no law broken")


# ---- a process killed at every effect


def prepared(folder: Path, dialect: str, store_type: type[WatchedStore] = WatchedStore) -> FarWorld:
    """A world just before a run that creates on both sides, updates, merges, deletes and couples."""
    folder.mkdir()
    world = WORLDS[dialect](folder, 1, SETTING, store_type)
    users, here = world.users, world.far_side.other
    for side in (*Side, *Side):
        users.create(side)
    world.run()
    merged, deleted = (sorted(users.tags(Side.LEFT) & users.tags(Side.RIGHT)) * 2)[:2]
    for side in Side:
        users.edit(side, ("name" if side is here else "phone",), merged)
    for side in (here, here, here, world.far_side):
        users.create(side)
    users.delete(here, deleted)
    users.create_on_both()
    return world


def everywhere(name: str) -> bool:
    """Every moment after which something outside memory differs."""
    return changes_something(name)


def at_effects(name: str) -> bool:
    """After a request that changed something, while nobody knows of it."""
    return name.startswith(("after create", "after update", "after delete")) and not name.endswith("contact")


def at_creates(name: str) -> bool:
    """After the requests that created something."""
    return at_effects(name) and name.startswith("after create")


def die(
    folder: Path, dialect: str, chosen: Callable[[str], bool], store_type: type[WatchedStore] = WatchedStore
) -> Counter[str]:
    """Die at these moments, each in a fresh world; how often at which."""
    calm, moments = prepared(folder / "calm", dialect, store_type), Moments()
    calm.disturbed(moments, full=False)
    calm.store.close()
    places = [(at, name) for at, name in enumerate(moments.names, 1) if chosen(name)]
    for number, name in places:
        die_at(prepared(folder / str(number), dialect, store_type), number, name)
    return Counter(name for _, name in places)


@dialects
def test_dying_after_an_effect_breaks_no_law(tmp_path: Path, dialect: str) -> None:
    """Who gives numbers matters to creates only."""
    numbered = dialect.endswith(("reserved numbers", "number series"))
    names = die(tmp_path, dialect, at_creates if numbered else at_effects)
    assert len({name.split()[1] for name in names}) == (1 if numbered else 3), names


# ---- failures that tell a code


def lived_through(folder: Path, dialect: str, mishap: Mishap) -> None:
    """A run in which this becomes of every effect, and what follows."""
    world = prepared(folder / "world", dialect)
    world.far.line.only = mishap
    world.disturbed(Moments(loses=lambda name: None if name == "read" else Loss.ANSWER), full=False)
    assert world.far.line.mishaps[mishap] > 2
    world.rest()
    world.check()


def test_a_part_that_is_done_and_told_to_have_failed_breaks_no_law(tmp_path: Path) -> None:
    """A code is no word that nothing was done."""
    lived_through(tmp_path, "Dataverse", Mishap.PART_TIMED_OUT)


@pytest.mark.slow
@pytest.mark.parametrize("mishap", [mishap for mishap in Mishap if mishap is not Mishap.LATE])
@dialects
def test_what_goes_wrong_every_time_breaks_no_law(tmp_path: Path, dialect: str, mishap: Mishap) -> None:
    lived_through(tmp_path, dialect, mishap)


@pytest.mark.slow
@dialects
def test_dying_at_any_moment_breaks_no_law(tmp_path: Path, dialect: str) -> None:
    """The same before and after every effect and commit."""
    assert die(tmp_path, dialect, everywhere).total() > 20


# ---- teeth


class Forgetful(WatchedStore):
    """A store whose journal is not consulted after a crash."""

    def open_intents(self, mapping: str) -> list[OpenIntent]:
        return []


@dialects
def test_without_the_journal_records_are_doubled(tmp_path: Path, dialect: str) -> None:
    with pytest.raises(AssertionError, match=r"2 records T\d+ on the"):
        die(tmp_path, dialect, at_creates, Forgetful)


def test_whoever_takes_a_code_for_a_refusal_doubles_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definite = answers.definite
    monkeypatch.setattr(answers, "definite", lambda answer: bool(answer.error.code) or definite(answer))
    with pytest.raises(AssertionError, match=r"2 records T\d+ on the"):
        lived_through(tmp_path, "Dataverse", Mishap.PART_TIMED_OUT)
