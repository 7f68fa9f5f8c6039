"""The simulation must be able to fail: koppel with one of its safeguards taken out breaks a law within a few seeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from koppel.connectors.memory import MemoryTable
from koppel.engine import outcome
from koppel.model.policy import Direction, OnConflict
from koppel.model.write import Outcome
from koppel.ports import OpenIntent
from koppel.testing.interrupts import WatchedStore
from koppel.testing.world import World
from koppel.testing.world_tables import Setting
from koppel.transform.translate import prints

TRIES, STEPS = 40, 5


class Forgetful(WatchedStore):
    """A store whose journal is not consulted after a crash."""

    def open_intents(self, mapping: str) -> list[OpenIntent]:
        """Nothing was ever begun."""
        return []


def breaks(folder: Path, setting: Setting, law: str, store_type: type[WatchedStore] = WatchedStore) -> int | None:
    """The first seed with which that law breaks, or None."""
    for seed in range(TRIES):
        world = World(folder, seed, setting, store_type)
        try:
            world.live(STEPS)
            world.rest()
            world.check()
        except AssertionError as error:
            if law in str(error):
                return seed
        finally:
            world.store.close()
    return None


def test_without_the_journal_records_are_doubled(tmp_path: Path) -> None:
    """DESIGN 7: recover looks up what a crash left open."""
    setting = Setting(families=False)
    assert breaks(tmp_path, setting, "records T", Forgetful) is not None


def test_without_conditional_writes_edits_are_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN 7: updates are conditional."""
    judge: Callable[..., dict[int, Any]] = MemoryTable._judge

    def careless(table: MemoryTable, write: Any) -> dict[int, Any]:
        return {op: answer for op, answer in judge(table, write).items() if answer.outcome is not Outcome.STALE}

    monkeypatch.setattr(MemoryTable, "_judge", careless)
    setting = Setting(families=False, on_conflict=OnConflict.ASK)
    assert breaks(tmp_path, setting, "overwritten by") is not None


def test_settling_what_was_meant_makes_false_conflicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN 4: settled is what was stored, not what was meant."""

    def meant(context: Any, page: Any, batch: Any, told: Any, written: Any) -> Any:
        values = [
            batch.write.rows[line.mapping.name(batch.side)].filter(list(written)) for line in context.bound.lines[: context.bound.cells]
        ]
        return prints(context.bound, batch.side, values)

    monkeypatch.setattr(outcome, "_stored", meant)
    setting = Setting(families=False, shouts=True, direction=Direction.BOTH)
    assert breaks(tmp_path, setting, "but nobody edited that") is not None


def test_whole_koppel_passes_where_the_toothless_ones_fail(tmp_path: Path) -> None:
    """The same settings and seeds, with nothing taken out."""
    for setting in (Setting(families=False), Setting(families=False, shouts=True)):
        assert breaks(tmp_path, setting, "") is None
