"""What is sent, what comes back, and what a service says went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import msgspec

from koppel.errors import BadAnswer

T = TypeVar("T")


class Repeat(StrEnum):
    """When a request may be sent again."""

    ALWAYS = "always"
    """It changes nothing: as often as it takes."""
    CONDITIONAL = "conditional"
    """It changes one record in one state: done twice it is refused the second time. Whenever the service is busy, never
    when no answer came, for then its fate is to be looked up."""
    UNPROCESSED = "unprocessed"
    """Only when the service said that it did nothing."""


@dataclass(frozen=True)
class Request:
    """One request. `address`: relative to the service root, or a link as the service gave it. `reads`: it changes
    nothing, whatever its method (a `$batch` of GETs).
    """

    method: str
    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    reads: bool = False

    @property
    def repeat(self) -> Repeat:
        """When it may be sent again. `If-Match: *` is no condition: it would overwrite an edit made in between."""
        if self.reads or self.method in ("GET", "HEAD"):
            return Repeat.ALWAYS
        match = self.headers.get("If-Match")
        if self.method in ("PATCH", "PUT", "DELETE") and match not in (None, "*"):
            return Repeat.CONDITIONAL
        return Repeat.UNPROCESSED


class _Told(msgspec.Struct):
    code: str | int | None = None
    message: str | None = None
    target: str | None = None


class _Envelope(msgspec.Struct):
    error: _Told = msgspec.field(default_factory=_Told)


@dataclass(frozen=True)
class ServiceError:
    """What the service says: a `code`, which stays the same, and a text, which may be in any language. Both may be ''.
    `target`: what is to blame, often a property; '' where it does not say.

    Only codes are matched (wire 1.10, 2.8).
    """

    code: str
    text: str
    target: str = ""


@dataclass(frozen=True)
class Answer:
    """A complete answer. `address`: where it came from. Names of `headers` are in lower case."""

    address: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def good(self) -> bool:
        """Whether the service did what was asked."""
        return 200 <= self.status < 300

    def read(self, type_: type[T], system: str, complaint: str, remedy: str = "") -> T:
        """Its JSON as this type (a `msgspec.Struct`). Raises BadAnswer where it is none: with the `complaint` about the
        system, and never with what the answer holds.
        """
        try:
            return msgspec.json.decode(self.body, type=type_)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise BadAnswer(system, complaint, remedy) from None

    @property
    def error(self) -> ServiceError:
        """What the service says went wrong; empty when the body is no OData error (a gateway's page, nothing)."""
        try:
            told = msgspec.json.decode(self.body, type=_Envelope).error
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return ServiceError("", "")
        code = "" if told.code is None else str(told.code)
        return ServiceError(code, " ".join((told.message or "").split()), told.target or "")
