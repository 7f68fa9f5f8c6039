"""The advice before a full run, and the plan of a run: what people look at before anything moves."""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from koppel.model.bound import Identity
from koppel.model.cost import Work


class Advice(StrEnum):
    """What a review recommends for one mapping (semantics 5.2.2)."""

    FULL = "full synchronisation"
    COUPLE = "couple records first"
    NOTHING = "nothing to synchronise"


@dataclass(frozen=True)
class SideCount:
    """Records of one table: all, those inside the mapping's filter, and those of them that are not coupled."""

    system: str
    records: int
    in_scope: int
    uncoupled: int


@dataclass(frozen=True)
class ReviewLine:
    """One mapping under review. `likely`: `left_id`, `right_id`, `rule`; `ambiguous`: records with several or unusable
    candidates.

    `creates`: how many records a full run would create on the left and on the right. `guarantees`: per side, what keeps
    a create from being repeated. `calls`: writes to be sent. `works`: what a full run reads and writes at services that
    bear only so much.
    """

    mapping: str
    direction: str
    sides: tuple[SideCount, SideCount]
    coupled: int
    likely: pl.DataFrame
    ambiguous: pl.DataFrame
    creates: tuple[int, int]
    guarantees: tuple[Identity, Identity]
    calls: int
    match: tuple[str, ...]
    waits_for: tuple[str, ...]
    works: tuple[Work, ...] = ()

    @property
    def advice(self) -> Advice:
        """Couple while there are likely pairs; else run when there is anything in scope."""
        if len(self.likely):
            return Advice.COUPLE
        return Advice.FULL if any(side.in_scope for side in self.sides) else Advice.NOTHING


@dataclass(frozen=True)
class PlannedValue:
    """One value that a plan would write."""

    mapping: str
    system: str
    table: str
    kind: str
    id: str
    field: str
    before: str | None
    after: str | None
