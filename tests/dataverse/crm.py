"""The connector and the sandbox in one process: no network, and a time that passes only when somebody waits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime

import httpx2

from koppel.connectors.dataverse.opening import API, USUAL_LIMITS, system_of
from koppel.connectors.dataverse.system import DataverseSystem
from koppel.connectors.dataverse.table import DataverseTable
from koppel.connectors.odata.timing import Timing
from koppel.ports import TableOptions
from koppel.sandbox.exchange import Call
from tests.sandbox.web import CLIENT, URL, Web, web

Answered = Callable[[httpx2.Request, httpx2.Response], httpx2.Response]


@dataclass
class Line(httpx2.BaseTransport):
    """What carries requests to the sandbox. `asked`: method and decoded target of each. `before`, `after`: trouble for
    requests, given (method, piece of the target); it happens once.
    """

    web: Web
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    before: dict[tuple[str, str], Exception | httpx2.Response] = field(default_factory=dict)
    after: dict[tuple[str, str], Exception | Answered] = field(default_factory=dict)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        body = request.read()
        target = request.url.raw_path.decode()
        self.asked.append((request.method, target))
        self.bodies.append(body)
        trouble = self._taken(self.before, request.method, target)
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is not None:
            return trouble
        headers = {name.lower(): text for name, text in request.headers.items()}
        call = Call(request.method, target, headers, body)
        limits = self.web.dataverse.limits
        refused = limits.enter(call)
        reply = refused or self.web.dataverse.answer(call)
        limits.leave(call, 0.01)
        date = {"Date": format_datetime(self.web.clock.now(), usegmt=True)}
        response = httpx2.Response(reply.status, headers=date | dict(reply.headers), content=reply.body)
        trouble = self._taken(self.after, request.method, target)
        if isinstance(trouble, Exception):
            raise trouble
        return response if trouble is None else trouble(request, response)

    def _taken(self, troubles: dict, method: str, target: str):  # type: ignore[no-untyped-def, type-arg]
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
    line: Line
    system: DataverseSystem

    def table(self, name: str = "account", options: TableOptions | None = None) -> DataverseTable:
        """A table with metadata read anew."""
        self.system._definitions.clear()
        self.system._tables = None
        self.line.asked.clear()
        table = self.system.table(name, options or TableOptions())
        self.line.asked.clear()
        self.line.bodies.clear()
        return table


def crm(accounts: int = 0, contacts: int = 0, zone: str = "UTC") -> Crm:
    """A new environment."""
    made = web(accounts, contacts)
    clock = made.clock
    clock.stop(clock.now())
    timing = Timing(clock.now, lambda: clock.now().timestamp(), clock.advance, lambda: 0.5)
    line = Line(made)
    system = system_of("crm", URL + API, Bearer(made), zone, USUAL_LIMITS, timing, line)
    return Crm(made, line, system)


__all__ = ["CLIENT", "Crm", "Line", "crm"]
