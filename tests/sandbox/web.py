"""How the tests call the services: in the process where the network does not matter, else over https."""

import json
import ssl
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from koppel.sandbox.clock import Clock
from koppel.sandbox.dataverse.addresses import BASE
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.sample import Sample
from koppel.sandbox.dataverse.service import Dataverse
from koppel.sandbox.exchange import Call, Reply
from koppel.sandbox.server import Sandbox
from koppel.sandbox.tokens import Tokens

URL = "https://crm.example"
CLIENT = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True)
class Answer:
    """A reply as the tests look at it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_float=Decimal)

    @property
    def rows(self) -> list[dict[str, Any]]:
        assert self.status == 200, self.body
        return self.json["value"]

    @property
    def code(self) -> tuple[int, str]:
        """Status and code of an error."""
        return self.status, self.json["error"]["code"]

    @property
    def id(self) -> str:
        """The id in `OData-EntityId`."""
        assert self.status == 204, self.body
        return self.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")


def answer_of(reply: Reply) -> Answer:
    return Answer(reply.status, dict(reply.headers), reply.body)


def encoded(target: str) -> str:
    """A target with what may not stand in an address encoded."""
    return quote(target, safe="/?&=$'(),:;@!*%~")


@dataclass
class Web:
    """An application user of an environment."""

    dataverse: Dataverse
    others: Others
    sample: Sample
    tokens: Tokens

    @property
    def environment(self) -> Environment:
        return self.dataverse.environment

    @property
    def clock(self) -> Clock:
        return self.dataverse.environment.clock

    def bearer(self) -> dict[str, str]:
        """The header of a fresh token."""
        return {"authorization": f"Bearer {self.tokens.issue(CLIENT, URL)}"}

    def call(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        """One call. A target without a root is one below the service root; `if_match` is the header If-Match."""
        if target.startswith(URL):
            target = target.removeprefix(URL)
        elif not target.startswith("/"):
            target = BASE + encoded(target)
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return answer_of(self.dataverse.answer(Call(method, target, self.bearer() | given, raw)))

    def get(self, target: str, **headers: str) -> Answer:
        return self.call("GET", target, **headers)

    def post(self, target: str, body: Any, **headers: str) -> Answer:
        return self.call("POST", target, body, **headers)

    def patch(self, target: str, body: Any, **headers: str) -> Answer:
        return self.call("PATCH", target, body, **headers)

    def account(self, **values: Any) -> str:
        """A new account; its id."""
        return self.post("accounts", {"name": "Bakker B.V.", **values}).id

    def contact(self, **values: Any) -> str:
        """A new contact; its id."""
        return self.post("contacts", {"lastname": "Visser", **values}).id


def web(accounts: int = 0, contacts: int = 0, clock: Clock | None = None) -> Web:
    """A new environment and its application user."""
    clock = clock or Clock()
    tokens = Tokens(clock)
    environment = Environment(clock)
    sample = Sample(environment, CLIENT)
    sample.fill(accounts, contacts)
    dataverse = Dataverse(URL, environment, tokens, "https://login.example/authorize")
    return Web(dataverse, Others(environment, sample.people[1]), sample, tokens)


def admin(sandbox: Sandbox, path: str, body: Any = None, method: str = "POST") -> Answer:
    """A call of a hook."""
    url = f"{sandbox.admin_url}{path}"
    return over_https(sandbox.authority.context(), method, url, b"" if body is None else json.dumps(body).encode())


def over_https(context: ssl.SSLContext, method: str, url: str, body: bytes = b"", **headers: str) -> Answer:
    """One call over a connection of its own."""
    parts = urlsplit(url)
    connection = HTTPSConnection(parts.hostname or "", parts.port, context=context, timeout=20)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, body or None, given)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()
