"""What a look at a real environment has found out."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """One question with its answer. `code`: of the contract (C1 …) or of what nobody has settled (U1 …). `found`: in
    words, the same words for the same answer. `well`: False where the contract does not hold, None where there is
    nothing to hold, or nothing could be found out.
    """

    code: str
    question: str
    found: str
    well: bool | None = None
