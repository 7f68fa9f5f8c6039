"""Fields that belong together (DESIGN 3, Groups), held against a slow reading of the rule: row by row, group by group.

Configuration sees to it that the fields of a group have one direction and no resolver; the pages drawn for the slow
reading keep to that, the laws below hold for any page.
"""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from koppel.model.policy import ConflictScope, Direction
from koppel.model.situation import Blank, Cell, Content, Move, Winner
from koppel.reconcile.classify import CellRules, Codes, Evidence, contents, decide_cells

WIDTH = 5
GROUPINGS = [(), ((0, 1),), ((3, 1),), ((0, 1, 2),), ((0, 4), (2, 1, 3)), ((0, 1, 2, 3, 4),), ((2,),)]
WINNERS = [Winner.NOBODY, Winner.LEFT, Winner.RIGHT]


@dataclass(frozen=True)
class Known:
    """One cell of a page, as the slow reading takes it."""

    left: Move
    right: Move
    agree: bool
    blank: Blank
    on_conflict: Winner
    first_contact: Winner

    @property
    def settled(self) -> bool:
        return self.agree or (self.left is Move.SAME and self.right is Move.SAME)


def to_loser(winner: Winner) -> Cell:
    return {Winner.LEFT: Cell.TO_RIGHT, Winner.RIGHT: Cell.TO_LEFT}.get(winner, Cell.CLASH)


def slow_first(cell: Known, direction: Direction) -> Cell:
    """A value that was never in agreement, by itself."""
    if cell.settled:
        return Cell.KEEP
    if direction is Direction.TO_RIGHT:
        return Cell.DRIFT if cell.blank is Blank.LEFT else Cell.TO_RIGHT
    if direction is Direction.TO_LEFT:
        return Cell.DRIFT if cell.blank is Blank.RIGHT else Cell.TO_LEFT
    if cell.blank is Blank.NEITHER:
        return to_loser(cell.first_contact)
    return Cell.TO_LEFT if cell.blank is Blank.LEFT else Cell.TO_RIGHT


def slow_seen(cells: list[Known], direction: Direction) -> Cell:
    """Cells that were all in agreement before, as one value."""
    if all(cell.settled for cell in cells):
        return Cell.KEEP
    left = any(cell.left is Move.MOVED for cell in cells)
    right = any(cell.right is Move.MOVED for cell in cells)
    winner = cells[0].on_conflict
    if direction is Direction.TO_RIGHT:
        return Cell.TO_RIGHT if left or winner is Winner.LEFT else Cell.DRIFT
    if direction is Direction.TO_LEFT:
        return Cell.TO_LEFT if right or winner is Winner.RIGHT else Cell.DRIFT
    if left and right:
        return to_loser(winner)
    return Cell.TO_RIGHT if left else Cell.TO_LEFT


def slow_group(cells: list[Known], direction: Direction) -> list[Cell]:
    """What is to be done with each field of one group of one record."""
    seen = [cell for cell in cells if Move.UNSEEN not in (cell.left, cell.right)]
    each = [slow_seen(seen, direction) if cell in seen else slow_first(cell, direction) for cell in cells]
    if Cell.CLASH in each:
        return [cell if cell is Cell.KEEP else Cell.CLASH for cell in each]
    return each


@st.composite
def grouped_pages(draw: st.DrawFn) -> tuple[CellRules, list[list[Known]]]:
    """Rules and up to five records; every field of a group has the group's direction, and the record's winner."""
    groups = draw(st.sampled_from(GROUPINGS))
    singles = tuple((column,) for column in range(WIDTH) if not any(column in group for group in groups))
    directions = [Direction.BOTH] * WIDTH
    for group in (*groups, *singles):
        chosen = draw(st.sampled_from(Direction))
        for column in group:
            directions[column] = chosen
    rows = [draw_row(draw, (*groups, *singles)) for _ in range(draw(st.integers(0, 5)))]
    return CellRules(tuple(directions), groups), rows


def draw_row(draw: st.DrawFn, groups: tuple[tuple[int, ...], ...]) -> list[Known]:
    row: dict[int, Known] = {}
    for group in groups:
        winner, first = draw(st.sampled_from(WINNERS)), draw(st.sampled_from(WINNERS))
        for column in group:
            left, right, blank = (draw(st.sampled_from(kind)) for kind in (Move, Move, Blank))
            row[column] = Known(left, right, draw(st.booleans()), blank, winner, first)
    return [row[column] for column in range(WIDTH)]


def evidence_of(rows: list[list[Known]], width: int = WIDTH) -> Evidence:
    """The same as columns."""

    def page_of(name: str, kind: type[np.generic] = np.uint8) -> Any:
        return np.array([[getattr(cell, name) for cell in row] for row in rows], kind).reshape(len(rows), width)

    return Evidence(
        left=page_of("left"),
        right=page_of("right"),
        agree=page_of("agree", np.bool_),
        blank=page_of("blank"),
        on_conflict=page_of("on_conflict"),
        first_contact=page_of("first_contact"),
    )


