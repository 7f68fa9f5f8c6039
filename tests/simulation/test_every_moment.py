"""Dying at every moment of a run, one after another: before, inside and after every write, before and after every commit.

Bar R1 (crash matrix) in one process; real processes die in tests/crash. One small history in which everything is due that
a run can do: creates both ways, an update, a merge, a conflict, a match, a deletion.
"""

from pathlib import Path

import pytest

from koppel.model.bound import Identity
from koppel.model.policy import Direction, OnDelete, Side
from koppel.testing.interrupts import Moments
from koppel.testing.world import World
from koppel.testing.world_tables import Setting


def prepared(folder: Path, setting: Setting) -> World:
    """The world just before the run that is going to die."""
    folder.mkdir()
    world = World(folder, 1, setting)
    users = world.users
    for _ in range(3):
        users.create()
        users.create_on_both()
    world.run()
    coupled = sorted(tag for tag in users.made if all(tag in users.tags(side) for side in Side))
    merged, clashing, updated, deleted = (coupled * 4)[:4]
    for side in Side:
        users.edit(side, ("name" if side is Side.LEFT else "phone",), merged)
        users.edit(side, ("city",), clashing)
        users.edit(side, ("note", "grade"), updated)
    users.delete(Side.LEFT, deleted)
    for side in (*Side, *Side):
        users.create(side)
    users.create_on_both()
    return world


def test_a_world_in_which_nobody_dies_comes_to_rest(tmp_path: Path) -> None:
    """The history itself: an undisturbed run does all that the deaths below interrupt."""
    world = prepared(tmp_path / "world", Setting(families=False, on_delete=OnDelete.DELETE))
    done = {(job.tally.total.inserted > 0, job.tally.total.modified > 0, job.tally.total.deleted) for job in world.run()}
    assert done == {(True, True, 1)}
    world.rest()
    world.check()


def die_at_every_moment(tmp_path: Path, setting: Setting) -> int:
    """Die at moment 1, in a fresh world at moment 2, and so on; how many moments there are. Each time the laws hold."""
    number = 0
    while True:
        number += 1
        world = prepared(tmp_path / str(number), setting)
        moments = Moments(dies=lambda count, number=number: count == number)  # type: ignore[misc]
        lived = world.disturbed(moments, full=False)
        try:
            world.rest()
            world.check()
        except AssertionError as error:
            where = moments.names[-1] if not lived else "no moment"
            raise AssertionError(f"dying at moment {number} ({where}) of {setting}:\n{error}") from error
        finally:
            world.store.close()
        if lived:
            return number - 1


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("identity", list(Identity))
def test_dying_at_any_moment_breaks_no_law(tmp_path: Path, identity: Identity, direction: Direction) -> None:
    """DESIGN 7: no duplicates, nothing lost, no manual step; for NONE an error of unknown outcome instead."""
    setting = Setting(identity, direction, on_delete=OnDelete.DELETE, families=False)
    assert die_at_every_moment(tmp_path, setting) > 20


@pytest.mark.slow
@pytest.mark.parametrize("policy", list(OnDelete)[:4])
@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("identity", list(Identity))
def test_dying_at_any_moment_with_families(tmp_path: Path, identity: Identity, atomic: bool, policy: OnDelete) -> None:
    """The same with parents in a second mapping, batches taken apart, and every policy for deletions."""
    setting = Setting(identity, on_delete=policy, atomic=atomic, batch_rows=1000 if atomic else 2)
    assert die_at_every_moment(tmp_path, setting) > 30
