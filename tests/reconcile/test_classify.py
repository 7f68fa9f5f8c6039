"""From fingerprints to cells to contents: whole pages say the same as cell by cell, row by row."""

from enum import IntEnum
from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from koppel.model.action import Action
from koppel.model.policy import ConflictScope, Direction, OnDelete
from koppel.model.situation import Blank, Cell, Content, Move, Presence, Winner
from koppel.reconcile.cells import decide_cell
from koppel.reconcile.classify import (
    UNSEEN_FINGERPRINT,
    CellRules,
    Codes,
    Evidence,
    blanks,
    contents,
    decide_cells,
    moves,
)
from koppel.reconcile.decide import RecordPolicy
from koppel.reconcile.table import actions

pages = st.tuples(st.integers(0, 6), st.integers(0, 5))
directions = st.sampled_from(Direction)


def codes(of: type[IntEnum], shape: tuple[int, int]) -> st.SearchStrategy[Codes]:
    """A page of codes of an enumeration."""
    return arrays(np.uint8, shape, elements=st.sampled_from([int(code) for code in of]))


@st.composite
def judged_pages(draw: st.DrawFn, allowed: tuple[Direction, ...] = tuple(Direction)) -> tuple[CellRules, Evidence]:
    """Rules without groups and any evidence that fits them."""
    shape = draw(pages)
    rules = CellRules(tuple(draw(st.sampled_from(allowed)) for _ in range(shape[1])))
    evidence = Evidence(
        left=draw(codes(Move, shape)),
        right=draw(codes(Move, shape)),
        agree=draw(arrays(np.bool_, shape)),
        blank=draw(codes(Blank, shape)),
        on_conflict=draw(codes(Winner, shape)),
        first_contact=draw(codes(Winner, shape)),
    )
    return rules, evidence


# Fingerprints


def test_a_cell_is_the_same_moved_or_unseen() -> None:
    now = np.array([[7, 8, 9, UNSEEN_FINGERPRINT]], dtype=np.uint64)
    baseline = np.array([[7, 7, UNSEEN_FINGERPRINT, UNSEEN_FINGERPRINT]], dtype=np.uint64)
    assert moves(now, baseline).tolist() == [[Move.SAME, Move.MOVED, Move.UNSEEN, Move.UNSEEN]]
    assert moves(now, baseline).dtype == np.uint8


@given(pages.flatmap(lambda shape: st.tuples(*[arrays(np.uint64, shape, elements=st.integers(0, 3))] * 2)))
def test_moves_of_any_page(page: tuple[np.ndarray, np.ndarray]) -> None:
    now, baseline = page
    told = moves(now, baseline)
    assert told.shape == now.shape
    for at in np.ndindex(now.shape):
        seen = Move.SAME if now[at] == baseline[at] else Move.MOVED
        assert told[at] == (Move.UNSEEN if baseline[at] == 0 else seen)


def test_big_fingerprints_are_compared_in_all_their_bits() -> None:
    """Two neighbours that are one number as floats: an edit must not vanish."""
    now, baseline = np.array([[2**63 + 1]], dtype=np.uint64), np.array([[2**63]], dtype=np.uint64)
    assert moves(now, baseline).tolist() == [[Move.MOVED]]


def test_which_side_is_blank() -> None:
    left, right = np.array([[True, True, False, False]]), np.array([[True, False, True, False]])
    assert blanks(left, right).tolist() == [[Blank.NEITHER, Blank.LEFT, Blank.RIGHT, Blank.NEITHER]]
    assert blanks(left, right).dtype == np.uint8


# Cells


@given(judged_pages())
def test_a_page_of_cells_is_decided_cell_by_cell(page: tuple[CellRules, Evidence]) -> None:
    rules, evidence = page
    told = decide_cells(rules, evidence)
    assert told.shape == evidence.left.shape
    for row, column in np.ndindex(told.shape):
        expected = decide_cell(
            Move(evidence.left.item(row, column)),
            Move(evidence.right.item(row, column)),
            bool(evidence.agree.item(row, column)),
            Blank(evidence.blank.item(row, column)),
            rules.directions[column],
            Winner(evidence.on_conflict.item(row, column)),
            Winner(evidence.first_contact.item(row, column)),
        )
        assert told[row, column] == expected


