"""Service protection limits: requests, execution time and concurrency per user within five minutes (wire 1.9).

They are those of one web server, and a cookie binds whoever sends it back to the server that gave it (wire 4.2.24).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from koppel.sandbox.bodies import Count, Seconds
from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Call, Reply, json_reply
from koppel.sandbox.gate import Serve
from koppel.sandbox.limits import WINDOW_SECONDS, Windows, retry_after

SERVER_COOKIE = "ARRAffinity=1f0c9d; Path=/; HttpOnly; Secure"

REQUESTS, EXECUTION, CONCURRENT = "0x80072322", "0x80072321", "0x80072326"


@dataclass
class Allowance:
    """What one user may do on one web server within the window. `advised`: the parallelism hinted at."""

    requests: Count = 6_000
    execution_seconds: Seconds = 1_200.0
    concurrent: Count = 52
    advised: Count = 8
    on: bool = True


class Limits:
    """The turnstile of an environment. `user_of` tells users apart by their authorization."""

    def __init__(self, clock: Clock, user_of: Callable[[str], str]) -> None:
        self.allowance = Allowance()
        self._windows = Windows(clock, user_of)
        self._running: dict[str, int] = {}

    async def admit(self, call: Call, serve: Serve) -> Reply:
        """Serve a call if it may come in."""
        began = time.monotonic()
        try:
            return self.enter(call) or await serve()
        finally:
            self.leave(call, time.monotonic() - began)

    def enter(self, call: Call) -> Reply | None:
        """Let a call in, or answer 429 with `Retry-After`; either way it has to `leave`."""
        user, now = self._windows.user(call), self._windows.now()
        self._running[user] = self._running.get(user, 0) + 1
        window = self._windows.of(user)
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
        user = self._windows.user(call)
        self._running[user] -= 1
        self._windows.of(user).add(self._windows.now(), seconds)

    def headers(self, call: Call) -> dict[str, str]:
        """What an answer says of the limits, and the cookie of the server."""
        window = self._windows.of(self._windows.user(call))
        seconds = max(self.allowance.execution_seconds - window.spent, 0)
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(self.allowance.requests - len(window.calls), 0)),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{seconds:.2f}",
            "x-ms-dop-hint": str(self.allowance.advised),
            "Set-Cookie": SERVER_COOKIE,
        }


def _refusal(code: str, text: str, seconds: float) -> Reply:
    message = f"{text} of a time window of {WINDOW_SECONDS:.0f} seconds."
    return json_reply(429, {"error": {"code": code, "message": message}}, retry_after(seconds))
