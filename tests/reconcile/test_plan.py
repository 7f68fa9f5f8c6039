"""The plan of a page: what is sent, what is held back, and what waits for the guard (DESIGN 5, set aside; 7; 10)."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from koppel.model.action import Action
from koppel.model.policy import ConflictScope, Direction, OnDelete, Side
from koppel.model.situation import Blank, Cell, Content, Move, Presence, Winner
from koppel.reconcile.classify import CellRules, Evidence, Mask
from koppel.reconcile.decide import RecordPolicy
from koppel.reconcile.plan import Aside, Facts, Hold, Plan, reconcile

CELLS, LINES = 3, 4
"""Two two-way fields, one to the right, and a constant written to the right on creation only."""

RULES = CellRules((Direction.BOTH, Direction.BOTH, Direction.TO_RIGHT))
WRITABLE = (np.array([True, True, False, False]), np.array([True, True, True, True]))
POLICY = RecordPolicy(Direction.BOTH, True, OnDelete.ASK)
WRITES = {Action.CREATE_LEFT, Action.CREATE_RIGHT, Action.UPDATE_LEFT, Action.UPDATE_RIGHT, Action.MERGE}
GUARDED = {
    Action.DELETE_LEFT: Aside.DELETION,
    Action.DELETE_RIGHT: Aside.DELETION,
    Action.DEACTIVATE_LEFT: Aside.DELETION,
    Action.DEACTIVATE_RIGHT: Aside.DELETION,
    Action.UNCOUPLE: Aside.UNCOUPLING,
}


def pair(left: tuple[Move, ...] = (Move.SAME,) * CELLS, right: tuple[Move, ...] = (Move.SAME,) * CELLS) -> Facts:
    """One coupled pair that exists, lies within the filter and differs wherever something moved; nothing is blank."""
    nothing, yes = np.zeros((1, LINES), dtype=np.bool_), np.array([True])
    moves = [np.array([side], dtype=np.uint8) for side in (left, right)]
    none = np.zeros((1, CELLS), dtype=np.uint8)
    evidence = Evidence(moves[0], moves[1], np.zeros((1, CELLS), dtype=np.bool_), none, none, none)
    none_of_them = (nothing, nothing)
    return Facts(yes, (yes, yes), (yes, yes), evidence, none_of_them, none_of_them, none_of_them, none_of_them)


def lines(*numbers: int) -> Mask:
    mask = np.zeros((1, LINES), dtype=np.bool_)
    mask[:, list(numbers)] = True
    return mask


def sent(plan: Plan, side: Side) -> list[int]:
    """The lines sent to `side` for the only pair of the page."""
    return [int(line) for line in np.flatnonzero(plan.sent[side][0])]


def plan_of(facts: Facts, on_delete: OnDelete = OnDelete.ASK, rules: CellRules = RULES) -> Plan:
    return reconcile(facts, rules, replace(POLICY, on_delete=on_delete), WRITABLE)


NO, YES = np.array([False]), np.array([True])
LEFT_EDIT = pair(left=(Move.MOVED, Move.SAME, Move.SAME))
ONE_EACH = pair(left=(Move.MOVED, Move.SAME, Move.SAME), right=(Move.SAME, Move.MOVED, Move.SAME))
CLASH_AND_EDIT = pair(left=(Move.MOVED, Move.MOVED, Move.SAME), right=(Move.MOVED, Move.SAME, Move.SAME))
LEFT_ONLY = replace(pair(), coupled=NO, exists=(YES, NO))
RIGHT_GONE = replace(pair(), exists=(YES, NO))


# Presence


@pytest.mark.parametrize(
    ("coupled", "exists", "in_scope", "moved", "expected"),
    [
        (False, False, True, False, Presence.ABSENT),
        (False, True, True, True, Presence.NEW),
        (True, True, True, False, Presence.SAME),
        (True, True, True, True, Presence.CHANGED),
        (True, True, False, True, Presence.OUT),
        (True, False, True, False, Presence.GONE),
        (True, False, False, True, Presence.GONE),
    ],
)
def test_presence(coupled: bool, exists: bool, in_scope: bool, moved: bool, expected: Presence) -> None:
    """Gone comes before out: a record that does not exist is in no filter."""
    move = Move.MOVED if moved else Move.SAME
    for side in Side:
        here, there = np.array([exists]), YES
        facts = replace(
            pair(*([(move, Move.SAME, Move.SAME)] * 2)),
            coupled=np.array([coupled]),
            exists=(here, there) if side is Side.LEFT else (there, here),
            in_scope=(np.array([in_scope]), YES) if side is Side.LEFT else (YES, np.array([in_scope])),
        )
        assert plan_of(facts).presence[side][0] == expected


def test_an_unseen_cell_makes_a_record_changed() -> None:
    """So a survivor with an added field is never deleted unasked."""
    facts = replace(RIGHT_GONE, evidence=pair(left=(Move.SAME, Move.UNSEEN, Move.SAME)).evidence)
    assert plan_of(facts, OnDelete.DELETE).actions[0] == Action.CONFLICT
    assert plan_of(RIGHT_GONE, OnDelete.DELETE).actions[0] == Action.DELETE_LEFT


def test_cells_of_half_a_pair_say_nothing() -> None:
    """What moved on the survivor of a deletion is not compared with a record that is not there."""
    plan = plan_of(replace(LEFT_EDIT, exists=(YES, NO)))
    assert plan.cells.tolist() == [[Cell.KEEP] * CELLS]
    assert plan.content.tolist() == [Content.EQUAL]


# What is sent


def test_only_what_moved_is_sent() -> None:
    plan = plan_of(LEFT_EDIT)
    assert (plan.actions[0], sent(plan, Side.RIGHT), sent(plan, Side.LEFT)) == (Action.UPDATE_RIGHT, [0], [])


def test_a_merge_sends_each_side_what_the_other_edited() -> None:
    plan = plan_of(ONE_EACH)
    assert (plan.actions[0], sent(plan, Side.RIGHT), sent(plan, Side.LEFT)) == (Action.MERGE, [0], [1])


def test_a_resolver_sends_its_value_to_both() -> None:
    facts = pair(left=(Move.MOVED,) * 2 + (Move.SAME,), right=(Move.MOVED, Move.SAME, Move.SAME))
    resolver = np.full((1, CELLS), Winner.RESOLVER, dtype=np.uint8)
    plan = plan_of(replace(facts, evidence=replace(facts.evidence, on_conflict=resolver)))
    assert (plan.actions[0], sent(plan, Side.RIGHT), sent(plan, Side.LEFT)) == (Action.MERGE, [0, 1], [0])


def test_a_clash_stays_behind_while_the_others_travel_or_holds_the_record() -> None:
    """DESIGN 3, conflict_scope: the conflict is recorded beside what travels, or nothing travels."""
    plan = plan_of(CLASH_AND_EDIT)
    assert (plan.actions[0], sent(plan, Side.RIGHT)) == (Action.UPDATE_RIGHT, [1])
    assert plan.clashes().tolist() == [[True, False, False]]
    held = plan_of(CLASH_AND_EDIT, rules=replace(RULES, scope=ConflictScope.RECORD))
    assert (held.actions[0], sent(held, Side.RIGHT)) == (Action.CONFLICT, [])
    assert held.clashes()[0, 0]


def test_a_new_record_gets_every_line_that_may_go_there_but_no_blanks() -> None:
    """The other system's own default stands, and travels back where it may (DESIGN 4)."""
    assert sent(plan_of(LEFT_ONLY), Side.RIGHT) == [0, 1, 2, 3]
    some_blank = replace(LEFT_ONLY, blank_sent=(lines(), lines(1, 3)))
    assert sent(plan_of(some_blank), Side.RIGHT) == [0, 2]
    right_only = replace(LEFT_ONLY, exists=(NO, YES))
    assert sent(plan_of(right_only), Side.LEFT) == [0, 1]


