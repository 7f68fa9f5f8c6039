"""P4: 1 % changed on each side, one record in 2 000 on both to different values; then nothing to do."""

import time
from dataclasses import replace

from benchmarks import postgresql, sides, states
from benchmarks.meter import Figures, Meter
from koppel.app import Koppel

_LEFT_EDIT, _RIGHT_EDIT, _CONFLICT = "i % 100 = 1", "i % 100 = 2 AND i % 2000 <> 2", "i % 2000 = 1"
_AGREED = "CAST(substr({number}, 2) AS bigint) % 2000 <> 1"
"""Not in conflict."""


def koppel(rows: int) -> Figures:
    """Edits travel both ways, conflicts are opened. Then a run with nothing to do is watched by what it writes."""
    configuration = states.pair(rows)
    conflicts = _edit()
    with Meter(postgresql.postmaster()) as meter, Koppel.open(configuration) as koppel:
        koppel.sync()
    before = sides.mark(states.LEFT), sides.mark(states.RIGHT)
    with Koppel.open(configuration) as koppel:
        assert len(koppel.conflicts()) == conflicts, "a field changed on both sides waits for a person"
        started = time.perf_counter()
        koppel.sync()
        idle = time.perf_counter() - started
    written = sides.written_since(states.LEFT, "customer", before[0])
    written += sides.written_since(states.RIGHT, "account", before[1])
    left = sides.customers_digest(states.LEFT, which=_AGREED.format(number="number"))
    right = sides.accounts_digest(states.RIGHT, which=_AGREED.format(number="account_number"))
    assert left == right and left.rows == rows - conflicts, "all others are there and equal"
    return replace(
        meter.figures, more={"conflicts": conflicts, "seconds_of_the_run_after_it": idle, "written": written}
    )


def _edit() -> int:
    """What users do on both sides; how many records end in conflict."""
    sides.edit(states.LEFT, "customer", "phone = '+33 1', credit_limit = credit_limit + 1", _LEFT_EDIT)
    sides.edit(states.RIGHT, "account", "email_address = account_number || '@example.net'", _RIGHT_EDIT)
    conflicts = sides.edit(states.RIGHT, "account", "telephone = '+49 1'", _CONFLICT)
    postgresql.checkpoint()
    return conflicts
