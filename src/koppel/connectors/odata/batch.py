"""Many requests in one: the JSON form of `$batch` (OData JSON 4.01, section 19; wire 2.5).

Every request of a batch stands for itself. No atomicity group is asked for, because services tell success of rows that
they rolled back; and answers are matched by their ids, never by position (wire 4.1.6). What is not answered may have
been carried out: like a request of its own whose answer is lost, it is Unanswered, and never sent again from here. When
the caller has looked and sends it again, it goes with fewer others (`parting`).
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from threading import Event
from typing import Any, TypeAlias

import msgspec

from koppel.connectors.odata.address import followed
from koppel.connectors.odata.failure import Unanswered, refusal
from koppel.connectors.odata.message import Answer, Repeat, Request
from koppel.connectors.odata.parting import Parting
from koppel.connectors.odata.repeat import BUSY
from koppel.connectors.odata.session import Session
from koppel.errors import SystemFailure

MOST = 100
"""How many requests a batch may hold; Business Central answers 500 to more (wire 2.5)."""

Told: TypeAlias = Answer | SystemFailure
"""What became of one request: Unanswered when it may have been carried out."""

_HEADERS = {"Content-Type": "application/json", "Prefer": "odata.continue-on-error"}
_NOBODY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
"""Statuses that single requests would meet as well."""


class _Part(msgspec.Struct):
    """One request in a batch."""

    id: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Reply(msgspec.Struct):
    """One answer in the answer to a batch."""

    id: str | int
    status: int
    headers: dict[str, Any] | None = None
    body: msgspec.Raw = msgspec.Raw(b"")


class _Replies(msgspec.Struct):
    responses: list[_Reply]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Replies)


def one_by_one(session: Session, requests: Sequence[Request], deadline: float) -> list[Told]:
    """What became of requests that are sent one after another; after a failure that all would meet, nothing is sent."""
    told: list[Told] = []
    for request in requests:
        if told and isinstance(told[-1], SystemFailure) and not isinstance(told[-1], Unanswered):
            told.append(told[-1])
            continue
        try:
            told.append(session.send(request, deadline))
        except SystemFailure as failure:
            told.append(failure)
    return told


class Batches:
    """The `$batch` of one service, used by many threads. A service that refuses a batch, or answers only a part of one,
    is asked one by one from then on.

    `address`: relative to the root of the session; `most`: requests in one batch.
    """

    def __init__(self, session: Session, most: int = MOST, address: str = "$batch") -> None:
        self._session = session
        self._address = address
        self._most = most
        self._given_up = Event()
        self._parting = Parting()

    @property
    def most(self) -> int:
        """How many requests are sent in one."""
        return 1 if self._given_up.is_set() else self._most

    def exchange(self, requests: Sequence[Request], deadline: float) -> list[Told]:
        """What became of at most `most` requests, in their order. Those that the service was too busy for are sent
        again when it says so, within the deadline. Raises BadAnswer, and sends nothing, when one leads elsewhere.
        """
        told: dict[int, Told] = {}
        names = [hash((request.method, request.address, request.body)) for request in requests]
        for part in self._parting.parts(range(len(requests)), names, max(1, len(requests))):
            found = self._together([requests[at] for at in part], deadline)
            told |= zip(part, found, strict=True)
            self._parting.answered(names[at] for at in part if isinstance(told[at], Answer))
            silent = all(isinstance(each, Unanswered) for each in found)
            if silent and not all(requests[at].repeat is Repeat.ALWAYS for at in part):
                self._parting.unanswered([names[at] for at in part])
            if isinstance(found[-1], SystemFailure) and not isinstance(found[-1], Unanswered):
                return [told.get(at, found[-1]) for at in range(len(requests))]  # the others would meet it, too
        return [told[at] for at in range(len(requests))]

    def _together(self, requests: Sequence[Request], deadline: float) -> list[Told]:
        """What became of requests that are sent in one as long as the service takes them."""
        told: dict[int, Told] = {}
        left, tries = list(range(len(requests))), 0
        while left:
            if self._given_up.is_set() or len(left) == 1:
                told |= zip(left, one_by_one(self._session, [requests[at] for at in left], deadline), strict=True)
                break
            told |= zip(left, self._sent([requests[at] for at in left], deadline), strict=True)
            tries += 1
            left = [at for at in left if self._was_too_busy(requests[at], told[at], tries)]
        return [told[at] for at in range(len(requests))]

    def _was_too_busy(self, request: Request, told: Told, tries: int) -> bool:
        """Whether the service did not look at a request and it may be sent again; then nobody sends anything for as
        long as it asks.
        """
        return isinstance(told, Answer) and told.status in BUSY and self._session.pause(request, told, tries)

    def _sent(self, requests: Sequence[Request], deadline: float) -> list[Told]:
        """What one batch of these is answered."""
        parts = [self._part(str(at), request) for at, request in enumerate(requests, 1)]
        body = _encoder.encode({"requests": parts})
        reads = all(request.repeat is Repeat.ALWAYS for request in requests)
        try:
            answer = self._session.send(Request("POST", self._address, _HEADERS, body, reads), deadline)
        except SystemFailure as failure:
            return [failure] * len(requests)
        replies = _replies(answer)
        if replies is None:
            return self._without_replies(answer, requests, deadline)
        told: list[Told] = [
            self._answer(request, replies.get(part.id)) for request, part in zip(requests, parts, strict=True)
        ]
        if not all(isinstance(each, Answer) for each in told):
            self._given_up.set()
        return told

    def _part(self, id_: str, request: Request) -> _Part:
        root, address = self._session.root, request.address
        if "://" in address.partition("?")[0]:
            address = followed(self._session.system, root, address).removeprefix(root)
        # What is said with every request is said with each of a batch too.
        said = {**self._session.limits.headers, **request.headers}
        headers = {name.lower(): value for name, value in said.items()}
        return _Part(
            id_, request.method, address, headers, msgspec.Raw(request.body) if request.body else msgspec.UNSET
        )

    def _answer(self, request: Request, reply: _Reply | None) -> Told:
        """A reply as the answer to a request of its own."""
        if reply is None:
            what = "it did not say what became of a part of a batch"
            return Unanswered(self._session.system, what, "its fate is found out by looking")
        headers = {name.lower(): str(value) for name, value in (reply.headers or {}).items()}
        body = bytes(reply.body)
        return Answer(self._session.absolute(request), reply.status, headers, b"" if body == b"null" else body)

    def _without_replies(self, answer: Answer, requests: Sequence[Request], deadline: float) -> list[Told]:
        """A batch that was refused as such was not looked at, so its requests are sent one by one. One that the service
        broke down over, or answered in a way nobody can read, may have been carried out.
        """
        if answer.status in _NOBODY or 300 <= answer.status < 400:
            return [refusal(self._session.system, "sending a batch", answer)] * len(requests)
        refused = 400 <= answer.status < 500 or answer.status == HTTPStatus.NOT_IMPLEMENTED
        if refused and answer.status != HTTPStatus.REQUEST_TIMEOUT:
            self._given_up.set()
            return one_by_one(self._session, requests, deadline)
        what = f"it answered a batch with {answer.status} and nothing that could be read"
        return [Unanswered(self._session.system, what, "its fate is found out by looking")] * len(requests)


def _replies(answer: Answer) -> dict[str, _Reply] | None:
    """The replies by id; one that is there twice says nothing. None when the answer holds no replies at all."""
    try:
        replies = _decoder.decode(answer.body).responses
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    found: dict[str, _Reply] = {}
    twice: set[str] = set()
    for reply in replies:
        id_ = str(reply.id)
        twice |= {id_} & found.keys()
        found[id_] = reply
    return {id_: reply for id_, reply in found.items() if id_ not in twice}