def test_lines_for_creation_only_are_not_sent_to_a_record_that_exists() -> None:
    plan = plan_of(pair(left=(Move.MOVED,) * CELLS))
    assert sent(plan, Side.RIGHT) == [0, 1, 2]


# What is held back


def test_a_value_that_cannot_be_had_holds_the_record_only_if_it_would_be_sent() -> None:
    """DESIGN 10: that record's error. A failing field nobody touched is no reason to stop the others."""
    for side in Side:
        facts = LEFT_EDIT if side is Side.RIGHT else pair(right=(Move.MOVED, Move.SAME, Move.SAME))
        here = (lines(0), lines()) if side is Side.LEFT else (lines(), lines(0))
        elsewhere = (lines(1), lines(0)) if side is Side.LEFT else (lines(0), lines(1))
        assert plan_of(replace(facts, failed=here)).hold.tolist() == [Hold.FAILED]
        assert plan_of(replace(facts, failed=elsewhere)).hold.tolist() == [Hold.NONE]
        assert plan_of(replace(facts, waiting=here)).hold.tolist() == [Hold.WAITING]
        assert plan_of(replace(facts, waiting=elsewhere)).hold.tolist() == [Hold.NONE]


def test_an_error_is_told_before_a_wait() -> None:
    """Waiting cures itself, an error needs a person: hiding it would cost a run."""
    both = replace(ONE_EACH, failed=(lines(1), lines()), waiting=(lines(), lines(0)))
    assert plan_of(both).hold.tolist() == [Hold.FAILED]


