"""Webhooks and captions of Business Central (wire 2.3, 2.7, 4.3.21)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from json import loads
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from koppel.sandbox.business_central import subscriptions, webhooks
from koppel.sandbox.business_central.refusal import BAD, CHANGED, NO_METHOD, NO_RECORD, NO_TOKEN
from koppel.sandbox.exchange import Reply
from koppel.sandbox.mail import Letter
from koppel.sandbox.server import Sandbox
from tests.sandbox.central import CUSTOM, Central
from tests.sandbox.test_business_central_hooks import hook
from tests.sandbox.web import over_https

HOUR = 3600.0
URL = "https://receiver.example/hook"


@dataclass
class Receiver:
    """Somebody with an address. `answers`: what the next letters are answered with, 200 when there is none left."""

    letters: list[list[dict[str, Any]]] = field(default_factory=list)
    answers: list[Reply | None] = field(default_factory=list)
    asked: int = 0
    repeats: Callable[[str], bytes] = str.encode

    def __call__(self, letter: Letter) -> Reply | None:
        query = parse_qs(urlsplit(letter.url).query)
        if "validationToken" in query:
            self.asked += 1
            return Reply(200, self.repeats(query["validationToken"][0]))
        self.letters.append(loads(letter.body)["value"])
        return self.answers.pop(0) if self.answers else Reply(200)


@pytest.fixture
def receiver(erp: Central) -> Receiver:
    erp.environment.webhooks.post = found = Receiver()
    erp.clock.stop(erp.clock.now().replace(microsecond=0))
    return found


def subscribed(erp: Central, set_name: str = "customers", **more: Any) -> dict[str, Any]:
    resource = f"/api/v2.0/companies({erp.company.id})/{set_name}"
    return erp.new("subscriptions", **{"notificationUrl": URL, "resource": resource, "clientState": "mine"} | more)


def told(erp: Central, receiver: Receiver) -> list[tuple[str, str]]:
    """What comes within half a minute, as kind and resource."""
    receiver.letters.clear()
    erp.clock.advance(30)
    erp.environment.webhooks.deliver()
    return [(one["changeType"], one["resource"].rpartition("/")[2]) for letter in receiver.letters for one in letter]


def test_a_subscriber_is_told_what_happened_half_a_minute_later(erp: Central, receiver: Receiver) -> None:
    """Each record once, without its values; what came and went, and sums that moved, not at all."""
    old, gone = erp.customer(), erp.customer()
    one = subscribed(erp)
    new, passing = erp.customer(), erp.customer()
    for id_ in (gone["id"], passing["id"]):
        erp.others.delete("customers", id_)
    erp.others.edit("customers", old["id"], {"displayName": "x"})
    erp.clock.advance(29)
    erp.environment.webhooks.deliver()
    assert receiver.letters == []
    erp.clock.advance(1)
    erp.environment.webhooks.deliver()
    (letter,) = receiver.letters
    kinds = {told["resource"].rpartition("/")[2]: told["changeType"] for told in letter}
    wanted = {old["id"]: "updated", gone["id"]: "deleted", new["id"]: "created"}
    assert kinds == {f"customers({id_})": kind for id_, kind in wanted.items()}
    names = {"subscriptionId", "clientState", "expirationDateTime", "resource", "changeType", "lastModifiedDateTime"}
    assert all({*told} == names and told["clientState"] == "mine" for told in letter)
    assert letter[0]["subscriptionId"] == one["subscriptionId"]
    assert letter[0]["resource"].startswith(f"api/v2.0/companies({erp.company.id})/customers(")
    assert told(erp, receiver) == []


def test_an_address_has_to_say_the_token_at_first_and_at_each_renewal(erp: Central, receiver: Receiver) -> None:
    one = subscribed(erp)
    target, match = f"subscriptions('{one['subscriptionId']}')", one["@odata.etag"]
    erp.clock.advance(2 * 24 * HOUR)
    renewed = erp.patch(target, {"notificationUrl": URL}, if_match=match)
    assert renewed.status == 200 and renewed.json["expirationDateTime"] > one["expirationDateTime"]
    assert receiver.asked == 2
    receiver.repeats = lambda token: b"something else"
    assert erp.patch(target, {}, if_match="*").code == (400, BAD)
    resource = f"/api/v2.0/companies({erp.company.id})/vendors"
    assert erp.post("subscriptions", {"notificationUrl": URL, "resource": resource}).code == (400, BAD)
    erp.environment.webhooks.post = lambda letter: None
    assert erp.post("subscriptions", {"notificationUrl": URL, "resource": resource}).code == (400, BAD)


def test_a_subscription_ends_after_three_days(erp: Central, receiver: Receiver) -> None:
    subscribed(erp)
    erp.clock.advance(webhooks.LIFETIME.total_seconds() - 60)
    assert len(erp.get("subscriptions").rows) == 1
    erp.customer()
    erp.clock.advance(60)
    assert told(erp, receiver) == [] and erp.get("subscriptions").rows == []


@pytest.mark.parametrize("answer", [Reply(408), Reply(429), Reply(503), None])
def test_a_letter_that_does_not_arrive_is_sent_again_for_a_day_and_a_half(
    erp: Central, receiver: Receiver, answer: Reply | None
) -> None:
    subscribed(erp)
    erp.customer()
    receiver.answers = [answer]
    ((kind, name),) = told(erp, receiver)
    assert told(erp, receiver) == [], "not at once"
    assert told(erp, receiver) == [(kind, name)]
    assert told(erp, receiver) == [], "it has arrived"
    erp.customer()
    receiver.answers = [answer] * 3
    assert told(erp, receiver)
    erp.clock.advance(webhooks.PATIENCE.total_seconds())
    assert told(erp, receiver)
    assert erp.get("subscriptions").rows == []


@pytest.mark.parametrize("status", [301, 400, 404, 410])
def test_any_other_answer_ends_the_subscription(erp: Central, receiver: Receiver, status: int) -> None:
    subscribed(erp)
    erp.customer()
    receiver.answers = [Reply(status)]
    assert told(erp, receiver)
    assert erp.get("subscriptions").rows == []


def test_many_changes_are_told_as_one(erp: Central, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a filter that begins a little before the first."""
    monkeypatch.setattr(webhooks, "MANY", 2)
    subscribed(erp)
    erp.clock.stop(erp.clock.now().replace(microsecond=500_000))
    ids = {erp.customer()["id"] for _ in range(3)}
    ((kind, _),) = told(erp, receiver)
    resource = receiver.letters[0][0]["resource"]
    assert kind == "collection" and ".45Z" in resource
    assert {row["id"] for row in erp.get(resource.replace(f"api/v2.0/companies({erp.company.id})", "~")).rows} == ids


