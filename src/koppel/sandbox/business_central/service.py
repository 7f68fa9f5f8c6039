"""The API of one environment: who calls, and what is called (wire 2.1, 5.3)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from koppel.sandbox.business_central import batch as batches
from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.definitions import entity_definitions
from koppel.sandbox.business_central.environment import RUNTIME_ROUTE, STANDARD_ROUTE, Environment
from koppel.sandbox.business_central.limits import Limits
from koppel.sandbox.business_central.metadata import csdl
from koppel.sandbox.business_central.refusal import (
    CREDENTIALS,
    NO_COMPANY,
    NO_ENVIRONMENT,
    Refusal,
    bad,
    no_method,
    no_resource,
)
from koppel.sandbox.business_central.saving import Author
from koppel.sandbox.business_central.sets import Place, set_call
from koppel.sandbox.business_central.shape import Page
from koppel.sandbox.business_central.subscriptions import subscriptions_call
from koppel.sandbox.exchange import Call, Reply, Waits, json_reply, waited
from koppel.sandbox.ids import guid
from koppel.sandbox.paths import parted, segments
from koppel.sandbox.refusal import ODATA
from koppel.sandbox.tokens import Tokens

# The tenant may be left out when the token names it (wire 2.1).
_ROOT = re.compile(r"(?P<root>/v2\.0/(?:(?P<tenant>[^/]+)/)?(?P<environment>[^/]+)/api/)(?P<rest>.*)")
_MADE = "2024-01-01T09:00:00Z"
_ROUTE = re.compile(r"(v2\.0|[^/]+/[^/]+/(?:beta|v\d+\.\d+))(?:/(.*))?")


Parts = list[tuple[str, str | None]]
"""Segments of a path, each with what stands between its parentheses."""


@dataclass(frozen=True)
class Route:
    """Where a call goes. `root`: the path up to and with the route; `rest`: what follows it, with the query."""

    name: str
    root: str
    rest: str
    pages: Mapping[str, Page]


class BusinessCentral:
    """The API of an environment at an address."""

    def __init__(self, url: str, environment: Environment, tokens: Tokens) -> None:
        self.url = url
        self.environment = environment
        self.limits = Limits(environment.setting.clock, tokens.holder)
        self._tokens = tokens

    @property
    def api(self) -> str:
        """The root of the standard pages."""
        return f"{self.url}/v2.0/{self.environment.tenant}/{self.environment.name}/api/{STANDARD_ROUTE}"

    def answer(self, call: Call) -> Reply:
        """One call to the service. Raises `Waits`."""
        return self._told(call, lambda: self._let_in(call))

    def _let_in(self, call: Call) -> Reply:
        author = self._author(call)
        return self._routed(call, self._route(call.target), author)

    def _told(self, call: Call, reply: Callable[[], Reply]) -> Reply:
        """The reply, or the refusal that is raised in its place; also after a wait."""
        try:
            return reply()
        except Refusal as refusal:
            return self._refused(refusal, call)
        except Waits as waits:
            go_on = waits.reply
            raise Waits(waits.ask, lambda came: self._told(call, lambda: go_on(came))) from None

    def _refused(self, refusal: Refusal, call: Call) -> Reply:
        """A refusal in the language that the call asks for: every batched one for itself (wire 2.3, 4.3.8)."""
        asked = call.headers.get("accept-language", "").lower().startswith("en")
        return refusal.reply(asked and self.environment.switches.english)

    def _author(self, call: Call) -> Author:
        """The user of an application that is registered in the environment itself, else 401 (wire 2.1)."""
        grant = self._tokens.bearer(call.headers.get("authorization", ""), self.url)
        user = self.environment.users.get(grant.client_id) if grant else None
        if user is None:
            raise Refusal(401, CREDENTIALS, "The server has rejected the client credentials.")
        return Author(user)

    def _route(self, target: str) -> Route:
        """Where an address leads. Raises `Refusal` for an environment that is not there (wire 4.3.27)."""
        match = _ROOT.fullmatch(target)
        tenant = match["tenant"] if match else None
        if match is None or tenant not in (None, self.environment.tenant):
            raise no_resource(target.partition("?")[0])
        if match["environment"] != self.environment.name:
            raise Refusal(404, NO_ENVIRONMENT, "Environment does not exist.")
        path, mark, query = match["rest"].partition("?")
        found = _ROUTE.fullmatch(path)
        pages = self.environment.pages(found[1]) if found else None
        if found is None or pages is None:
            raise no_resource(path)
        return Route(found[1], f"{match['root']}{found[1]}", f"{found[2] or ''}{mark}{query}", pages)

    def _routed(self, call: Call, route: Route, author: Author) -> Reply:
        parts = [_named(part) for part in segments(route.rest)]
        match parts:
            case [("companies", None)]:
                return self._only("GET", call, lambda: self._companies(route))
            case [("companies", inside)]:
                company = self._company(inside or "")
                return self._only("GET", call, lambda: self._one_company(route, company))
            case [("companies", str(inside)), ("webhookSupportedResources", None)] if route.name == RUNTIME_ROUTE:
                company = self._company(inside)
                return self._only("GET", call, lambda: self._supported(company))
            case [("companies", str(inside)), *inner]:
                return self._set(call, route, self._company(inside), inner, author)
            case [(set_name, _), *_] if set_name in route.pages:
                return self._set(call, route, self._company(call.query.get("company", "")), parts, author)
        return self._of_no_company(call, route, parts, author)

    def _of_no_company(self, call: Call, route: Route, parts: Parts, author: Author) -> Reply:
        """A call to a route itself, or to what all companies share."""
        match parts:
            case []:
                return self._only("GET", call, lambda: self._root(route))
            case [("$metadata", None)]:
                headers = {"Content-Type": "application/xml", **ODATA}
                return self._only("GET", call, lambda: Reply(200, csdl(route.pages), headers))
            case [("$batch", None)]:
                return self._only("POST", call, lambda: self._batch(call, route, author))
            case [("entityDefinitions", None)]:
                told = entity_definitions(route.pages.values(), call.query)
                return self._only("GET", call, lambda: json_reply(200, told, ODATA))
            case [("subscriptions", key)] if route.name == STANDARD_ROUTE:
                return subscriptions_call(self.environment, call, key, author)
        raise no_resource(route.rest.partition("?")[0])

    def _only(self, method: str, call: Call, answer: Callable[[], Reply]) -> Reply:
        if call.method != method:
            raise no_method()
        return answer()

    def _set(self, call: Call, route: Route, company: Company, parts: Parts, author: Author) -> Reply:
        (set_name, key), *more = parts
        page = route.pages.get(set_name)
        if page is None:
            raise no_resource(set_name)
        if more and (more != [("$count", None)] or key is not None):
            raise no_resource(more[0][0])
        place = Place(company, page, f"{self.url}{route.root}", self.url + call.target)
        return set_call(place, call, key, bool(more), author)

    def _company(self, text: str) -> Company:
        """A company by id, or by name where `?company=` names it (wire 2.1)."""
        companies = self.environment.companies
        known = guid(text)
        named = next((one for one in companies.values() if text and one.name == text), None)
        if (found := companies.get(known) if known else named) is None:
            raise Refusal(404, NO_COMPANY, f"The company '{text}' does not exist.")
        return found

    def _root(self, route: Route) -> Reply:
        names = ["companies", *route.pages]
        sets = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
        return json_reply(200, {"@odata.context": f"{self.url}{route.root}/$metadata", "value": sets}, ODATA)

    def _companies(self, route: Route) -> Reply:
        companies = [self._shown(company) for company in self.environment.companies.values()]
        context = f"{self.url}{route.root}/$metadata#companies"
        return json_reply(200, {"@odata.context": context, "value": companies}, ODATA)

    def _one_company(self, route: Route, company: Company) -> Reply:
        context = f"{self.url}{route.root}/$metadata#companies/$entity"
        return json_reply(200, {"@odata.context": context} | self._shown(company), ODATA)

    def _shown(self, company: Company) -> dict[str, Any]:
        names = {"name": company.name, "displayName": company.name, "businessProfileId": ""}
        return {"id": company.id, "systemVersion": "26.0.0.0", "timestamp": 1, **names, "systemCreatedAt": _MADE}

    def _supported(self, company: Company) -> Reply:
        """The resources webhooks can be had for (wire 2.7)."""
        names = self.environment.supported()
        resources = [{"resource": f"/api/{STANDARD_ROUTE}/companies({company.id})/{name}"} for name in names]
        return json_reply(200, {"value": resources}, ODATA)

    def _batch(self, call: Call, route: Route, author: Author) -> Reply:
        def routed(operation: Call) -> Reply:
            target = f"{route.root}/{operation.target.lstrip('/')}"
            within = self._route(target)
            if within.rest.startswith("$batch"):
                raise bad("A batch cannot hold a batch.")
            return self._routed(replace(operation, target=target), within, author)

        def inner(operation: Call) -> Reply:
            # A batch is one piece of work, so here all wait.
            return waited(lambda: self._told(operation, lambda: routed(operation)))

        return batches.batch(self.environment, call, inner)


def _named(segment: str) -> tuple[str, str | None]:
    if (found := parted(segment)) is None:
        raise no_resource(segment)
    return found
