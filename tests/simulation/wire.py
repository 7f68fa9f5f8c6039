"""The line to a simulated service: everything a network and a busy service do to requests, at moments a world draws.

Requests that change something are *effects*: the process can die before and after each, users can act there, and each
can go wrong in every way of `Mishap`. A process that died sends nothing any more, whatever its threads still try.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import format_datetime
from enum import StrEnum
from random import Random
from threading import RLock

import httpx2
import msgspec

from koppel.connectors.memory import Loss
from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Answer, Call, Reply, json_reply
from koppel.testing.interrupts import Killed


class Mishap(StrEnum):
    """What becomes of a request."""

    CUT_BEFORE = "cut before"
    BUSY = "429"
    UNAVAILABLE = "503 that says when"
    PART_ONLY = "a part of the batch is carried out, then the line is cut"
    CUT_AFTER = "cut after"
    HALF = "half of the answer"
    GATEWAY = "504, and all is done"
    BROKEN = "500 with a code, and nothing is done"
    TIMED_OUT = "504 with a code, and all is done"
    PART_TIMED_OUT = "504 with a code for a part that is done"
    LATE = "carried out later"


_WITH_A_CODE = (Mishap.TIMED_OUT, Mishap.PART_TIMED_OUT)
_BY_LOSS = {
    Loss.REQUEST: (Mishap.CUT_BEFORE, Mishap.BUSY, Mishap.UNAVAILABLE, Mishap.PART_ONLY, Mishap.BROKEN),
    Loss.ANSWER: (Mishap.CUT_AFTER, Mishap.HALF, Mishap.GATEWAY, Mishap.PART_ONLY, *_WITH_A_CODE),
    Loss.LATE: (Mishap.LATE,),
}
_HARMLESS = (Mishap.CUT_BEFORE, Mishap.BUSY, Mishap.UNAVAILABLE, Mishap.HALF, Mishap.GATEWAY, Mishap.BROKEN)
_REFUSALS = {
    Mishap.BUSY: Reply(429, b"", {"Retry-After": "2"}),
    Mishap.UNAVAILABLE: Reply(503, b"", {"Retry-After": "2"}),
}
_METHODS = re.compile(rb'(?m)^(POST|PATCH|PUT|DELETE) \S+ HTTP/1\.1|"method":"(POST|PATCH|PUT|DELETE)"')
_KINDS = {"POST": "create", "PATCH": "update", "PUT": "update", "DELETE": "delete"}


@dataclass
class Line(httpx2.BaseTransport):
    """Carries requests to a service. `effects`: those that changed something. `mishaps`: how often what happened.
    `code`: with which the service tells of a failure of its own. `only`: the one thing that goes wrong with effects,
    where it is not drawn. `serving`: a request is being carried out.
    """

    answer: Answer
    clock: Clock
    draw: Random
    code: str
    on_effect: Callable[[str, str], None] = lambda phase, name: None
    loses: Callable[[str], Loss | None] = lambda name: None
    effects: list[str] = field(default_factory=list)
    mishaps: dict[Mishap, int] = field(default_factory=dict)
    dead: bool = False
    only: Mishap | None = None
    serving: bool = False
    _late: list[Call] = field(default_factory=list)
    _lock: RLock = field(default_factory=RLock)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request, and what becomes of it. Raises `Killed`."""
        request.read()
        headers = {name.lower(): text for name, text in request.headers.items()}
        call = Call(request.method, request.url.raw_path.decode(), headers, request.content)
        with self._lock:
            if self.dead:
                raise Killed("the process is dead already")
            try:
                return self._carried(call, effect_of(call))
            except Killed:
                self.dead = True
                raise

    def catch_up(self) -> None:
        """Deliver what arrived late. Whoever opens the line again is another process."""
        with self._lock:
            self.dead = False
            while self._late:
                self._deliver(self._late.pop(0))

    def _carried(self, call: Call, name: str) -> httpx2.Response:
        mishap = self._drawn(name)
        if name:
            self.on_effect("before", name)
        self._prevented(call, mishap)
        if mishap in _REFUSALS:
            return self._shown(_REFUSALS[mishap])
        if mishap is Mishap.BROKEN:
            return self._shown(self.failure(500))
        reply = self._deliver(call)
        if name:
            self.on_effect("after", name)
        if mishap in (Mishap.CUT_AFTER, Mishap.HALF):
            raise httpx2.RemoteProtocolError(mishap)
        return self._shown(self._told(reply, mishap))

    def _told(self, reply: Reply, mishap: Mishap | None) -> Reply:
        """What is answered when a request has been carried out."""
        match mishap:
            case Mishap.GATEWAY:
                return Reply(504)
            case Mishap.TIMED_OUT:
                return self.failure(504)
            case Mishap.PART_TIMED_OUT:
                return failed_in_part(reply, self.failure(504))
            case _:
                return reply

    def failure(self, status: int) -> Reply:
        """The service broke down, and says so as it says everything."""
        return json_reply(status, {"error": {"code": self.code, "message": "It failed."}})

    def _drawn(self, name: str) -> Mishap | None:
        """What becomes of the next request."""
        loss = self.loses(name or "read")
        if loss is None:
            return None
        mishap = self.only if name and self.only else self.draw.choice(_BY_LOSS[loss] if name else _HARMLESS)
        self.mishaps[mishap] = self.mishaps.get(mishap, 0) + 1
        return mishap

    def _prevented(self, call: Call, mishap: Mishap | None) -> None:
        """Raise where no answer comes because the request did not arrive, or not yet, or not whole."""
        if mishap is Mishap.LATE:
            self._late.append(call)
        elif mishap is Mishap.PART_ONLY:
            self._deliver(part_of(call))
        elif mishap is not Mishap.CUT_BEFORE:
            return
        raise httpx2.ReadError(mishap)

    def _deliver(self, call: Call) -> Reply:
        if name := effect_of(call):
            self.effects.append(name)
        self.serving = True
        try:
            return self.answer(call)
        finally:
            self.serving = False

    def _shown(self, reply: Reply) -> httpx2.Response:
        date = {"Date": format_datetime(self.clock.now(), usegmt=True)}
        return httpx2.Response(reply.status, headers=date | dict(reply.headers), content=reply.body)


