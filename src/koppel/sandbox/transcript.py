"""What went over the wire, without a single secret in it."""

import re
from collections import deque
from dataclasses import dataclass
from threading import Lock

from koppel.sandbox.exchange import Call, Reply

KEPT = 10_000
"""Exchanges kept; older ones are dropped."""
BODY = 20_000
"""Characters of a body kept."""

_SECRET_NAMES = "client_secret|client_assertion|access_token|refresh_token|password"
_IN_FORM = re.compile(rf"\b({_SECRET_NAMES})=[^&\s]*")
_IN_JSON = re.compile(rf'"({_SECRET_NAMES})"\s*:\s*"(?:[^"\\]|\\.)*"')
_IN_HEADER = re.compile(r"(?im)^(authorization\s*:).*$")
_SECRET_HEADERS = {"authorization", "cookie", "set-cookie", "proxy-authorization"}
HIDDEN = "[hidden]"


@dataclass(frozen=True)
class Exchange:
    """One call and what became of it; `status` 0 when the connection was cut."""

    service: str
    method: str
    target: str
    headers: dict[str, str]
    body: str
    status: int
    answer: str


class Transcript:
    """The exchanges so far, oldest first; safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: deque[Exchange] = deque(maxlen=KEPT)
        self._lock = Lock()

    def note(self, service: str, call: Call, reply: Reply | None) -> None:
        """Keep an exchange, redacted; `reply` is None when the connection was cut."""
        headers = {name: HIDDEN if name in _SECRET_HEADERS else value for name, value in call.headers.items()}
        body, answer = redacted(call.body), redacted(reply.body if reply else b"")
        status = reply.status if reply else 0
        exchange = Exchange(service, call.method, redacted(call.target.encode()), headers, body, status, answer)
        with self._lock:
            self._kept.append(exchange)

    def all(self) -> list[Exchange]:
        """A copy of what is kept."""
        with self._lock:
            return [*self._kept]


def redacted(body: bytes) -> str:
    """A body as text with its secrets hidden, whether a form, JSON or a batch."""
    text = body[:BODY].decode(errors="replace")
    text = _IN_FORM.sub(rf"\1={HIDDEN}", text)
    text = _IN_JSON.sub(rf'"\1": "{HIDDEN}"', text)
    return _IN_HEADER.sub(rf"\1 {HIDDEN}", text)
