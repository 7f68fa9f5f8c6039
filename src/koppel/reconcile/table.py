"""Both decisions, evaluated once into small arrays, so that a page of pairs is decided by look-ups."""

from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from koppel.model.action import Action
from koppel.model.policy import Direction
from koppel.model.situation import Blank, Cell, Content, Move, Presence, Situation, Winner
from koppel.reconcile.cells import decide_cell
from koppel.reconcile.decide import RecordPolicy, decide

IMPOSSIBLE = 255
"""Stands in the action table where the situation cannot come about."""

DIRECTIONS = tuple(Direction)
_CELL_AXES = (tuple(Move), tuple(Move), (False, True), tuple(Blank), DIRECTIONS, tuple(Winner), tuple(Winner))


@cache
def cell_table() -> npt.NDArray[np.uint8]:
    """Every answer of `decide_cell`; axes: left, right, agree, blank, direction, conflict and first-contact winner."""
    answers = [decide_cell(*case) for case in product(*_CELL_AXES)]
    return np.array(answers, dtype=np.uint8).reshape([len(axis) for axis in _CELL_AXES])


@cache
def action_table(policy: RecordPolicy) -> npt.NDArray[np.uint8]:
    """Every answer of `decide` under one policy; axes: left presence, right presence, content."""
    table = np.full((len(Presence), len(Presence), len(Content)), IMPOSSIBLE, dtype=np.uint8)
    for left, right, content in product(Presence, Presence, Content):
        situation = Situation(left, right, content)
        if situation.possible:
            table[left, right, content] = decide(situation, policy)
    return table


@cache
def content_table() -> npt.NDArray[np.uint8]:
    """What a set of cell answers adds up to; index: one bit per `Cell` value that occurs, CLASH only where it decides
    the record.
    """
    return np.array(
        [_content(frozenset(cell for cell in Cell if bits >> cell & 1)) for bits in range(1 << len(Cell))],
        dtype=np.uint8,
    )


def _content(cells: frozenset[Cell]) -> Content:
    to_right, to_left = Cell.TO_RIGHT in cells, Cell.TO_LEFT in cells
    if Cell.RESOLVE in cells or (to_right and to_left):
        return Content.BOTH_WAYS
    if to_right or to_left:
        return Content.TO_RIGHT if to_right else Content.TO_LEFT
    if Cell.CLASH in cells:
        return Content.CLASH
    return Content.DRIFT if Cell.DRIFT in cells else Content.EQUAL


def actions(
    left: npt.NDArray[np.uint8], right: npt.NDArray[np.uint8], content: npt.NDArray[np.uint8], policy: RecordPolicy
) -> npt.NDArray[np.uint8]:
    """The action of every pair of a page (uint8 of `Action`)."""
    found: npt.NDArray[np.uint8] = action_table(policy)[left, right, content]
    assert not (found == IMPOSSIBLE).any(), "a page held a situation that cannot come about"
    assert found.size == 0 or int(found.max()) < len(Action), "the table holds actions only"
    return found
