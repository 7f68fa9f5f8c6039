"""From fingerprints to cells, and from cells to what a record's content is. Whole pages at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from koppel.model.policy import ConflictScope, Direction
from koppel.model.situation import Blank, Cell, Content, Move, Winner
from koppel.reconcile.table import DIRECTIONS, cell_table, content_table

Fingerprints = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

UNSEEN_FINGERPRINT = 0
"""Stands in a baseline where nothing was ever agreed."""


@dataclass(frozen=True)
class CellRules:
    """What `decide_cell` has to know of each field, field by field. `groups`: column numbers that are one value to a
    conflict.
    """

    directions: tuple[Direction, ...]
    groups: tuple[tuple[int, ...], ...] = ()
    scope: ConflictScope = ConflictScope.FIELD


@dataclass(frozen=True)
class Evidence:
    """What is known of a page's cells; every array is pairs × fields.

    `agree` and `blank` are looked at only where something moved or is unseen. The winners are `Winner` codes, chosen
    before.
    """

    left: Codes
    right: Codes
    agree: Mask
    blank: Codes
    on_conflict: Codes
    first_contact: Codes


def moves(now: Fingerprints, baseline: Fingerprints) -> Codes:
    """How each cell of one side moved (`Move` codes), pairs × fields."""
    moved = np.where(now == baseline, np.uint8(Move.SAME), np.uint8(Move.MOVED))
    moved[baseline == UNSEEN_FINGERPRINT] = Move.UNSEEN
    return moved


def blanks(left: Mask, right: Mask) -> Codes:
    """Which side of each cell is blank (`Blank` codes); both blank is nobody's, such values agree."""
    return np.where(
        left & ~right, np.uint8(Blank.LEFT), np.where(right & ~left, np.uint8(Blank.RIGHT), np.uint8(Blank.NEITHER))
    )


def decide_cells(rules: CellRules, evidence: Evidence) -> Codes:
    """The `Cell` code of every cell of a page, groups honoured."""
    left, right, agree = _as_groups(rules, evidence)
    direction = np.array([DIRECTIONS.index(d) for d in rules.directions], dtype=np.uint8)
    cells: Codes = cell_table()[
        left, right, agree.astype(np.uint8), evidence.blank, direction, evidence.on_conflict, evidence.first_contact
    ]
    for group in rules.groups:
        _spread_clash(cells, list(group))
    return cells


def _as_groups(rules: CellRules, evidence: Evidence) -> tuple[Codes, Codes, Mask]:
    """The cells of a group are one cell: it moves as its strongest member and agrees when all do.

    Unseen cells are left to first contact, field by field, where a blank takes the other side's value; those with a
    resolver to it. With scope RECORD all two-way fields move as one, as Business Central sees a record (semantics
    4.6.13), but what agrees stays where it is.
    """
    left, right = evidence.left, evidence.right
    agree = evidence.agree | ((left == Move.SAME) & (right == Move.SAME))
    if not rules.groups and rules.scope is ConflictScope.FIELD:
        return left, right, agree
    left, right = left.copy(), right.copy()
    joined = (left != Move.UNSEEN) & (right != Move.UNSEEN) & (evidence.on_conflict != Winner.RESOLVER)
    for group in rules.groups:
        columns = list(group)
        _move_as_one(left, right, joined, columns)
        all_agree = np.logical_and.reduce(agree[:, columns] | ~joined[:, columns], axis=1)
        agree[:, columns] = np.where(joined[:, columns], all_agree[:, None], agree[:, columns])
    if rules.scope is ConflictScope.RECORD:
        _move_as_one(left, right, joined, [i for i, d in enumerate(rules.directions) if d is Direction.BOTH])
    return left, right, agree


def _move_as_one(left: Codes, right: Codes, joined: Mask, columns: list[int]) -> None:
    for moves in (left, right):
        part = np.where(joined[:, columns], moves[:, columns], np.uint8(Move.SAME))
        strongest = part.max(axis=1, initial=Move.SAME, keepdims=True)
        moves[:, columns] = np.where(joined[:, columns], strongest, moves[:, columns])


def _spread_clash(cells: Codes, columns: list[int]) -> None:
    """One clash in a group holds the whole group back: half an address must not travel."""
    part = cells[:, columns]
    clashing = (part == Cell.CLASH).any(axis=1)
    cells[:, columns] = np.where(clashing[:, None] & (part != Cell.KEEP), np.uint8(Cell.CLASH), part)


def contents(cells: Codes, scope: ConflictScope) -> Codes:
    """The `Content` code of every pair. With scope RECORD one clash holds back the whole pair."""
    bits = np.bitwise_or.reduce(np.left_shift(np.uint8(1), cells), axis=1)
    content: Codes = content_table()[bits]
    if scope is ConflictScope.RECORD:
        content = np.where((cells == Cell.CLASH).any(axis=1), np.uint8(Content.CLASH), content)
    return content
