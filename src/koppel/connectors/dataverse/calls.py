"""Reading over the session: plain requests while their address is short, in a `$batch` when it is not (wire 1.2)."""

from collections.abc import Mapping, Sequence

from koppel.connectors.dataverse.multipart import answers_of, batch_request
from koppel.connectors.odata.failure import refusal
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.session import Session
from koppel.errors import BadAnswer

LONGEST_ADDRESS = 2000
"""Characters. Dataverse takes 32 KB, and 64 KB inside of a batch; what stands in between often 8 KB or less."""

_NO_CACHE = {"If-None-Match": "null"}
"""The word that keeps caches in between from answering (wire 1.1)."""


STRONG = {"Consistency": "Strong"}
"""Asks what stands now: the service keeps its answers about metadata for half a minute (wire 4.2.29)."""


def get(
    session: Session,
    address: str,
    doing: str,
    headers: Mapping[str, str] | None = None,
    deadline: float | None = None,
) -> Answer:
    """The good answer to a GET. Raises SystemFailure."""
    answer = asked(session, address, headers, deadline)
    if not answer.good:
        raise refusal(session.system, doing, answer)
    return answer


def asked(
    session: Session, address: str, headers: Mapping[str, str] | None = None, deadline: float | None = None
) -> Answer:
    """The answer to a GET, good or not."""
    request = Request("GET", address, _NO_CACHE | dict(headers or {}))
    if len(address) <= LONGEST_ADDRESS:
        return session.send(request, deadline)
    return batched(session, [request], deadline)[0]


def all_asked(session: Session, addresses: Sequence[str], headers: Mapping[str, str]) -> list[Answer]:
    """The answers to several GETs of one batch, good or not."""
    return batched(session, [Request("GET", address, _NO_CACHE | dict(headers)) for address in addresses], None)


def batched(session: Session, requests: Sequence[Request], deadline: float | None) -> list[Answer]:
    """Every request's own answer; where the service answers the batch as a whole, that. Raises BadAnswer when one
    request was not answered.
    """
    whole = session.send(batch_request(session.root, requests), deadline)
    if not whole.headers.get("content-type", "").startswith("multipart/"):
        return [whole] * len(requests)
    answers = answers_of(whole, requests)
    told = [answer for answer in answers if answer is not None]
    if len(told) < len(answers):
        raise BadAnswer(session.system, "a batch of questions came back without all of its answers", "run again later")
    return told
