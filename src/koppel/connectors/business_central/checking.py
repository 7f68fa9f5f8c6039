"""What only Business Central can tell before a run: rights, number series, the local currency."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

import msgspec

from koppel.connectors.business_central.page import Page
from koppel.connectors.odata.failure import told
from koppel.connectors.odata.message import Request
from koppel.connectors.odata.session import Session
from koppel.errors import BadAnswer
from koppel.ports import Finding, Use

SERIES = "numberSeries"
"""The page of an app that tells whether numbers may be chosen."""

_TABLES = {"customers": "Customer", "vendors": "Vendor", "contacts": "Contact", "items": "Item"}
"""Pages whose records are numbered, and how the set-up calls their tables."""

_UNSEEN = "No. Series → the series → Manual Nos.; the standard pages do not show it"
_MANUAL = "No. Series → the series of these records → turn on Manual Nos."


class _Series(msgspec.Struct):
    code: str
    usedBy: str = ""
    manualNos: bool = False


class _AllSeries(msgspec.Struct):
    value: list[_Series]


class _Information(msgspec.Struct):
    currencyCode: str = ""


class _AllInformation(msgspec.Struct):
    value: list[_Information]


def findings(session: Session, path: str, pages: Mapping[str, Page], uses: Mapping[str, Use]) -> Iterator[Finding]:
    """Rights first, then number series. `path`: of the company; `pages`: all of the API."""
    for name in uses:
        yield from _unreadable(session, path, name)
    reserving = [name for name, use in uses.items() if use.reserves and name in _TABLES]
    if reserving:
        yield from _manual_numbers(session, path, SERIES in pages, reserving)


def _unreadable(session: Session, path: str, name: str) -> Iterator[Finding]:
    """Whether records may be read at all."""
    answer = session.send(Request("GET", f"{path}{name}?$select=id&$top=1"))
    if answer.good:
        return
    remedy = "look at the permission sets of the app on the page Microsoft Entra Applications"
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        remedy = "give the app a permission set with this table on the page Microsoft Entra Applications"
    yield Finding(name, f"its records cannot be read: {told(answer)}", remedy, True)


def _manual_numbers(session: Session, path: str, shown: bool, names: list[str]) -> Iterator[Finding]:
    """Numbers of koppel's own range are refused where the series does not let them be chosen (wire 2.4)."""
    if not shown:
        for name in names:
            text = "koppel is to give new records their numbers: make sure that their series lets them be chosen"
            yield Finding(name, text, _UNSEEN, False)
        return
    answer = session.read(Request("GET", f"{path}{SERIES}"), "reading the number series")
    try:
        found = msgspec.json.decode(answer.body, type=_AllSeries).value
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadAnswer(session.system, "its number series cannot be read") from None
    for name in names:
        closed = [series.code for series in found if series.usedBy == _TABLES[name] and not series.manualNos]
        for code in closed:
            text = f"koppel is to give new records their numbers, but the series {code} does not let them be chosen"
            yield Finding(name, text, _MANUAL, True)


def local_currency(session: Session, address: str) -> str | None:
    """The code of the local currency, which fields leave blank; None where the app may not ask. `address`: of the
    standard page with information on the company.
    """
    answer = session.send(Request("GET", address))
    if not answer.good:
        return None
    try:
        found = msgspec.json.decode(answer.body, type=_AllInformation).value
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadAnswer(session.system, "it does not say what its local currency is") from None
    return (found[0].currencyCode or None) if found else None
