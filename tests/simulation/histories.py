"""Living a history to its end, and how many of them a hunt lives."""

import os
from collections.abc import Callable
from typing import TypeVar

from koppel.testing.world import World

W = TypeVar("W", bound=World)


def survived(world: W, seed: int, steps: int, test: str, begin: Callable[[W], None] = lambda world: None) -> W:
    """The world after so many steps, come to rest and checked. A failure says how `test` shows it again."""
    try:
        begin(world)
        world.live(steps)
        world.rest()
        world.check()
    except Exception as error:
        again = f"KOPPEL_SEED={seed} KOPPEL_STEPS={steps} KOPPEL_SEEDS=1 pytest -m slow tests/simulation/{test}.py"
        raise AssertionError(f"{error}\nto see it again: {again}") from error
    finally:
        world.store.close()
    return world


def hunted() -> tuple[int, int, int]:
    """The first seed of a hunt, how many, and how many steps each."""
    defaults = {"SEED": 1000, "SEEDS": 100, "STEPS": 12}
    first, number, steps = (int(os.environ.get(f"KOPPEL_{name}", default)) for name, default in defaults.items())
    return first, number, steps
