"""Seeded histories: users on both sides between and during runs, and deaths anywhere (DESIGN 13; bars R2, R4, R5).

`make test` runs some seeds; `make simulate` hunts on from KOPPEL_SEED with KOPPEL_STEPS steps each, and says what it
did.
What a seed finds becomes a small test in tests/engine.
"""

import os
from pathlib import Path

import pytest

from koppel.testing.world import World

SEEDS, STEPS = 60, 3


def lived(folder: Path, seed: int, steps: int) -> World:
    """A world after that history, come to rest and checked. A failure says how to see it again."""
    world = World(folder, seed)
    try:
        world.live(steps)
        world.rest()
        world.check()
    except Exception as error:
        again = (
            f"KOPPEL_SEED={seed} KOPPEL_STEPS={steps} KOPPEL_SEEDS=1 pytest -m slow tests/simulation/test_histories.py"
        )
        raise AssertionError(f"{error}\nto see it again: {again}") from error
    finally:
        world.store.close()
    return world


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_history_breaks_no_law(tmp_path: Path, seed: int) -> None:
    """No duplicates, couplings one to one, journal empty, sides equal where nothing is open, no edit lost, fixpoint."""
    lived(tmp_path, seed, STEPS)


def test_the_same_seed_gives_the_same_history(tmp_path: Path) -> None:
    """Bar R3: a failure can be seen again."""
    worlds = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        worlds.append(lived(tmp_path / name, 11, 4))
    traces = [[str(effect) for system in world.systems for effect in system.effects] for world in worlds]
    assert traces[0] == traces[1]
    assert traces[0]


@pytest.mark.slow
def test_hunt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As long a hunt as asked for: KOPPEL_SEED (first seed), KOPPEL_SEEDS (how many), KOPPEL_STEPS (per seed)."""
    first, number, steps = (
        int(os.environ.get(f"KOPPEL_{n}", d)) for n, d in (("SEED", 1000), ("SEEDS", 100), ("STEPS", 12))
    )
    kills = 0
    for seed in range(first, first + number):
        kills += lived(tmp_path, seed, steps).kills
        for file in tmp_path.iterdir():
            file.unlink()
    with capsys.disabled():
        print(f"\nhunt: {number} seeds from {first}, {number * steps} steps, {kills} kills: no law broken")
