"""Finding out how a real service behaves, with records made for the purpose and removed again.

For points that nobody has settled (wire 6): what is asked is asked as koppel's session asks everything, and what is
found is said in the same words for the same behaviour.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from koppel.connectors.odata.encode import json_body
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.session import Session
from koppel.errors import SystemFailure
from koppel.model.point import Point


class Unclear(Exception):
    """It could not be found out; the text says why."""


@dataclass
class Probe:
    """Asks one service. `mark`: stands in every text that is written. `made`: addresses of records to be removed."""

    session: Session
    mark: str
    made: list[str] = field(default_factory=list)

    def ask(self, method: str, address: str, body: Mapping[str, Any] | None = None, **headers: str) -> Answer:
        """The answer, good or not. `if_match` is the header If-Match."""
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        if body is None:
            return self.session.send(Request(method, address, given))
        return self.session.send(
            Request(method, address, {"Content-Type": "application/json"} | given, json_body(dict(body)))
        )

    def row(self, answer: Answer, doing: str) -> dict[str, Any]:
        """The object that a good answer holds. Raises Unclear."""
        if not answer.good:
            raise Unclear(f"{doing} was refused: {verdict(answer)}")
        try:
            found = msgspec.json.decode(answer.body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Unclear(f"{doing} was answered with something that is no JSON") from None
        return found if isinstance(found, dict) else {}

    def clean(self) -> list[str]:
        """Remove what was made, the last first; what could not be removed."""
        left = []
        while self.made:
            address = self.made.pop()
            try:
                answer = self.ask("DELETE", address, if_match="*")
            except SystemFailure as failure:
                left.append(f"{address}: {failure}")
                continue
            if not answer.good and answer.status != 404:
                left.append(f"{address}: {verdict(answer)}")
        return left


Look = Callable[[Probe], str]


class Questions(ABC):
    """What there is to be asked of a system. `table`, `text`, `other`: of the scratch records the table, and two of its
    texts.
    """

    table: str
    text: str
    other: str

    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    @abstractmethod
    def unsettled(self) -> Iterator[Point]:
        """Every point that nobody has settled, one after another."""

    @abstractmethod
    def address(self, id_: str) -> str:
        """Where a scratch record is."""

    def beside(self) -> list[str]:
        """Where records are that the system made of its own beside the scratch records. Raises SystemFailure."""
        return []

    def clean(self) -> list[str]:
        """Remove everything that was made; what could not be removed, and why."""
        left = self.probe.clean()
        try:
            self.probe.made += self.beside()
        except (SystemFailure, Unclear, KeyError) as reason:
            return [*left, f"what the system made beside the records: {reason}"]
        return left + self.probe.clean()


def looked(probe: Probe, questions: Sequence[tuple[str, str, Look]]) -> Iterator[Point]:
    """What each question finds; one that cannot be answered does not keep the others from it."""
    for code, question, look in questions:
        try:
            found = look(probe)
        except (Unclear, SystemFailure, KeyError) as reason:
            found = f"not found out: {reason}"
        yield Point(code, question, found)


def verdict(answer: Answer) -> str:
    """Status and code of an answer; its words may hold anything."""
    return f"{answer.status} {answer.error.code}".strip()
