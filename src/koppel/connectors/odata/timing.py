"""Time, as the session sees it: a test gives one in which waiting takes none."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Timing:
    """`now`: the wall clock (UTC), against which HTTP dates are held; `elapsed`: seconds that only grow; `sleep`: wait
    so many seconds; `chance`: a number from 0 up to 1, which keeps workers from coming back all at once.
    """

    now: Callable[[], datetime] = _now
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