def slow_page(rules: CellRules, rows: list[list[Known]]) -> list[list[Cell]]:
    """All groups of all rows; a field by itself is a group of one."""
    grouped = {column for group in rules.groups for column in group}
    groups = [*rules.groups, *((column,) for column in range(len(rules.directions)) if column not in grouped)]
    page = []
    for row in rows:
        told: dict[int, Cell] = {}
        for group in groups:
            cells = slow_group([row[column] for column in group], rules.directions[group[0]])
            told |= dict(zip(group, cells, strict=True))
        page.append([told[column] for column in sorted(told)])
    return page


@given(grouped_pages())
def test_any_page_is_decided_like_its_records_one_by_one(page: tuple[CellRules, list[list[Known]]]) -> None:
    rules, rows = page
    assert decide_cells(rules, evidence_of(rows)).tolist() == slow_page(rules, rows)


# Laws that hold for any page at all


@st.composite
def any_pages(draw: st.DrawFn) -> tuple[CellRules, Evidence]:
    """Groups of any mixture: seen, unseen, two-way, one-way, with any winners."""
    shape = (draw(st.integers(0, 5)), WIDTH)
    rules = CellRules(tuple(draw(st.sampled_from(Direction)) for _ in range(WIDTH)), draw(st.sampled_from(GROUPINGS)))

    def page_of(kind: type[IntEnum]) -> Codes:
        return draw(arrays(np.uint8, shape, elements=st.sampled_from([int(code) for code in kind])))

    agree = draw(arrays(np.bool_, shape))
    return rules, Evidence(page_of(Move), page_of(Move), agree, page_of(Blank), page_of(Winner), page_of(Winner))


@given(any_pages())
def test_one_clash_in_a_group_holds_it_all(page: tuple[CellRules, Evidence]) -> None:
    """Half an address must not travel."""
    rules, evidence = page
    cells = decide_cells(rules, evidence)
    for row in cells:
        for group in rules.groups:
            told = {Cell(cell) for cell in row[list(group)]}
            assert Cell.CLASH not in told or told <= {Cell.CLASH, Cell.KEEP}


@given(any_pages())
def test_groups_do_not_reach_beyond_themselves(page: tuple[CellRules, Evidence]) -> None:
    """A field in no group is decided as if there were none, and nothing travels against a field's own direction."""
    rules, evidence = page
    cells, alone = decide_cells(rules, evidence), decide_cells(CellRules(rules.directions), evidence)
    for column, direction in enumerate(rules.directions):
        if not any(column in group for group in rules.groups):
            assert (cells[:, column] == alone[:, column]).all()
        against = {Direction.TO_RIGHT: Cell.TO_LEFT, Direction.TO_LEFT: Cell.TO_RIGHT}.get(direction)
        assert against is None or against not in cells[:, column]


@given(any_pages())
def test_a_group_that_agrees_everywhere_stays(page: tuple[CellRules, Evidence]) -> None:
    """Both sides were given the same new address: no conflict, nothing to write."""
    rules, evidence = page
    differs = ~evidence.agree & ((evidence.left != Move.SAME) | (evidence.right != Move.SAME))
    cells = decide_cells(rules, evidence)
    for group in rules.groups:
        columns = list(group)
        agreeing = ~differs[:, columns].any(axis=1)
        assert (cells[np.ix_(agreeing, np.array(columns))] == Cell.KEEP).all()


@given(any_pages())
def test_deciding_changes_no_evidence(page: tuple[CellRules, Evidence]) -> None:
    """Settling uses the same arrays afterwards; a move written over there would settle the wrong cell."""
    rules, evidence = page
    before = [getattr(evidence, field.name).copy() for field in fields(Evidence)]
    decide_cells(rules, evidence)
    assert all(
        np.array_equal(old, getattr(evidence, field.name)) for old, field in zip(before, fields(Evidence), strict=True)
    )


# The address, as the documentation tells it


def decide_row(rules: CellRules, *cells: Known) -> list[Cell]:
    return [Cell(cell) for cell in decide_cells(rules, evidence_of([list(cells)], len(cells)))[0]]


def known(left: Move, right: Move, blank: Blank = Blank.NEITHER, agree: bool = False) -> Known:
    return Known(left, right, agree, blank, Winner.NOBODY, Winner.NOBODY)


RESTS = known(Move.SAME, Move.SAME)
LEFT_EDIT = known(Move.MOVED, Move.SAME)
RIGHT_EDIT = known(Move.SAME, Move.MOVED)
ADDRESS = CellRules((Direction.BOTH,) * 3, groups=((0, 1),))
"""address, city; and a telephone number that has nothing to do with them."""


def test_different_fields_merge_but_different_parts_of_an_address_do_not() -> None:
    """peers.md: different-field edits merge; DESIGN 3: "otherwise a merge makes an address that exists nowhere"."""
    assert decide_row(ADDRESS, LEFT_EDIT, RESTS, RIGHT_EDIT) == [Cell.TO_RIGHT, Cell.TO_RIGHT, Cell.TO_LEFT]
    assert decide_row(ADDRESS, LEFT_EDIT, RIGHT_EDIT, RIGHT_EDIT) == [Cell.CLASH, Cell.CLASH, Cell.TO_LEFT]


