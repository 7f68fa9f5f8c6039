"""The scenarios. Each runs in a process of its own (`python -m benchmarks NAME ROWS`) and prints one line of JSON."""

import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import workload
from koppel.app import Koppel
from koppel.app.full import FullOptions
from koppel.model.policy import ConflictScope, Direction, OnDelete
from koppel.model.situation import Presence
from koppel.reconcile.classify import CellRules, Evidence, contents, decide_cells, moves
from koppel.reconcile.decide import RecordPolicy
from koppel.reconcile.table import actions

FIELDS = 10
PAGE = 20_000


def reconcile(rows: int) -> dict[str, float]:
    """Fingerprints in, actions out: moves, cells with a group, contents, actions; one pair in fifty changed."""
    rng = np.random.default_rng(1)
    base = rng.integers(2, 2**63, (PAGE, FIELDS), dtype=np.uint64)
    now = base.copy()
    now[::50, 3] += np.uint64(1)
    rules = CellRules((Direction.BOTH,) * FIELDS, groups=((1, 2, 3),), scope=ConflictScope.FIELD)
    policy = RecordPolicy(Direction.BOTH, creates=False, on_delete=OnDelete.ASK)
    nothing, disagree = np.zeros((PAGE, FIELDS), np.uint8), np.zeros((PAGE, FIELDS), np.bool_)
    started = time.process_time()
    for _ in range(rows // PAGE):
        left, right = moves(now, base), moves(base, base)
        cells = decide_cells(rules, Evidence(left, right, disagree, nothing, nothing, nothing))
        presence = [
            np.where(side.any(axis=1), np.uint8(Presence.CHANGED), np.uint8(Presence.SAME)) for side in (left, right)
        ]
        actions(presence[0], presence[1], contents(cells, rules.scope), policy)
    seconds = time.process_time() - started
    return {"pairs_per_cpu_second": rows // PAGE * PAGE / seconds}


def initial(rows: int) -> dict[str, float]:
    """A first full synchronisation, then a run with nothing to do, one with 1 % changed, and a full compare."""
    with TemporaryDirectory(prefix="koppel-bench-") as name:
        folder = Path(name)
        workload.make(folder, rows)
        with Koppel.open(folder / "koppel.toml") as koppel:
            seconds, report = _timed(lambda: koppel.full([], FullOptions()))
            assert report.jobs[0].tally.total.inserted == rows, "every customer has become an account"
            peak = _peak_mb()
            time.sleep(6)  # past the lag: what was written a moment ago is not named again
            koppel.sync()
            idle, report = _timed(koppel.sync)
            assert report.jobs[0].tally.total.modified == 0, "a further run writes nothing"
            workload.change(folder, rows, 100)
            changed, report = _timed(koppel.sync)
            assert report.jobs[0].tally.total.modified == rows // 100, "what was edited has travelled"
            compared, report = _timed(lambda: koppel.sync(everything=True))
            assert report.jobs[0].tally.total.unchanged == rows, "both sides are equal"
        return {
            "records_per_second": rows / seconds,
            "seconds": seconds,
            "peak_mb": peak,
            "nothing_changed_seconds": idle,
            "one_percent_changed_seconds": changed,
            "full_compare_seconds": compared,
        }


def plain(rows: int) -> dict[str, float]:
    """The limit of `initial`: INSERT … SELECT of the same rows into the same target."""
    with TemporaryDirectory(prefix="koppel-bench-") as name:
        folder = Path(name)
        workload.make(folder, rows)
        seconds, _ = _timed(lambda: workload.copied_plainly(folder))
        return {"records_per_second": rows / seconds, "seconds": seconds, "peak_mb": _peak_mb()}


SCENARIOS: dict[str, Callable[[int], dict[str, float]]] = {"reconcile": reconcile, "initial": initial, "plain": plain}


def measure(name: str, rows: int) -> None:
    """Run one scenario here and print what it measured."""
    print(
        json.dumps(
            {"scenario": name, "rows": rows, **{key: round(value, 3) for key, value in SCENARIOS[name](rows).items()}}
        )
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
