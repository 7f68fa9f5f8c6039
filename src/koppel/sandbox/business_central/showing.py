"""Rows as JSON, with the etag in the body and nowhere else (wire 2.4)."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.shape import Control, Page, Shows
from koppel.sandbox.business_central.tables import TABLES, VERSION
from koppel.sandbox.business_central.values import shown
from koppel.sandbox.rows import Row

_LONG = 122_557_506_472_910_000_000
"""Etags are long numbers in disguise; a version makes one of them."""


def etag(row: Row) -> str:
    """The weak etag of a row: opaque and long."""
    inner = b64encode(f"'20;{_LONG + row[VERSION]};00;'".encode()).decode()
    return f'W/"{inner}"'


def showing(company: Company, page: Page, row: Row, select: Iterable[Control]) -> dict[str, Any]:
    """A row as a JSON object."""
    document: dict[str, Any] = {"@odata.etag": etag(row)}
    for control in select:
        document[control.name] = shown(page.type(control), value_of(company, page, control, row), company.switches)
    return document


def value_of(company: Company, page: Page, control: Control, row: Row) -> Any:
    """What a control shows of a row, as it is stored."""
    value = row[control.field]
    if control.shows is Shows.ID:
        return company.id_of(page.field(control).relation, value)
    if control.shows is Shows.NAME:
        relation = TABLES[page.field(control).relation]
        named = company.by_code(relation.name, value) if value else None
        return named[relation.described] if named else ""
    if control.shows is Shows.CURRENCY:
        return value or company.local_currency
    return value
