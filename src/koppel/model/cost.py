"""What a run costs at a service that bears only so much: figures to decide by before it begins, no promises."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Rates:
    """What a service bears of one user, and rules of thumb for how long it takes.

    `rows_read`, `rows_written`: of one request. `at_once`: requests under way together. `call_seconds`, `row_seconds`:
    of a request, and more for every row written with it. `calls_allowed` in any `window`. `effects`: what else happens
    for every row written, in a sentence.
    """

    rows_read: int
    rows_written: int
    at_once: int
    call_seconds: float
    row_seconds: float
    calls_allowed: int
    window: timedelta
    effects: str


@dataclass(frozen=True)
class Work:
    """How many rows of one table a run reads and writes."""

    system: str
    rates: Rates
    read: int
    written: int


@dataclass(frozen=True)
class Cost:
    """What a run costs at one system. `share`: the part of the allowed calls it needs while it lasts; at 1 the service
    slows it down. `effects`: what else happens there, when anything is written.
    """

    system: str
    calls: int
    seconds: float
    share: float
    effects: tuple[str, ...]


def costs(works: Iterable[Work]) -> list[Cost]:
    """The costs system by system, in the order they come."""
    by_system: dict[str, list[Work]] = {}
    for work in works:
        by_system.setdefault(work.system, []).append(work)
    return [_cost(system, found) for system, found in by_system.items()]


def _cost(system: str, works: list[Work]) -> Cost:
    calls, busy = 0, 0.0
    for work in works:
        rates = work.rates
        here = math.ceil(work.read / rates.rows_read) + math.ceil(work.written / rates.rows_written)
        calls += here
        busy += (here * rates.call_seconds + work.written * rates.row_seconds) / rates.at_once
    rates = works[0].rates
    windows = max(1.0, busy / rates.window.total_seconds())
    share = calls / (rates.calls_allowed * windows)
    seconds = busy if share <= 1 else rates.window.total_seconds() * calls / rates.calls_allowed
    effects = dict.fromkeys(work.rates.effects for work in works if work.written)
    return Cost(system, calls, seconds, min(1.0, share), tuple(effects))
