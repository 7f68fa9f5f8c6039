"""What koppel does with one pair of records."""

from enum import IntEnum

from koppel.model.policy import Side


class Action(IntEnum):
    """The one action that a situation and a policy lead to."""

    KEEP = 0
    SETTLE = 1
    """Nothing is written; the baselines move to what both sides agree on."""
    CREATE_RIGHT = 2
    CREATE_LEFT = 3
    UPDATE_RIGHT = 4
    UPDATE_LEFT = 5
    MERGE = 6
    """Some fields travel right, others left."""
    DELETE_RIGHT = 7
    DELETE_LEFT = 8
    DEACTIVATE_RIGHT = 9
    """Instead of deleting the survivor, a field says that it is out of use; then the two are uncoupled."""
    DEACTIVATE_LEFT = 10
    UNCOUPLE = 11
    CONFLICT = 12
    """A person is asked; nothing of this pair moves."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides this action writes to."""
        if self is Action.MERGE:
            return (Side.LEFT, Side.RIGHT)
        if self.name.endswith("_RIGHT"):
            return (Side.RIGHT,)
        return (Side.LEFT,) if self.name.endswith("_LEFT") else ()

    @property
    def mirrored(self) -> "Action":
        """The same with left and right exchanged."""
        name = self.name
        if name.endswith("_RIGHT"):
            return Action[name.replace("_RIGHT", "_LEFT")]
        return Action[name.replace("_LEFT", "_RIGHT")] if name.endswith("_LEFT") else self


def create(side: Side) -> Action:
    """The action that creates the missing record on `side`."""
    return Action.CREATE_RIGHT if side is Side.RIGHT else Action.CREATE_LEFT


def update(side: Side) -> Action:
    """The action that writes to the existing record on `side`."""
    return Action.UPDATE_RIGHT if side is Side.RIGHT else Action.UPDATE_LEFT


def delete(side: Side) -> Action:
    """The action that deletes the record on `side`."""
    return Action.DELETE_RIGHT if side is Side.RIGHT else Action.DELETE_LEFT


def deactivate(side: Side) -> Action:
    """The action that puts the record on `side` out of use."""
    return Action.DEACTIVATE_RIGHT if side is Side.RIGHT else Action.DEACTIVATE_LEFT
