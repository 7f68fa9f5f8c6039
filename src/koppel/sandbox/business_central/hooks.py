"""The hooks of the Business Central environment (wire 5.4)."""

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from koppel.sandbox.admin import Hook, Words, known, worded
from koppel.sandbox.business_central.company import Company, Right
from koppel.sandbox.business_central.others import PAGES, Others
from koppel.sandbox.business_central.pages import STANDARD
from koppel.sandbox.business_central.sample import Companies
from koppel.sandbox.business_central.service import BusinessCentral
from koppel.sandbox.business_central.switches import BlankMember, ClientId

PREFIX = "/business-central"
_WORDS: Words = {"client_id": ClientId, "blank_member_written": BlankMember}


class Hooks:
    """The handlers.

    Bodies name a company by `company`, its name, else the first one is meant, and a table by `set`, the name of its
    set.
    """

    def __init__(self, service: BusinessCentral, companies: Companies) -> None:
        self._service = service
        self._environment = service.environment
        self._others = companies.people

    def by_path(self) -> dict[str, Hook]:
        """The hooks by path."""
        hooks: dict[str, Hook] = {
            "/switches": self._switch,
            "/limits": self._limit,
            "/rows/create": lambda body: {"id": self._at(body).create(_set(body), body["values"])},
            "/rows/edit": lambda body: self._at(body).edit(_set(body), body["id"], body["values"]),
            "/rows/delete": lambda body: self._at(body).delete(_set(body), body["id"]),
            "/rows/owe": lambda body: self._at(body).owe(body["id"], body["amount"]),
            "/rows/hold": lambda body: {"version": self._at(body).hold(_set(body), body["id"], body["values"])},
            "/rows/release": lambda body: self._at(body).release(body["version"]),
            "/numbers": lambda body: self._at(body).manual_numbers(_set(body), body["manual"]),
            "/template": self._template,
            "/busy": self._busy,
            "/replica": lambda body: self._company(body).freeze_replica(body.get("behind", True)),
            "/app": self._app,
            "/sets": self._sets,
            "/rights": self._rights,
            "/expire/subscriptions": lambda body: self._environment.webhooks.expire(),
        }
        return {f"{PREFIX}{path}": hook for path, hook in hooks.items()}

    def _switch(self, body: dict[str, Any]) -> dict[str, Any]:
        self._environment.switches = replace(self._environment.switches, **worded(body, _WORDS))
        return asdict(self._environment.switches)

    def _limit(self, body: dict[str, Any]) -> dict[str, Any]:
        changes: dict[str, Any] = {
            name: float(value) if isinstance(value, Decimal) else value for name, value in body.items()
        }
        self._service.limits.allowance = replace(self._service.limits.allowance, **changes)
        return asdict(self._service.limits.allowance)

    def _template(self, body: dict[str, Any]) -> None:
        self._at(body).template(_set(body), body["values"])

    def _busy(self, body: dict[str, Any]) -> None:
        self._company(body).busy[PAGES[_set(body)].table.name] = int(body.get("times", 1))

    def _app(self, body: dict[str, Any]) -> None:
        """Where the app's pages are; an empty route takes the app away."""
        self._environment.custom_route = body["route"]

    def _sets(self, body: dict[str, Any]) -> None:
        name = known(body["set"], STANDARD, "set")
        (self._environment.absent.discard if body.get("there", True) else self._environment.absent.add)(name)

    def _rights(self, body: dict[str, Any]) -> None:
        """Give or take a right on the table of a set, in all companies."""
        right, withheld = Right(body["right"]), self._environment.setting.withheld
        (withheld.discard if body.get("granted", True) else withheld.add)((PAGES[_set(body)].table.name, right))

    def _company(self, body: dict[str, Any]) -> Company:
        name = self._name(body)
        return next(company for company in self._environment.companies.values() if company.name == name)

    def _at(self, body: dict[str, Any]) -> Others:
        return self._others[self._name(body)]

    def _name(self, body: dict[str, Any]) -> str:
        return known(body.get("company", next(iter(self._others))), self._others, "company")


def _set(body: dict[str, Any]) -> str:
    return known(body["set"], PAGES, "set")
