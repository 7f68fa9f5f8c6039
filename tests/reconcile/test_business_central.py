"""Business Central's decision table (semantics 4.16), row by row, and where koppel means to be different.

`conflict_scope = record` is Business Central's way; a row that says nothing about it holds for both. Business Central
runs two passes, first to the integration table (here: to the right), then back; koppel decides both at once, so an
action here stands for the two. The row "Skipped" is not decided by the core: such a record is not on the page (DESIGN
7, retry set).
"""

from dataclasses import dataclass, field

import numpy as np
import pytest

from koppel.model.action import Action
from koppel.model.policy import ConflictScope, Direction, OnDelete
from koppel.model.situation import Blank, Move, Presence, Winner
from koppel.reconcile.classify import CellRules, Evidence, contents, decide_cells
from koppel.reconcile.decide import RecordPolicy
from koppel.reconcile.table import actions

FIELD, RECORD = ConflictScope.FIELD, ConflictScope.RECORD
TWO_WAY, TO, FROM = Direction.BOTH, Direction.TO_RIGHT, Direction.TO_LEFT


@dataclass(frozen=True)
class Field:
    """One field pair of the row: which way, who edited it, whether the values came out the same, who wins."""

    direction: Direction = TWO_WAY
    left: Move = Move.SAME
    right: Move = Move.SAME
    agree: bool = False
    winner: Winner = Winner.NOBODY
    first: Winner = Winner.NOBODY


RESTS = Field()
LEFT_EDIT = Field(left=Move.MOVED)
RIGHT_EDIT = Field(right=Move.MOVED)
BOTH_EDIT = Field(left=Move.MOVED, right=Move.MOVED)


@dataclass(frozen=True)
class Given:
    """One row of the table: the pair and the policy."""

    left: Presence
    right: Presence
    cells: tuple[Field, ...] = (RESTS,)
    direction: Direction = TWO_WAY
    creates: bool = False
    on_delete: OnDelete = OnDelete.ASK
    scopes: tuple[ConflictScope, ...] = field(default=(FIELD, RECORD))


def decided(row: Given, scope: ConflictScope) -> Action:
    """From the fields of the row to the action, the way a page goes."""

    def column(values: list[int]) -> np.ndarray:
        return np.array([values], dtype=np.uint8)

    evidence = Evidence(
        left=column([cell.left for cell in row.cells]),
        right=column([cell.right for cell in row.cells]),
        agree=np.array([[cell.agree for cell in row.cells]]),
        blank=column([Blank.NEITHER] * len(row.cells)),
        on_conflict=column([cell.winner for cell in row.cells]),
        first_contact=column([cell.first for cell in row.cells]),
    )
    cells = decide_cells(CellRules(tuple(cell.direction for cell in row.cells), scope=scope), evidence)
    policy = RecordPolicy(row.direction, row.creates, row.on_delete)
    left, right = np.array([row.left], dtype=np.uint8), np.array([row.right], dtype=np.uint8)
    return Action(actions(left, right, contents(cells, scope), policy)[0])


def winning(winner: Winner, *cells: Field) -> tuple[Field, ...]:
    return tuple(Field(cell.direction, cell.left, cell.right, cell.agree, winner) for cell in cells)


def coupled(
    *cells: Field, direction: Direction = TWO_WAY, scopes: tuple[ConflictScope, ...] = (FIELD, RECORD)
) -> Given:
    """Two coupled records that exist, changed where one of their fields moved."""
    left = Presence.CHANGED if any(cell.left is Move.MOVED for cell in cells) else Presence.SAME
    right = Presence.CHANGED if any(cell.right is Move.MOVED for cell in cells) else Presence.SAME
    return Given(left, right, cells, direction, scopes=scopes)


def deleted(
    on_delete: OnDelete, direction: Direction, source: Presence = Presence.CHANGED, creates: bool = False
) -> Given:
    """The counterpart of the (left) record the pass is at is gone."""
    return Given(source, Presence.GONE, direction=direction, creates=creates, on_delete=on_delete)


ALONE = (Presence.NEW, Presence.ABSENT)
MATCHED = (Presence.NEW, Presence.NEW)
UNSEEN = Field(left=Move.UNSEEN, right=Move.UNSEEN)

