"""What only Business Central can tell before a run: rights, number series, posting groups."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

import msgspec

from koppel.connectors.business_central.page import Page
from koppel.connectors.business_central.posting import without_groups
from koppel.connectors.business_central.refusals import GRANT
from koppel.connectors.odata.failure import told
from koppel.connectors.odata.message import Request
from koppel.connectors.odata.session import Session
from koppel.ports import Finding, Use

NUMBER = "number"
SERIES = "numberSeries"
"""The page of an app that tells whether numbers may be chosen."""

_SETUPS = {
    "customers": ("Customer", "Sales & Receivables Setup → Customer Nos."),
    "vendors": ("Vendor", "Purchases & Payables Setup → Vendor Nos."),
    "contacts": ("Contact", "Marketing Setup → Contact Nos."),
    "items": ("Item", "Inventory Setup → Item Nos."),
}
"""Pages whose records are numbered: their table, and where somebody names the series of its numbers."""

_UNSEEN = "No. Series → the series → Manual Nos.; the standard pages do not show it"
_MANUAL = "No. Series → the series of these records → turn on Manual Nos."
_DEFAULT = "No. Series → the series of these records → turn on Default Nos."


class _Series(msgspec.Struct):
    code: str
    usedBy: str = ""
    defaultNos: bool = True
    manualNos: bool = False

    def serves(self, table: str) -> bool:
        """Whether numbers of a table come from it; one series may serve several."""
        return table in self.usedBy.split(",")


class _AllSeries(msgspec.Struct):
    value: list[_Series]


def findings(session: Session, path: str, pages: Mapping[str, Page], uses: Mapping[str, Use]) -> Iterator[Finding]:
    """Rights first, then number series, then what new records lack. `path`: of the company; `pages`: all of the API."""
    for name in uses:
        yield from _unreadable(session, path, name)
    yield from _unasked(uses)
    numbered = {name: use for name, use in uses.items() if name in _SETUPS and (use.creates or use.reserves)}
    if numbered and SERIES in pages:
        yield from _numbers(_series(session, path), numbered)
    elif numbered:
        yield from _unseen_series(numbered)
    yield from without_groups(pages, uses)


def _unasked(uses: Mapping[str, Use]) -> Iterator[Finding]:
    """No request tells what may be written but one that writes, and that `check` does not do."""
    written = [name for name, use in uses.items() if use.creates or use.changed or use.deletes]
    if written:
        text = f"whether {', '.join(written)} may be written cannot be asked without writing"
        remedy = f"{GRANT}; a right that is missing shows as 403 in koppel errors, with the name of the table"
        yield Finding("", text, remedy, False, note=True)


def _unreadable(session: Session, path: str, name: str) -> Iterator[Finding]:
    """Whether records may be read at all."""
    answer = session.send(Request("GET", f"{path}{name}?$select=id&$top=1"))
    if answer.good:
        return
    remedy = "look at the permission sets of the app on the page Microsoft Entra Applications"
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        remedy = GRANT
    yield Finding(name, f"its records cannot be read: {told(answer)}", remedy, True)


def _chooses(use: Use) -> bool:
    """Whether koppel gives new records their numbers: of a range of its own, or those that a mapping carries."""
    return use.reserves or (use.creates and NUMBER in use.given)


def _unseen_series(numbered: Mapping[str, Use]) -> Iterator[Finding]:
    for name, use in numbered.items():
        if _chooses(use):
            text = "koppel is to give new records their numbers: make sure that their series lets them be chosen"
            yield Finding(name, text, _UNSEEN, False)


def _series(session: Session, path: str) -> list[_Series]:
    answer = session.read(Request("GET", f"{path}{SERIES}"), "reading the number series")
    return answer.read(_AllSeries, session.system, "its number series cannot be read").value


def _numbers(found: list[_Series], numbered: Mapping[str, Use]) -> Iterator[Finding]:
    """A number that koppel gives is refused where the series does not let it be chosen, and one that it leaves blank
    where no series gives one (wire 2.4).
    """
    for name, use in numbered.items():
        table, setup = _SETUPS[name]
        series = [one for one in found if one.serves(table)]
        if _chooses(use):
            for one in series:
                if not one.manualNos:
                    said = f"koppel is to give new records their numbers, but the series {one.code} does not let them"
                    yield Finding(name, f"{said} be chosen", _MANUAL, True)
        elif not series:
            yield Finding(name, "no series gives new records their numbers", f"name one in {setup}", True)
        elif not series[0].defaultNos:
            said = f"the series {series[0].code} gives new records no numbers by itself"
            yield Finding(name, said, _DEFAULT, True)
