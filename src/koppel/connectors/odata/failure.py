"""What went wrong, as koppel's errors: of the connection, and of the service. Never a token, a secret or a query value.

Every exception of httpx2 is told here (a test walks its tree).
"""

import re
from collections.abc import Iterable
from math import ceil
from urllib.parse import unquote, urlsplit

import httpx2

from koppel.connectors.odata.message import Answer
from koppel.connectors.odata.tokens import UNTRUSTED
from koppel.errors import BadAnswer, Denied, SystemFailure, Throttled, Unreachable

_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError, httpx2.InvalidURL)
_LONGEST_TEXT = 400
_SHORTEST = 3
"""Shorter values of records are not looked for in texts: they would be parts of words."""


class Unanswered(Unreachable):
    """Something that changes records was sent and no answer came: it may have been carried out. To be looked up, never
    to be sent again.
    """


def was_sent(error: Exception) -> bool:
    """Whether a byte of the request may have reached the service."""
    return not isinstance(error, (*_NEVER_SENT, httpx2.UnsupportedProtocol))


def connection_failure(system: str, address: str, error: Exception, reads: bool) -> SystemFailure:
    """The failure of a request that got no whole answer."""
    host = urlsplit(address).hostname
    if isinstance(error, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        return BadAnswer(system, f"an address on {host} cannot be used")
    if was_sent(error) and not reads:
        what = f"the connection to {host} broke before it answered ({type(error).__name__})"
        return Unanswered(system, what, "whether it was carried out is found out by looking, in the next run")
    if isinstance(error, httpx2.DecodingError):
        return BadAnswer(system, f"the answer of {host} is not packed as it says")
    if isinstance(error, httpx2.TooManyRedirects):
        return BadAnswer(system, f"{host} sends requests round in a circle")
    if isinstance(error, httpx2.ConnectError) and "certificate" in str(error).lower():
        return Unreachable(system, f"{host} shows a certificate that is not trusted", UNTRUSTED)
    return Unreachable(system, f"{host} cannot be reached ({type(error).__name__})", "check the url and the network")


_QUIETER = "run again later; fewer workers, or a quieter hour for large runs, keep below its limits"


def throttled(system: str, seconds: float) -> Throttled:
    """It is busy for longer than a call may take."""
    what = f"it asks to be left alone for {ceil(seconds)} more seconds, which is longer than a call may take"
    return Throttled(system, what, _QUIETER)


def crowded(system: str) -> Throttled:
    """All lanes were taken for as long as a call may take."""
    what = "as many requests as it bears were under way, and none ended in time for another one"
    return Throttled(system, what, _QUIETER)


def refusal(system: str, doing: str, answer: Answer) -> SystemFailure:
    """The failure that an answer which is not good means. `doing`: in words, what was asked."""
    said = told(answer)
    what = f"{doing}: it answered {answer.status}{f', {said}' if said else ''}"
    match answer.status:
        case 401:
            return Denied(system, what, "check the credentials, and that the app may use this environment")
        case 403:
            return Denied(system, what, _REMEDIES.get(answer.error.code, "a person must grant these rights"))
        case 429:
            return Throttled(system, what, "run again later")
        case 300 | 301 | 302 | 303 | 307 | 308:
            return BadAnswer(system, what, "name the address it leads to as the url of the system")
        case 404:
            return BadAnswer(system, what, "check the url, and the name of the table")
        case 408 | 500 | 502 | 503 | 504:
            return Unreachable(system, what, "run again later")
        case _:
            return BadAnswer(system, what)


_REMEDIES = {
    "0x80072560": "the token is good, but the app is no user here: add it to the environment as an application user",
}


def told(answer: Answer, sent: Iterable[object] = ()) -> str:
    """Code and text of the service, without what the request had in its address and without what the record holds.
    `sent`: the values of the record.
    """
    error = answer.error
    return " ".join(part for part in (error.code, without_values(error.text, answer.address, sent)) if part)


def without_values(text: str, address: str, sent: Iterable[object] = ()) -> str:
    """The text without what was sent, without tokens, and without the values between quotes or after `=` in the
    address; then cut to a sentence, so that none stands across the cut.
    """
    text = _without_sent(text, sent)
    parts = urlsplit(address)
    said = f"{unquote(parts.path)} {unquote(parts.query)}"
    values = {value.replace("''", "'") for value in re.findall(r"'((?:[^']|'')+)'", said)}
    values |= set(re.findall(r"(?:token|key|secret|sig)=([^&\s]+)", said, re.IGNORECASE))
    for value in sorted(filter(str.strip, values), key=len, reverse=True):
        text = text.replace(value, "…")
    text = re.sub(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}", r"\1 …", text)
    text = re.sub(r"\beyJ[\w-]+\.[\w.-]+", "…", text)
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"


def _without_sent(text: str, sent: Iterable[object]) -> str:
    """Services repeat values in another case and with other blanks; those of errors are collapsed (`Answer.error`)."""
    values = {" ".join(value.split()) for value in sent if isinstance(value, str)}
    for value in sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True):
        text = re.sub(r"\s+".join(map(re.escape, value.split())), "…", text, flags=re.IGNORECASE)
    return text
