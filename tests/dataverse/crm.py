"""The connector and the sandbox in one process: no network, and a time that passes only when somebody waits."""

from dataclasses import dataclass, field
from datetime import datetime

from koppel.connectors.dataverse.opening import API, USUAL_LIMITS, system_of
from koppel.connectors.dataverse.system import DataverseSystem
from koppel.connectors.dataverse.table import DataverseTable
from koppel.connectors.odata.timing import Timing
from koppel.ports import TableOptions
from koppel.sandbox.exchange import Call, Reply
from tests.line import Line
from tests.sandbox.web import URL, Web, web


@dataclass
class WebLine(Line):
    """The line to Dataverse, with its limits."""

    web: Web

    def reply(self, call: Call) -> Reply:
        limits = self.web.dataverse.limits
        reply = limits.enter(call) or self.web.dataverse.answer(call)
        limits.leave(call, 0.01)
        return reply

    def now(self) -> datetime:
        return self.web.clock.now()


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
        self.line = WebLine(self.web)
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
