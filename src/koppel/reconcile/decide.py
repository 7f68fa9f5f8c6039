"""The decision about one pair of records. This is the only implementation of it (DESIGN 3; semantics 4.16)."""

from dataclasses import dataclass

from koppel.model.action import Action, create, deactivate, delete
from koppel.model.policy import Direction, OnDelete, Side
from koppel.model.situation import Content, Presence, Situation

_FOLLOW = {
    Content.EQUAL: Action.SETTLE,
    Content.DRIFT: Action.SETTLE,
    Content.TO_RIGHT: Action.UPDATE_RIGHT,
    Content.TO_LEFT: Action.UPDATE_LEFT,
    Content.BOTH_WAYS: Action.MERGE,
    Content.CLASH: Action.CONFLICT,
}


@dataclass(frozen=True)
class RecordPolicy:
    """What of a mapping's policy the record decision depends on. `creates`: uncoupled records are created on the other
    side.
    """

    direction: Direction
    creates: bool
    on_delete: OnDelete


def decide(situation: Situation, policy: RecordPolicy) -> Action:
    """The one action for a pair of records."""
    left, right, content = situation.left, situation.right, situation.content
    assert situation.possible, f"{situation} cannot come about"
    if Presence.ABSENT in (left, right):
        missing = Side.LEFT if left is Presence.ABSENT else Side.RIGHT
        return create(missing) if policy.creates and policy.direction.reaches(missing) else Action.KEEP
    if Presence.OUT in (left, right):
        return Action.KEEP  # frozen: nothing flows and no baseline moves until it comes back
    if left is right is Presence.GONE:
        return Action.UNCOUPLE
    if Presence.GONE in (left, right):
        return _after_deletion(Side.LEFT if left is Presence.GONE else Side.RIGHT, situation, policy)
    if left is right is Presence.SAME and content is Content.EQUAL:
        return Action.KEEP
    return _FOLLOW[content]


def _after_deletion(gone: Side, situation: Situation, policy: RecordPolicy) -> Action:
    """One record of a coupling was deleted. What the policy wants but the direction or an unseen edit forbids is a
    person's decision.
    """
    survivor = gone.other
    survivor_changed = (situation.left, situation.right)[survivor] is not Presence.SAME
    deletion_may_travel = policy.direction.reaches(survivor) and not survivor_changed
    match policy.on_delete:
        case OnDelete.UNCOUPLE:
            return Action.UNCOUPLE
        case OnDelete.RESTORE if policy.direction.reaches(gone):
            return create(gone)
        case OnDelete.DELETE if deletion_may_travel:
            return delete(survivor)
        case OnDelete.DEACTIVATE if deletion_may_travel:
            return deactivate(survivor)
        case _:
            return Action.CONFLICT


def sentence(situation: Situation, policy: RecordPolicy) -> str:
    """Why `decide` does what it does, for people. `{left}` and `{right}` stand for the systems' names."""
    left, right = situation.left, situation.right
    action = decide(situation, policy)
    if Presence.ABSENT in (left, right):
        return _WHY_ONE_WAY if action is Action.KEEP and policy.creates else _WHY_ALONE[action]
    if Presence.OUT in (left, right):
        return "A record is outside the mapping's filter: nothing flows until it comes back."
    if Presence.GONE in (left, right):
        both = "Both records were deleted" if left is right else f"The record in {{{_word(left)}}} was deleted"
        return f"{both}; {_WHY_DELETED[action]}."
    return (
        _WHY_CONTENT[situation.content]
        if action is not Action.KEEP
        else "Neither record has changed since they last agreed."
    )


def _word(left: Presence) -> str:
    return "left" if left is Presence.GONE else "right"


_WHY_ALONE = {
    Action.KEEP: "The record is not coupled, and this mapping leaves uncoupled records alone.",
    Action.CREATE_RIGHT: "The record exists in {left} only: it is created in {right}.",
    Action.CREATE_LEFT: "The record exists in {right} only: it is created in {left}.",
}
_WHY_ONE_WAY = "The record is not coupled, and this mapping does not create records in that direction."
_WHY_DELETED = {
    Action.UNCOUPLE: "the coupling is taken away, no record is touched",
    Action.CREATE_LEFT: "it is created again",
    Action.CREATE_RIGHT: "it is created again",
    Action.DELETE_LEFT: "the unchanged record in {left} is deleted too",
    Action.DELETE_RIGHT: "the unchanged record in {right} is deleted too",
    Action.DEACTIVATE_LEFT: "the record in {left} is put out of use",
    Action.DEACTIVATE_RIGHT: "the record in {right} is put out of use",
    Action.CONFLICT: "a person decides what becomes of the other one",
}
_WHY_CONTENT = {
    Content.EQUAL: "Both records say the same: koppel remembers that they agree.",
    Content.DRIFT: "A field differs on the side that only receives it: shown, not carried.",
    Content.TO_RIGHT: "{left} holds the values that count: they travel to {right}.",
    Content.TO_LEFT: "{right} holds the values that count: they travel to {left}.",
    Content.BOTH_WAYS: "Each side holds values that count in some fields: they are merged.",
    Content.CLASH: "Both sides hold different values in the same field: a person decides.",
}
