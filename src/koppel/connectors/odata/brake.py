"""What keeps a connection within what its service bears: one brake for all workers, and lanes that grow and shrink.

A 429 is meant for the user, not for the request, so it stops every worker (wire 4.1.5). How many requests may be under
way at once is found by trying: a little more after each good answer, half as many when the service complains, a little
less when it becomes slow, and never more than it advises.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

from koppel.connectors.odata.timing import Timing

SLOW = 3.0
"""An answer that takes so many times as long as the quickest ones says that the service is loaded."""

_FORGET = 1.01
"""How much the memory of the quickest answer fades with each answer: a service may become slower for good."""
_LEAST_SECONDS = 0.005
"""What is quicker is called as quick as this."""

_LESS, _HALF = 0.8, 0.5


class Brake:
    """Stops all workers until a moment."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._until = 0.0
        self._changed = Condition()

    def pull(self, seconds: float) -> None:
        """Nobody sends anything for so long. A shorter pause does not end a longer one."""
        with self._changed:
            self._until = max(self._until, self._timing.elapsed() + seconds)

    @property
    def left(self) -> float:
        """How many seconds it still holds."""
        with self._changed:
            return max(0.0, self._until - self._timing.elapsed())

    def wait(self, deadline: float) -> bool:
        """Wait until it is released, also when it is pulled again meanwhile; False at once when that is too late."""
        while (left := self.left) > 0:
            if self._timing.elapsed() + left > deadline:
                return False
            self._timing.sleep(left)
        return True


@dataclass
class Ride:
    """One request under way. `kind`: what its time may be compared with. `slowings`: how often the lanes had been
    narrowed when it began.
    """

    kind: str
    began: float
    slowings: int
    answered: bool = False
    """The service did what was asked, so that the time it took says something."""
    throttled: bool = False
    hint: int | None = None
    """How many at once the service advises (`x-ms-dop-hint`)."""


class Lanes:
    """How many requests may be under way at once: between 1 and `most`, beginning with `start`."""

    def __init__(self, timing: Timing, most: int, start: int = 2) -> None:
        self._timing = timing
        self._most = most
        self._advised = most
        self._width = float(min(start, most))
        self._under_way = 0
        self._slowings = 0
        self._quickest: dict[str, float] = {}
        self._changed = Condition()

    @property
    def width(self) -> int:
        """How many may be under way now."""
        return max(1, int(min(self._width, self._advised)))

    @contextmanager
    def ride(self, kind: str, patience: float) -> Iterator[Ride | None]:
        """A lane for one request; None when none came free within `patience` seconds. What the caller notes in the ride
        is what the lanes learn from.
        """
        with self._changed:
            free = self._changed.wait_for(lambda: self._under_way < self.width, max(0.0, patience))
            if free:
                self._under_way += 1
            ride = Ride(kind, self._timing.elapsed(), self._slowings)
        if not free:
            yield None
            return
        try:
            yield ride
        finally:
            with self._changed:
                self._under_way -= 1
                self._learn(ride, self._timing.elapsed() - ride.began)
                self._changed.notify_all()

    def _learn(self, ride: Ride, seconds: float) -> None:
        """Requests that were under way together tell of one overload once."""
        if ride.hint is not None:
            self._advised = max(1, min(self._most, ride.hint))
        news = ride.slowings == self._slowings
        if ride.throttled:
            if news:
                self._narrow(_HALF)
        elif ride.answered:
            seconds = max(seconds, _LEAST_SECONDS)
            quickest = self._quickest.get(ride.kind, seconds)
            self._quickest[ride.kind] = min(seconds, quickest * _FORGET)
            if seconds <= SLOW * quickest:
                self._width = min(float(self._most), self._width + 1 / self._width)
            elif news:
                self._narrow(_LESS)

    def _narrow(self, factor: float) -> None:
        self._width = max(1.0, self._width * factor)
        self._slowings += 1
