"""Between the network and a service: troubles, the turnstile of its limits, the transcript."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from functools import partial
from threading import RLock
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Answer, Call, Reply, Waits
from koppel.sandbox.faults import Faults, Trouble
from koppel.sandbox.transcript import Transcript

Serve = Callable[[], Awaitable[Reply]]
"""Serves a call that has been let in."""


class Turnstile(Protocol):
    """The limits of a service."""

    async def admit(self, call: Call, serve: Serve) -> Reply:
        """Serve a call when it may come in, or answer why it may not."""


@dataclass(frozen=True)
class Controls:
    """What the services of one sandbox have in common. `lock` is held while any of them looks or changes."""

    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    transcript: Transcript = field(default_factory=Transcript)
    lock: RLock = field(default_factory=RLock)


class Open:
    """A turnstile that lets everybody in."""

    async def admit(self, call: Call, serve: Serve) -> Reply:
        """Welcome."""
        return await serve()


class Cut(Exception):
    """The connection is to be broken off, after half of the reply if there is one."""

    def __init__(self, reply: Reply | None = None) -> None:
        super().__init__("the connection is cut")
        self.reply = reply


class Gate:
    """The ASGI application of one service. `connections`: the open ones by the address of the peer."""

    def __init__(self, name: str, answer: Answer, controls: Controls, turnstile: Turnstile | None = None) -> None:
        self.name = name
        self.connections: dict[tuple[Any, ...], asyncio.Transport] = {}
        self._answer = answer
        self._controls = controls
        self._turnstile = turnstile or Open()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            call = await _call(Request(scope, receive))
        except ClientDisconnect:
            return  # it left before it had asked; nothing was done
        try:
            reply = await self._turnstile.admit(call, lambda: self._served(call))
        except Cut as cut:
            self._controls.transcript.note(self.name, call, None)
            await self._cut(cut, scope, receive, send)
            return
        self._controls.transcript.note(self.name, call, reply)
        # The date is that of the sandbox's clock, which a rehearsal may have moved.
        headers = {"Date": format_datetime(self._controls.clock.now(), usegmt=True), **reply.headers}
        await Response(reply.body, reply.status, headers)(scope, receive, send)

    async def _served(self, call: Call) -> Reply:
        troubles = self._controls.faults.take(call)
        if late := troubles.get(Trouble.LATENCY):
            await asyncio.sleep(late.seconds)
        if Trouble.CUT_BEFORE in troubles:
            raise Cut
        if refusal := troubles.get(Trouble.STATUS):
            return refusal.reply(self._controls.clock.now())
        reply = await self._answered(call)
        if refusal := troubles.get(Trouble.STATUS_AFTER):
            return refusal.reply(self._controls.clock.now())  # a gateway that lost patience: all of it is done
        if Trouble.CUT_AFTER in troubles:
            raise Cut
        if Trouble.HALF in troubles:
            raise Cut(reply)
        return reply

    async def _answered(self, call: Call) -> Reply:
        """The reply of the service. The lock is held while it is at work, not while it waits for somebody else."""
        answer = partial(self._answer, call)
        while True:
            try:
                with self._controls.lock:
                    return answer()
            except Waits as waits:
                answer = partial(waits.reply, await asyncio.to_thread(waits.ask))

    async def _cut(self, cut: Cut, scope: Scope, receive: Receive, send: Send) -> None:
        if cut.reply is not None:
            headers = {**cut.reply.headers, "Content-Length": str(len(cut.reply.body))}
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            await send({"type": "http.response.start", "status": cut.reply.status, "headers": raw})
            half = cut.reply.body[: len(cut.reply.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await asyncio.sleep(0.05)  # let the half leave the buffers
        self.connections[tuple(scope["client"])].abort()
        # The server writes an error page for an application that ends without an answer, unless the client is gone.
        message: MutableMapping[str, Any] = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()


async def _call(request: Request) -> Call:
    raw = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    target = f"{raw}?{query}" if query else raw
    return Call(request.method, target, dict(request.headers), await request.body())
