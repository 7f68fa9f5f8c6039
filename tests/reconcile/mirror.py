"""The words of the decision with left and right exchanged: koppel must not prefer a side (DESIGN 3)."""

from typing import NamedTuple

from koppel.model.policy import Direction
from koppel.model.situation import Blank, Cell, Content, Move, Situation, Winner
from koppel.reconcile.decide import RecordPolicy

BLANK = {Blank.LEFT: Blank.RIGHT, Blank.RIGHT: Blank.LEFT, Blank.NEITHER: Blank.NEITHER}
WINNER = {
    Winner.LEFT: Winner.RIGHT,
    Winner.RIGHT: Winner.LEFT,
    Winner.NOBODY: Winner.NOBODY,
    Winner.RESOLVER: Winner.RESOLVER,
}
DIRECTION = {
    Direction.TO_RIGHT: Direction.TO_LEFT,
    Direction.TO_LEFT: Direction.TO_RIGHT,
    Direction.BOTH: Direction.BOTH,
}
CELL = {cell: cell for cell in Cell} | {Cell.TO_RIGHT: Cell.TO_LEFT, Cell.TO_LEFT: Cell.TO_RIGHT}
CONTENT = {content: content for content in Content} | {
    Content.TO_RIGHT: Content.TO_LEFT,
    Content.TO_LEFT: Content.TO_RIGHT,
}


class Case(NamedTuple):
    """One cell as `decide_cell` gets it."""

    left: Move
    right: Move
    agree: bool
    blank: Blank
    direction: Direction
    on_conflict: Winner
    first_contact: Winner

    @property
    def mirrored(self) -> "Case":
        return Case(
            self.right,
            self.left,
            self.agree,
            BLANK[self.blank],
            DIRECTION[self.direction],
            WINNER[self.on_conflict],
            WINNER[self.first_contact],
        )

    @property
    def unmoved(self) -> bool:
        return self.left is Move.SAME and self.right is Move.SAME

    @property
    def differs(self) -> bool:
        """Whether this cell is a difference somebody has to decide about."""
        return not self.agree and not self.unmoved

    @property
    def first_seen(self) -> bool:
        return Move.UNSEEN in (self.left, self.right)


def mirrored_situation(situation: Situation) -> Situation:
    return Situation(situation.right, situation.left, CONTENT[situation.content])


def mirrored_policy(policy: RecordPolicy) -> RecordPolicy:
    return RecordPolicy(DIRECTION[policy.direction], policy.creates, policy.on_delete)
