"""Guards: plans that look like an accident are refused. Pure predicates on counts; the engine asks, shows and halts."""

from dataclasses import dataclass

HANDFUL = 5
"""Couplings up to which an empty side is believed."""


@dataclass(frozen=True)
class Limits:
    """How many dangerous actions of one kind a job may take: `rows`, or `percent` of the couplings, whichever is
    larger.
    """

    rows: int
    percent: int

    def allows(self, count: int, couplings: int) -> bool:
        """Whether `count` actions are within the limit for a mapping with that many couplings."""
        return count <= max(self.rows, couplings * self.percent // 100)


@dataclass(frozen=True)
class SetAside:
    """How many pairs of a job wait for the guard's word, by what would happen to them."""

    deletions: int = 0
    uncouplings: int = 0
    blankings: int = 0
    restores: int = 0
    overwrites: int = 0
    """Filled values replaced at first contact by a standing policy that nobody confirmed for this run."""


def suspicious(aside: SetAside, couplings: int, limits: Limits) -> list[str]:
    """What looks like an accident, one sentence each; empty when all is within the limits."""
    kinds = {
        "deleted": aside.deletions,
        "uncoupled": aside.uncouplings,
        "blanked": aside.blankings,
        "created again": aside.restores,
        "overwritten at first contact": aside.overwrites,
    }
    return [
        f"{count} of {couplings} coupled records would be {what}"
        for what, count in kinds.items()
        if not limits.allows(count, couplings)
    ]


def emptied(system: str, gone: int, couplings: int, limits: Limits) -> list[str]:
    """Whether so many coupled records are missing on one side that it was rather emptied or half read than edited.

    A side of which nothing at all is left is suspicious unless it was a handful that a person deletes one by one.
    """
    if limits.allows(gone, couplings) and (gone < couplings or couplings <= HANDFUL):
        return []
    return [f"{gone} of {couplings} coupled records cannot be found in {system}: was it emptied, or read only in part?"]
