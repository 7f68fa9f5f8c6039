"""Many requests in one, and their answers apart again, also from an answer that is not whole."""

import pytest

from koppel.connectors.dataverse.multipart import answers_of, batch_request
from koppel.connectors.odata.message import Answer, Repeat, Request

ROOT = "https://crm.example/api/data/v9.2/"
READS = [Request("GET", "accounts"), Request("GET", f"{ROOT}contacts?$select=a")]
WRITES = [Request("PATCH", f"accounts({at})", {"If-Match": 'W/"1"'}, b'{"name":"\xc3\xbc\\r\\n--b"}') for at in (1, 2)]


def part(status: int, body: bytes, content_id: str = "") -> bytes:
    head = f"Content-Type: application/http\r\n{f'Content-ID: {content_id}' if content_id else 'X: y'}\r\n\r\n"
    return head.encode() + f"HTTP/1.1 {status} Some Reason\r\nETag: x\r\n\r\n".encode() + body


def change_set(inner: bytes) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" + inner + b"\r\n--c--\r\n"


def answer(*parts: bytes, end: bytes = b"--b--\r\n") -> Answer:
    body = b"".join(b"--b\r\n" + one + b"\r\n" for one in parts) + end
    return Answer("$batch", 200, {"content-type": 'multipart/mixed; boundary="b"'}, body)


def bodies(answers: list[Answer | None]) -> list[bytes | None]:
    return [None if one is None else one.body for one in answers]


def test_reads_stand_alone_and_may_be_repeated() -> None:
    request = batch_request(ROOT, READS)
    assert request.repeat is Repeat.ALWAYS and request.body is not None
    assert b"GET https://crm.example/api/data/v9.2/accounts HTTP/1.1\r\n" in request.body
    assert b"changeset" not in request.body and request.body.count(b"\n") == request.body.count(b"\r\n")


def test_every_write_is_a_change_set_of_its_own() -> None:
    request = batch_request(ROOT, WRITES)
    assert request.repeat is Repeat.UNPROCESSED and request.body is not None
    assert b"Content-ID: 1\r\n" in request.body and b"Content-ID: 2\r\n" in request.body
    assert request.body.count(b"boundary=changeset_") == 2 and request.headers["Prefer"] == "odata.continue-on-error"


@pytest.mark.parametrize("address", ["accounts(1) HTTP/1.1\r\nDELETE /accounts(2)", "accounts?$filter=a eq 1"])
def test_no_address_can_begin_another_request(address: str) -> None:
    with pytest.raises(AssertionError, match="percent-encoded"):
        batch_request(ROOT, [Request("GET", address)])


def test_answers_to_reads_come_in_order() -> None:
    found = answers_of(answer(part(200, b'{"a":1}'), part(404, b"")), READS)
    assert [(one.status, one.address, one.headers["etag"]) for one in found if one] == [
        (200, "accounts", "x"),
        (404, READS[1].address, "x"),
    ]


def test_answers_to_writes_are_matched_by_number_also_when_a_change_set_failed() -> None:
    failed = part(412, b"stale", "1")
    assert bodies(answers_of(answer(change_set(part(200, b"two", "2")), failed), WRITES)) == [b"stale", b"two"]
    assert bodies(answers_of(answer(part(412, b"stale"), change_set(part(200, b"two", "2"))), WRITES)) == [
        b"stale",
        b"two",
    ]


def test_what_is_cut_off_is_no_answer() -> None:
    """Wherever the cut is: what is taken for an answer is a whole one."""
    whole = answer(change_set(part(200, b"first", "1")), change_set(part(200, b"second", "2")))
    assert bodies(answers_of(whole, WRITES)) == [b"first", b"second"]
    seen = set()
    for kept in range(len(whole.body)):
        first, second = bodies(answers_of(Answer("$batch", 200, whole.headers, whole.body[:kept]), WRITES))
        assert first in (None, b"first") and second in (None, b"second")
        seen.add((first, second))
    assert (b"first", None) in seen


def test_a_page_of_a_gateway_holds_no_answers() -> None:
    assert answers_of(Answer("$batch", 200, {"content-type": "text/html"}, b"--b"), WRITES) == [None, None]


def test_a_single_unnumbered_answer_to_several_writes_is_nobodys() -> None:
    assert answers_of(answer(part(400, b"no")), WRITES) == [None, None]