SAME_AS_BC = {
    "no coupling, no counterpart, only coupled: ignored": (Given(*ALONE), Action.KEEP),
    "no coupling, no counterpart, only coupled off: Insert": (Given(*ALONE, creates=True), Action.CREATE_RIGHT),
    "no coupling, one-way mapping to the right: Insert": (
        Given(*ALONE, creates=True, direction=TO),
        Action.CREATE_RIGHT,
    ),
    "no coupling, mapping goes the other way: no pass reads it": (
        Given(*ALONE, creates=True, direction=FROM),
        Action.KEEP,
    ),
    "no coupling, hook match, policy send: couple, ForceModify": (
        Given(*MATCHED, (Field(left=Move.UNSEEN, right=Move.UNSEEN, first=Winner.LEFT),)),
        Action.UPDATE_RIGHT,
    ),
    "counterpart deleted, Restore Records, bidirectional: Insert": (
        deleted(OnDelete.RESTORE, TWO_WAY),
        Action.CREATE_RIGHT,
    ),
    "counterpart deleted, Restore Records, one-way: Insert": (deleted(OnDelete.RESTORE, TO), Action.CREATE_RIGHT),
    "counterpart deleted, Restore Records, only coupled off (B6): Insert": (
        deleted(OnDelete.RESTORE, TWO_WAY, creates=True),
        Action.CREATE_RIGHT,
    ),
    "counterpart deleted, Remove Coupling, bidirectional": (deleted(OnDelete.UNCOUPLE, TWO_WAY), Action.UNCOUPLE),
    "counterpart deleted, Remove Coupling, one-way": (deleted(OnDelete.UNCOUPLE, TO), Action.UNCOUPLE),
    "nothing changed: IgnoreUnchanged, stamps untouched": (coupled(RESTS), Action.KEEP),
    "source changed: Modify": (coupled(LEFT_EDIT, RESTS), Action.UPDATE_RIGHT),
    "source changed, one-way mapping: Modify": (
        coupled(Field(TO, left=Move.MOVED), direction=TO),
        Action.UPDATE_RIGHT,
    ),
    "source not changed, destination changed: the opposite pass does Modify": (
        coupled(RIGHT_EDIT, RESTS),
        Action.UPDATE_LEFT,
    ),
    "source changed and nothing differs: IgnoreUnchanged with stamps": (
        coupled(Field(left=Move.MOVED, agree=True)),
        Action.SETTLE,
    ),
    "both changed, no bidirectional pair differs (edited alike): Modify finds nothing": (
        coupled(Field(left=Move.MOVED, right=Move.MOVED, agree=True)),
        Action.SETTLE,
    ),
    "B1 both changed, destination's edit is in an unmapped field: Modify": (
        Given(Presence.CHANGED, Presence.SAME, (LEFT_EDIT,)),
        Action.UPDATE_RIGHT,
    ),
    "B2 both changed, destination's edit is in a From pair: Modify, opposite pass carries it back": (
        coupled(LEFT_EDIT, Field(FROM, right=Move.MOVED)),
        Action.MERGE,
    ),
    "A13 both changed, destination's edit is in a To pair: overwritten, no conflict": (
        coupled(Field(TO, left=Move.MOVED, right=Move.MOVED), direction=TO),
        Action.UPDATE_RIGHT,
    ),
    "B3 both changed, bidirectional pair differs, None: Fail": (coupled(BOTH_EDIT), Action.CONFLICT),
    "B3 and another field changed too, None: Fail for the whole record": (
        coupled(BOTH_EDIT, LEFT_EDIT, scopes=(RECORD,)),
        Action.CONFLICT,
    ),
    "B3 winner = source of the To pass: ForceModify to the right": (
        coupled(*winning(Winner.LEFT, BOTH_EDIT)),
        Action.UPDATE_RIGHT,
    ),
    "B3 winner = destination of the To pass: Skip, the From pass does ForceModify (4.16.1)": (
        coupled(*winning(Winner.RIGHT, BOTH_EDIT)),
        Action.UPDATE_LEFT,
    ),
}

