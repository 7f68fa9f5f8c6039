"""The decision about one pair of records: all 216 situations under all policies (DESIGN 3)."""

from itertools import product

import pytest

from koppel.model.action import Action
from koppel.model.policy import Direction, OnDelete, Side
from koppel.model.situation import Content, Presence, Situation
from koppel.reconcile.decide import RecordPolicy, decide, sentence
from tests.reconcile.mirror import mirrored_policy, mirrored_situation

SITUATIONS = [Situation(*case) for case in product(Presence, Presence, Content)]
POLICIES = [RecordPolicy(*choice) for choice in product(Direction, (False, True), OnDelete)]
EXISTING_PAIRS = [
    (Presence.NEW, Presence.NEW),
    *product((Presence.SAME, Presence.CHANGED, Presence.OUT), (Presence.SAME, Presence.CHANGED, Presence.OUT)),
]
POSSIBLE = {
    Situation(Presence.NEW, Presence.ABSENT, Content.EQUAL),
    Situation(Presence.ABSENT, Presence.NEW, Content.EQUAL),
    *(Situation(*pair, content) for pair, content in product(EXISTING_PAIRS, Content)),
    Situation(Presence.GONE, Presence.GONE, Content.EQUAL),
    *(Situation(Presence.GONE, other, Content.EQUAL) for other in (Presence.SAME, Presence.CHANGED, Presence.OUT)),
    *(Situation(other, Presence.GONE, Content.EQUAL) for other in (Presence.SAME, Presence.CHANGED, Presence.OUT)),
}
ALL = [(situation, policy) for situation in SITUATIONS if situation in POSSIBLE for policy in POLICIES]
DELETES = {Action.DELETE_LEFT, Action.DELETE_RIGHT, Action.DEACTIVATE_LEFT, Action.DEACTIVATE_RIGHT}
CREATES = {Action.CREATE_LEFT, Action.CREATE_RIGHT}
NAMES = {"left": "erp", "right": "crm"}
SWAPPED = {"left": "crm", "right": "erp"}


def presence(situation: Situation, side: Side) -> Presence:
    return situation.left if side is Side.LEFT else situation.right


def test_there_are_216_situations_and_69_of_them_can_come_about() -> None:
    assert len(SITUATIONS) == 216
    assert len(POSSIBLE) == 69
    assert {situation for situation in SITUATIONS if situation.possible} == POSSIBLE


def test_an_impossible_situation_is_a_broken_invariant() -> None:
    """DESIGN 12: a broken invariant is an assert with a sentence."""
    for situation, policy in product(SITUATIONS, POLICIES):
        if situation not in POSSIBLE:
            with pytest.raises(AssertionError, match="cannot come about"):
                decide(situation, policy)


def test_neither_side_is_preferred() -> None:
    """Mirror symmetry, of the action and of its sentence."""
    for situation, policy in ALL:
        mirror = mirrored_situation(situation), mirrored_policy(policy)
        assert decide(*mirror) is decide(situation, policy).mirrored, (situation, policy)
        assert sentence(*mirror).format(**SWAPPED) == sentence(situation, policy).format(**NAMES), (situation, policy)


def test_what_is_created_deleted_or_put_out_of_use_lies_in_the_direction() -> None:
    """Updates go where the content goes, which `test_pipeline` shows to respect the direction."""
    for situation, policy in ALL:
        action = decide(situation, policy)
        if action in CREATES | DELETES:
            assert all(policy.direction.reaches(side) for side in action.sides), (situation, policy, action)


def test_a_changed_record_is_never_deleted() -> None:
    """DESIGN 3. What goes is the unchanged survivor of a deletion, and nothing else ever."""
    for situation, policy in ALL:
        action = decide(situation, policy)
        if action in DELETES:
            (survivor,) = action.sides
            assert presence(situation, survivor) is Presence.SAME, (situation, policy)
            assert presence(situation, survivor.other) is Presence.GONE, (situation, policy)


def test_only_what_is_missing_is_created_and_only_what_exists_is_written() -> None:
    for situation, policy in ALL:
        action = decide(situation, policy)
        for side in action.sides:
            exists = presence(situation, side).exists
            assert exists is (action not in CREATES), (situation, policy, action)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_out_is_frozen(policy: RecordPolicy) -> None:
    """DESIGN 3: leaving the filter is never a deletion, and nothing flows until the record comes back."""
    out = [situation for situation in POSSIBLE if Presence.OUT in (situation.left, situation.right)]
    assert {decide(situation, policy) for situation in out} == {Action.KEEP}


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_two_existing_records_follow_their_content(policy: RecordPolicy) -> None:
    """No policy of the record interferes: the cells have decided."""
    follow = {
        Content.EQUAL: Action.SETTLE,
        Content.DRIFT: Action.SETTLE,
        Content.TO_RIGHT: Action.UPDATE_RIGHT,
        Content.TO_LEFT: Action.UPDATE_LEFT,
        Content.BOTH_WAYS: Action.MERGE,
        Content.CLASH: Action.CONFLICT,
    }
    for (left, right), content in product(EXISTING_PAIRS, Content):
        if Presence.OUT not in (left, right):
            unchanged = left is right is Presence.SAME and content is Content.EQUAL
            expected = Action.KEEP if unchanged else follow[content]
            assert decide(Situation(left, right, content), policy) is expected, (left, right, content)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_a_coupling_of_two_deleted_records_goes(policy: RecordPolicy) -> None:
    """Semantics C9."""
    assert decide(Situation(Presence.GONE, Presence.GONE, Content.EQUAL), policy) is Action.UNCOUPLE


