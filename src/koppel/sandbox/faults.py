"""Misbehaviour on demand: what the network and an overloaded service do (wire 5.4)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from threading import Lock

from koppel.sandbox.bodies import Count, Seconds, Status
from koppel.sandbox.exchange import Call, Reply


class Trouble(StrEnum):
    """What happens to a call: cut or timed out, it may be done or not (wire 4.1.3); a stream may end in between (wire
    4.1.9).
    """

    LATENCY = "latency"
    STATUS = "status"
    STATUS_AFTER = "status after"
    CUT_BEFORE = "cut before"
    CUT_AFTER = "cut after"
    HALF = "half"


class RetryAfter(StrEnum):
    """How `Retry-After` is given, if at all (wire 4.1.5)."""

    NONE = "none"
    SECONDS = "seconds"
    DATE = "date"


@dataclass(frozen=True)
class Fault:
    """One trouble for the next `times` calls (0: until cleared) whose method and target fit.

    `method`: empty fits all. `target`: a piece of path and query. `seconds`: the latency, or what `Retry-After` says.
    """

    trouble: Trouble
    method: str = ""
    target: str = ""
    times: Count = 1
    seconds: Seconds = 0.0
    status: Status = 503
    retry_after: RetryAfter = RetryAfter.SECONDS

    def fits(self, call: Call) -> bool:
        """Whether it is meant for this call."""
        return self.method in ("", call.method) and self.target in call.target

    def reply(self, now: datetime) -> Reply:
        """The answer of a `STATUS` fault, with no OData body, as gateways give it."""
        seconds = max(int(self.seconds), 0)
        stamps = {
            RetryAfter.NONE: {},
            RetryAfter.SECONDS: {"Retry-After": str(seconds)},
            RetryAfter.DATE: {"Retry-After": format_datetime(now + timedelta(seconds=seconds), usegmt=True)},
        }
        return Reply(self.status, b"", stamps[self.retry_after])


class Faults:
    """The troubles that are still to come; safe to use from several threads."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        """Plan one more."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Plan none any more."""
        with self._lock:
            self._waiting.clear()

    def take(self, call: Call) -> dict[Trouble, Fault]:
        """The troubles of this call, at most one of a kind, used up by it."""
        with self._lock:
            taken: dict[Trouble, Fault] = {}
            for fault in self._waiting:
                if fault.fits(call):
                    taken.setdefault(fault.trouble, fault)
            self._waiting = list(_left(self._waiting, taken))
        return taken


def _left(waiting: Iterable[Fault], taken: dict[Trouble, Fault]) -> Iterable[Fault]:
    """What remains planned once the taken ones have been used."""
    used = {id(fault) for fault in taken.values()}
    for fault in waiting:
        if id(fault) not in used or fault.times == 0:
            yield fault
        elif fault.times > 1:
            yield replace(fault, times=fault.times - 1)
