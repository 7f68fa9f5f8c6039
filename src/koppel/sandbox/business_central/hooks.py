"""The hooks of the Business Central environment (wire 5.4)."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator

from koppel.sandbox.bodies import Count, Hook, Nothing, changed, known
from koppel.sandbox.business_central.company import Company, Right
from koppel.sandbox.business_central.others import PAGES, Others
from koppel.sandbox.business_central.pages import STANDARD
from koppel.sandbox.business_central.sample import Companies
from koppel.sandbox.business_central.service import BusinessCentral

PREFIX = "/business-central"

SetName = Annotated[str, AfterValidator(lambda name: known(name, PAGES, "set"))]


@dataclass(frozen=True, kw_only=True)
class _InCompany:
    """`company`: its name; the first one where there is none."""

    company: str | None = None


@dataclass(frozen=True, kw_only=True)
class _OfSet(_InCompany):
    set: SetName


@dataclass(frozen=True, kw_only=True)
class _Values(_OfSet):
    values: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Row(_OfSet):
    id: str


@dataclass(frozen=True, kw_only=True)
class _Edit(_Row):
    values: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Debt(_InCompany):
    id: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class _Held(_InCompany):
    version: int


@dataclass(frozen=True, kw_only=True)
class _Numbers(_OfSet):
    manual: bool


@dataclass(frozen=True, kw_only=True)
class _Busy(_OfSet):
    times: Count = 1


@dataclass(frozen=True, kw_only=True)
class _Replica(_InCompany):
    behind: bool = True


@dataclass(frozen=True)
class _App:
    """Where the app's pages are; an empty route takes the app away."""

    route: str


@dataclass(frozen=True)
class _Standard:
    set: Annotated[str, AfterValidator(lambda name: known(name, STANDARD, "set"))]
    there: bool = True


@dataclass(frozen=True)
class _Permission:
    set: SetName
    right: Right
    granted: bool = True


class Hooks:
    """The handlers."""

    def __init__(self, service: BusinessCentral, companies: Companies) -> None:
        self._service = service
        self._environment = service.environment
        self._others = companies.people

    def by_path(self) -> dict[str, Hook]:
        """The hooks by path."""
        at = self._at
        hooks = {
            "/switches": Hook(None, self._switch),
            "/limits": Hook(None, self._limit),
            "/rows/create": Hook(_Values, lambda body: {"id": at(body).create(body.set, body.values)}),
            "/rows/edit": Hook(_Edit, lambda body: at(body).edit(body.set, body.id, body.values)),
            "/rows/delete": Hook(_Row, lambda body: at(body).delete(body.set, body.id)),
            "/rows/owe": Hook(_Debt, lambda body: at(body).owe(body.id, body.amount)),
            "/rows/hold": Hook(_Edit, lambda body: {"version": at(body).hold(body.set, body.id, body.values)}),
            "/rows/release": Hook(_Held, lambda body: at(body).release(body.version)),
            "/numbers": Hook(_Numbers, lambda body: at(body).manual_numbers(body.set, body.manual)),
            "/template": Hook(_Values, lambda body: at(body).template(body.set, body.values)),
            "/busy": Hook(_Busy, self._busy),
            "/replica": Hook(_Replica, lambda body: self._company(body).freeze_replica(body.behind)),
            "/app": Hook(_App, self._app),
            "/sets": Hook(_Standard, self._sets),
            "/rights": Hook(_Permission, self._rights),
            "/expire/subscriptions": Hook(Nothing, lambda _: self._environment.webhooks.expire()),
        }
        return {f"{PREFIX}{path}": hook for path, hook in hooks.items()}

    def _switch(self, body: object) -> dict[str, Any]:
        self._environment.switches = changed(self._environment.switches, body)
        return asdict(self._environment.switches)

    def _limit(self, body: object) -> dict[str, Any]:
        self._service.limits.allowance = changed(self._service.limits.allowance, body)
        return asdict(self._service.limits.allowance)

    def _busy(self, body: _Busy) -> None:
        self._company(body).busy[PAGES[body.set].table.name] = body.times

    def _app(self, body: _App) -> None:
        self._environment.custom_route = body.route

    def _sets(self, body: _Standard) -> None:
        (self._environment.absent.discard if body.there else self._environment.absent.add)(body.set)

    def _rights(self, body: _Permission) -> None:
        """Give or take a right on the table of a set, in all companies."""
        place, withheld = (PAGES[body.set].table.name, body.right), self._environment.setting.withheld
        (withheld.discard if body.granted else withheld.add)(place)

    def _company(self, body: _InCompany) -> Company:
        name = self._name(body)
        return next(company for company in self._environment.companies.values() if company.name == name)

    def _at(self, body: _InCompany) -> Others:
        return self._others[self._name(body)]

    def _name(self, body: _InCompany) -> str:
        return next(iter(self._others)) if body.company is None else known(body.company, self._others, "company")
