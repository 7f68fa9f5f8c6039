"""What a service sends of its own accord, and who carries it (wire 1.11, 2.7)."""

import ssl
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPSConnection
from threading import Event, Thread
from urllib.parse import urlsplit

from koppel.sandbox.exchange import Reply

TIMEOUT_SECONDS = 10.0
ROUND_SECONDS = 0.2
"""How often is looked for what is due; of real time."""


@dataclass(frozen=True)
class Letter:
    """A POST to an address that somebody has given."""

    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Post = Callable[[Letter], Reply | None]
"""Sends a letter and returns the answer, None when none came."""


def nobody(letter: Letter) -> None:
    """For a service without a network: no letter arrives."""


def posting(context: ssl.SSLContext) -> Post:
    """Sends letters over https to whoever shows a certificate that the context trusts."""

    def post(letter: Letter) -> Reply | None:
        with suppress(OSError, HTTPException, ValueError), closing(_connected(letter.url, context)) as connection:
            parts = urlsplit(letter.url)
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.request("POST", target, letter.body, {"Content-Type": "application/json", **letter.headers})
            answer = connection.getresponse()
            return Reply(answer.status, answer.read())
        return None

    return post


def _connected(url: str, context: ssl.SSLContext) -> HTTPSConnection:
    parts = urlsplit(url)
    return HTTPSConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS, context=context)


class Postman:
    """Goes his rounds in a thread of his own until `stop`. `deliver`: what he does on each."""

    def __init__(self, deliver: Callable[[], object]) -> None:
        self._deliver = deliver
        self._over = Event()
        self._thread = Thread(target=self._walk, name="sandbox postman", daemon=True)
        self._thread.start()

    def _walk(self) -> None:
        while not self._over.wait(ROUND_SECONDS):
            self._deliver()

    def stop(self) -> None:
        """No further round, and wait for the last."""
        self._over.set()
        self._thread.join()