# What waits for the guard


@pytest.mark.parametrize(
    ("on_delete", "aside"),
    [
        (OnDelete.ASK, Aside.NONE),
        (OnDelete.RESTORE, Aside.RESTORE),
        (OnDelete.UNCOUPLE, Aside.UNCOUPLING),
        (OnDelete.DELETE, Aside.DELETION),
        (OnDelete.DEACTIVATE, Aside.DELETION),
    ],
)
def test_what_follows_a_deletion_waits_for_the_guard(on_delete: OnDelete, aside: Aside) -> None:
    """DESIGN 5, set aside: an emptied side looks like many deletions, whichever policy follows them."""
    for facts in (RIGHT_GONE, replace(RIGHT_GONE, exists=(NO, YES))):
        assert plan_of(facts, on_delete).aside.tolist() == [aside]


def test_an_ordinary_create_or_update_does_not_wait() -> None:
    for facts in (LEFT_ONLY, LEFT_EDIT, ONE_EACH):
        assert plan_of(facts).aside.tolist() == [Aside.NONE]


def test_only_a_blank_over_a_filled_value_is_a_blanking() -> None:
    to_right = replace(LEFT_EDIT, blank_sent=(lines(), lines(0)))
    assert plan_of(to_right).aside.tolist() == [Aside.BLANKING]
    assert plan_of(replace(to_right, blank=(lines(), lines(0)))).aside.tolist() == [Aside.NONE]
    assert plan_of(replace(LEFT_EDIT, blank_sent=(lines(), lines(1)))).aside.tolist() == [Aside.NONE]
    to_left = replace(pair(right=(Move.MOVED, Move.SAME, Move.SAME)), blank_sent=(lines(0), lines()))
    assert plan_of(to_left).aside.tolist() == [Aside.BLANKING]


def first_contact(winner: Winner, left: Move = Move.UNSEEN, right: Move = Move.UNSEEN) -> Facts:
    """Two filled values of the first field meet; the rest rests."""
    facts = pair(left=(left, Move.SAME, Move.SAME), right=(right, Move.SAME, Move.SAME))
    return replace(facts, evidence=replace(facts.evidence, first_contact=np.full((1, CELLS), winner, dtype=np.uint8)))


