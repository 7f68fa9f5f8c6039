"""`$batch`: multipart/mixed with change sets (wire 1.7, 3.1, 3.2)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.refusal import BATCH, bad
from koppel.sandbox.exchange import Call, Reply
from koppel.sandbox.refusal import Refusal

OPERATIONS = 1_000
"""Operations of a batch at most."""

Inner = Callable[[Call, "Contents"], Reply]
_REASONS = {200: "OK", 201: "Created", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 404: "Not Found"}


@dataclass
class Contents:
    """What the operations of a change set have made so far, by Content-ID."""

    made: dict[str, str] = field(default_factory=dict)

    def resolve(self, text: str) -> str:
        """`$1`, alone or with a path behind it, as the address of what operation 1 made. Raises `Refusal`."""
        match = re.match(r"/?\$(\d+)(?=$|/)", text)
        if match is None:
            return text
        if match[1] not in self.made:
            raise bad(f"Content-ID Reference: '${match[1]}' does not exist in the batch context.", BATCH)
        return self.made[match[1]] + text[match.end() :]


@dataclass(frozen=True)
class _Part:
    headers: dict[str, str]
    body: bytes


def batch(environment: Environment, call: Call, go_on: bool, inner: Inner) -> Reply:
    """Carry out a batch up to its first error, or all of it when asked to go on (wire 1.7, 4.2.23); `inner` answers one
    operation. Raises `Refusal` when it cannot be read.
    """
    parts = _parts(call.headers.get("content-type", ""), call.body)
    boundary = f"batchresponse_{uuid4()}"
    answers: list[bytes] = []
    status = 200
    for part in _checked(parts):
        reply, text = _answer(environment, call, part, inner)
        answers.append(text)
        if reply.status >= 400 and not go_on:
            status = reply.status
            break
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), answer) for answer in answers)
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}", "OData-Version": "4.0"}
    return Reply(status, body + b"--%s--\r\n" % boundary.encode(), headers)


def _checked(parts: list[_Part]) -> list[_Part]:
    """The parts, counted with what is inside of their change sets before anything is done."""
    number = 0
    for part in parts:
        content_type = part.headers.get("content-type", "")
        number += len(_parts(content_type, part.body)) if _is_multipart(content_type) else 1
    if number > OPERATIONS:
        raise bad(f"The batch message contains {number} operations, {OPERATIONS} are allowed.", BATCH)
    return parts


def _answer(environment: Environment, call: Call, part: _Part, inner: Inner) -> tuple[Reply, bytes]:
    content_type = part.headers.get("content-type", "")
    if _is_multipart(content_type):
        return _change_set(environment, call, _parts(content_type, part.body), inner)
    operation = _operation(call, part)
    reply = inner(operation, Contents())
    return reply, _application_http(reply, "")


class _Failed(Exception):
    def __init__(self, reply: Reply, content_id: str) -> None:
        super().__init__("the change set failed")
        self.reply, self.content_id = reply, content_id


def _change_set(environment: Environment, call: Call, parts: list[_Part], inner: Inner) -> tuple[Reply, bytes]:
    """One transaction; when it fails, one single part tells of it (wire 1.7)."""
    boundary = f"changesetresponse_{uuid4()}"
    contents, texts = Contents(), []
    try:
        with environment.rows.transaction():
            for part in parts:
                texts.append(_in_change_set(call, part, contents, inner))
    except _Failed as failed:
        return failed.reply, _application_http(failed.reply, failed.content_id)
    except Refusal as refusal:
        return refusal.reply(), _application_http(refusal.reply(), "")
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), text) for text in texts)
    head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode()
    return Reply(200), head + body + b"--%s--\r\n" % boundary.encode()


def _in_change_set(call: Call, part: _Part, contents: Contents, inner: Inner) -> bytes:
    content_id = part.headers.get("content-id", "")
    if not content_id:
        raise bad("Content-ID is required in every operation of a change set.", BATCH)
    operation = _operation(call, part)
    if operation.method == "GET":
        raise bad("GET is not allowed inside a change set.", BATCH)
    reply = inner(operation, contents)
    if reply.status >= 400:
        raise _Failed(reply, content_id)
    if made := reply.headers.get("OData-EntityId"):
        contents.made[content_id] = made
    return _application_http(reply, content_id)


def _operation(call: Call, part: _Part) -> Call:
    """The inner call. Its address may hold blanks, so it is what stands between the first word and ` HTTP/1.1`
    (wire 3.1).
    """
    if part.headers.get("content-type", "").partition(";")[0].strip() != "application/http":
        raise bad("Every part of a batch needs the Content-Type application/http.", BATCH)
    head, _, body = part.body.lstrip(b"\r\n").partition(b"\n\n")
    first, *lines = head.decode("utf-8", "replace").splitlines()
    match = re.fullmatch(r"([A-Z]+) (.+) HTTP/1\.1", first.strip())
    if match is None:
        raise bad(f"Invalid request line in the batch: '{first}'.", BATCH)
    headers = {"authorization": call.headers.get("authorization", ""), "host": call.headers.get("host", "")}
    target = re.sub(r"^https?://[^/]+", "", match[2])
    return Call(match[1], target, headers | _headers(lines), body.strip(b"\r\n"))


def _is_multipart(content_type: str) -> bool:
    return content_type.startswith("multipart/mixed")


def _parts(content_type: str, body: bytes) -> list[_Part]:
    """The parts of a multipart body; the boundary may be quoted, and lines may end without CR (wire 3.2b)."""
    match = re.search(r'boundary="?([^";]+)"?', content_type)
    if not _is_multipart(content_type) or match is None:
        raise bad("The Content-Type of a batch is multipart/mixed with a boundary.", BATCH)
    text = body.replace(b"\r\n", b"\n")
    pieces = re.split(rb"(?m)^--" + re.escape(match[1].encode()) + rb"(--)?[ \t]*\n?", text)
    if len(pieces) < 5 or b"--" not in pieces[1::2]:
        raise bad("The batch has no part, or its end is missing.", BATCH)
    parts = []
    for piece in pieces[2:-1:2]:
        head, _, content = piece.lstrip(b"\n").partition(b"\n\n")
        parts.append(_Part(_headers(head.decode("utf-8", "replace").splitlines()), content))
    return parts


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _application_http(reply: Reply, content_id: str) -> bytes:
    """A reply as a part, which is known by its id (wire 4.1.6)."""
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        head.append(f"Content-ID: {content_id}")
    inner = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Error')}"]
    inner += [f"{name}: {value}" for name, value in reply.headers.items()]
    return "\r\n".join([*head, "", *inner, "", ""]).encode() + reply.body
