"""What happens when a field is given a value: rules of the application, in the order fields come (wire 2.4, 4.3.11)."""

from collections.abc import Callable
from typing import Any

from koppel.sandbox.business_central.company import Company, PostCode
from koppel.sandbox.business_central.refusal import DIALOG, FIELD, RELATION, bad
from koppel.sandbox.business_central.shape import Field, Table
from koppel.sandbox.business_central.tables import CONTACT
from koppel.sandbox.rows import Row

Trigger = Callable[[Company, Row, Any], None]
"""Works on the row with the new value; takes the value before."""


def assign(company: Company, table: Table, row: Row, field: Field, value: Any) -> None:
    """Give a field of a row a value, with all that follows from it; what a code names must be there (wire 4.3.14).
    Raises `Refusal`.
    """
    before = row[field.name]
    row[field.name] = value
    if field.relation and value and company.by_code(field.relation, value) is None:
        text = f"The field {field.name} of table {table.name} contains a value ({value})"
        raise bad(f"{text} that cannot be found in the related table ({field.relation}).", RELATION)
    if trigger := _TRIGGERS.get(field.name):
        trigger(company, row, before)
    if table is CONTACT and (trigger := _OF_CONTACTS.get(field.name)):
        trigger(company, row, before)


def _post_code(company: Company, row: Row, before: Any) -> None:
    """A known post code brings its city, county and country, whatever stood there."""
    _fill(company, row, "Post Code", lambda one: one.code)


def _city(company: Company, row: Row, before: Any) -> None:
    """A known city brings its post code, county and country."""
    _fill(company, row, "City", lambda one: one.city.upper())


def _fill(company: Company, row: Row, name: str, of: Callable[[PostCode], str]) -> None:
    sought = row[name].upper()
    if not sought or not company.switches.post_code_fills:
        return
    found = company.post_code(lambda one: of(one) == sought, row["Country/Region Code"])
    if found is not None:
        place = {"Post Code": found.code, "City": found.city, "County": found.county}
        row |= {**place, "Country/Region Code": found.country}


def _country(company: Company, row: Row, before: Any) -> None:
    """Another country than before: post code, city and county no longer hold."""
    if before and before != row["Country/Region Code"]:
        row |= {"Post Code": "", "City": "", "County": ""}


def _no_letters(name: str) -> Trigger:
    def trigger(company: Company, row: Row, before: Any) -> None:
        if any(character.isalpha() for character in row[name]):
            raise bad(f"{name} must not contain letters in {row.get('No.', '')}.", FIELD)

    return trigger


def _email(company: Company, row: Row, before: Any) -> None:
    """Its form is checked (general knowledge, not in the wire report)."""
    name, at, host = row["E-Mail"].partition("@")
    if (row["E-Mail"] and not (name and at and host)) or " " in row["E-Mail"]:
        raise bad(f'The email address "{row["E-Mail"]}" is not valid.', DIALOG)


def _person_name(company: Company, row: Row, before: Any) -> None:
    """The name of a person is its first, middle and last name (wire 2.4)."""
    row["Name"] = " ".join(filter(None, (row["First Name"], row["Middle Name"], row["Surname"])))[:100]
    row["Search Name"] = row["Name"].upper()


def _name_of_contact(company: Company, row: Row, before: Any) -> None:
    """… and the other way round."""
    row |= {"Search Name": row["Name"].upper()} | name_parts(row)


def name_parts(row: Row) -> Row:
    """The parts of a person's name: the last word is the surname, what stands between is the middle name."""
    if row["Type"] != "Person":
        return {}
    words = row["Name"].split()
    parts = {"First Name": words[:-1][:1], "Middle Name": words[1:-1], "Surname": words[-1:]}
    return {name: " ".join(part)[:30] for name, part in parts.items()}


def _company_no(company: Company, row: Row, before: Any) -> None:
    """A person belongs to a company, which is a contact of that type, and takes its name and its business relation."""
    employer = company.by_code(CONTACT.name, row["Company No."]) if row["Company No."] else None
    if employer is not None and employer["Type"] != "Company":
        raise bad(f"Type must be equal to 'Company' in Contact: No.={employer['No.']}.", FIELD)
    row["Company Name"] = employer["Name"] if employer else ""
    row["Contact Business Relation"] = employer["Contact Business Relation"] if employer else "None"


_TRIGGERS: dict[str, Trigger] = {
    "Post Code": _post_code,
    "City": _city,
    "Country/Region Code": _country,
    "Phone No.": _no_letters("Phone No."),
    "Mobile Phone No.": _no_letters("Mobile Phone No."),
    "E-Mail": _email,
}
_OF_CONTACTS: dict[str, Trigger] = {
    "Name": _name_of_contact,
    "First Name": _person_name,
    "Middle Name": _person_name,
    "Surname": _person_name,
    "Company No.": _company_no,
}
