"""The decision about one field: all cases, each law of DESIGN 3 over every one of them."""

from itertools import product

import pytest

from koppel.model.policy import Direction
from koppel.model.situation import Blank, Cell, Move, Winner
from koppel.reconcile.cells import decide_cell
from tests.reconcile.mirror import CELL, Case

CASES = [Case(*case) for case in product(Move, Move, (False, True), Blank, Direction, Winner, Winner)]
REAL = [case for case in CASES if case.first_contact is not Winner.RESOLVER]
"""There is no resolver for first contact (DESIGN 3, policies); the function answers by the same laws all the same."""

DIFFERING = [case for case in CASES if case.differs]
SEEN = [case for case in DIFFERING if not case.first_seen]
FIRST = [case for case in DIFFERING if case.first_seen]
FORWARDS = {Direction.TO_RIGHT: Cell.TO_RIGHT, Direction.TO_LEFT: Cell.TO_LEFT}
SOURCE_WINS = {Direction.TO_RIGHT: Winner.LEFT, Direction.TO_LEFT: Winner.RIGHT}
SOURCE_BLANK = {Direction.TO_RIGHT: Blank.LEFT, Direction.TO_LEFT: Blank.RIGHT}
TO_LOSER = {
    Winner.NOBODY: Cell.CLASH,
    Winner.LEFT: Cell.TO_RIGHT,
    Winner.RIGHT: Cell.TO_LEFT,
    Winner.RESOLVER: Cell.RESOLVE,
}


def test_all_cases_are_looked_at() -> None:
    assert len(REAL) == 1_944
    assert all(cases for cases in (DIFFERING, SEEN, FIRST))


def test_neither_side_is_preferred() -> None:
    """Mirror symmetry: exchanging the sides exchanges the answer and nothing else."""
    assert [case for case in CASES if decide_cell(*case.mirrored) is not CELL[decide_cell(*case)]] == []


def test_what_agrees_or_did_not_move_is_kept() -> None:
    assert [case for case in CASES if not case.differs and decide_cell(*case) is not Cell.KEEP] == []


def test_no_difference_is_lost() -> None:
    """Every differing cell is carried, resolved, clashes or is shown as drift (DESIGN 3, "no cell lost")."""
    assert [case for case in DIFFERING if decide_cell(*case) is Cell.KEEP] == []


@pytest.mark.parametrize(
    ("direction", "allowed"),
    [
        (Direction.TO_RIGHT, {Cell.KEEP, Cell.TO_RIGHT, Cell.DRIFT}),
        (Direction.TO_LEFT, {Cell.KEEP, Cell.TO_LEFT, Cell.DRIFT}),
        (Direction.BOTH, {Cell.KEEP, Cell.TO_RIGHT, Cell.TO_LEFT, Cell.RESOLVE, Cell.CLASH}),
    ],
)
def test_nothing_travels_against_the_direction(direction: Direction, allowed: set[Cell]) -> None:
    """And a one-way field is never a conflict, a two-way field never drift."""
    assert {decide_cell(*case) for case in CASES if case.direction is direction} == allowed


# Seen before: who moved decides


def test_one_edit_of_a_two_way_field_travels_whatever_the_policy() -> None:
    """A winner is asked only where both sides moved: `right wins` must not undo an edit on the left."""
    wrong = [
        case
        for case in SEEN
        if case.direction is Direction.BOTH
        and Move.SAME in (case.left, case.right)
        and decide_cell(*case) is not (Cell.TO_RIGHT if case.left is Move.MOVED else Cell.TO_LEFT)
    ]
    assert wrong == []


def test_two_edits_of_a_two_way_field_go_by_the_winner_or_wait() -> None:
    """Semantics B3: with a policy the chosen side wins, without one a person is asked."""
    both = [case for case in SEEN if case.direction is Direction.BOTH and case.left is case.right is Move.MOVED]
    assert {case.on_conflict for case in both} == set(Winner)
    assert [case for case in both if decide_cell(*case) is not TO_LOSER[case.on_conflict]] == []


def test_the_source_of_a_one_way_field_is_always_carried() -> None:
    """Semantics A13: an edit on the receiving side is overwritten when the source moves, and is no conflict."""
    wrong = []
    for case in SEEN:
        source = {Direction.TO_RIGHT: case.left, Direction.TO_LEFT: case.right}.get(case.direction)
        if source is Move.MOVED and decide_cell(*case) is not FORWARDS[case.direction]:
            wrong.append(case)
    assert wrong == []


