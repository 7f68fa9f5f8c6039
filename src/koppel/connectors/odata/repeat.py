"""Whether a request may be sent again, and after how long. Pure.

The one question is whether a second request could do a thing twice. A service that answers 429 did nothing; one that
answers 503 may have, unless it says when to come back; after a cut connection nobody knows.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from koppel.connectors.odata.message import Answer, Repeat

BUSY = frozenset({429, 503})
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""For a request that changes nothing: another try may go well (wire 2.8)."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds; how long is waited when the service does not say: doubled with each try, up to the longest."""

LEAST_WAIT = 0.5
"""Seconds; a service that asks for none while it is busy would be asked without end."""

TRIES = 6
"""How often a request is sent when failures do not end. Being told to wait does not count: the deadline ends that."""


def may_repeat(repeat: Repeat, answer: Answer, wait: float | None) -> bool:
    """Whether a request that got this answer may be sent again. `wait`: what the service asked for."""
    match repeat:
        case Repeat.ALWAYS:
            return answer.status in _TRANSIENT
        case Repeat.CONDITIONAL:
            return answer.status in BUSY
        case Repeat.UNPROCESSED:
            return answer.status == 429 or (answer.status == 503 and wait is not None)


def asked_wait(answer: Answer, now: datetime) -> float | None:
    """The seconds that `Retry-After` asks for, in either form; None without one that can be read."""
    said = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", said):
        return max(LEAST_WAIT, float(said))
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(LEAST_WAIT, (moment - now).total_seconds())


def own_wait(tries: int, chance: float) -> float:
    """Seconds before the next try, `tries` having failed: exponential, of which half is by chance."""
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (tries - 1))
    return wait / 2 * (1 + chance)
