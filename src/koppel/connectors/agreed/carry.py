"""Carrying rows out: all at once, and when the database refuses some, all others."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from koppel.connectors.agreed.progress import NOT_STORED, Progress, Refusal

Attempt = Callable[[list[int]], int]
"""Carries out some rows, all or none; how many the database says it changed."""

Verdict = Callable[[Exception, int], tuple[Refusal, int | None] | None]
"""What an error means: the refusal of one row, and which of so many it was (None: not known); None: it is everybody's.
"""


class NotStored(Exception):
    """A trigger left rows out in silence."""


def carry(
    progress: Progress,
    rows: list[int],
    attempt: Attempt,
    savepoint: Callable[[], AbstractContextManager[object]],
    verdict: Verdict,
) -> None:
    """Carry out the rows. `savepoint` undoes what an attempt did that raises."""
    waiting = [rows]
    while waiting:
        part = waiting.pop()
        if not part:
            continue
        try:
            with savepoint():
                if attempt(part) != len(part):
                    raise NotStored
        except Exception as error:
            judged = (NOT_STORED, None) if isinstance(error, NotStored) else verdict(error, len(part))
            if judged is None:
                raise
            refusal, at = judged
            at = 0 if len(part) == 1 else at
            if at is not None:
                progress.refuse(part[at], refusal)
                waiting += [part[at + 1 :], part[:at]]
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