@pytest.mark.parametrize("on_delete", OnDelete)
@pytest.mark.parametrize(
    ("direction", "creates", "expected"),
    [
        ("->", True, Action.CREATE_RIGHT),
        ("<->", True, Action.CREATE_RIGHT),
        ("<-", True, Action.KEEP),
        ("->", False, Action.KEEP),
        ("<->", False, Action.KEEP),
        ("<-", False, Action.KEEP),
    ],
)
def test_a_record_without_partner(direction: str, creates: bool, expected: Action, on_delete: OnDelete) -> None:
    """Created on the other side unless the mapping is for coupled records only, or does not go that way."""
    policy = RecordPolicy(Direction(direction), creates, on_delete)
    assert decide(Situation(Presence.NEW, Presence.ABSENT, Content.EQUAL), policy) is expected


@pytest.mark.parametrize("creates", [False, True])
@pytest.mark.parametrize(
    ("on_delete", "direction", "unchanged", "changed"),
    [
        ("ask", "->", Action.CONFLICT, Action.CONFLICT),
        ("ask", "<-", Action.CONFLICT, Action.CONFLICT),
        ("ask", "<->", Action.CONFLICT, Action.CONFLICT),
        ("restore", "->", Action.CONFLICT, Action.CONFLICT),
        ("restore", "<-", Action.CREATE_LEFT, Action.CREATE_LEFT),
        ("restore", "<->", Action.CREATE_LEFT, Action.CREATE_LEFT),
        ("uncouple", "->", Action.UNCOUPLE, Action.UNCOUPLE),
        ("uncouple", "<-", Action.UNCOUPLE, Action.UNCOUPLE),
        ("uncouple", "<->", Action.UNCOUPLE, Action.UNCOUPLE),
        ("delete too", "->", Action.DELETE_RIGHT, Action.CONFLICT),
        ("delete too", "<-", Action.CONFLICT, Action.CONFLICT),
        ("delete too", "<->", Action.DELETE_RIGHT, Action.CONFLICT),
        ("deactivate", "->", Action.DEACTIVATE_RIGHT, Action.CONFLICT),
        ("deactivate", "<-", Action.CONFLICT, Action.CONFLICT),
        ("deactivate", "<->", Action.DEACTIVATE_RIGHT, Action.CONFLICT),
    ],
)
def test_the_left_record_was_deleted(
    on_delete: str, direction: str, unchanged: Action, changed: Action, creates: bool
) -> None:
    """Semantics 4.6.6 and B6. A deletion travels like an edit: in the direction, never over a change.

    `creates` must not matter: a deleted partner is not an uncoupled record.
    """
    policy = RecordPolicy(Direction(direction), creates, OnDelete(on_delete))
    found = [
        decide(Situation(Presence.GONE, right, Content.EQUAL), policy) for right in (Presence.SAME, Presence.CHANGED)
    ]
    assert found == [unchanged, changed]


# Why?


def test_every_sentence_is_one_and_names_the_systems_it_speaks_of() -> None:
    """People never read left and right; whoever is written to is named."""
    for situation, policy in ALL:
        told, action = sentence(situation, policy).format(**NAMES), decide(situation, policy)
        assert told[-1] == "." and told.count(".") == 1 and told[0] != " ", told
        assert "left" not in told and "right" not in told and "{" not in told, told
        if action in DELETES | {Action.UPDATE_LEFT, Action.UPDATE_RIGHT}:
            (side,) = action.sides
            assert NAMES[side.word] in told, (situation, told)


def test_different_actions_have_different_sentences() -> None:
    told: dict[str, set[Action]] = {}
    for situation, policy in ALL:
        told.setdefault(sentence(situation, policy).format(**NAMES), set()).add(decide(situation, policy))
    assert {text: actions for text, actions in told.items() if len(actions) > 1} == {}


def test_the_deleted_record_is_named() -> None:
    policy = RecordPolicy(Direction.BOTH, False, OnDelete.ASK)
    said = sentence(Situation(Presence.GONE, Presence.SAME, Content.EQUAL), policy).format(**NAMES)
    assert said == "The record in erp was deleted; a person decides what becomes of the other one."
    said = sentence(Situation(Presence.SAME, Presence.GONE, Content.EQUAL), policy).format(**NAMES)
    assert said == "The record in crm was deleted; a person decides what becomes of the other one."


def test_a_lone_record_is_left_alone_for_the_reason_that_holds() -> None:
    alone = Situation(Presence.NEW, Presence.ABSENT, Content.EQUAL)
    only_coupled = sentence(alone, RecordPolicy(Direction.BOTH, False, OnDelete.ASK))
    other_way = sentence(alone, RecordPolicy(Direction.TO_LEFT, True, OnDelete.ASK))
    assert "leaves uncoupled records alone" in only_coupled
    assert "direction" in other_way
