"""P7: the decision alone."""

import numpy as np

from benchmarks.meter import Figures, Meter
from koppel.model.action import Action
from koppel.model.policy import ConflictScope, Direction, OnDelete
from koppel.model.situation import Presence
from koppel.reconcile.classify import CellRules, Evidence, contents, decide_cells, moves
from koppel.reconcile.decide import RecordPolicy
from koppel.reconcile.table import actions

FIELDS = 10
PAGE = 20_000
CHANGED = 50
"""One pair in so many."""


def reconcile(rows: int) -> Figures:
    """Fingerprints in, actions out: moves, cells with a group, contents, actions; one pair in 50 changed."""
    size = min(PAGE, rows)
    rng = np.random.default_rng(1)
    base = rng.integers(2, 2**63, (size, FIELDS), dtype=np.uint64)
    now = base.copy()
    now[::CHANGED, 3] += np.uint64(1)
    rules = CellRules((Direction.BOTH,) * FIELDS, groups=((1, 2, 3),), scope=ConflictScope.FIELD)
    policy = RecordPolicy(Direction.BOTH, creates=False, on_delete=OnDelete.ASK)
    nothing, disagree = np.zeros((size, FIELDS), np.uint8), np.zeros((size, FIELDS), np.bool_)
    with Meter() as meter:
        for _ in range(rows // size):
            left, right = moves(now, base), moves(base, base)
            cells = decide_cells(rules, Evidence(left, right, disagree, nothing, nothing, nothing))
            presence = [
                np.where(side.any(axis=1), np.uint8(Presence.CHANGED), np.uint8(Presence.SAME))
                for side in (left, right)
            ]
            decided = actions(presence[0], presence[1], contents(cells, rules.scope), policy)
    assert (decided == Action.UPDATE_RIGHT).sum() == len(now[::CHANGED]), "what was edited goes to the right"
    return meter.figures
