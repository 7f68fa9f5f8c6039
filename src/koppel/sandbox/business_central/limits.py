"""Limits per user: calls within five minutes, five at work at once, a queue, time-outs (wire 2.6, 4.3.7)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from koppel.sandbox.bodies import Count, Seconds
from koppel.sandbox.business_central.refusal import SERVER, TOO_MANY, Refusal
from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Call, Reply
from koppel.sandbox.gate import Serve
from koppel.sandbox.limits import Windows, retry_after


@dataclass
class Allowance:
    """What one user may do. `queue_seconds`: how long a call waits for its turn; `gateway_seconds`: how long the
    network waits for its answer; both of real time, not of the sandbox's clock.
    """

    requests: Count = 6_000
    concurrent: Count = 5
    queued: Count = 95
    queue_seconds: Seconds = 480.0
    gateway_seconds: Seconds = 600.0
    on: bool = True


@dataclass
class _Line:
    """The calls of one user: how many are at work, how many are there at all."""

    working: int = 0
    present: int = 0
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)


class Limits:
    """The turnstile of an environment. `user_of` tells users apart by their authorization."""

    def __init__(self, clock: Clock, user_of: Callable[[str], str]) -> None:
        self.allowance = Allowance()
        self._windows = Windows(clock, user_of)
        self._lines: dict[str, _Line] = {}

    async def admit(self, call: Call, serve: Serve) -> Reply:
        """Serve a call when its turn comes: 429 when there are too many, 503 when it waited too long, 504 when its
        answer took too long.
        """
        if not self.allowance.on:
            return await serve()
        user, now = self._windows.user(call), self._windows.now()
        window, line = self._windows.of(user), self._lines.setdefault(user, _Line())
        if len(window.calls) >= self.allowance.requests:
            return _busy(window.until_first_leaves(now))
        if line.present >= self.allowance.concurrent + self.allowance.queued:
            return _busy(1.0)
        window.add(now, 0.0)
        line.present += 1
        try:
            return await asyncio.wait_for(self._in_turn(line, serve), self.allowance.gateway_seconds)
        except TimeoutError:
            return Reply(504)
        finally:
            line.present -= 1

    async def _in_turn(self, line: _Line, serve: Serve) -> Reply:
        try:
            async with asyncio.timeout(self.allowance.queue_seconds) as patience, self._turn(line):
                patience.reschedule(None)
                return await serve()
        except TimeoutError:
            return Refusal(503, SERVER, "The request waited too long in the queue.").reply()

    @asynccontextmanager
    async def _turn(self, line: _Line) -> AsyncIterator[None]:
        async with line.moved:
            await line.moved.wait_for(lambda: line.working < self.allowance.concurrent)
            line.working += 1
        try:
            yield
        finally:
            line.working -= 1
            async with line.moved:
                line.moved.notify_all()


def _busy(seconds: float) -> Reply:
    refused = Refusal(429, TOO_MANY, "Too many requests reached. Please try again later.").reply()
    return replace(refused, headers={**refused.headers, **retry_after(seconds)})
