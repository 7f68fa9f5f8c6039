"""How the tests call Business Central in the process."""

import json
from dataclasses import dataclass, replace
from typing import Any

from koppel.sandbox.business_central.company import Company, Right
from koppel.sandbox.business_central.environment import CUSTOM_ROUTE, Environment
from koppel.sandbox.business_central.others import PAGES, Others
from koppel.sandbox.business_central.sample import Companies
from koppel.sandbox.business_central.service import BusinessCentral
from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Call, waited
from koppel.sandbox.tokens import Tokens
from tests.sandbox.web import CLIENT, Answer, answer_of, encoded

URL = "https://erp.example"
TENANT = "22222222-2222-4222-8222-222222222222"
ZERO = "00000000-0000-0000-0000-000000000000"
CUSTOM = f"/v2.0/{TENANT}/Rehearsal/api/{CUSTOM_ROUTE}"


@dataclass
class Central:
    """An application in an environment, at work in its first company."""

    service: BusinessCentral
    tokens: Tokens
    others: Others

    @property
    def environment(self) -> Environment:
        return self.service.environment

    @property
    def company(self) -> Company:
        return next(iter(self.environment.companies.values()))

    @property
    def clock(self) -> Clock:
        return self.environment.setting.clock

    def switch(self, **settings: Any) -> None:
        self.environment.switches = replace(self.environment.switches, **settings)

    def withhold(self, set_name: str, right: Right) -> None:
        """Take a right on the table of a set from applications."""
        self.environment.setting.withheld.add((PAGES[set_name].table.name, right))

    def call(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        """One call. `~/` stands for the company on the standard route, `+/` for it on that of the app.

        `if_match` is the header If-Match.
        """
        root = self.service.api.removeprefix(URL)
        for mark, route in (("~/", root), ("+/", CUSTOM)):
            if target.startswith(mark):
                target = f"{route}/companies({self.company.id})/{encoded(target[2:])}"
        target = target.removeprefix(URL)
        target = target if target.startswith("/") else f"{root}/{encoded(target)}"
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {"authorization": f"Bearer {self.tokens.issue(CLIENT, URL)}", "accept-language": "en-US"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return answer_of(waited(lambda: self.service.answer(Call(method, target, given, raw))))

    def get(self, target: str, **headers: str) -> Answer:
        return self.call("GET", target, **headers)

    def post(self, target: str, body: Any, **headers: str) -> Answer:
        return self.call("POST", target, body, **headers)

    def patch(self, target: str, body: Any, **headers: str) -> Answer:
        return self.call("PATCH", target, body, **{"if_match": "*"} | headers)

    def new(self, target: str, **values: Any) -> dict[str, Any]:
        """A new row, as it was answered."""
        answer = self.post(target, values)
        assert answer.status == 201, answer.body
        row: dict[str, Any] = answer.json
        return row

    def customer(self, **values: Any) -> dict[str, Any]:
        return self.new("~/customers", displayName="Bakker B.V.", **values)


def central(businesses: int = 0, people: int = 0, clock: Clock | None = None) -> Central:
    """A new environment and its application."""
    clock = clock or Clock()
    tokens = Tokens(clock)
    companies = Companies(clock, TENANT, CLIENT)
    companies.fill(businesses, people)
    service = BusinessCentral(URL, companies.environment, tokens)
    return Central(service, tokens, next(iter(companies.people.values())))
