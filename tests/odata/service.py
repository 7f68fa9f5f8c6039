"""A service that answers as the test says, and a time that passes only when somebody waits."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2

from koppel.connectors.odata.message import Request
from koppel.connectors.odata.session import Limits, Session
from koppel.connectors.odata.timing import Timing
from koppel.connectors.odata.tokens import Authorisation, Basic

ROOT = "https://erp.example/api/v2.0/"
SECRET = "s3cr3t-PASSWORD"

Reply = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


@dataclass
class FakeTime:
    """`meanwhile`: what another worker does while somebody waits, once."""

    passed: float = 0.0
    waits: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None

    def sleep(self, seconds: float) -> None:
        until = self.passed + seconds
        self.waits.append(seconds)
        other, self.meanwhile = self.meanwhile, None
        if other is not None:
            other()
        self.passed = max(self.passed, until)

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(seconds=self.passed)

    def timing(self) -> Timing:
        return Timing(self.now, lambda: self.passed, self.sleep, lambda: 1.0)


class Script(httpx2.BaseTransport):
    """Answers requests with the replies in order, the last one again and again; `seen`: the moment and the request."""

    def __init__(self, time: FakeTime, *replies: Reply) -> None:
        self.time = time
        self.replies = list(replies)
        self.seen: list[tuple[float, httpx2.Request]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.seen.append((self.time.passed, request))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return (
            reply(request)
            if callable(reply)
            else httpx2.Response(reply.status_code, headers=reply.headers, content=reply.content)
        )

    @property
    def moments(self) -> list[float]:
        return [moment for moment, _ in self.seen]


class Scripted:
    """A session whose service answers with these replies."""

    def __init__(
        self, *replies: Reply, limits: Limits | None = None, authorisation: Authorisation | None = None
    ) -> None:
        self.time = FakeTime()
        self.service = Script(self.time, *replies)
        self.session = Session(
            "erp", ROOT, authorisation or Basic("koppel", SECRET), limits, self.time.timing(), self.service
        )


def answer(status: int = 200, said: object = None, **headers: str) -> httpx2.Response:
    """An answer; `retry_after="3"` becomes the header `retry-after`."""
    body = b"" if said is None else json.dumps(said).encode()
    return httpx2.Response(
        status, headers={name.replace("_", "-"): text for name, text in headers.items()}, content=body
    )


def fault(code: str, text: str) -> dict[str, object]:
    return {"error": {"code": code, "message": text}}


def get(address: str = "customers") -> Request:
    return Request("GET", address)


def conditional() -> Request:
    return Request("PATCH", "customers(1)", {"If-Match": 'W/"7"'}, b"{}")


def create() -> Request:
    return Request("POST", "customers", {}, b"{}")


def below(error: type[Exception]) -> Iterable[type[Exception]]:
    """A class of exceptions and all that derive from it."""
    yield error
    for child in error.__subclasses__():
        yield from below(child)