# Contents


def slow_content(cells: list[Cell], scope: ConflictScope) -> Content:
    """What a record's cells add up to, as one would say it."""
    if scope is ConflictScope.RECORD and Cell.CLASH in cells:
        return Content.CLASH
    goes_right = any(cell in (Cell.TO_RIGHT, Cell.RESOLVE) for cell in cells)
    goes_left = any(cell in (Cell.TO_LEFT, Cell.RESOLVE) for cell in cells)
    if goes_right and goes_left:
        return Content.BOTH_WAYS
    if goes_right:
        return Content.TO_RIGHT
    if goes_left:
        return Content.TO_LEFT
    for cell, content in ((Cell.CLASH, Content.CLASH), (Cell.DRIFT, Content.DRIFT)):
        if cell in cells:
            return content
    return Content.EQUAL


@given(pages.flatmap(lambda shape: codes(Cell, shape)), st.sampled_from(ConflictScope))
def test_contents_of_any_page(cells: Codes, scope: ConflictScope) -> None:
    expected = [slow_content([Cell(cell) for cell in row], scope) for row in cells]
    assert contents(cells, scope).tolist() == expected


def test_contents_of_every_pair_of_cells() -> None:
    """Two fields, all answers: small enough to leave nothing to chance."""
    rows = list(product(Cell, Cell))
    for scope in ConflictScope:
        assert contents(np.array(rows, dtype=np.uint8), scope).tolist() == [slow_content([*row], scope) for row in rows]


def test_a_clash_holds_back_its_field_or_the_record() -> None:
    """DESIGN 3: with `field` the others travel, with `record` the whole pair waits (semantics 4.6.13)."""
    cells = np.array([[Cell.CLASH, Cell.TO_RIGHT, Cell.KEEP], [Cell.TO_LEFT, Cell.KEEP, Cell.DRIFT]], dtype=np.uint8)
    assert contents(cells, ConflictScope.FIELD).tolist() == [Content.TO_RIGHT, Content.TO_LEFT]
    assert contents(cells, ConflictScope.RECORD).tolist() == [Content.CLASH, Content.TO_LEFT]


def test_records_without_compared_fields_are_equal() -> None:
    """A mapping of constants written on creation only still couples."""
    for scope in ConflictScope:
        assert contents(np.zeros((2, 0), dtype=np.uint8), scope).tolist() == [Content.EQUAL, Content.EQUAL]


# The whole road


@st.composite
def mapped_pages(draw: st.DrawFn) -> tuple[CellRules, Evidence, RecordPolicy, ConflictScope]:
    """Fields that go no other way than their mapping, as configuration demands."""
    policy = RecordPolicy(draw(directions), draw(st.booleans()), draw(st.sampled_from(OnDelete)))
    allowed = tuple(Direction) if policy.direction is Direction.BOTH else (policy.direction,)
    return (*draw(judged_pages(allowed)), policy, draw(st.sampled_from(ConflictScope)))


@given(mapped_pages())
def test_every_side_written_to_is_reached_by_the_direction(
    page: tuple[CellRules, Evidence, RecordPolicy, ConflictScope],
) -> None:
    """From evidence to action: nothing travels against the mapping's direction, and no difference is passed over."""
    rules, evidence, policy, scope = page
    content = contents(decide_cells(rules, evidence), scope)
    changed = np.full(len(content), Presence.CHANGED, dtype=np.uint8)
    differs = ~evidence.agree & ((evidence.left != Move.SAME) | (evidence.right != Move.SAME))
    for action, told, row in zip(actions(changed, changed, content, policy), content, differs, strict=True):
        assert all(policy.direction.reaches(side) for side in Action(action).sides)
        assert (told == Content.EQUAL) == (not row.any())
