"""Places: city, county, country and post code fill and clear one another when they are given a value (wire 4.3.11).

What was sent may therefore not be what is stored. Another order of the same fields often makes it stand; where none
does, the company knows the city or the post code as one elsewhere.
"""

from collections.abc import Sequence

import msgspec

from koppel.connectors.odata.batch import Told
from koppel.connectors.odata.encode import json_body
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.writing import JSON, Body

ORDERS = (("country", "city", "postalCode", "state"), ("country", "postalCode", "city", "state"))
"""How a place that did not arrive is sent again. A new country clears the others, so it goes first; a city and a post
code that are known bring one another, so either may have to stand last; a county brings nothing.
"""

KNOWN_ELSEWHERE = (
    "a city or a post code that Business Central knows brings its own country, county, and the other of the two; "
    "correct the address, or what the page Post Codes says there"
)
"""Why a place does not arrive, and what can be done about it."""


class _Stored(msgspec.Struct):
    """What a record says of its place, in the order of the pages, and what is needed to change it."""

    id: str = ""
    etag: str = msgspec.field(default="", name="@odata.etag")
    city: str | None = None
    state: str | None = None
    country: str | None = None
    postalCode: str | None = None


PLACE = _Stored.__struct_fields__[2:]
"""The fields of a place, in the order of the pages."""

_decoder = msgspec.json.Decoder(_Stored)


def altered(body: Body, told: Told) -> list[str]:
    """Which fields of a place are stored otherwise than this body sent them, by what the service answered."""
    stored = _stored(body, told)
    return [] if stored is None else _differing(body, stored)


def sent_again(address: str, body: Body, told: Told, order: Sequence[str]) -> Request | None:
    """The place of a body in another order, for the record that was answered; None when it arrived or nothing else
    could come of it, or no version is known under which it could go. `address`: of the page.
    """
    stored, place = _stored(body, told), {name: body[name] for name in order if name in body}
    if stored is None or not stored.id or not stored.etag or len(place) < 2 or not _differing(body, stored):
        return None
    headers = JSON | {"Prefer": "return=representation", "If-Match": stored.etag}
    return Request("PATCH", f"{address}({stored.id})", headers, json_body(place))


def _stored(body: Body, told: Told) -> _Stored | None:
    """The place that is stored; None when none was sent or the answer does not say it."""
    if not isinstance(told, Answer) or not told.good or body.keys().isdisjoint(PLACE):
        return None
    try:
        return _decoder.decode(told.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _differing(body: Body, stored: _Stored) -> list[str]:
    """Fields that were sent and hold something else; in which spelling does not count."""
    held = {name: value for name in PLACE if (value := getattr(stored, name)) is not None}
    return [name for name, value in held.items() if name in body and _spelled(value) != _spelled(body[name])]


def _spelled(value: str) -> str:
    """A field of a place without what the service changes in it: blanks around it, the case of a code or of a city that
    it knows.
    """
    return value.strip().casefold()
