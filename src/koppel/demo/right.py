"""Rows of the Dataverse database: the same companies and people as other people typed them, null where unknown."""

from koppel.demo import spoil
from koppel.demo.draw import Company, Draw, Person
from koppel.demo.files import Row, dataverse_stamp, past
from koppel.demo.spoil import maybe

CUSTOMER, VENDOR = 3, 11  # customertypecode


def stamped(draw: Draw, row: Row) -> Row:
    """The row with a change stamp from before the demo."""
    row["modifiedon"] = dataverse_stamp(past(draw.rng.random()))
    return row


def _address(draw: Draw, company: Company) -> Row:
    """The address block as somebody else typed it, sometimes in part unknown."""
    known = draw.rng.random() < 0.95
    return {
        "address1_line1": spoil.address(draw, company.address) if known else None,
        "address1_line2": maybe(draw, 0.8, company.address_2),
        "address1_postalcode": spoil.post_code(draw, company.post_code.upper()) if known else None,
        "address1_city": spoil.text(draw, company.city.name) if known else None,
        "address1_stateorprovince": maybe(draw, 0.4, company.city.county),
        "address1_country": maybe(draw, 0.9, spoil.country_code(draw, company.country)),
    }


def account(draw: Draw, company: Company, rule: int, email: str | None, keys: Row) -> Row:
    """An account for a company. `rule` is the match rule that must find it (0: none has to); rule 3 compares name and
    post code, so these stay comparable. `keys` brings ids, number, types and states."""
    country = company.country
    row = keys | {
        "name": spoil.other_case(draw, company.name) if rule == 3 else spoil.name(draw, company.name),
        "address1_primarycontactname": maybe(draw, 0.6, company.contact),
        **_address(draw, company),
        "telephone1": maybe(draw, 0.85, spoil.phone(draw, country, company.phone)),
        "telephone2": maybe(draw, 0.2, company.mobile),
        "fax": maybe(draw, 0.15, company.fax),
        "emailaddress1": email,
        "websiteurl": maybe(draw, 0.7, f"https://www.{company.domain}"),
    }
    if rule == 3:
        row["address1_postalcode"] = company.post_code.upper()
    return stamped(draw, row)


def contact(draw: Draw, person: Person, company: Company, rule: int, keys: Row) -> Row:
    """A contact; `keys` brings ids, emailaddress1, telephone1 and states. Rule 2 compares names and telephone1."""
    last: str | None = person.last
    middle = maybe(draw, 0.85, person.middle)
    if rule != 2:
        joined = bool(person.middle) and draw.rng.random() < 0.1
        last = spoil.text(draw, f"{person.middle} {person.last}" if joined else person.last)
        middle = None if joined else middle
    first = person.first if rule == 2 else spoil.text(draw, person.first)
    row = keys | {
        "firstname": first,
        "middlename": middle,
        "lastname": last,
        "fullname": " ".join(part for part in (first, middle, last) if part).strip(),
        "jobtitle": maybe(draw, 0.6, person.job),
        "mobilephone": maybe(draw, 0.5, spoil.phone(draw, company.country, person.mobile)),
    }
    return stamped(draw, row | (_address(draw, company) if draw.rng.random() < 0.5 else dict.fromkeys(_ADDRESS)))


_ADDRESS = (
    "address1_line1", "address1_line2", "address1_postalcode", "address1_city", "address1_stateorprovince",
    "address1_country",
)  # fmt: skip


def user(user_id: str, names: tuple[str, str], email: str, mobile: str, switches: tuple[int, int, int]) -> Row:
    """A system user; `names` are first and last name, `switches` are disabled, licensed and integration user."""
    disabled, licensed, integration = switches
    return {
        "systemuserid": user_id, "firstname": names[0], "lastname": names[1], "fullname": " ".join(names),
        "internalemailaddress": email, "mobilephone": mobile, "jobtitle": "Account manager",
        "isdisabled": disabled, "islicensed": licensed, "isintegrationuser": integration,
    }  # fmt: skip