def effect_of(call: Call) -> str:
    """What a request changes, as `create accounts`; '' when it only reads."""
    place = call.path.rpartition("/")[2].partition("(")[0]
    if call.method == "GET":
        return ""
    if place != "$batch":
        return f"{_KINDS[call.method]} {place}"
    found = [(one or other).decode() for one, other in _METHODS.findall(call.body)]
    return f"{_KINDS[found[0]]} {place}" if found else ""


def part_of(call: Call) -> Call:
    """The first half of a batch, or a request that is not carried out at all: a read of nothing."""
    content_type = call.headers.get("content-type", "")
    if boundary := re.search(r'boundary="?([^";]+)', content_type):
        mark = b"--" + boundary[1].encode()
        pieces = call.body.split(mark)
        kept = pieces[: 1 + len(pieces[1:-1]) // 2]
        return replace(call, body=mark.join([*kept, b"--\r\n"]))
    if call.path.endswith("$batch"):
        requests = msgspec.json.decode(call.body)["requests"]
        return replace(call, body=msgspec.json.encode({"requests": requests[: len(requests) // 2]}))
    return replace(call, method="GET", body=b"")


def failed_in_part(reply: Reply, failure: Reply) -> Reply:
    """The answer to a batch with a failure in the place of its first good part; the failure, where it was no batch."""
    if "multipart/" in reply.headers.get("Content-Type", ""):
        said = b"HTTP/1.1 %d Error\r\nContent-Type: application/json\r\n\r\n%s\r\n" % (failure.status, failure.body)
        part = rb"HTTP/1\.1 20\d.*?(?=--changesetresponse)"
        return replace(reply, body=re.sub(part, lambda _: said, reply.body, count=1, flags=re.DOTALL))
    document = msgspec.json.decode(reply.body) if reply.body else None
    if not isinstance(document, dict) or "responses" not in document:
        return failure
    good = next((part for part in document["responses"] if part["status"] < 300), None)
    if good is not None:
        good |= {"status": failure.status, "body": msgspec.json.decode(failure.body)}
    return replace(reply, body=msgspec.json.encode(document))
