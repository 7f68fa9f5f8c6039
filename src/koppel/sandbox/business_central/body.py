"""The body of a write, as fields and values in the order they were sent (wire 2.4, 4.3.11, 4.3.25)."""

from collections.abc import Iterator, Mapping
from typing import Any

from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.refusal import DIALOG, bad
from koppel.sandbox.business_central.shape import ZERO_GUID, Control, Field, Page, Shows
from koppel.sandbox.business_central.switches import ClientId
from koppel.sandbox.business_central.values import stored
from koppel.sandbox.exchange import json_object

ID = "SystemId"
_TOLERATED = {"@odata.etag", "@odata.context", "@odata.type"}


def document(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises `Refusal`."""
    if (found := json_object(body)) is None:
        raise bad("Invalid JSON: a JSON object was expected in the body of the request.")
    return found


def sent_values(
    company: Company, page: Page, body: Mapping[str, Any], row_id: str | None
) -> Iterator[tuple[Field, Any]]:
    """Field and value of everything a body sets, in its order. `row_id`: of the row that is changed. Raises `Refusal`.

    One property nobody may write fails all of it (wire 4.3.25).
    """
    for name, value in body.items():
        if name in _TOLERATED:
            continue
        control = page.controls.get(name)
        if control is None:
            text = f"The property '{name}' does not exist on type 'Microsoft.NAV.{page.entity}'."
            raise bad(f"{text} Make sure to only use property names that are defined by the type.")
        if control.field == ID:
            yield from _chosen_id(company, page, control, value, row_id)
        elif not control.editable:
            raise _read_only(name)
        else:
            yield page.field(control), _value(company, page, control, value)


def check_currency(company: Company, body: Mapping[str, Any]) -> None:
    """`currencyId` and `currencyCode` have to name the same one when both are sent (wire 2.4)."""
    if "currencyId" not in body or "currencyCode" not in body:
        return
    meant = company.id_of("Currency", _currency_code(company, str(body["currencyCode"]).strip().upper()))
    if meant != str(body["currencyId"]).lower():
        raise bad("The currency values do not match to a specific Currency.", DIALOG)


def _chosen_id(
    company: Company, page: Page, control: Control, value: Any, row_id: str | None
) -> Iterator[tuple[Field, Any]]:
    """An id can be chosen on a custom page; what a standard page does with one is not settled (U5)."""
    rule = ClientId.ACCEPTED if page.custom else company.switches.client_id
    if rule is ClientId.READ_ONLY:
        raise _read_only(control.name)
    if rule is ClientId.IGNORED:
        return
    chosen = stored(page.field(control), page.type(control), value, company.switches)
    if row_id is not None and chosen != row_id:
        raise _read_only(control.name)
    if row_id is None and chosen != ZERO_GUID:
        yield page.field(control), chosen


def _value(company: Company, page: Page, control: Control, value: Any) -> Any:
    """What the field behind a control is to hold; nothing is null (wire 2.4)."""
    field = page.field(control)
    found = stored(field, page.type(control), value, company.switches)
    if control.shows is Shows.ID:
        return _code_of(company, page, control, found)
    return _currency_code(company, found) if control.shows is Shows.CURRENCY else found


def _code_of(company: Company, page: Page, control: Control, row_id: str) -> str:
    """The code of the row an id names; the zero id is blank."""
    field = page.field(control)
    if row_id == ZERO_GUID:
        return ""
    row = company.rows.get(field.relation, row_id)
    if row is None:
        raise bad(f'The "{control.name}" does not match to a {field.relation}.', DIALOG)
    return str(row["Code"])


def _currency_code(company: Company, code: str) -> str:
    """The code of the local currency is kept as a blank one (wire 4.3.13)."""
    return "" if code == company.local_currency else code


def _read_only(name: str) -> Exception:
    return bad(f"Control '{name}' is read-only.")
