"""The choices a mapping makes where two systems disagree. Every `ask` is the default (semantics 4.16 is the subset
Business Central has).
"""

from enum import IntEnum, StrEnum


class Side(IntEnum):
    """One end of a mapping. Left and right are words of code and configuration; people see the systems' names."""

    LEFT = 0
    RIGHT = 1

    @property
    def other(self) -> "Side":
        """The opposite side."""
        return Side(1 - self)

    @property
    def word(self) -> str:
        """'left' or 'right'."""
        return self.name.lower()


class Direction(StrEnum):
    """Which way values may travel; of a mapping and of each of its fields."""

    TO_RIGHT = "->"
    TO_LEFT = "<-"
    BOTH = "<->"

    def reaches(self, side: Side) -> bool:
        """Whether values may travel towards `side`."""
        return self is Direction.BOTH or self is (Direction.TO_RIGHT if side is Side.RIGHT else Direction.TO_LEFT)

    @property
    def mirrored(self) -> "Direction":
        """The same with left and right exchanged."""
        return {"->": Direction.TO_LEFT, "<-": Direction.TO_RIGHT, "<->": Direction.BOTH}[self.value]

    @staticmethod
    def towards(side: Side) -> "Direction":
        """The one-way direction that ends at `side`."""
        return Direction.TO_RIGHT if side is Side.RIGHT else Direction.TO_LEFT


class OnConflict(StrEnum):
    """Who wins a field changed on both sides to different values. The last four make one value of two."""

    ASK = "ask"
    LEFT = "left wins"
    RIGHT = "right wins"
    NEWEST = "newest wins"
    MAX = "max"
    MIN = "min"
    LONGEST = "longest"
    UNION = "union"

    @property
    def resolves(self) -> bool:
        """Whether it makes a value instead of picking a side."""
        return self in (OnConflict.MAX, OnConflict.MIN, OnConflict.LONGEST, OnConflict.UNION)


class FirstContact(StrEnum):
    """Who wins where two values differ that were never in agreement before."""

    ASK = "ask"
    LEFT = "left wins"
    RIGHT = "right wins"
    NEWEST = "newest wins"


class ConflictScope(StrEnum):
    """Whether a clash holds back only its fields or the whole record (as Business Central does, semantics 4.6.13)."""

    FIELD = "field"
    RECORD = "record"


class OnDelete(StrEnum):
    """What happens when one record of a coupling was deleted (semantics 4.6.6)."""

    ASK = "ask"
    RESTORE = "restore"
    UNCOUPLE = "uncouple"
    DELETE = "delete too"
    DEACTIVATE = "deactivate"


class FilterScope(StrEnum):
    """Whether the filter binds coupled records too, or only decides which new records take part."""

    EVERYTHING = "everything"
    NEW_RECORDS = "new records only"


class Drift(StrEnum):
    """Whether an edit on the receiving side of a one-way field is only shown or overwritten at once."""

    SHOW = "show"
    RESTORE = "restore"
