"""What Dataverse posts when rows are written (wire 1.11)."""

from json import loads
from typing import Any

import pytest

from koppel.sandbox.dataverse import push
from koppel.sandbox.dataverse.push import MESSAGES, Step
from koppel.sandbox.exchange import Reply
from koppel.sandbox.mail import Letter
from koppel.sandbox.server import Sandbox
from tests.sandbox.web import Web, admin

URL = "https://receiver.example/hook"


class Receiver:
    """Somebody with an address. `answers`: what the next letters are answered with, 200 when there is none left."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.answers: list[Reply | None] = []

    def __call__(self, letter: Letter) -> Reply | None:
        self.letters.append(letter)
        return self.answers.pop(0) if self.answers else Reply(200)


@pytest.fixture
def receiver(crm: Web) -> Receiver:
    crm.environment.push.post = found = Receiver()
    crm.environment.push.steps = [Step(message, "account", URL, {"x-key": "k"}) for message in MESSAGES]
    return found


def posted(crm: Web, receiver: Receiver) -> list[dict[str, Any]]:
    """The contexts that come now."""
    receiver.letters.clear()
    crm.environment.push.deliver()
    return [loads(letter.body) for letter in receiver.letters]


def test_whoever_is_registered_is_told_what_was_sent(crm: Web, receiver: Receiver) -> None:
    """The columns that were sent and no others; of a deletion only which row it was; of other tables nothing."""
    row_id = crm.account(name="x", creditlimit=5, new_segments="1,3")
    crm.patch(f"accounts({row_id})", {"statecode": 1, "fax": None}, if_match="*")
    crm.contact(**{"parentcustomerid_account@odata.bind": f"/accounts({row_id})"})
    crm.call("DELETE", f"accounts({row_id})")
    created, updated, deleted = posted(crm, receiver)
    names = [
        (one["MessageName"], one["PrimaryEntityName"], one["PrimaryEntityId"]) for one in (created, updated, deleted)
    ]
    assert names == [(message, "account", row_id) for message in MESSAGES]
    targets = [one["InputParameters"][0]["value"] for one in (created, updated, deleted)]
    attributes = [{each["key"]: each["value"] for each in one.get("Attributes", [])} for one in targets]
    assert attributes[0] == {"name": "x", "creditlimit": {"Value": 5.0}, "new_segments": "3,1"}
    assert attributes[1] == {"statecode": {"Value": 1}, "fax": None} and attributes[2] == {}
    assert created["InitiatingUserId"] == crm.get("WhoAmI").json["UserId"] and created["Depth"] == 1
    assert created["OperationCreatedOn"].startswith("/Date(")
    headers = receiver.letters[0].headers
    assert (headers["x-ms-dynamics-entity-name"], headers["x-ms-dynamics-request-name"]) == ("account", "Create")
    assert headers["x-key"] == "k" and headers["x-ms-correlation-request-id"] == created["CorrelationId"]
    assert posted(crm, receiver) == []


def test_what_is_taken_back_is_told_nobody(crm: Web, receiver: Receiver) -> None:
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    targets = [{**kind, "name": "good"}, {**kind, "name": "x" * 161}]
    crm.post("accounts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets})
    assert posted(crm, receiver) == []


def test_a_child_that_goes_with_its_parent_is_told(crm: Web, receiver: Receiver) -> None:
    row_id = crm.account()
    child = crm.contact(**{"parentcustomerid_account@odata.bind": f"/accounts({row_id})"})
    crm.environment.push.steps = [Step("Delete", "contact", URL)]
    posted(crm, receiver)
    crm.others.delete("account", row_id)
    assert [one["PrimaryEntityId"] for one in posted(crm, receiver)] == [child]


@pytest.mark.parametrize("answer", [Reply(503), Reply(408), None])
def test_a_letter_nobody_took_is_sent_again(crm: Web, receiver: Receiver, answer: Reply | None) -> None:
    crm.clock.stop(crm.clock.now())
    crm.account()
    receiver.answers = [answer] * push.TRIES
    assert len(posted(crm, receiver)) == 1 and posted(crm, receiver) == []
    for tried in range(1, push.TRIES + 1):
        crm.clock.advance(push.AGAIN.total_seconds())
        assert len(posted(crm, receiver)) == (1 if tried < push.TRIES else 0)
    crm.account()
    receiver.answers = [Reply(400)]
    assert len(posted(crm, receiver)) == 1
    crm.clock.advance(push.AGAIN.total_seconds())
    assert posted(crm, receiver) == [], "whoever refuses is not asked again"


def test_what_is_too_large_comes_without_its_context(
    crm: Web, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "LARGEST", 100)
    row_id = crm.account()
    (one,) = posted(crm, receiver)
    assert one["PrimaryEntityId"] == row_id and one["InputParameters"] == []
    assert receiver.letters[0].headers["x-ms-dynamics-msg-size-exceeded"] == "true"


def test_the_hook_registers_and_forgets(sandbox: Sandbox) -> None:
    """Nobody listens at the address, so nothing arrives; that keeps nobody from writing."""
    body = {"table": "account", "message": "Update", "url": "https://127.0.0.1:9/x"}
    for on, number in ((True, 1), (True, 1), (False, 0)):
        assert admin(sandbox, "/webhooks", body | {"on": on}).status == 200
        assert len(sandbox.dataverse.environment.push.steps) == number
    assert admin(sandbox, "/webhooks", body | {"message": "Look"}).status == 400
