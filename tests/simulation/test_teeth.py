"""The simulation must be able to fail: koppel with one of its safeguards taken out breaks a law at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from koppel.connectors.memory import MemoryTable
from koppel.engine import fate, outcome, recover
from koppel.model.bound import Identity
from koppel.model.policy import FirstContact, OnConflict
from koppel.model.write import Outcome
from koppel.ports import OpenIntent
from koppel.testing.interrupts import WatchedStore
from koppel.testing.world import World
from koppel.testing.world_tables import Setting
from koppel.transform.translate import prints
from tests.simulation.test_every_moment import die_at_every_moment

SEEDS, STEPS = 10, 4
LOSING = Setting(
    Identity.RESERVED,
    families=False,
    atomic=False,
    losing=0.8,
    on_conflict=OnConflict.LEFT,
    first_contact=FirstContact.LEFT,
)
"""A system that loses most answers; its first history is enough."""


class Forgetful(WatchedStore):
    """A store whose journal is not consulted after a crash."""

    def open_intents(self, mapping: str) -> list[OpenIntent]:
        """Nothing was ever begun."""
        return []


def test_without_the_journal_records_are_doubled(tmp_path: Path) -> None:
    """DESIGN 7: recover looks up what a crash left open."""
    with pytest.raises(AssertionError, match=r"2 records T\d+ on the"):
        die_at_every_moment(tmp_path, Setting(families=False), Forgetful)


def histories(folder: Path, setting: Setting, seeds: int = SEEDS) -> None:
    """Some histories of one setting, one after another."""
    for seed in range(seeds):
        world = World(folder, seed, setting)
        world.live(STEPS)
        world.rest()
        world.check()
        world.store.close()


@pytest.mark.slow
def test_without_conditional_writes_edits_are_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN 7: updates are conditional."""
    judge: Callable[..., dict[int, Any]] = MemoryTable._judge

    def careless(table: MemoryTable, write: Any) -> dict[int, Any]:
        return {op: answer for op, answer in judge(table, write).items() if answer.outcome is not Outcome.STALE}

    monkeypatch.setattr(MemoryTable, "_judge", careless)
    with pytest.raises(AssertionError, match=r"overwritten by .* and kept nowhere"):
        histories(tmp_path, Setting(families=False))


def test_settling_what_was_meant_makes_false_conflicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN 4: settled is what was stored, not what was meant."""

    def meant(context: Any, page: Any, batch: Any, told: pl.DataFrame, written: Any) -> Any:
        sent = batch.write.rows.filter(pl.Series(written))
        names = [line.mapping.name(batch.side) for line in context.bound.lines[: context.bound.cells]]
        values = [sent[name] if name in sent.columns else told[name] for name in names]
        return prints(context.bound, batch.side, values)

    monkeypatch.setattr(outcome, "_stored", meant)
    with pytest.raises(AssertionError, match=r"nobody edited that on the right|a further run wrote"):
        histories(tmp_path, Setting(families=False, shouts=True))


def test_without_a_look_at_what_arrived_late_records_are_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DESIGN 7: what a service made after its line was cut is no newcomer, and not what was sent last."""
    monkeypatch.setattr(recover, "_couple_late", lambda context, side: None)
    monkeypatch.setattr(fate, "_tried_before", lambda context, side, rows: np.zeros(len(rows), dtype=np.bool_))
    with pytest.raises(AssertionError, match=r"2 records T\d+ on the"):
        histories(tmp_path, LOSING, 1)


@pytest.mark.slow
def test_whole_koppel_passes_where_the_toothless_ones_fail(tmp_path: Path) -> None:
    """The same settings and seeds, with nothing taken out."""
    for place, setting in enumerate((Setting(families=False), Setting(families=False, shouts=True))):
        folder = tmp_path / str(place)
        folder.mkdir()
        histories(folder, setting)
    histories(tmp_path, LOSING, 1)