DIFFERENT = {
    "hook match without a winner: asks instead of ForceModify (10.4.3 never overwrite without showing the winner)": (
        Given(*MATCHED, (UNSEEN,)),
        Action.CONFLICT,
    ),
    "hook match, records agree: couples and writes nothing (DESIGN 3; BC ForceModify writes all the same, 4.6.18)": (
        Given(*MATCHED, (Field(left=Move.UNSEEN, right=Move.UNSEEN, agree=True),)),
        Action.SETTLE,
    ),
    "counterpart deleted, None: a conflict to decide, not a failure that is skipped after two (10.4.8, 10.4.15)": (
        deleted(OnDelete.ASK, TWO_WAY),
        Action.CONFLICT,
    ),
    "counterpart deleted, source unchanged: seen at once, BC only when the survivor changes (4.15.1, 10.4.15)": (
        deleted(OnDelete.RESTORE, TWO_WAY, source=Presence.SAME),
        Action.CREATE_RIGHT,
    ),
    "counterpart deleted, delete too: BC never deletes (4.15.1); koppel if asked, an unchanged record only (10.4.15)": (
        Given(Presence.SAME, Presence.GONE, on_delete=OnDelete.DELETE),
        Action.DELETE_LEFT,
    ),
    "destination of a one-way mapping edited: shown as drift, BC does not notice (DESIGN 3, one-way fields)": (
        coupled(Field(TO, right=Move.MOVED), direction=TO),
        Action.SETTLE,
    ),
    "B4 both changed, different bidirectional pairs: merged (10.4.4; BC's false positive, 10.1 pain 10)": (
        coupled(LEFT_EDIT, RIGHT_EDIT, scopes=(FIELD,)),
        Action.MERGE,
    ),
    "B3 and another field changed too, ask: the other field travels (DESIGN 3, conflict_scope = field)": (
        coupled(BOTH_EDIT, LEFT_EDIT, scopes=(FIELD,)),
        Action.UPDATE_RIGHT,
    ),
    "B3 winner = left, right edited another field: both arrive, BC overwrites the right's (10.4.4)": (
        coupled(*winning(Winner.LEFT, BOTH_EDIT, RIGHT_EDIT), scopes=(FIELD,)),
        Action.MERGE,
    ),
}

RECORD_AS_ONE_VALUE = {
    "B4 both changed, different bidirectional pairs, None: Fail": (
        coupled(LEFT_EDIT, RIGHT_EDIT, scopes=(RECORD,)),
        Action.CONFLICT,
    ),
    "B4, winner = source of the To pass: ForceModify of the whole record": (
        coupled(*winning(Winner.LEFT, LEFT_EDIT, RIGHT_EDIT), scopes=(RECORD,)),
        Action.UPDATE_RIGHT,
    ),
    "B4, winner = destination of the To pass: the From pass does ForceModify": (
        coupled(*winning(Winner.RIGHT, LEFT_EDIT, RIGHT_EDIT), scopes=(RECORD,)),
        Action.UPDATE_LEFT,
    ),
    "B3 winner = left, right edited another bidirectional field: the left's record wins whole": (
        coupled(*winning(Winner.LEFT, BOTH_EDIT, RIGHT_EDIT), scopes=(RECORD,)),
        Action.UPDATE_RIGHT,
    ),
}


@pytest.mark.parametrize(("row", "action"), SAME_AS_BC.values(), ids=SAME_AS_BC.keys())
def test_as_business_central(row: Given, action: Action) -> None:
    assert {scope: decided(row, scope) for scope in row.scopes} == dict.fromkeys(row.scopes, action)


@pytest.mark.parametrize(("row", "action"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_deliberately_different(row: Given, action: Action) -> None:
    assert {scope: decided(row, scope) for scope in row.scopes} == dict.fromkeys(row.scopes, action)


@pytest.mark.parametrize(("row", "action"), RECORD_AS_ONE_VALUE.values(), ids=RECORD_AS_ONE_VALUE.keys())
def test_as_business_central_with_the_record_as_one_value(row: Given, action: Action) -> None:
    """Semantics 4.6.13: both modified and any bidirectional pair differs is one conflict, of the record."""
    assert {scope: decided(row, scope) for scope in row.scopes} == dict.fromkeys(row.scopes, action)
