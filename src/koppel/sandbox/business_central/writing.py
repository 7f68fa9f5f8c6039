"""Writing rows: insert, modify, rename, delete, with their preconditions (wire 2.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from koppel.sandbox.business_central import cascade
from koppel.sandbox.business_central.body import ID, check_currency, sent_values
from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.refusal import CHANGED, DIALOG, FIELD, NO_TOKEN, SAME_KEY, Refusal, bad, missing
from koppel.sandbox.business_central.saving import Author, new_row, save
from koppel.sandbox.business_central.series import check_manual, next_number
from koppel.sandbox.business_central.shape import Page, Table
from koppel.sandbox.business_central.showing import etag
from koppel.sandbox.business_central.tables import CONTACT, CUSTOMER, ITEM, TABLES, VENDOR
from koppel.sandbox.business_central.validation import assign
from koppel.sandbox.rows import Row

_NAMED = {CUSTOMER.name, VENDOR.name, CONTACT.name}
"""Tables whose standard page insists on a name."""


@dataclass(frozen=True)
class Wanted:
    """`If-Match` of a call. `needed`: whether the call may do without."""

    match: str
    needed: bool = True


def create(company: Company, page: Page, body: Mapping[str, Any], author: Author) -> str:
    """A new row; its id. Raises `Refusal`."""
    table = page.table
    _check_free(company, table, "")
    row = new_row(table, {})
    sent = [*sent_values(company, page, body, None)]
    for field, value in sent:
        assign(company, table, row, field, value)
    check_currency(company, body)
    if not page.custom and table.name in _NAMED and not row["Name"]:
        raise bad('A "displayName" must be provided.', DIALOG)
    _number(company, table, row)
    row_id = row[ID] if any(field.name == ID for field, _ in sent) else str(uuid4())
    if company.rows.get(table.name, row_id) is not None:
        text = f"The record in table {table.name} already exists. Identification fields and values: SystemId='{row_id}'"
        raise Refusal(company.switches.duplicate_key_status, SAME_KEY, text)
    if table is CONTACT and row["Type"] == "Company":
        row |= {"Company No.": row["No."], "Company Name": row["Name"], "Contact Business Relation": "None"}
    save(company, table, row_id, row, author)
    _apply_template(company, page, row_id, {field.name for field, _ in sent}, author)
    if table.name in cascade.PARTIES:
        cascade.inserted(company, table, row_id, author)
    return row_id


def update(company: Company, page: Page, row_id: str, body: Mapping[str, Any], author: Author, wanted: Wanted) -> None:
    """Change a row that is there; PATCH and PUT both merge, neither creates (wire 2.4, 4.3.4). Raises `Refusal`."""
    table = page.table
    before = _checked(company, table, row_id, wanted)
    row = dict(before)
    _check_privacy(table, before, body)
    for field, value in sent_values(company, page, body, row_id):
        if field.name == table.key and value != row[table.key]:
            check_manual(company, table)
        assign(company, table, row, field, value)
    check_currency(company, body)
    if not page.custom and "Name" in row and table.name in _NAMED and not row["Name"]:
        raise bad('The blank "displayName" is not allowed.', DIALOG)
    _check_key(table, row)
    if row[table.key] != before[table.key]:
        _rename(company, table, before[table.key], row, author)
    save(company, table, row_id, row, author)
    cascade.modified(company, table, before, row_id, author)


def delete(company: Company, page: Page, row_id: str, author: Author, wanted: Wanted) -> None:
    """Delete a row; the log of an app is all that tells of it (wire 4.3.1). Raises `Refusal`."""
    _checked(company, page.table, row_id, wanted)
    cascade.delete(company, page.table, row_id, author)


def _check_free(company: Company, table: Table, row_id: str) -> None:
    """Another session may hold the table or the row; that passes, though it comes as a refusal (wire 4.3.26)."""
    left = company.busy.get(table.name, 0)
    company.busy[table.name] = max(left - 1, 0)
    if left > 0 or row_id in company.held.values():
        text = f"We can't save your changes right now, because a record in table '{table.name}' is being updated in a"
        text = f"{text} transaction done by another session. Try again later."
        raise Refusal(company.switches.locked_status, DIALOG, text)


def _checked(company: Company, table: Table, row_id: str, wanted: Wanted) -> Row:
    """The row, if it is there and is the one the caller has seen: 404, 400, 409 in that order (wire 2.4,
    4.3.3).
    """
    _check_free(company, table, row_id)
    row = company.rows.get(table.name, row_id)
    if row is None:
        raise missing(table, row_id)
    if not wanted.match and wanted.needed:
        text = "Could not validate the client concurrency token required by the service for this request."
        raise bad(f"{text} Please modify the request and try again.", NO_TOKEN)
    if wanted.match not in ("", "*", etag(row)):
        raise Refusal(company.switches.stale_status, CHANGED, "Another user has already changed the record.")
    return row


def _check_privacy(table: Table, before: Row, body: Mapping[str, Any]) -> None:
    """A person who is blocked for privacy is not changed, but for that (wire 4.3.24)."""
    if table is CONTACT and before["Privacy Blocked"] and {*body} != {"privacyBlocked"}:
        raise bad(f"You cannot change the contact {before['No.']} because it is blocked due to privacy.", DIALOG)


def _number(company: Company, table: Table, row: Row) -> None:
    """The key of a new row: sent, where that is allowed, or the next of the series (wire 2.4)."""
    if row[table.key]:
        check_manual(company, table)
    else:
        row[table.key] = next_number(company, table) or ""
    _check_key(table, row)


def _check_key(table: Table, row: Row) -> None:
    if not row[table.key]:
        raise bad(f"{table.key} must have a value in {table.name}. It cannot be zero or empty.", FIELD)


def _apply_template(company: Company, page: Page, row_id: str, sent: set[str], author: Author) -> None:
    """Customers, vendors and items are inserted, then modified: two versions (wire 4.3.16), the second with what a
    template gives to fields that were not sent (wire 4.3.15).
    """
    if page.table is not ITEM and page.table.name not in cascade.PARTIES:
        return
    row = dict(company.rows.tables[page.table.name][row_id])
    if not page.custom:
        given = company.templates.get(page.table.name, {})
        for name, value in given.items():
            if name not in sent:
                assign(company, page.table, row, page.table.fields[name], value)
    save(company, page.table, row_id, row, author)


def _rename(company: Company, table: Table, old: str, row: Row, author: Author) -> None:
    """A new number keeps the id (wire 4.3.2), and everything that named the old one names the new one."""
    new = row[table.key]
    holder = company.by_code(table.name, new)
    if holder is not None:
        raise company.taken(table, table.primary, holder[ID])
    # The new name first, or the rows that follow would name nothing.
    save(company, table, row[ID], {**company.rows.tables[table.name][row[ID]], table.key: new}, author)
    for other in TABLES.values():
        columns = [field.name for field in other.fields.values() if field.relation == table.name]
        for other_id, found in [*company.rows.tables[other.name].items()] if columns else []:
            changes = {name: new for name in columns if found[name] == old}
            if changes and other_id != row[ID]:
                save(company, other, other_id, {**found, **changes}, author)
    for name in (field.name for field in table.fields.values() if field.relation == table.name):
        row[name] = new if row[name] == old else row[name]
    cascade.renamed(company, table, old, new, author)
