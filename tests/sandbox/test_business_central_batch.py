"""JSON `$batch` and what it says of operations it took back (wire 2.5), and the limits (wire 2.6)."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from koppel.sandbox.business_central.limits import Allowance
from koppel.sandbox.business_central.refusal import SERVER
from koppel.sandbox.exchange import Call, Reply
from tests.sandbox.central import URL, Central
from tests.sandbox.web import CLIENT, Answer

GO_ON = "odata.continue-on-error"


def operation(erp: Central, number: int, method: str, url: str, body: Any = None, **more: Any) -> dict[str, Any]:
    one = {"id": str(number), "method": method, "url": f"companies({erp.company.id})/{url}", **more}
    headers = {"Content-Type": "application/json"} if body is not None else {}
    return one | {"headers": headers | more.get("headers", {})} | ({} if body is None else {"body": body})


def sent(erp: Central, *operations: dict[str, Any], **headers: str) -> Answer:
    return erp.post("$batch", {"requests": [*operations]}, content_type="application/json", **headers)


def statuses(answer: Answer) -> dict[str, int]:
    assert answer.status == 200, answer.body
    return {one["id"]: one["status"] for one in answer.json["responses"]}


def names(erp: Central) -> list[str]:
    return [row["displayName"] for row in erp.get("~/customers?$orderby=displayName").rows]


def three(erp: Central, wrong: int) -> list[dict[str, Any]]:
    """Three creates, one of them without a name."""
    bodies = [{} if number == wrong else {"displayName": f"n{number}"} for number in range(3)]
    return [operation(erp, number, "POST", "customers", body) for number, body in enumerate(bodies)]


def test_operations_carry_tokens_and_exact_numbers(erp: Central) -> None:
    row = erp.customer()
    change = {"creditLimit": 0.1}
    right = operation(erp, 1, "PATCH", f"customers({row['id']})", change, headers={"If-Match": row["@odata.etag"]})
    wrong = operation(erp, 2, "PATCH", f"customers({row['id']})", change)
    read = operation(erp, 3, "GET", "customers?$select=creditLimit")
    answer = sent(erp, right, wrong, read, prefer=GO_ON)
    assert statuses(answer) == {"1": 200, "2": 400, "3": 200} and b'"creditLimit":0.1' in answer.body
    assert answer.json["responses"][0]["body"]["@odata.etag"] != row["@odata.etag"]


def test_it_stops_at_the_first_error_unless_told_to_go_on(erp: Central) -> None:
    assert statuses(sent(erp, *three(erp, wrong=1))) == {"0": 201, "1": 400}
    assert names(erp) == ["n0"]
    assert statuses(sent(erp, *three(erp, wrong=1), prefer=GO_ON)) == {"0": 201, "1": 400, "2": 201}
    assert names(erp) == ["n0", "n0", "n2"]


def test_05_a_failed_snapshot_says_done_of_what_it_took_back(erp: Central) -> None:
    answer = sent(erp, *three(erp, wrong=2), isolation="snapshot")
    assert statuses(answer) == {"0": 201, "1": 201, "2": 400} and names(erp) == []
    claimed = answer.json["responses"][0]["body"]["id"]
    assert erp.get(f"~/customers({claimed})").status == 404 and erp.get("~/contacts").rows == []
    assert statuses(sent(erp, *three(erp, wrong=0), isolation="snapshot")) == {"0": 400}
    assert statuses(sent(erp, *three(erp, wrong=9), isolation="snapshot")) == {"0": 201, "1": 201, "2": 201}
    assert names(erp) == ["n0", "n1", "n2"]


def test_what_depends_on_a_failure_is_not_done(erp: Central) -> None:
    first, second, third = three(erp, wrong=0)
    answer = sent(erp, first, second | {"dependsOn": ["0"]}, third, prefer=GO_ON)
    assert statuses(answer) == {"0": 400, "1": 424, "2": 201} and names(erp) == ["n2"]


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [{"method": "GET", "url": "companies"}],
        [{"id": "1", "method": "HEAD", "url": "companies"}],
        [{"id": "1", "method": "GET", "url": "companies"}] * 2,
        [{"id": "1", "method": "GET", "url": "companies", "dependsOn": ["2"]}],
        [{"id": "1", "method": "GET", "url": "companies", "atomicityGroup": "g"}],
        [{"id": "1", "method": "GET", "url": "companies", "headers": None}],
    ],
)
def test_a_body_that_is_no_batch_is_refused(erp: Central, requests: list[Any]) -> None:
    assert erp.post("$batch", {"requests": requests}, content_type="application/json").status == 400


def test_multipart_ends_in_a_500(erp: Central) -> None:
    assert erp.post("$batch", b"--b--", content_type="multipart/mixed; boundary=b").code == (500, SERVER)


def test_a_batch_holds_no_batch_and_reaches_the_pages_of_an_app(erp: Central) -> None:
    inside = {"id": "1", "method": "POST", "url": "$batch", "headers": {}, "body": {}}
    assert statuses(sent(erp, inside)) == {"1": 400}
    target = f"/v2.0/{erp.environment.tenant}/Rehearsal/api/koppel/sync/v1.0/$batch"
    one = operation(erp, 1, "GET", "watermarks")
    assert statuses(erp.post(target, {"requests": [one]}, content_type="application/json")) == {"1": 200}


class Desk:
    """A service that works on a call until told that it is done."""

    def __init__(self, erp: Central, **allowance: Any) -> None:
        erp.service.limits.allowance = Allowance(**allowance)
        self._limits = erp.service.limits
        self._call = Call("GET", "/", {"authorization": f"Bearer {erp.tokens.issue(CLIENT, URL)}"})
        self._done = asyncio.Event()
        self.at_work = 0

    async def call(self) -> int:
        return (await self._limits.admit(self._call, self._serve)).status

    async def _serve(self) -> Reply:
        self.at_work += 1
        await self._done.wait()
        return Reply(200)

    def finish(self) -> None:
        self._done.set()


def played(scene: Coroutine[Any, Any, Any]) -> Any:
    """What comes of a scene; one that hangs is a failure."""
    return asyncio.run(asyncio.wait_for(scene, 10))


def test_five_are_served_at_once_ninety_five_wait_and_more_are_refused(erp: Central) -> None:
    async def scene() -> tuple[int, int, list[int]]:
        desk = Desk(erp)
        calls = [asyncio.create_task(desk.call()) for _ in range(100)]
        await asyncio.sleep(0.02)
        at_work, beyond = desk.at_work, await desk.call()
        desk.finish()
        return at_work, beyond, await asyncio.gather(*calls)

    assert played(scene()) == (5, 429, [200] * 100)


def test_who_waits_too_long_is_503_and_whose_answer_takes_too_long_504(erp: Central) -> None:
    async def scene(**allowance: Any) -> list[int]:
        desk = Desk(erp, concurrent=1, **allowance)
        first = asyncio.create_task(desk.call())
        await asyncio.sleep(0.01)
        second = await desk.call() if "queue_seconds" in allowance else await first
        desk.finish()
        return [second, await first, await desk.call()]

    assert played(scene(queue_seconds=0.02)) == [503, 200, 200]
    assert played(scene(gateway_seconds=0.02)) == [504, 504, 200]


def test_calls_are_counted_within_five_minutes(erp: Central) -> None:
    async def scene() -> list[int]:
        desk = Desk(erp, requests=2)
        desk.finish()
        counted = [await desk.call() for _ in range(3)]
        erp.clock.advance(301)
        return [*counted, await desk.call()]

    assert played(scene()) == [200, 200, 429, 200]
