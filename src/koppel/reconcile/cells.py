"""The decision about one cell: one field of one pair of records. This is the only implementation of it (DESIGN 3)."""

from koppel.model.policy import Direction, Side
from koppel.model.situation import Blank, Cell, Move, Winner

_TOWARDS_LOSER = {
    Winner.LEFT: Cell.TO_RIGHT,
    Winner.RIGHT: Cell.TO_LEFT,
    Winner.RESOLVER: Cell.RESOLVE,
    Winner.NOBODY: Cell.CLASH,
}


def decide_cell(
    left: Move, right: Move, agree: bool, blank: Blank, direction: Direction, on_conflict: Winner, first_contact: Winner
) -> Cell:
    """What to do with one cell.

    `agree`: the values are equal after conversion (only looked at when something moved or is unseen). `blank`: which
    differing value is blank; in a forced run, where blanks travel like any value, pass NEITHER. `on_conflict`: the
    winner when both sides moved; for a one-way field: its source when drift is to be overwritten, else NOBODY.
    `first_contact`: the winner when a side is unseen.
    """
    if left is right is Move.SAME or agree:
        return Cell.KEEP
    if Move.UNSEEN in (left, right):
        return _first_contact(blank, direction, first_contact)
    if direction is not Direction.BOTH:
        return _one_way(left, right, direction, on_conflict)
    if right is Move.SAME:
        return Cell.TO_RIGHT
    if left is Move.SAME:
        return Cell.TO_LEFT
    return _TOWARDS_LOSER[on_conflict]


def _first_contact(blank: Blank, direction: Direction, winner: Winner) -> Cell:
    """Two values that differ and were never in agreement: a blank takes the other's value, but never against the
    direction.
    """
    if direction is Direction.BOTH:
        filled_by = {Blank.LEFT: Cell.TO_LEFT, Blank.RIGHT: Cell.TO_RIGHT}
        return filled_by.get(blank, _TOWARDS_LOSER[winner])
    source_is_blank = blank is (Blank.LEFT if direction is Direction.TO_RIGHT else Blank.RIGHT)
    return Cell.DRIFT if source_is_blank else _forwards(direction)


def _one_way(left: Move, right: Move, direction: Direction, winner: Winner) -> Cell:
    """The source's edits travel; an edit on the receiving side is drift unless the policy overwrites it (semantics A13,
    B2).
    """
    source = left if direction is Direction.TO_RIGHT else right
    source_wins = winner is (Winner.LEFT if direction is Direction.TO_RIGHT else Winner.RIGHT)
    return _forwards(direction) if source is Move.MOVED or source_wins else Cell.DRIFT


def _forwards(direction: Direction) -> Cell:
    return Cell.TO_RIGHT if direction.reaches(Side.RIGHT) else Cell.TO_LEFT
