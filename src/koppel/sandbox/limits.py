"""What the limits of the services have in common: the calls of each user within a sliding window (wire 1.9, 2.6)."""

from collections import deque
from collections.abc import Callable

from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Call

WINDOW_SECONDS = 300.0


class Window:
    """The calls of one user within the window, and what they took together."""

    def __init__(self) -> None:
        self.calls: deque[tuple[float, float]] = deque()
        self.spent = 0.0

    def add(self, now: float, seconds: float) -> None:
        """One more call."""
        self.calls.append((now, seconds))
        self.spent += seconds

    def forget(self, now: float) -> None:
        """Drop what has left the window."""
        while self.calls and self.calls[0][0] <= now - WINDOW_SECONDS:
            self.spent -= self.calls.popleft()[1]

    def until_first_leaves(self, now: float) -> float:
        """Seconds until one more fits."""
        return self.calls[0][0] + WINDOW_SECONDS - now if self.calls else 1.0


class Windows:
    """The windows of all users. `user_of` tells users apart by their authorization."""

    def __init__(self, clock: Clock, user_of: Callable[[str], str]) -> None:
        self._clock = clock
        self._user_of = user_of
        self._windows: dict[str, Window] = {}

    def user(self, call: Call) -> str:
        """Who calls."""
        return self._user_of(call.headers.get("authorization", ""))

    def now(self) -> float:
        """The present moment, in seconds."""
        return self._clock.now().timestamp()

    def of(self, user: str) -> Window:
        """The window of a user, up to date."""
        window = self._windows.setdefault(user, Window())
        window.forget(self.now())
        return window


def retry_after(seconds: float) -> dict[str, str]:
    """The header that says when to come again."""
    return {"Retry-After": str(max(int(seconds) + 1, 1))}