def test_an_edit_on_the_receiving_side_is_drift_unless_it_is_to_be_restored() -> None:
    """DESIGN 3, one-way fields: not carried, no conflict; `drift = restore` names the source as winner."""
    wrong = []
    for case in SEEN:
        source = {Direction.TO_RIGHT: case.left, Direction.TO_LEFT: case.right}.get(case.direction)
        if source is Move.SAME:
            restore = case.on_conflict is SOURCE_WINS[case.direction]
            if decide_cell(*case) is not (FORWARDS[case.direction] if restore else Cell.DRIFT):
                wrong.append(case)
    assert wrong == []


def test_an_edit_is_overwritten_only_by_a_winner_or_a_one_way_source() -> None:
    """No edit lost: what moved on the losing side was outvoted by a policy, or made on a side that only receives."""
    lost = []
    for case in SEEN:
        cell = decide_cell(*case)
        loser_moved = (cell is Cell.TO_RIGHT and case.right is Move.MOVED) or (
            cell is Cell.TO_LEFT and case.left is Move.MOVED
        )
        if loser_moved and case.direction is Direction.BOTH and TO_LOSER[case.on_conflict] is not cell:
            lost.append(case)
    assert lost == []


def test_the_first_contact_winner_has_no_say_once_a_cell_was_seen() -> None:
    assert [
        case for case in SEEN if decide_cell(*case) is not decide_cell(*case._replace(first_contact=Winner(0)))
    ] == []


def test_a_blank_is_a_value_like_any_other_once_a_cell_was_seen() -> None:
    """Emptying a field on purpose is an edit and travels; only first contact treats blanks differently."""
    assert [case for case in SEEN if decide_cell(*case) is not decide_cell(*case._replace(blank=Blank.NEITHER))] == []


# First contact


def test_unseen_values_are_overwritten_only_by_a_winner_into_a_blank_or_one_way() -> None:
    """DESIGN 3: "unseen content never overwritten unless a winner says so"."""
    overwritten = [
        case
        for case in FIRST
        if case.direction is Direction.BOTH
        and case.blank is Blank.NEITHER
        and decide_cell(*case) is not TO_LOSER[case.first_contact]
    ]
    assert overwritten == []
    asked = [case for case in FIRST if case.first_contact is Winner.NOBODY and decide_cell(*case) is Cell.CLASH]
    assert asked, "without a winner two filled values are a question"


def test_a_blank_takes_the_other_sides_value_and_never_blanks_it() -> None:
    """Even against a winner: `left wins` with nothing on the left must not empty the right."""
    filled = {Blank.LEFT: Cell.TO_LEFT, Blank.RIGHT: Cell.TO_RIGHT}
    wrong = [
        case
        for case in FIRST
        if case.direction is Direction.BOTH
        and case.blank is not Blank.NEITHER
        and decide_cell(*case) is not filled[case.blank]
    ]
    assert wrong == []


def test_a_one_way_field_follows_its_direction_at_first_contact_unless_its_source_is_blank() -> None:
    """DESIGN 4: "a blank default never blanks the source"; nor does a blank source blank what the other side has."""
    wrong = []
    for case in FIRST:
        if case.direction is not Direction.BOTH:
            source_blank = case.blank is SOURCE_BLANK[case.direction]
            if decide_cell(*case) is not (Cell.DRIFT if source_blank else FORWARDS[case.direction]):
                wrong.append(case)
    assert wrong == []


def test_the_conflict_winner_has_no_say_at_first_contact() -> None:
    """A standing `on_conflict = left wins` must not decide over values nobody has ever compared."""
    assert [
        case for case in FIRST if decide_cell(*case) is not decide_cell(*case._replace(on_conflict=Winner(0)))
    ] == []


def test_any_unseen_side_makes_it_a_first_contact() -> None:
    """Half a baseline is none: which side is unseen, and whether the other moved, does not matter."""
    for case in FIRST:
        both_unseen = case._replace(left=Move.UNSEEN, right=Move.UNSEEN)
        assert decide_cell(*case) is decide_cell(*both_unseen), case
