"""The way to a sandbox in the same process: no network, and what was asked is there to be looked at."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from threading import RLock
from typing import TypeVar
from urllib.parse import unquote

import httpx2

from koppel.sandbox.exchange import Call, Reply

T = TypeVar("T")

Before = Exception | httpx2.Response | Callable[[], object]
After = Exception | Callable[[httpx2.Response], httpx2.Response]


@dataclass
class Line(httpx2.BaseTransport):
    """What carries requests to a service of the sandbox. `asked`, `answered`: all of them, and the bodies of its
    answers. `before`, `after`: what happens, once, to a request of a method with a piece in its target: trouble, an
    answer in place of the sandbox's, or what somebody does meanwhile; and what becomes of the answer.
    """

    asked: list[httpx2.Request] = field(default_factory=list, kw_only=True)
    answered: list[bytes] = field(default_factory=list, kw_only=True)
    before: dict[tuple[str, str], Before] = field(default_factory=dict, kw_only=True)
    after: dict[tuple[str, str], After] = field(default_factory=dict, kw_only=True)
    _lock: RLock = field(default_factory=RLock, kw_only=True)

    @abstractmethod
    def reply(self, call: Call) -> Reply:
        """What the service answers."""

    @abstractmethod
    def now(self) -> datetime:
        """The service's clock."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        with self._lock:  # as the gate of the running sandbox does
            return self._handled(request)

    def _handled(self, request: httpx2.Request) -> httpx2.Response:
        target = request.url.raw_path.decode()
        self.asked.append(request)
        trouble = _taken(self.before, request.method, target)
        if isinstance(trouble, Exception):
            raise trouble
        if isinstance(trouble, httpx2.Response):
            return trouble
        if trouble is not None:
            trouble()
        headers = {name.lower(): text for name, text in request.headers.items()}
        reply = self.reply(Call(request.method, target, headers, request.content))
        self.answered.append(reply.body)
        date = {"Date": format_datetime(self.now(), usegmt=True)}
        response = response_of(Reply(reply.status, reply.body, date | dict(reply.headers)))
        change = _taken(self.after, request.method, target)
        if isinstance(change, Exception):
            raise change
        return response if change is None else change(response)

    @property
    def targets(self) -> list[str]:
        """What was asked, decoded."""
        return [unquote(request.url.raw_path.decode()) for request in self.asked]

    @property
    def sent(self) -> str:
        """The bodies of all requests."""
        return "\n".join(request.content.decode() for request in self.asked)


def response_of(reply: Reply) -> httpx2.Response:
    """A reply as it arrives."""
    return httpx2.Response(reply.status, headers=reply.headers, content=reply.body)


def _taken(troubles: dict[tuple[str, str], T], method: str, target: str) -> T | None:
    both = (target, unquote(target))
    fitting = next((key for key in troubles if key[0] == method and any(key[1] in one for one in both)), None)
    return None if fitting is None else troubles.pop(fitting)
