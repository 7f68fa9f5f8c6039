"""Seeded histories: users on both sides between and during runs, and deaths anywhere (DESIGN 13; bars R2, R4, R5).

`make test` runs some seeds; `make simulate` hunts on from KOPPEL_SEED with KOPPEL_STEPS steps each, and says what it
did.
What a seed finds becomes a small test in tests/engine.
"""

from pathlib import Path

import pytest

from koppel.testing.world import World
from tests.postgresql import dropped, fresh_schema
from tests.simulation.histories import hunted, survived

SEEDS, SERVER_SEEDS, STEPS = 20, 2, 3


def lived(folder: Path, seed: int, steps: int, store_url: str = "") -> World:
    """A world after that history."""
    return survived(World(folder, seed, store_url=store_url), seed, steps, "test_histories")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_history_breaks_no_law(tmp_path: Path, seed: int) -> None:
    """No duplicates, couplings one to one, journal empty, sides equal where nothing is open, no edit lost, fixpoint."""
    lived(tmp_path, seed, STEPS)


@pytest.mark.parametrize("seed", range(SERVER_SEEDS))
def test_a_history_over_a_postgresql_store_breaks_no_law(tmp_path: Path, seed: int) -> None:
    """Issue 3: the crash simulation runs over both stores."""
    url, schema = fresh_schema()
    lived(tmp_path, seed, STEPS, url)
    dropped(schema)


@pytest.mark.slow
def test_hunt_over_a_postgresql_store(tmp_path: Path) -> None:
    """More of the same: KOPPEL_SEED, KOPPEL_SEEDS, KOPPEL_STEPS as below."""
    first, number, steps = hunted()
    for seed in range(first, first + number):
        url, schema = fresh_schema()
        lived(tmp_path, seed, steps, url)
        dropped(schema)


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
    first, number, steps = hunted()
    kills = 0
    for seed in range(first, first + number):
        kills += lived(tmp_path, seed, steps).kills
        for file in tmp_path.iterdir():
            file.unlink()
    with capsys.disabled():
        print(f"\nhunt: {number} seeds from {first}, {number * steps} steps, {kills} kills: no law broken")
