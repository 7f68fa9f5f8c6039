"""What goes over the wire, as values: a call and its reply. A service is a function from one to the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from json import JSONDecodeError, loads
from typing import Any
from urllib.parse import unquote

import msgspec


@dataclass(frozen=True)
class Call:
    """A request. `target`: path and query byte for byte as sent. `headers`: names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """The options of the query, decoded; a blank may come as `+` (wire 3.1)."""
        pairs = (part.partition("=") for part in self.target.partition("?")[2].split("&") if part)
        return {unquote(name): unquote(value.replace("+", " ")) for name, _, value in pairs}


@dataclass(frozen=True)
class Reply:
    """A response. `headers`: names as they are sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Call], Reply]
"""A service. It may raise `Waits`."""


class Waits(Exception):
    """The reply waits for somebody else. `ask`: waits for him, and needs nothing of the service, so nobody has to stand
    still meanwhile; `reply`: goes on with what came of it, and may raise `Waits` again.
    """

    def __init__(self, ask: Callable[[], Reply | None], reply: Callable[[Reply | None], Reply]) -> None:
        super().__init__("the reply waits for somebody else")
        self.ask = ask
        self.reply = reply


def waited(answer: Callable[[], Reply]) -> Reply:
    """The reply of a service, all waiting done on the spot."""
    while True:
        try:
            return answer()
        except Waits as waits:
            answer = partial(waits.reply, waits.ask())


def json_object(body: bytes) -> dict[str, Any] | None:
    """A body as a JSON object, its numbers exact; None when it is something else."""
    try:
        found = loads(body, parse_float=Decimal)
    except (JSONDecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


# Amounts leave as exact numbers with their trailing zeros, as money does (wire 1.5, 4.1.12).
_JSON = msgspec.json.Encoder(decimal_format="number")


def json_bytes(document: object) -> bytes:
    """A document as JSON, its decimals as numbers; moments are written as `2024-01-31T10:00:00Z`."""
    return _JSON.encode(document)


def json_reply(status: int, document: object, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with a JSON document."""
    return Reply(status, json_bytes(document), {"Content-Type": "application/json; charset=utf-8", **(headers or {})})
