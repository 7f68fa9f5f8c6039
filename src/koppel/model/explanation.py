"""Why one record is as it is: everything koppel knows of a pair, and what it would do with it now."""

from dataclasses import dataclass

from koppel.model.listing import Conflict, ErrorRecord, HistoryEntry


@dataclass(frozen=True)
class CellExplanation:
    """One field of the pair. Moves and verdict are words of `model.situation`; `reason` says why a value cannot be
    carried.
    """

    field: str
    left: str | None
    right: str | None
    left_move: str
    right_move: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class Explanation:
    """`situation`: presence of both and content; `action` and `sentence`: what the next run would do, and why."""

    mapping: str
    systems: tuple[str, str]
    ids: tuple[str | None, str | None]
    coupled: bool
    situation: tuple[str, str, str]
    action: str
    sentence: str
    cells: tuple[CellExplanation, ...]
    errors: tuple[ErrorRecord, ...]
    conflicts: tuple[Conflict, ...]
    history: tuple[HistoryEntry, ...]
