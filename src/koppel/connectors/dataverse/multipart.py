"""`multipart/mixed`: many requests in one, and their answers apart again (wire 1.7). Pure.

Every write is a change set of its own: it goes in or stays out without its neighbours, and its answer bears its number.
Reads stand outside of change sets, where the answers come in the order of the questions.
"""

import re
from collections.abc import Iterator, Sequence
from uuid import uuid4

from koppel.connectors.odata.message import Answer, Repeat, Request

MOST_OPERATIONS = 1000
"""How many requests a batch may hold."""

_PART = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"


def batch_request(root: str, requests: Sequence[Request]) -> Request:
    """One `$batch` of requests whose addresses are absolute or relative to `root`. Each is answered, also after one
    that failed.
    """
    assert 0 < len(requests) <= MOST_OPERATIONS, f"a batch holds up to {MOST_OPERATIONS} requests"
    boundary = f"batch_{uuid4()}"
    parts = [_part(root, number, request) for number, request in enumerate(requests, 1)]
    body = b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f'multipart/mixed; boundary="{boundary}"', "Prefer": "odata.continue-on-error"}
    reads = all(request.repeat is Repeat.ALWAYS for request in requests)
    return Request("POST", "$batch", headers, body, reads)


def _part(root: str, number: int, request: Request) -> bytes:
    address = request.address if "://" in request.address.partition("?")[0] else root + request.address
    assert not re.search(r"[\s\x00-\x1f]", address), "addresses in a batch are percent-encoded (wire 4.1.15)"
    headers = {"Accept": "application/json", **request.headers}
    lines = [f"{request.method} {address} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    said = "\r\n".join([*lines, "", ""]).encode() + (request.body or b"")
    if request.repeat is Repeat.ALWAYS:
        return f"{_PART}\r\n".encode() + said
    boundary = f"changeset_{uuid4()}"
    head = (
        f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n--{boundary}\r\n{_PART}Content-ID: {number}\r\n\r\n"
    )
    return head.encode() + said + f"\r\n--{boundary}--\r\n".encode()


def answers_of(answer: Answer, requests: Sequence[Request]) -> list[Answer | None]:
    """The answer to each request of a batch; None where there is none that surely is its own."""
    found = list(_answers(answer.headers.get("content-type", ""), answer.body))
    numbered = {int(name): at for at, (name, _) in enumerate(found) if name.isdecimal()}
    in_order = len(found) == len(requests)
    answers: list[Answer | None] = []
    for at, request in enumerate(requests):
        place = numbered.get(at + 1, at if in_order and not found[at][0] else None)
        answers.append(None if place is None else _addressed(found[place][1], request))
    return answers


def _addressed(answer: Answer, request: Request) -> Answer:
    return Answer(request.address, answer.status, answer.headers, answer.body)


def _answers(content_type: str, body: bytes) -> Iterator[tuple[str, Answer]]:
    """Content-ID ('' without one) and answer of every part, also of those in change sets; a part that is cut off is
    left out.
    """
    boundary = re.search(r'multipart/mixed\s*;.*boundary="?([^";\s]+)"?', content_type, re.IGNORECASE)
    if boundary is None:
        return
    pieces = body.split(b"--" + boundary[1].encode())
    for piece in pieces[1:-1]:
        headers, content = _parted(piece.removeprefix(b"\r\n"))
        if headers.get("content-type", "").startswith("multipart/"):
            yield from _answers(headers["content-type"], content)
        elif found := _answer(content.removesuffix(b"\r\n")):
            yield headers.get("content-id", ""), found


def _answer(content: bytes) -> Answer | None:
    first, _, rest = content.partition(b"\r\n")
    status = re.match(rb"HTTP/1\.\d (\d{3})\b", first)
    if status is None:
        return None
    headers, body = _parted(rest)
    return Answer("", int(status[1]), headers, body)


def _parted(content: bytes) -> tuple[dict[str, str], bytes]:
    """Headers, their names in lower case, and what follows the empty line behind them."""
    if content.startswith(b"\r\n"):
        return {}, content[2:]
    head, _, body = content.partition(b"\r\n\r\n")
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n"))
    return {name.strip().lower(): text.strip() for name, _, text in lines}, body
