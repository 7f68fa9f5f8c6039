"""What can be the case. Everything koppel decides, it decides from these words.

First the **cells**: one field of one pair of records. Per side it is the same as when the two last agreed, it moved, or
it was never seen. `reconcile.cells` decides each cell. What the cells add up to is the record's **content**; with the
**presence** of both records it makes the **situation**, from which `reconcile.decide` takes the one action.
"""

from dataclasses import dataclass
from enum import IntEnum


class Move(IntEnum):
    """One side of one cell, compared with its own baseline. Greater is stronger: a group moves as its strongest."""

    SAME = 0
    MOVED = 1
    UNSEEN = 2
    """There is no baseline: the value was never in agreement with the other side."""


class Blank(IntEnum):
    """Which side of a differing cell is blank."""

    NEITHER = 0
    LEFT = 1
    RIGHT = 2


class Winner(IntEnum):
    """Who wins a cell, chosen beforehand from the policy (and the clocks, for `newest`)."""

    NOBODY = 0
    LEFT = 1
    RIGHT = 2
    RESOLVER = 3
    """A function makes one value of the two."""


class Cell(IntEnum):
    """What is to be done with one field of one pair."""

    KEEP = 0
    """Nothing travels; where both sides agree the baseline follows."""
    TO_RIGHT = 1
    TO_LEFT = 2
    RESOLVE = 3
    """A resolver's value goes to both."""
    CLASH = 4
    """Both sides hold something else and nobody may choose: a person is asked."""
    DRIFT = 5
    """A difference that may not travel."""


class Content(IntEnum):
    """What the cells of a pair add up to."""

    EQUAL = 0
    DRIFT = 1
    TO_RIGHT = 2
    TO_LEFT = 3
    BOTH_WAYS = 4
    CLASH = 5


class Presence(IntEnum):
    """One record of a pair: does it exist, is it coupled, has it changed."""

    ABSENT = 0
    """Uncoupled, and there is no record on this side."""
    NEW = 1
    """It exists and is not coupled."""
    SAME = 2
    CHANGED = 3
    """Coupled, and a mapped cell moved or is unseen."""
    GONE = 4
    """Coupled, and the record does not exist any more."""
    OUT = 5
    """Coupled, and outside the mapping's filter."""

    @property
    def coupled(self) -> bool:
        """Whether the record is one half of a coupling."""
        return self >= Presence.SAME

    @property
    def exists(self) -> bool:
        """Whether there is a record to read and write."""
        return self not in (Presence.ABSENT, Presence.GONE)


@dataclass(frozen=True)
class Situation:
    """One pair of records at the moment of decision."""

    left: Presence
    right: Presence
    content: Content

    @property
    def possible(self) -> bool:
        """False for the combinations that cannot come about: nobody there, half a coupling, content of an absent
        record.
        """
        if self.left is self.right is Presence.ABSENT:
            return False
        if self.left.coupled != self.right.coupled:
            return False
        return self.content is Content.EQUAL or (self.left.exists and self.right.exists)
