"""The connector and the sandbox in one process: no network, and a time that passes only when somebody waits."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Thread

import httpx2

from koppel.connectors.business_central.opening import USUAL_LIMITS, root_of, system_of
from koppel.connectors.business_central.system import BusinessCentralSystem, Place
from koppel.connectors.business_central.table import PageTable
from koppel.connectors.odata.timing import Timing
from koppel.model.api import STANDARD_API
from koppel.ports import NumberKeeper, TableOptions
from koppel.sandbox.business_central.environment import CUSTOM_ROUTE
from koppel.sandbox.exchange import Call, Reply
from tests.line import Line, response_of
from tests.sandbox.central import TENANT, URL, Central, central
from tests.sandbox.web import CLIENT

COMPANY = "CRONUS NL"


@dataclass
class CentralLine(Line):
    """The line to Business Central."""

    central: Central

    def reply(self, call: Call) -> Reply:
        return self.central.service.answer(call)

    def now(self) -> datetime:
        return self.central.clock.now()


@dataclass
class SideBySide(CentralLine):
    """A line on which requests go side by side, through the turnstile of the service. `most`: how many there were at
    once; `statuses`: of all answers.
    """

    most: int = field(default=0, init=False)
    statuses: list[int] = field(default_factory=list, init=False)
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _present: int = field(default=0, init=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """The service at work."""
        self._loop = asyncio.new_event_loop()
        thread = Thread(target=self._loop.run_forever)
        thread.start()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return asyncio.run_coroutine_threadsafe(self._admitted(request), self._loop).result()

    async def _admitted(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name.lower(): text for name, text in request.headers.items()}
        call = Call(request.method, request.url.raw_path.decode(), headers, request.read())
        self._present += 1
        self.most = max(self.most, self._present)
        reply = await self.central.service.limits.admit(call, lambda: self._served(call))
        self._present -= 1
        self.statuses.append(reply.status)
        return response_of(reply)

    async def _served(self, call: Call) -> Reply:
        await asyncio.sleep(0.005)
        return self.reply(call)


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
    api: str = STANDARD_API
    company: str = COMPANY
    keeper: NumberKeeper = field(default_factory=Keeper)
    line: Line = field(init=False)
    system: BusinessCentralSystem = field(init=False)

    def __post_init__(self) -> None:
        self.central.clock.stop(self.central.clock.now())
        self.line = CentralLine(self.central)
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
