"""The set `subscriptions`: who wants to be told of changes; every one is asked whether it is true (wire 2.7)."""

import re
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from koppel.sandbox.business_central.body import document
from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.environment import STANDARD_ROUTE, Environment
from koppel.sandbox.business_central.refusal import CHANGED, NO_RECORD, NO_TOKEN, Refusal, bad, no_method
from koppel.sandbox.business_central.saving import Author
from koppel.sandbox.business_central.shape import Page
from koppel.sandbox.business_central.showing import etag
from koppel.sandbox.business_central.tables import VERSION
from koppel.sandbox.business_central.values import moment_text
from koppel.sandbox.business_central.webhooks import LIFETIME, Subscription
from koppel.sandbox.exchange import Call, Reply, Waits, json_reply
from koppel.sandbox.mail import Letter
from koppel.sandbox.refusal import ODATA

MOST = 200
"""Subscriptions of an environment (wire 2.6)."""

_RESOURCE = re.compile(r"(?:https://[^/]+/v2\.0/.+)?/?api/(.+)/companies\(([^)]+)\)/(\w+)")
_STAMP = "lastModifiedDateTime"
"""A page of an app has webhooks when it shows this (wire 2.2)."""


def subscriptions_call(environment: Environment, call: Call, key: str | None, author: Author) -> Reply:
    """Answer a call to the set, or to the subscription whose id `key` is, in quotes. Raises `Refusal`,
    and `Waits` for the word of whoever is at an address.
    """
    match call.method, key:
        case "GET", None:
            return json_reply(200, {"value": [_shown(one) for one in environment.webhooks.alive()]}, ODATA)
        case "GET", str(key):
            return json_reply(200, _shown(_there(environment, key)), ODATA)
        case "POST", None:
            return _subscribe(environment, document(call.body), author)
        case "PATCH", str(key):
            return _renew(environment, key, call)
        case "DELETE", str(key):
            environment.webhooks.subscriptions.pop(_checked(environment, key, call).id)
            return Reply(204, b"", ODATA)
    raise no_method()


def _subscribe(environment: Environment, body: dict[str, Any], author: Author) -> Reply:
    """A new subscription, once its address has said that it is true."""
    _wanted(environment, body)
    url = _encrypted(body.get("notificationUrl"))
    raise _asking(environment, url, lambda: json_reply(201, _shown(_subscribed(environment, body, author, url)), ODATA))


def _subscribed(environment: Environment, body: dict[str, Any], author: Author, url: str) -> Subscription:
    """A new subscription, which begins with what there is now."""
    route, company, page = _wanted(environment, body)
    now, state = environment.setting.clock.now(), str(body.get("clientState", ""))
    one = Subscription(uuid4().hex, url, state, author.user, route, company, page, now + LIFETIME, now)
    one.known = one.versions()
    environment.webhooks.subscriptions[one.id] = one
    return one


def _wanted(environment: Environment, body: dict[str, Any]) -> tuple[str, Company, Page]:
    """What a new subscription is to be about, as route, company and page. Raises `Refusal`."""
    if len(environment.webhooks.alive()) >= MOST:
        raise bad(f"There cannot be more than {MOST} subscriptions.")
    if unknown := {*body} - {"notificationUrl", "resource", "clientState"}:
        raise bad(f"The property '{min(unknown)}' does not exist on type 'Microsoft.NAV.subscription'.")
    found = _RESOURCE.fullmatch(str(body.get("resource", "")))
    company = environment.companies.get(found[2].lower()) if found else None
    pages = environment.pages(found[1]) if found else None
    if found is None or company is None or pages is None or not _supported(environment, found[1], found[3]):
        raise bad(f"The resource '{body.get('resource')}' does not support webhooks.")
    return found[1], company, pages[found[3]]


def _supported(environment: Environment, route: str, set_name: str) -> bool:
    """Whether a set has webhooks: of an app when it shows when a record was modified."""
    if route == STANDARD_ROUTE:
        return set_name in environment.supported()
    page = (environment.pages(route) or {}).get(set_name)
    return page is not None and _STAMP in page.controls


def _encrypted(url: Any) -> str:
    """An address that letters may be sent to. Raises `Refusal`."""
    if not isinstance(url, str) or not url.startswith("https://"):
        raise bad("The notificationUrl must be an address that begins with https.")
    return url


def _asking(environment: Environment, url: str, reply: Callable[[], Reply]) -> Waits:
    """The wait for whoever is at an address; `reply`: what is done when he says the token that he is sent."""
    token = token_urlsafe(24)
    letter = Letter(f"{url}{'&' if '?' in url else '?'}validationToken={quote(token)}")

    def agreed(came: Reply | None) -> Reply:
        if came is None or came.status != 200 or came.body != token.encode():
            raise bad("The notificationUrl must answer 200 with the validation token as its body.")
        return reply()

    return Waits(lambda: environment.webhooks.post(letter), agreed)


def _renew(environment: Environment, key: str, call: Call) -> Reply:
    """Three more days, after the address has been asked once more. Raises `Refusal` and `Waits`."""
    one, body = _checked(environment, key, call), document(call.body)
    if "resource" in body and str(body["resource"]).lstrip("/") != one.resource:
        raise bad("The resource of a subscription cannot be changed.")
    url = _encrypted(body.get("notificationUrl", one.url))

    def renewed() -> Reply:
        one = _checked(environment, key, call)  # others may have been here meanwhile
        one.url, one.state = url, str(body.get("clientState", one.state))
        one.changed = environment.setting.clock.now()
        one.expires, one.revision = one.changed + LIFETIME, one.revision + 1
        return json_reply(200, _shown(one), ODATA)

    raise _asking(environment, url, renewed)


def _there(environment: Environment, key: str) -> Subscription:
    found = next((one for one in environment.webhooks.alive() if f"'{one.id}'" == key), None)
    if found is None:
        raise Refusal(404, NO_RECORD, f"The Subscription does not exist. Identification fields and values: {key}")
    return found


def _checked(environment: Environment, key: str, call: Call) -> Subscription:
    """The subscription as the caller has seen it: 404, 400, 409 in that order (wire 2.4)."""
    one, match = _there(environment, key), call.headers.get("if-match", "")
    if not match:
        raise bad("Could not validate the client concurrency token required by the service.", NO_TOKEN)
    if match not in ("*", _etag(one)):
        raise Refusal(environment.switches.stale_status, CHANGED, "Another user has already changed the record.")
    return one


def _etag(one: Subscription) -> str:
    return etag({VERSION: one.revision})


def _shown(one: Subscription) -> dict[str, Any]:
    return {
        "@odata.etag": _etag(one),
        "subscriptionId": one.id,
        "notificationUrl": one.url,
        "resource": f"/{one.resource}",
        "userId": one.user,
        "lastModifiedDateTime": moment_text(one.changed),
        "clientState": one.state,
        "expirationDateTime": moment_text(one.expires),
    }
