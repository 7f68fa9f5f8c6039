"""The connector and the sandbox in one process: no network, and a time that passes only when somebody waits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from threading import RLock
from typing import TypeVar
from urllib.parse import unquote

import httpx2

from koppel.connectors.dataverse.opening import API, USUAL_LIMITS, system_of
from koppel.connectors.dataverse.system import DataverseSystem
from koppel.connectors.dataverse.table import DataverseTable
from koppel.connectors.odata.timing import Timing
from koppel.ports import TableOptions
from koppel.sandbox.exchange import Call
from tests.sandbox.web import URL, Web, web

T = TypeVar("T")

Before = Exception | httpx2.Response | Callable[[], object]
After = Exception | Callable[[httpx2.Response], httpx2.Response]


@dataclass
class Line(httpx2.BaseTransport):
    """What carries requests to the sandbox. `asked`, `answered`: all of them, and the bodies of its answers. `before`,
    `after`: what happens, once, to a request of a method with a piece in its target: trouble, an answer in place of the
    sandbox's, or what somebody does meanwhile; and what becomes of the answer.
    """

    web: Web
    asked: list[httpx2.Request] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)
    before: dict[tuple[str, str], Before] = field(default_factory=dict)
    after: dict[tuple[str, str], After] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

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
        call = Call(request.method, target, headers, request.content)
        limits = self.web.dataverse.limits
        reply = limits.enter(call) or self.web.dataverse.answer(call)
        limits.leave(call, 0.01)
        self.answered.append(reply.body)
        date = {"Date": format_datetime(self.web.clock.now(), usegmt=True)}
        response = httpx2.Response(reply.status, headers=date | dict(reply.headers), content=reply.body)
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


def _taken(troubles: dict[tuple[str, str], T], method: str, target: str) -> T | None:
    fitting = next((key for key in troubles if key[0] == method and key[1] in target), None)
    return None if fitting is None else troubles.pop(fitting)


class Bearer:
    """A token from the sandbox, a new one when the last was refused."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._token = ""

    def header(self, refused: str | None) -> str:
        if not self._token or refused == self._token:
            self._token = self._web.bearer()["authorization"]
        return self._token


@dataclass
class Crm:
    """An environment, the line to it, and the connector at the near end."""

    web: Web
    zone: str = "UTC"
    initial_load: bool = False
    line: Line = field(init=False)
    system: DataverseSystem = field(init=False)

    def __post_init__(self) -> None:
        self.web.clock.stop(self.web.clock.now())
        self.line = Line(self.web)
        self.system = self.connected()

    def connected(self) -> DataverseSystem:
        """A new connection, which knows nothing yet."""
        clock = self.web.clock
        timing = Timing(clock.now, lambda: clock.now().timestamp(), clock.advance, lambda: 0.5)
        bearer = Bearer(self.web)
        return system_of("crm", URL + API, bearer, self.zone, USUAL_LIMITS, timing, self.line, self.initial_load)

    def table(self, name: str = "account", options: TableOptions | None = None) -> DataverseTable:
        """A table over a new connection; what was asked to open it is forgotten."""
        self.system = self.connected()
        table = self.system.table(name, options or TableOptions())
        self.line.asked.clear()
        self.line.answered.clear()
        return table


def crm(accounts: int = 0, contacts: int = 0, zone: str = "UTC") -> Crm:
    """A new environment."""
    return Crm(web(accounts, contacts), zone)