def test_what_can_be_subscribed_to(erp: Central, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets of the list, pages of an app that show when a record was modified, and addresses that are encrypted."""
    app = CUSTOM.partition("/api/")[2]
    assert subscribed(erp, resource=f"/api/{app}/companies({erp.company.id})/customers")["clientState"] == "mine"
    for resource in ("contacts", "customers/x", "nothing"):
        body = {"notificationUrl": URL, "resource": f"/api/v2.0/companies({erp.company.id})/{resource}"}
        assert erp.post("subscriptions", body).code == (400, BAD)
    erp.switch(webhooks_for_people=True)
    assert subscribed(erp, "contacts")
    plain = {"notificationUrl": URL.replace("https", "http")}
    resource = f"/api/v2.0/companies({erp.company.id})/customers"
    assert erp.post("subscriptions", plain | {"resource": resource}).code == (400, BAD)
    monkeypatch.setattr(subscriptions, "MOST", 2)
    assert erp.post("subscriptions", {"notificationUrl": URL, "resource": resource}).code == (400, BAD)


def test_a_subscription_is_a_record_with_a_version(erp: Central, receiver: Receiver) -> None:
    one = subscribed(erp)
    target = f"subscriptions('{one['subscriptionId']}')"
    assert erp.get(target).json["notificationUrl"] == URL
    assert erp.patch(target, {}, if_match="").code == (400, NO_TOKEN)
    assert erp.patch(target, {"clientState": "new"}, if_match=one["@odata.etag"]).json["clientState"] == "new"
    assert erp.call("DELETE", target, if_match=one["@odata.etag"]).code == (409, CHANGED)
    assert erp.patch(target, {"resource": "elsewhere"}).code == (400, BAD)
    assert erp.patch(target, {"resource": 5}).code == (400, BAD)
    assert erp.call("DELETE", target, if_match="*").status == 204
    assert erp.get(target).code == (404, NO_RECORD) and erp.call("PUT", "subscriptions", {}).code == (405, NO_METHOD)


def test_a_late_commit_is_told(erp: Central, receiver: Receiver) -> None:
    """Though it has an older version than what was told before."""
    row = erp.customer()
    subscribed(erp)
    version = erp.others.hold("customers", row["id"], {"displayName": "late"})
    erp.customer()
    assert len(told(erp, receiver)) == 1
    erp.others.release(version)
    assert told(erp, receiver) == [("updated", f"customers({row['id']})")]


def test_captions_are_told_apart_from_values(erp: Central) -> None:
    rows = erp.get("entityDefinitions").rows
    assert {"customers", "vendors"} <= {row["entitySetName"] for row in rows}
    (one,) = erp.get("entityDefinitions?$filter=entitySetName eq 'customers'").rows
    assert one["entityName"] == "customer" and one["entityCaptions"] == [{"languageCode": 1033, "caption": "Customer"}]
    captions = {each["name"]: each["captions"][0]["caption"] for each in one["properties"]}
    assert (captions["number"], captions["displayName"]) == ("No.", "Name")
    assert erp.get("entityDefinitions?$filter=entityName ne 'x'").code == (400, BAD)


@contextmanager
def listening(sandbox: Sandbox) -> Iterator[tuple[str, list[Any], Event]]:
    """A receiver on this machine: its address, what it gets, and that it got something."""
    got: list[Any] = []
    came = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            token = parse_qs(urlsplit(self.path).query).get("validationToken", [""])[0]
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(token.encode())
            if not token:
                got.append(loads(body))
                came.set()

        def log_message(self, *_: Any) -> None:
            """In silence."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sandbox.authority.key_file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}", got, came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_running_sandbox_tells_over_https(sandbox: Sandbox) -> None:
    service = sandbox.business_central
    company = next(iter(service.environment.companies.values()))
    token = sandbox.tokens.issue(sandbox.registration.client_id, service.url)
    with listening(sandbox) as (url, got, came):
        body = f'{{"notificationUrl": "{url}", "resource": "/api/v2.0/companies({company.id})/vendors"}}'
        address, bearer = f"{service.api}/subscriptions", f"Bearer {token}"
        context = sandbox.authority.context()
        made = over_https(context, "POST", address, body.encode(), Authorization=bearer)
        assert made.status == 201, made.body
        row_id = hook(sandbox, "/rows/create", set="vendors", values={"displayName": "x"})["id"]
        assert over_https(context, "POST", f"{sandbox.admin_url}/clock", b'{"advance": 31}').status == 200
        assert came.wait(10)
    assert [told["changeType"] for told in got[0]["value"]] == ["created"] and row_id in str(got[0])
    hook(sandbox, "/expire/subscriptions")
    assert service.environment.webhooks.alive() == []


def test_nobody_stands_still_while_an_address_is_asked(sandbox: Sandbox) -> None:
    """Found by a review: the letter was posted under the lock and in the loop of the service, so a receiver that looked
    something up before it answered was waited for in vain.
    """
    service = sandbox.business_central
    company = next(iter(service.environment.companies.values()))
    bearer = f"Bearer {sandbox.tokens.issue(sandbox.registration.client_id, service.url)}"
    context = sandbox.authority.context()
    receiver, meanwhile = Receiver(), []

    def curious(letter: Letter) -> Reply | None:
        for address in (f"{service.api}/companies", f"{sandbox.admin_url}/transcript"):
            meanwhile.append(over_https(context, "GET", address, Authorization=bearer).status)
        assert sandbox.controls.lock.acquire(blocking=False), "nobody holds it"
        sandbox.controls.lock.release()
        return receiver(letter)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service.environment.webhooks, "post", curious)
        resource = f"/api/v2.0/companies({company.id})/customers"
        body = f'{{"notificationUrl": "{URL}", "resource": "{resource}"}}'
        made = over_https(context, "POST", f"{service.api}/subscriptions", body.encode(), Authorization=bearer)
        receiver.repeats = lambda token: b"something else"
        refused = over_https(context, "POST", f"{service.api}/subscriptions", body.encode(), Authorization=bearer)
    assert (made.status, refused.status, meanwhile) == (201, 400, [200] * 4)
    assert len(service.environment.webhooks.alive()) == 1
    hook(sandbox, "/expire/subscriptions")


def test_a_subscription_in_a_batch_is_asked_for_as_well(erp: Central, receiver: Receiver) -> None:
    resource = f"/api/v2.0/companies({erp.company.id})/customers"
    body = {"notificationUrl": URL, "resource": resource}
    request = {"id": "1", "method": "POST", "url": "subscriptions", "body": body}
    (answer,) = erp.post("$batch", {"requests": [request]}, content_type="application/json").json["responses"]
    assert (answer["status"], receiver.asked) == (201, 1)
