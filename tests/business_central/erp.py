"""The connector and the sandbox in one process: no network, and a time that passes only when somebody waits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from threading import Lock
from typing import TypeVar
from urllib.parse import unquote

import httpx2

from koppel.connectors.business_central.opening import USUAL_LIMITS, root_of, system_of
from koppel.connectors.business_central.system import STANDARD, BusinessCentralSystem, Place
from koppel.connectors.business_central.table import PageTable
from koppel.connectors.odata.timing import Timing
from koppel.ports import NumberKeeper, TableOptions
from koppel.sandbox.business_central.environment import CUSTOM_ROUTE
from koppel.sandbox.exchange import Call
from tests.sandbox.central import TENANT, URL, Central, central
from tests.sandbox.web import CLIENT

T = TypeVar("T")
Answered = Callable[[httpx2.Response], httpx2.Response]
COMPANY = "CRONUS NL"


@dataclass
class Line(httpx2.BaseTransport):
    """What carries requests to the sandbox. `before`, `after`: trouble for requests, by (method, piece of the target);
    each happens once.
    """

    central: Central
    asked: list[httpx2.Request] = field(default_factory=list)
    before: dict[tuple[str, str], Exception | httpx2.Response] = field(default_factory=dict)
    after: dict[tuple[str, str], Exception | Answered] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        with self.lock:  # the sandbox has one thread
            return self._handle(request)

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        target = request.url.raw_path.decode()
        trouble = _taken(self.before, request.method, unquote(target))
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is not None:
            return trouble
        headers = {name.lower(): text for name, text in request.headers.items()}
        reply = self.central.service.answer(Call(request.method, target, headers, request.content))
        date = {"Date": format_datetime(self.central.clock.now(), usegmt=True)}
        response = httpx2.Response(reply.status, headers=date | dict(reply.headers), content=reply.body)
        change = _taken(self.after, request.method, unquote(target))
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

    def __init__(self, central: Central) -> None:
        self._central = central
        self._token = ""

    def header(self, refused: str | None) -> str:
        if not self._token or refused == self._token:
            self._token = f"Bearer {self._central.tokens.issue(CLIENT, URL)}"
        return self._token


@dataclass
class Keeper:
    """Remembers numbers that were given, as the store does."""

    last: dict[str, int] = field(default_factory=dict)

    def __call__(self, name: str, count: int, least: int) -> int:
        first = max(least, self.last.get(name, 0) + 1)
        self.last[name] = first + count - 1
        return first


@dataclass
class Erp:
    """An environment, the line to it, and the connector at the near end."""

    central: Central
    api: str = STANDARD
    company: str = COMPANY
    keeper: NumberKeeper = field(default_factory=Keeper)
    line: Line = field(init=False)
    system: BusinessCentralSystem = field(init=False)

    def __post_init__(self) -> None:
        self.central.clock.stop(self.central.clock.now())
        self.line = Line(self.central)
        self.system = self.connected()

    def connected(self) -> BusinessCentralSystem:
        """Another connector over the same line."""
        clock = self.central.clock
        timing = Timing(clock.now, lambda: clock.now().timestamp(), clock.advance, lambda: 0.5)
        place = Place("Rehearsal", self.company, self.api, tenant=TENANT)
        root = root_of(URL, place)
        return system_of("erp", root, Bearer(self.central), place, self.keeper, USUAL_LIMITS, timing, self.line)

    def table(self, name: str = "customers", options: TableOptions | None = None) -> PageTable:
        """A page with metadata read anew."""
        self.system = self.connected()
        table = self.system.table(name, options or TableOptions())
        self.line.asked.clear()
        return table


def standard(businesses: int = 0, people: int = 0) -> Erp:
    """A new environment, of which the standard pages are used."""
    return Erp(central(businesses, people))


def custom(businesses: int = 0, people: int = 0) -> Erp:
    """A new environment, of which the pages of an app are used."""
    return Erp(central(businesses, people), CUSTOM_ROUTE)
