"""P2: a fixed number of records changed on the left."""

from benchmarks import peer, postgresql, sides, states
from benchmarks.meter import Figures, Meter
from koppel.app import Koppel

CHANGED = 10_000
_CHANGE = "phone = '+33 ' || (200000000 + id), credit_limit = credit_limit + 1"


def koppel(rows: int) -> Figures:
    """An ordinary run carries them."""
    configuration = states.pair(rows)
    changed = _change(rows)
    with Meter(postgresql.postmaster()) as meter, Koppel.open(configuration) as koppel:
        report = koppel.sync()
    assert report.jobs[0].tally.total.modified == changed, "what was edited has travelled"
    assert sides.customers_digest(states.LEFT) == sides.accounts_digest(states.RIGHT), "both sides are equal"
    return meter.figures


def process(rows: int) -> Figures:
    """The command `koppel sync` carries them, from the start of its process to the end."""
    configuration = states.pair(rows)
    _change(rows)
    figures = states.sync_command(configuration)
    assert sides.customers_digest(states.LEFT) == sides.accounts_digest(states.RIGHT), "both sides are equal"
    return figures


def dlt(rows: int) -> Figures:
    """The peer, a process as well: dlt merges the same rows into a table with a key only, and couples nothing."""
    source = states.source(rows)
    state = peer.prepared(rows, source, states.RIGHT)
    postgresql.create(states.LEFT, source)
    _change(rows)
    figures = peer.merge(states.LEFT, states.RIGHT, state)
    copied = sides.customers_digest(states.RIGHT, peer.TABLE)
    assert copied == sides.customers_digest(states.LEFT), "both sides are equal"
    return figures


def _change(rows: int) -> int:
    """Change `CHANGED` customers (at most all) all over the table; how many they were."""
    changed = sides.edit(states.LEFT, "customer", _CHANGE, f"i % {max(1, rows // CHANGED)} = 0")
    postgresql.checkpoint()
    return changed