def test_a_new_address_travels_whole() -> None:
    """A part that is the same as before goes with it: the other system may keep the address as one."""
    assert decide_row(ADDRESS, RESTS, RIGHT_EDIT, RESTS) == [Cell.TO_LEFT, Cell.TO_LEFT, Cell.KEEP]


def test_first_contact_fills_an_address_field_by_field() -> None:
    """DESIGN 3: a blank takes the other side's value; only two filled values that differ are a question."""
    blank_left = known(Move.UNSEEN, Move.UNSEEN, Blank.LEFT)
    agreed = known(Move.UNSEEN, Move.UNSEEN, agree=True)
    differs = known(Move.UNSEEN, Move.UNSEEN)
    assert decide_row(ADDRESS, blank_left, agreed, agreed) == [Cell.TO_LEFT, Cell.KEEP, Cell.KEEP]
    assert decide_row(ADDRESS, blank_left, differs, agreed) == [Cell.CLASH, Cell.CLASH, Cell.KEEP]


@pytest.mark.parametrize(
    "third", [known(Move.UNSEEN, Move.UNSEEN, agree=True), known(Move.SAME, Move.UNSEEN, Blank.RIGHT)]
)
def test_an_added_field_does_not_let_an_address_be_torn_apart(third: Known) -> None:
    """The day a field joins the group, edits on both sides of its other fields are one conflict still."""
    rules = CellRules((Direction.BOTH,) * 3, groups=((0, 1, 2),))
    assert decide_row(rules, LEFT_EDIT, RIGHT_EDIT, third)[:2] == [Cell.CLASH, Cell.CLASH]


def test_a_clash_in_one_group_lets_the_rest_of_the_record_travel() -> None:
    cells = np.array([decide_row(ADDRESS, LEFT_EDIT, RIGHT_EDIT, LEFT_EDIT)], dtype=np.uint8)
    assert contents(cells, ConflictScope.FIELD).tolist() == [Content.TO_RIGHT]
    assert contents(cells, ConflictScope.RECORD).tolist() == [Content.CLASH]


# conflict_scope = record


@st.composite
def two_way_records(draw: st.DrawFn) -> list[Known]:
    """One record of two-way fields, all seen, with one winner for all of them."""
    winner = draw(st.sampled_from(WINNERS))
    moves = st.sampled_from([Move.SAME, Move.MOVED])
    return [
        Known(draw(moves), draw(moves), draw(st.booleans()), Blank.NEITHER, winner, Winner.NOBODY) for _ in range(WIDTH)
    ]


@given(two_way_records())
def test_with_scope_record_two_edits_of_a_record_are_one_conflict(row: list[Known]) -> None:
    """Semantics 4.6.13: both modified and at least one bidirectional pair differs; the winner gives all of it."""
    differing = {column for column, cell in enumerate(row) if not cell.settled}
    told = slow_seen(
        [Known(c.left, c.right, False, c.blank, c.on_conflict, c.first_contact) for c in row], Direction.BOTH
    )
    rules = CellRules((Direction.BOTH,) * WIDTH, scope=ConflictScope.RECORD)
    expected = [told if column in differing else Cell.KEEP for column in range(WIDTH)]
    assert decide_row(rules, *row) == expected


def test_with_scope_record_only_what_differs_is_written() -> None:
    """Semantics 4.10.2: the record is one conflict, but not one value; an address in it still is."""
    rules = CellRules((Direction.BOTH,) * 3, groups=((0, 1),), scope=ConflictScope.RECORD)
    assert decide_row(rules, RESTS, RESTS, LEFT_EDIT) == [Cell.KEEP, Cell.KEEP, Cell.TO_RIGHT]
    assert decide_row(rules, LEFT_EDIT, RESTS, RESTS) == [Cell.TO_RIGHT, Cell.TO_RIGHT, Cell.KEEP]
    assert decide_row(rules, LEFT_EDIT, RESTS, RIGHT_EDIT) == [Cell.CLASH, Cell.CLASH, Cell.CLASH]


def test_with_scope_record_resolvers_and_one_way_fields_go_their_own_way() -> None:
    """A resolver has answered already, and a one-way field never is a conflict (semantics B2)."""
    resolved = Known(Move.MOVED, Move.MOVED, False, Blank.NEITHER, Winner.RESOLVER, Winner.NOBODY)
    rules = CellRules((Direction.BOTH, Direction.BOTH, Direction.TO_LEFT), scope=ConflictScope.RECORD)
    assert decide_row(rules, resolved, LEFT_EDIT, RIGHT_EDIT) == [Cell.RESOLVE, Cell.TO_RIGHT, Cell.TO_LEFT]
    one_way = CellRules((Direction.TO_RIGHT,) * 2, scope=ConflictScope.RECORD)
    assert decide_row(one_way, LEFT_EDIT, RIGHT_EDIT) == [Cell.TO_RIGHT, Cell.DRIFT]
