"""The compiled tables say what the functions say: there is one implementation of the rules (DESIGN 3)."""

from itertools import product

import numpy as np
import pytest

from koppel.model.action import Action
from koppel.model.policy import Direction, OnDelete, Side
from koppel.model.situation import Blank, Cell, Content, Move, Presence, Situation, Winner
from koppel.reconcile.cells import decide_cell
from koppel.reconcile.decide import RecordPolicy, decide
from koppel.reconcile.table import DIRECTIONS, IMPOSSIBLE, action_table, actions, cell_table, content_table

POLICIES = [RecordPolicy(*choice) for choice in product(Direction, (False, True), OnDelete)]
MERGE_BY_DEFAULT = RecordPolicy(Direction.BOTH, False, OnDelete.ASK)


def test_the_cell_table_is_decide_cell() -> None:
    table = cell_table()
    assert table.shape == (3, 3, 2, 3, 3, 4, 4)
    for left, right, agree, blank, direction, conflict, first in product(
        Move, Move, (False, True), Blank, Direction, Winner, Winner
    ):
        told = table[left, right, int(agree), blank, DIRECTIONS.index(direction), conflict, first]
        assert told == decide_cell(left, right, agree, blank, direction, conflict, first)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_the_action_table_is_decide(policy: RecordPolicy) -> None:
    table = action_table(policy)
    for left, right, content in product(Presence, Presence, Content):
        situation = Situation(left, right, content)
        expected = decide(situation, policy) if situation.possible else IMPOSSIBLE
        assert table[left, right, content] == expected, situation


def test_the_mark_for_impossible_is_no_action() -> None:
    assert IMPOSSIBLE not in list(Action)


def test_the_content_table_adds_up_every_set_of_cells() -> None:
    """Written the other way round than the function: which cells lead to each content."""
    for bits, told in enumerate(content_table()):
        cells = {cell for cell in Cell if bits & (1 << cell)}
        right, left = bool(cells & {Cell.TO_RIGHT, Cell.RESOLVE}), bool(cells & {Cell.TO_LEFT, Cell.RESOLVE})
        held = Content.CLASH if Cell.CLASH in cells else Content.DRIFT if Cell.DRIFT in cells else Content.EQUAL
        travelling = {(True, True): Content.BOTH_WAYS, (True, False): Content.TO_RIGHT, (False, True): Content.TO_LEFT}
        assert Content(told) is travelling.get((right, left), held), cells
    assert len(content_table()) == 1 << len(Cell)


def test_a_page_is_decided_pair_by_pair() -> None:
    possible = [case for case in product(Presence, Presence, Content) if Situation(*case).possible]
    left, right, content = np.array(possible, dtype=np.uint8).T
    for policy in POLICIES:
        expected = [decide(Situation(*case), policy) for case in possible]
        assert actions(left, right, content, policy).tolist() == expected


def test_an_empty_page_has_no_actions() -> None:
    none = np.zeros(0, dtype=np.uint8)
    assert actions(none, none, none, MERGE_BY_DEFAULT).tolist() == []


def test_an_impossible_pair_on_a_page_is_a_broken_invariant() -> None:
    """One pair in a page is enough: acting on half a coupling would make duplicates."""
    left = np.array([Presence.SAME, Presence.SAME], dtype=np.uint8)
    right = np.array([Presence.SAME, Presence.ABSENT], dtype=np.uint8)
    with pytest.raises(AssertionError, match="cannot come about"):
        actions(left, right, np.zeros(2, dtype=np.uint8), MERGE_BY_DEFAULT)


def test_actions_know_the_sides_they_write_to() -> None:
    """The journal opens one write per side named here."""
    left, right = (Side.LEFT,), (Side.RIGHT,)
    assert {action.name: action.sides for action in Action} == {
        "KEEP": (),
        "SETTLE": (),
        "UNCOUPLE": (),
        "CONFLICT": (),
        "MERGE": (Side.LEFT, Side.RIGHT),
        **{f"{verb}_RIGHT": right for verb in ("CREATE", "UPDATE", "DELETE", "DEACTIVATE")},
        **{f"{verb}_LEFT": left for verb in ("CREATE", "UPDATE", "DELETE", "DEACTIVATE")},
    }


def test_actions_have_a_mirror() -> None:
    for action in Action:
        assert action.mirrored.sides == tuple(side.other for side in action.sides)[::-1]
        assert action.mirrored.mirrored is action
        assert action.mirrored.name.split("_")[0] == action.name.split("_")[0]
