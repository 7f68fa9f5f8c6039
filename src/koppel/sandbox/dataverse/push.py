"""What the environment posts of its own accord when a row is written: the context of the operation, to those who are
registered for it (wire 1.11, 5.2).
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from koppel.sandbox.clock import Clock
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.shape import NUMBERED, Kind, Table
from koppel.sandbox.exchange import json_bytes
from koppel.sandbox.mail import Letter, Post, nobody
from koppel.sandbox.rows import Rows

MESSAGES = ("Create", "Update", "Delete")
ORGANISATION = "koppel"
LARGEST = 256 * 1024
"""Bytes; of anything larger the context is left out."""
AGAIN = timedelta(minutes=1)
TRIES = 5
"""After how long a letter is sent again that nobody took, and how often it is sent at all."""

_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"


@dataclass(frozen=True)
class Step:
    """Somebody who is told of a message on a table. `headers`: what lets them know that it is the environment."""

    message: str
    table: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Waiting:
    """A letter on its way."""

    letter: Letter
    due: datetime
    tries: int = 0


class Push:
    """The registrations of an environment, and what is still to be sent. `post`: how letters are sent."""

    def __init__(self, clock: Clock) -> None:
        self.steps: list[Step] = []
        self.post: Post = nobody
        self._clock = clock
        self._waiting: list[_Waiting] = []

    def note(self, rows: Rows, message: str, table: Table, row_id: str, sent: Mapping[str, Any], user: str) -> None:
        """A row is written, for which `sent` holds the columns; should it be taken back, nobody is told."""
        for step in self.steps:
            if (step.message, step.table) == (message, table.name):
                waiting = _Waiting(self._letter(step, table, row_id, sent, user), self._clock.now())
                self._waiting.append(waiting)
                rows.remember(partial(self._waiting.remove, waiting))

    def deliver(self, lock: AbstractContextManager[Any] | None = None) -> None:
        """Send what is due; nobody waits for the answers, so the lock is held before and after only."""
        lock = lock or nullcontext()
        with lock:
            now, due, later = self._clock.now(), list[_Waiting](), list[_Waiting]()
            for one in self._waiting:
                (due if one.due <= now else later).append(one)
            self._waiting = later
        for one in due:
            reply = self.post(one.letter)
            if (reply is None or reply.status in (408, 429) or reply.status >= 500) and one.tries + 1 < TRIES:
                with lock:
                    self._waiting.append(replace(one, due=self._clock.now() + AGAIN, tries=one.tries + 1))

    def _letter(self, step: Step, table: Table, row_id: str, sent: Mapping[str, Any], user: str) -> Letter:
        call = str(uuid4())
        target = {"key": "Target", "value": _target(step.message, table, row_id, sent)}
        body = json_bytes(self._context(step, row_id, user, call) | {"InputParameters": [target]})
        headers = {
            "x-ms-dynamics-organization": ORGANISATION,
            "x-ms-dynamics-entity-name": step.table,
            "x-ms-dynamics-request-name": step.message,
            "x-ms-correlation-request-id": call,
            **step.headers,
        }
        if len(body) > LARGEST:
            headers["x-ms-dynamics-msg-size-exceeded"] = "true"
            body = json_bytes(self._context(step, row_id, user, call) | {"InputParameters": []})
        return Letter(step.url, body, headers)

    def _context(self, step: Step, row_id: str, user: str, call: str) -> dict[str, Any]:
        return {
            "MessageName": step.message,
            "PrimaryEntityName": step.table,
            "PrimaryEntityId": row_id,
            "Depth": 1,
            "Mode": 1,
            "Stage": 40,
            "UserId": user,
            "InitiatingUserId": user,
            "OrganizationName": ORGANISATION,
            "CorrelationId": call,
            "OperationCreatedOn": _moment(self._clock.now()),
            "PreEntityImages": [],
            "PostEntityImages": [],
        }


def _target(message: str, table: Table, row_id: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the columns that were sent and no others; of a deleted one only which it was."""
    if message == "Delete":
        return _reference(Ref(table.name, row_id))
    attributes = [{"key": name, "value": value} for name, value in _attributes(table, sent)]
    return {"__type": f"Entity:{_CONTRACTS}", "LogicalName": table.name, "Id": row_id, "Attributes": attributes}


def _attributes(table: Table, sent: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in sent.items():
        kind = table.columns[name].kind
        if value is None:
            yield name, None
        elif isinstance(value, Ref):
            yield name, _reference(value)
        elif kind is Kind.MONEY or (kind in NUMBERED and isinstance(value, int)):
            yield name, {"Value": value}
        else:
            yield name, _moment(value) if isinstance(value, date) else value


def _reference(ref: Ref) -> dict[str, Any]:
    return {"__type": f"EntityReference:{_CONTRACTS}", "LogicalName": ref.table, "Id": ref.id}


def _moment(moment: date) -> str:
    """Milliseconds of the epoch, as `/Date(ms)/`."""
    at = moment if isinstance(moment, datetime) else datetime.fromisoformat(f"{moment}T00:00:00+00:00")
    return f"/Date({round(at.timestamp() * 1000)})/"
