"""Webhooks: what subscribers are told of changes, and when they are forgotten (wire 2.7, 4.3.21).

Notifications name records and hold none of their values. Nothing is kept but the versions that a subscriber was told
of, so what happened to one record within half a minute is told once; a record that came and went is not told at all.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.shape import Page
from koppel.sandbox.business_central.tables import DELETION, VERSION
from koppel.sandbox.business_central.values import moment_text
from koppel.sandbox.clock import Clock
from koppel.sandbox.exchange import Reply, json_bytes
from koppel.sandbox.mail import Letter, Post, nobody

LIFETIME = timedelta(days=3)
"""How long a subscription lasts unless it is renewed."""
BATCHED = timedelta(seconds=30)
"""How long changes are gathered before they are told."""
MANY = 1_000
"""More changes than this are told as one, of the collection."""
EARLIER = timedelta(milliseconds=50)
"""How far before the first of many changes a reader is told to begin."""
AGAIN = timedelta(minutes=1)
PATIENCE = timedelta(hours=36)
"""After how long a letter is sent again that could not be delivered, and for how long in all."""
PASSING = {408, 429}
"""Statuses, beside those of the server's own faults, after which it is sent again; any other ends the subscription."""


@dataclass
class Subscription:
    """One subscription to a set of a company. `revision`: grows when it is renewed. `known`: the versions of the
    records that the subscriber knows of. `failing`: since when letters do not arrive, and when the next one is tried.
    """

    id: str
    url: str
    state: str
    user: str
    route: str
    company: Company
    page: Page
    expires: datetime
    changed: datetime
    revision: int = 1
    known: dict[str, int] = field(default_factory=dict)
    failing: tuple[datetime, datetime] | None = None

    @property
    def resource(self) -> str:
        """What it is about, without the slash a caller may put before it."""
        return f"api/{self.route}/companies({self.company.id})/{self.page.set_name}"

    def versions(self) -> dict[str, int]:
        """The records there are, with their versions."""
        rows = self.company.rows.tables[self.page.table.name]
        return {row_id: row[VERSION] for row_id, row in rows.items()}


class _Change(NamedTuple):
    kind: str
    row_id: str
    at: datetime


class _Notice(NamedTuple):
    """A letter that is due. `known`: what the subscriber knows once it has arrived."""

    subscription: Subscription
    letter: Letter
    known: dict[str, int]


class Webhooks:
    """The subscriptions of an environment by id. `post`: how letters are sent."""

    def __init__(self, clock: Clock) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.post: Post = nobody
        self._clock = clock

    def expire(self) -> None:
        """End all of them now."""
        self.subscriptions.clear()

    def alive(self) -> list[Subscription]:
        """Those that have not expired; the others are forgotten."""
        now = self._clock.now()
        for one in [*self.subscriptions.values()]:
            if one.expires <= now:
                del self.subscriptions[one.id]
        return [*self.subscriptions.values()]

    def deliver(self, lock: AbstractContextManager[Any] | None = None) -> None:
        """Send what is due; nobody waits for the answers, so the lock is held before and after only."""
        lock = lock or nullcontext()
        with lock:
            notices = [*self._due()]
        for notice in notices:
            reply = self.post(notice.letter)
            with lock:
                self._note(notice, reply)

    def _due(self) -> Iterator[_Notice]:
        now = self._clock.now()
        for one in self.alive():
            changes = _changes(one, now)
            waits = one.failing is not None and one.failing[1] > now
            if changes and not waits and changes[0].at + BATCHED <= now:
                yield _Notice(one, Letter(one.url, json_bytes({"value": [*_told(one, changes)]})), one.versions())

    def _note(self, notice: _Notice, reply: Reply | None) -> None:
        """What becomes of a subscription after a letter."""
        one, now = notice.subscription, self._clock.now()
        since = one.failing[0] if one.failing is not None else now
        if reply is not None and 200 <= reply.status < 300:
            one.known, one.failing = notice.known, None
        elif (reply is None or reply.status in PASSING or reply.status >= 500) and now - since < PATIENCE:
            one.failing = (since, now + AGAIN)
        else:
            self.subscriptions.pop(one.id, None)


def _changes(one: Subscription, now: datetime) -> list[_Change]:
    """What the subscriber does not know of, the first change first."""
    rows = one.company.rows.tables[one.page.table.name]
    log = one.company.rows.tables[DELETION.name].values() if one.known.keys() - rows.keys() else ()
    buried = {entry["Record Id"]: entry["Deleted At"] for entry in log}
    found = [_Change("deleted", row_id, buried.get(row_id, now)) for row_id in one.known if row_id not in rows]
    for row_id, row in rows.items():
        if one.known.get(row_id) != row[VERSION]:
            found.append(_Change("updated" if row_id in one.known else "created", row_id, row["SystemModifiedAt"]))
    return sorted(found, key=lambda change: change.at)


def _told(one: Subscription, changes: list[_Change]) -> Iterator[dict[str, Any]]:
    if len(changes) <= MANY:
        for change in changes:
            yield _notification(one, change.kind, f"{one.resource}({change.row_id})", change.at)
    else:
        since = moment_text(changes[0].at - EARLIER)
        resource = f"{one.resource}?$filter=lastModifiedDateTime gt {since}"
        yield _notification(one, "collection", resource, changes[-1].at)


def _notification(one: Subscription, kind: str, resource: str, at: datetime) -> dict[str, Any]:
    return {
        "subscriptionId": one.id,
        "clientState": one.state,
        "expirationDateTime": moment_text(one.expires),
        "resource": resource,
        "changeType": kind,
        "lastModifiedDateTime": moment_text(at),
    }
