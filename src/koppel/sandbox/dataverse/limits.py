"""Service protection limits: requests, execution time and concurrency per user within five minutes (wire 1.9)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Call, Reply, json_reply

WINDOW_SECONDS = 300.0
REQUESTS, EXECUTION, CONCURRENT = "0x80072322", "0x80072321", "0x80072326"


@dataclass
class Allowance:
    """What one user may do on one web server within the window. `advised`: the parallelism hinted at."""

    requests: int = 6_000
    execution_seconds: float = 1_200.0
    concurrent: int = 52
    advised: int = 8
    on: bool = True


class _Window:
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


class Limits:
    """The turnstile of an environment. `user_of` tells users apart by their authorization."""

    def __init__(self, clock: Clock, user_of: Callable[[str], str]) -> None:
        self.allowance = Allowance()
        self._clock = clock
        self._user_of = user_of
        self._running: dict[str, int] = {}
        self._windows: dict[str, _Window] = {}

    def enter(self, call: Call) -> Reply | None:
        """Let a call in, or answer 429 with `Retry-After`."""
        user, now = self._user(call), self._now()
        self._running[user] = self._running.get(user, 0) + 1
        window = self._window(user)
        if not self.allowance.on:
            return None
        if self._running[user] > self.allowance.concurrent:
            return _refusal(CONCURRENT, "Number of concurrent requests exceeded the limit", 1.0)
        if len(window.calls) >= self.allowance.requests:
            return _refusal(REQUESTS, "Number of requests exceeded the limit", window.until_first_leaves(now))
        if window.spent >= self.allowance.execution_seconds:
            text = "Combined execution time of incoming requests exceeded the limit"
            return _refusal(EXECUTION, text, window.until_first_leaves(now))
        return None

    def leave(self, call: Call, seconds: float) -> None:
        """A call is done, and counts with what it took; a refused one counts too, so hammering does not help."""
        user = self._user(call)
        self._running[user] -= 1
        self._window(user).add(self._now(), seconds)

    def headers(self, call: Call) -> dict[str, str]:
        """What an answer says of the limits."""
        window = self._window(self._user(call))
        seconds = max(self.allowance.execution_seconds - window.spent, 0)
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(self.allowance.requests - len(window.calls), 0)),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{seconds:.2f}",
            "x-ms-dop-hint": str(self.allowance.advised),
        }

    def _window(self, user: str) -> _Window:
        window = self._windows.setdefault(user, _Window())
        window.forget(self._now())
        return window

    def _user(self, call: Call) -> str:
        return self._user_of(call.headers.get("authorization", ""))

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _refusal(code: str, text: str, seconds: float) -> Reply:
    message = f"{text} of a time window of {WINDOW_SECONDS:.0f} seconds."
    retry = {"Retry-After": str(max(int(seconds) + 1, 1))}
    return json_reply(429, {"error": {"code": code, "message": message}}, retry)
