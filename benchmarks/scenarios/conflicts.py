"""P9: every pair in conflict, beside a run that carries as many updates."""

from pathlib import Path

from benchmarks import postgresql, sides, states
from benchmarks.meter import Figures, Meter
from koppel.app import Koppel


def conflicts(rows: int) -> Figures:
    """The same field was edited on both sides of every pair: each is asked, nothing travels."""
    configuration = _edited(rows)
    sides.edit(states.RIGHT, "account", "telephone = '+49 1'", "true")
    postgresql.checkpoint()
    with Meter(postgresql.postmaster()) as meter, Koppel.open(configuration) as koppel:
        report = koppel.sync()
    assert report.jobs[0].tally.total.modified == 0, "a conflict is not decided by koppel"
    with Koppel.open(configuration) as koppel:
        assert len(koppel.conflicts()) == rows, "every pair waits for a person"
    return meter.figures


def clean(rows: int) -> Figures:
    """That field was edited on the left only: each edit travels."""
    configuration = _edited(rows)
    postgresql.checkpoint()
    with Meter(postgresql.postmaster()) as meter, Koppel.open(configuration) as koppel:
        report = koppel.sync()
    assert report.jobs[0].tally.total.modified == rows, "what was edited has travelled"
    assert sides.customers_digest(states.LEFT) == sides.accounts_digest(states.RIGHT), "both sides are equal"
    return meter.figures


def _edited(rows: int) -> Path:
    configuration = states.pair(rows)
    sides.edit(states.LEFT, "customer", "phone = '+33 1'", "true")
    return configuration
