"""Posting groups: a record without them exists, and can stand in no document.

A standard page gives a new record what a configuration template holds that somebody has named for its table on the page
API Setup; a page of an app gives nothing by itself (wire 2.4, 4.3.15). No page shows those templates, and no page but
that of items the groups, so koppel sees only what the mappings give.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from koppel.connectors.business_central.page import Page
from koppel.ports import Finding, Use


@dataclass(frozen=True)
class _Needs:
    """What new records of a table need. `groups`: caption to how a page may call the field."""

    table: str
    groups: Mapping[str, str]


_BUSINESS = {"Gen. Bus. Posting Group": r"gen.*bus.*postinggroup"}
_NEEDS = {
    "customers": _Needs("Customer", _BUSINESS | {"Customer Posting Group": r"customerpostinggroup"}),
    "vendors": _Needs("Vendor", _BUSINESS | {"Vendor Posting Group": r"vendorpostinggroup"}),
    "items": _Needs(
        "Item",
        {"Gen. Prod. Posting Group": r"gen.*prod.*postinggroup", "Inventory Posting Group": r"inventorypostinggroup"},
    ),
}
"""The VAT groups follow from the general ones, where these have defaults."""


def without_groups(pages: Mapping[str, Page], uses: Mapping[str, Use]) -> Iterator[Finding]:
    """Tables of which koppel may make records that nobody can use, as far as it sees."""
    for name, use in uses.items():
        needs = _NEEDS.get(name)
        if needs is None or not use.creates:
            continue
        missing = {caption: called for caption, called in needs.groups.items() if not _among(called, use.given)}
        if missing:
            yield _told(pages[name], needs.table, missing)


def _among(called: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if re.match(called, name.lower())]


def _told(page: Page, table: str, missing: Mapping[str, str]) -> Finding:
    what = f"koppel gives new records no {' and no '.join(missing)}, without which no document can be made for them"
    shown = [name for called in missing.values() for name in _among(called, page.entity_set.properties)]
    lines = " and ".join(f"{name} = '…' (on create)" for name in shown if not name.endswith("Id"))
    if page.standard:
        text = f"{what}; whether a template does is shown by no page"
        remedy = f"on the page API Setup name a configuration template with them for the table {table}"
        return Finding(page.name, text, f"{remedy}; or map {lines}" if lines else remedy, False)
    text = f"{what}; a page of an app applies no template"
    remedy = f"map {lines}" if lines else "map them as constants (koppel export --al writes a page that shows them)"
    return Finding(page.name, text, f"{remedy}; or let the page set them", False)
