"""The laws of every history over the dialects: what a wire can do, a service can refuse and a death can leave open.

Deliverable 7 of issue 4: a lost reply after the commit, a part of a batch, throttling, a process killed before and
after the n-th effect. `make test` lives some histories, `make simulate` many more (KOPPEL_SEED, KOPPEL_SEEDS,
KOPPEL_STEPS).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from koppel.model.bound import Identity
from koppel.model.policy import Direction, OnDelete, Side
from koppel.ports import OpenIntent
from koppel.testing.interrupts import Moments, WatchedStore
from koppel.testing.world_tables import Setting
from tests.simulation.far_dataverse import FarDataverse, peopled
from tests.simulation.far_world import DataverseWorld
from tests.simulation.test_every_moment import changes_something, die_at
from tests.simulation.test_histories import hunted
from tests.simulation.wire import Mishap

SEEDS, STEPS = 6, 3
SETTING = Setting(Identity.CLIENT, on_delete=OnDelete.DELETE, losing=0.0)


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with peopled(monkeypatch):
        yield


def drawn(seed: int) -> Setting:
    """Any setting in which something is written to the far side, and answers are lost."""
    draw = Random(seed)
    direction = draw.choice([Direction.BOTH, Direction.BOTH, Direction.TO_RIGHT])
    losing = draw.choice([0.05, 0.2, 0.4])
    setting = Setting.drawn(draw)
    return replace(setting, identity=Identity.CLIENT, direction=direction, losing=losing, shouts=False)


def lived(folder: Path, seed: int, steps: int) -> DataverseWorld:
    """A world after that history, come to rest and checked. A failure says how to see it again."""
    world = DataverseWorld(folder, seed, drawn(seed))
    try:
        for side in (Side.LEFT, Side.LEFT, Side.LEFT, Side.RIGHT):
            world.users.create(side)
        world.live(steps)
        world.rest()
        world.check()
    except Exception as error:
        again = f"KOPPEL_SEED={seed} KOPPEL_STEPS={steps} KOPPEL_SEEDS=1 pytest -m slow {__name__.replace('.', '/')}.py"
        raise AssertionError(f"{error}\nto see it again: {again}") from error
    finally:
        world.store.close()
    return world


def met(world: DataverseWorld) -> Counter[Mishap]:
    """What happened on the wire of a world."""
    far = world.systems[Side.RIGHT]
    assert isinstance(far, FarDataverse)
    return Counter(far.line.mishaps)


def test_histories_break_no_law(tmp_path: Path) -> None:
    """No duplicates, couplings one to one, journal empty, a further run writes nothing; and everything did happen."""
    mishaps, kills, effects = Counter[Mishap](), 0, 0
    for seed in range(SEEDS):
        world = lived(tmp_path, seed, STEPS)
        mishaps += met(world)
        kills += world.kills
        effects += len(world.systems[Side.RIGHT].effects)
    assert mishaps.keys() >= {*Mishap} - {Mishap.LATE} and kills > 0 and effects > SEEDS, (mishaps, kills, effects)


@pytest.mark.slow
def test_hunt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As long a hunt as asked for."""
    first, number, steps = hunted()
    mishaps, kills = Counter[Mishap](), 0
    for seed in range(first, first + number):
        world = lived(tmp_path, seed, steps)
        mishaps, kills = mishaps + met(world), kills + world.kills
        for file in tmp_path.iterdir():
            file.unlink()
    with capsys.disabled():
        print(f"\nhunt over Dataverse: {number} seeds from {first}, {kills} kills, {dict(mishaps)}: no law broken")


# ---- a process killed at every effect


def prepared(folder: Path, store_type: type[WatchedStore] = WatchedStore) -> DataverseWorld:
    """A world just before a run that creates on both sides, updates, merges, deletes and couples."""
    folder.mkdir()
    world = DataverseWorld(folder, 1, SETTING, store_type)
    users = world.users
    for side in (*Side, *Side):
        users.create(side)
    world.run()
    merged, deleted = (sorted(users.tags(Side.LEFT) & users.tags(Side.RIGHT)) * 2)[:2]
    for side in Side:
        users.edit(side, ("name" if side is Side.LEFT else "phone",), merged)
    for _ in range(3):
        users.create(Side.LEFT)
    users.create(Side.RIGHT)
    users.delete(Side.LEFT, deleted)
    users.create_on_both()
    return world


def everywhere(name: str) -> bool:
    """Every moment after which something outside memory differs."""
    return changes_something(name)


def at_effects(name: str) -> bool:
    """After a request that changed something, while nobody knows of it."""
    return name.startswith(("after create", "after update", "after delete"))


def die(folder: Path, chosen: Callable[[str], bool], store_type: type[WatchedStore] = WatchedStore) -> Counter[str]:
    """Die at these moments, each in a fresh world; how often at which."""
    calm, moments = prepared(folder / "calm", store_type), Moments()
    calm.disturbed(moments, full=False)
    calm.store.close()
    places = [(at, name) for at, name in enumerate(moments.names, 1) if chosen(name)]
    for number, name in places:
        die_at(prepared(folder / str(number), store_type), number, name)
    return Counter(name for _, name in places)


def test_dying_after_an_effect_breaks_no_law(tmp_path: Path) -> None:
    names = die(tmp_path, at_effects)
    assert names.total() >= 4 and len({name.split()[1] for name in names}) == 3, names


@pytest.mark.slow
def test_dying_at_any_moment_breaks_no_law(tmp_path: Path) -> None:
    """The same before and after every effect and commit."""
    assert die(tmp_path, everywhere).total() > 20


# ---- teeth


class Forgetful(WatchedStore):
    """A store whose journal is not consulted after a crash."""

    def open_intents(self, mapping: str) -> list[OpenIntent]:
        return []


def test_without_the_journal_records_are_doubled(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"2 records T\d+ on the"):
        die(tmp_path, lambda name: name.startswith("after create"), Forgetful)
