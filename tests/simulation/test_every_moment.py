"""Dying at every moment of a run, one after another: inside and after every write, after every commit.

Bar R1 (crash matrix) in one process; real processes die in tests/crash. One small history in which everything is due
that a run can do: creates both ways, an update, a merge, a conflict, a match, a deletion.
"""

from pathlib import Path

import pytest

from koppel.model.bound import Identity
from koppel.model.policy import Direction, OnDelete, Side
from koppel.testing.interrupts import Moments, WatchedStore
from koppel.testing.world import World
from koppel.testing.world_tables import KINDS, Setting


def prepared(folder: Path, setting: Setting, store_type: type[WatchedStore] = WatchedStore) -> World:
    """The world just before the run that is going to die."""
    folder.mkdir()
    world = World(folder, 1, setting, store_type)
    users = world.users
    for side in (*Side, *Side):
        users.create(side)
    users.create_on_both()
    world.run()
    merged, deleted = (sorted(users.tags(Side.LEFT) & users.tags(Side.RIGHT)) * 2)[:2]
    for side in Side:
        users.edit(side, ("name" if side is Side.LEFT else "phone",), merged)
        users.create(side)
    users.delete(Side.LEFT, deleted)
    users.create_on_both()
    return world


def test_a_world_in_which_nobody_dies_comes_to_rest(tmp_path: Path) -> None:
    """The history itself: an undisturbed run does all that the deaths below interrupt."""
    world = prepared(tmp_path / "world", Setting(families=False, on_delete=OnDelete.DELETE))
    total = world.run()[0].tally.total
    assert (total.inserted, total.deleted, total.coupled) == (2, 1, 1)
    assert total.modified >= 2
    world.rest()
    world.check()


def changes_something(name: str) -> bool:
    """Whether dying at this moment leaves a state that dying at the one before does not."""
    return not name.startswith("before")


def die_at_every_moment(
    tmp_path: Path, setting: Setting, store_type: type[WatchedStore] = WatchedStore, share: slice = slice(None)
) -> int:
    """Die at the first moment, in a fresh copy of the world at the next, and so on; how many deaths there were.

    Each time the laws hold. `share`: which of the moments after which something outside memory differs.
    """
    world = prepared(tmp_path / "world", setting, store_type)
    (tmp_path / "calm").mkdir()
    calm, moments = world.copy(tmp_path / "calm"), Moments()
    calm.disturbed(moments, full=False)
    chosen = [place for place, name in enumerate(moments.names, start=1) if changes_something(name)][share]
    for number in chosen:
        (tmp_path / str(number)).mkdir()
        die_at(world.copy(tmp_path / str(number)), number, moments.names[number - 1])
    return len(chosen)


def die_at(world: World, number: int, name: str) -> None:
    """Die there, and see the laws hold."""
    assert not world.disturbed(Moments(dies=lambda count: count == number), full=False)
    try:
        world.rest(runs=1)
        world.check()
    except AssertionError as error:
        raise AssertionError(f"dying at moment {number} ({name}) of {world.drawn}:\n{error}") from error
    finally:
        world.store.close()


ALL = [(identity, direction) for direction in Direction for identity in KINDS]


@pytest.mark.parametrize(("identity", "direction"), ALL)
def test_dying_breaks_no_law(tmp_path: Path, identity: Identity, direction: Direction) -> None:
    """DESIGN 7: no duplicates, nothing lost, no manual step; for NONE an error of unknown outcome instead.

    Every kind dies at every tenth moment, each kind at others, so that together they die everywhere.
    """
    setting = Setting(identity, direction, on_delete=OnDelete.DELETE, families=False)
    share = slice((ALL.index((identity, direction)) + list(Direction).index(direction)) % 10, None, 10)
    assert die_at_every_moment(tmp_path, setting, share=share) > 1


@pytest.mark.parametrize("pipelined", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_dying_with_several_pages_open_breaks_no_law(tmp_path: Path, pipelined: bool) -> None:
    """DESIGN 5: pages overlap, and the journal orders nothing but its own rows."""
    setting = Setting(Identity.CLIENT, on_delete=OnDelete.DELETE, families=False, batch_rows=2, pipelined=pipelined)
    assert die_at_every_moment(tmp_path, setting, share=slice(0, None, 4)) > 5


@pytest.mark.slow
@pytest.mark.parametrize(("identity", "direction"), ALL)
def test_dying_at_any_moment_breaks_no_law(tmp_path: Path, identity: Identity, direction: Direction) -> None:
    """The same for every kind at every moment."""
    setting = Setting(identity, direction, on_delete=OnDelete.DELETE, families=False)
    assert die_at_every_moment(tmp_path, setting) > 15


@pytest.mark.slow
@pytest.mark.parametrize("policy", list(OnDelete)[:4])
@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("identity", KINDS)
def test_dying_at_any_moment_with_families(tmp_path: Path, identity: Identity, atomic: bool, policy: OnDelete) -> None:
    """The same with parents in a second mapping, batches taken apart, and every policy for deletions."""
    setting = Setting(identity, on_delete=policy, atomic=atomic, batch_rows=1000 if atomic else 2)
    assert die_at_every_moment(tmp_path, setting) > 20