@pytest.mark.parametrize("winner", [Winner.LEFT, Winner.RIGHT])
@pytest.mark.parametrize(
    ("left", "right"), [(Move.UNSEEN, Move.UNSEEN), (Move.UNSEEN, Move.SAME), (Move.MOVED, Move.UNSEEN)]
)
def test_a_filled_value_replaced_at_first_contact_is_an_overwrite(winner: Winner, left: Move, right: Move) -> None:
    """DESIGN 5: first-contact overwrites count too. Filling a blank replaces nothing."""
    facts = first_contact(winner, left, right)
    assert plan_of(facts).aside.tolist() == [Aside.OVERWRITE]
    loser_blank = (lines(), lines(0)) if winner is Winner.LEFT else (lines(0), lines())
    assert plan_of(replace(facts, blank=loser_blank)).aside.tolist() == [Aside.NONE]


def test_an_edit_beside_an_open_first_contact_is_an_ordinary_one() -> None:
    facts = pair(left=(Move.UNSEEN, Move.MOVED, Move.SAME))
    plan = plan_of(facts)
    assert (sent(plan, Side.RIGHT), plan.aside.tolist()) == ([1], [Aside.NONE])


def test_a_new_record_overwrites_nothing() -> None:
    """All its cells are unseen, but there is nobody on the other side."""
    plan = plan_of(replace(first_contact(Winner.LEFT), coupled=NO, exists=(YES, NO)))
    assert (plan.actions[0], plan.aside[0]) == (Action.CREATE_RIGHT, Aside.NONE)


# Laws of any page


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """Pairs in any state that can be: somebody is there, or was."""
    states = [(c, left, right) for c, left, right in product((False, True), repeat=3) if c or left or right]
    drawn = draw(st.lists(st.sampled_from(states), max_size=6))
    coupled, left, right = (np.array([state[i] for state in drawn], dtype=np.bool_) for i in range(3))

    def mask(width: int) -> Mask:
        return draw(arrays(np.bool_, (len(drawn), width)))

    def codes(kind: type[Move] | type[Blank] | type[Winner]) -> np.ndarray:
        return draw(arrays(np.uint8, (len(drawn), CELLS), elements=st.sampled_from([int(code) for code in kind])))

    evidence = Evidence(codes(Move), codes(Move), mask(CELLS), codes(Blank), codes(Winner), codes(Winner))
    sides = [(mask(LINES), mask(LINES)) for _ in range(4)]
    in_scope = (draw(arrays(np.bool_, len(drawn))), draw(arrays(np.bool_, len(drawn))))
    return Facts(coupled, (left, right), in_scope, evidence, *sides)


@given(any_facts(), st.sampled_from(OnDelete), st.sampled_from(ConflictScope))
def test_values_go_only_where_the_action_writes_and_only_cells_that_travel(
    facts: Facts, on_delete: OnDelete, scope: ConflictScope
) -> None:
    plan = plan_of(facts, on_delete, replace(RULES, scope=scope))
    for row, code in enumerate(plan.actions):
        action = Action(code)
        for side in Side:
            values = plan.sent[side][row]
            assert not values.any() or (action in WRITES and side in action.sides)
            if facts.exists[side][row] and action in WRITES:
                towards = Cell.TO_RIGHT if side is Side.RIGHT else Cell.TO_LEFT
                travelling = [cell in (towards, Cell.RESOLVE) for cell in plan.cells[row]]
                assert values.tolist() == [*travelling, False]
            assert not (values & ~WRITABLE[side]).any()


@given(any_facts(), st.sampled_from(OnDelete))
def test_whatever_destroys_is_set_aside(facts: Facts, on_delete: OnDelete) -> None:
    """And nothing else but blankings, overwrites and restores."""
    plan = plan_of(facts, on_delete)
    for row, code in enumerate(plan.actions):
        aside, action = Aside(plan.aside[row]), Action(code)
        assert aside is GUARDED.get(action, aside)
        if action not in GUARDED:
            assert aside not in (Aside.DELETION, Aside.UNCOUPLING)
        if (
            not plan.sent[0][row].any()
            and not plan.sent[1][row].any()
            and action not in GUARDED | dict.fromkeys(WRITES)
        ):
            assert aside is Aside.NONE
