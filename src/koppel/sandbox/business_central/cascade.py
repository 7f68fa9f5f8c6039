"""Customers, vendors and their contacts: a write to one changes the other, by the same user (wire 2.4, 4.3.12)."""

from collections.abc import Callable
from uuid import uuid4

from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.saving import Author, new_row, save
from koppel.sandbox.business_central.series import next_number
from koppel.sandbox.business_central.shape import Table
from koppel.sandbox.business_central.tables import BUSINESS_RELATION, CONTACT, CUSTOMER, DELETION, VENDOR
from koppel.sandbox.business_central.validation import name_parts
from koppel.sandbox.rows import Key, Row

_PLACE = ("Name", "Address", "Address 2", "City", "County", "Country/Region Code", "Post Code")
_REACH = ("Phone No.", "Mobile Phone No.", "Fax No.", "E-Mail", "Home Page", "VAT Registration No.")
_SHARED = (*_PLACE, *_REACH, "Currency Code")
_RELATION_CODES = {CUSTOMER.name: "CUST", VENDOR.name: "VEND"}
PARTIES = {table.name: table for table in (CUSTOMER, VENDOR)}
"""The tables whose rows have a contact."""

_BY_CONTACT, _BY_PARTY = BUSINESS_RELATION.keys[1:]


def _any_id() -> str:
    return str(uuid4())


def inserted(company: Company, table: Table, row_id: str, author: Author, new_id: Callable[[], str] = _any_id) -> Row:
    """A new customer or vendor gets a contact, and a relation that says so; the contact."""
    party = company.rows.tables[table.name][row_id]
    number = next_number(company, CONTACT) or party["No."]
    kind = party.get("Contact Type", "Company")
    own = {"Company No.": number, "Company Name": party["Name"]} if kind == "Company" else {}
    contact = new_row(CONTACT, {"No.": number, "Type": kind, **own, **_copied(party)})
    contact |= {"Search Name": contact["Name"].upper(), "Contact Business Relation": table.name} | name_parts(contact)
    save(company, CONTACT, new_id(), contact, author)
    values = {"Contact No.": number, "Link to Table": table.name, "No.": party["No."]}
    relation = new_row(BUSINESS_RELATION, {**values, "Business Relation Code": _RELATION_CODES[table.name]})
    save(company, BUSINESS_RELATION, new_id(), relation, author)
    return contact


def modified(company: Company, table: Table, before: Row, row_id: str, author: Author) -> None:
    """What follows from a changed row: the contact of a customer or vendor always, these of a contact when a field they
    share has changed; and the people of a company know its name.
    """
    row = company.rows.tables[table.name][row_id]
    if table.name in PARTIES:
        relation = _relation(company, _BY_PARTY, table.name, row["No."])
        contact = relation and company.by_code(CONTACT.name, relation["Contact No."])
        if contact:
            _save_contact(company, contact, _copied(row), author)
    elif table is CONTACT:
        if any(row[name] != before[name] for name in _SHARED):
            _change_parties(company, row, author)
        if row["Type"] == "Company" and row["Name"] != before["Name"]:
            _tell_people(company, row, author)


def renamed(company: Company, table: Table, old: str, new: str, author: Author) -> None:
    """A relation names a customer or vendor by number."""
    relation = _relation(company, _BY_PARTY, table.name, old) if table.name in PARTIES else None
    if relation is not None:
        save(company, BUSINESS_RELATION, relation["SystemId"], {**relation, "No.": new}, author)


def delete(company: Company, table: Table, row_id: str, author: Author) -> None:
    """Delete a row, its relations, and with a company its people (the latter general knowledge, not in the report)."""
    row = company.rows.tables[table.name][row_id]
    _remove(company, table, row, author)
    if table.name in PARTIES:
        relation = _relation(company, _BY_PARTY, table.name, row["No."])
        if relation is not None:
            company.rows.remove(BUSINESS_RELATION, relation["SystemId"])
            _mark(company, relation["Contact No."], author)
    elif table is CONTACT:
        for party in PARTIES:
            relation = _relation(company, _BY_CONTACT, row["No."], party)
            if relation is not None:
                company.rows.remove(BUSINESS_RELATION, relation["SystemId"])
        for person in _people(company, row):
            _remove(company, CONTACT, person, author)


def _copied(source: Row) -> Row:
    """The fields a contact and its customer or vendor share."""
    return {name: source[name] for name in _SHARED}


def _change_parties(company: Company, contact: Row, author: Author) -> None:
    for table in PARTIES.values():
        relation = _relation(company, _BY_CONTACT, contact["No."], table.name)
        party = relation and company.by_code(table.name, relation["No."])
        if party:
            save(company, table, party["SystemId"], {**party, **_copied(contact)}, author)


def _save_contact(company: Company, contact: Row, changes: Row, author: Author) -> None:
    after = contact | changes
    after |= {"Search Name": after["Name"].upper()} | name_parts(after)
    if after["Type"] == "Company":
        after["Company Name"] = after["Name"]
    save(company, CONTACT, contact["SystemId"], after, author)
    if after["Name"] != contact["Name"]:
        _tell_people(company, after, author)


def _tell_people(company: Company, employer: Row, author: Author) -> None:
    for person in _people(company, employer):
        save(company, CONTACT, person["SystemId"], {**person, "Company Name": employer["Name"]}, author)


def _people(company: Company, employer: Row) -> list[Row]:
    contacts = company.rows.tables[CONTACT.name].values()
    return [row for row in contacts if row["Company No."] == employer["No."] and row["No."] != employer["No."]]


def _mark(company: Company, contact_number: str, author: Author) -> None:
    """What a contact and the people of a company say of its relations."""
    contact = company.by_code(CONTACT.name, contact_number)
    if contact is not None:
        links = [name for name in PARTIES if _relation(company, _BY_CONTACT, contact_number, name)]
        said = "Multiple" if len(links) > 1 else links[0] if links else "None"
        for row in (contact, *_people(company, contact)):
            save(company, CONTACT, row["SystemId"], {**row, "Contact Business Relation": said}, author)


def _relation(company: Company, key: Key, *values: str) -> Row | None:
    row_id = company.rows.by_key(BUSINESS_RELATION, key, values)
    return company.rows.get(BUSINESS_RELATION.name, row_id) if row_id else None


def _remove(company: Company, table: Table, row: Row, author: Author) -> None:
    """Delete one row; an app that listens writes it down (wire 2.2)."""
    company.rows.remove(table, row["SystemId"])
    entry = len(company.rows.tables[DELETION.name]) + 1
    values = {"Entry No.": entry, "Table No.": table.number, "Record Id": row["SystemId"], "No.": row[table.key]}
    log = new_row(DELETION, {**values, "Deleted At": company.setting.now(), "Deleted By": author.user})
    save(company, DELETION, _any_id(), log, author)
