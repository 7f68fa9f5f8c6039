"""Rows of the Business Central database: what its people typed, with blanks where they did not."""

from koppel.demo.draw import Company, Draw, Person
from koppel.demo.files import Row, Value, business_central_stamp, past

_LIMITS = (0.0, 0.0, 1000.0, 2500.0, 5000.0, 7500.5, 10000.0, 12500.75, 25000.0, 50000.0)


def stamped(draw: Draw, row: Row) -> Row:
    """The row with a change stamp from before the demo."""
    row["modified_at"] = business_central_stamp(past(draw.rng.random()))
    return row


def _or_blank(draw: Draw, chance: float, value: str) -> str:
    """The value with this chance, otherwise blank: Business Central has no null."""
    return value if draw.rng.random() < chance else ""


def company_columns(draw: Draw, company: Company, email: str) -> Row:
    """The columns that customer, vendor and company contact share."""
    imported = draw.rng.random() < 0.01  # an old import left double spaces
    return {
        "name": company.name,
        "address": company.address.replace(" ", "  ", 1) if imported else company.address,
        "address_2": company.address_2,
        "post_code": company.post_code.upper(),
        "city": company.city.name,
        "county": _or_blank(draw, 0.3, company.city.county),
        "country_region_code": company.country.code,
        "phone_no": _or_blank(draw, 0.88, company.phone),
        "mobile_phone_no": _or_blank(draw, 0.25, company.mobile),
        "fax_no": _or_blank(draw, 0.2, company.fax),
        "e_mail": email,
        "home_page": _or_blank(draw, 0.6, f"https://www.{company.domain}"),
    }


def customer(draw: Draw, company: Company, email: str, keys: Row, blocked: bool) -> Row:
    """A customer; `keys` brings id, no, salesperson_code and currency_code."""
    row = keys | company_columns(draw, company, email)
    row["contact"] = _or_blank(draw, 0.8, company.contact)
    row["credit_limit_lcy"] = _LIMITS[int(draw.rng.random() * len(_LIMITS))]
    row["blocked"] = draw.pick(("Ship", "Invoice", "All")) if blocked else ""
    return stamped(draw, row)


def vendor(draw: Draw, company: Company, email: str, keys: Row, blocked: bool) -> Row:
    """A vendor; `keys` brings id, no, salesperson_code (here the purchaser) and currency_code."""
    row = keys | company_columns(draw, company, email)
    row["purchaser_code"] = row.pop("salesperson_code")
    row["contact"] = _or_blank(draw, 0.8, company.contact)
    row["blocked"] = draw.pick(("Payment", "All")) if blocked else ""
    return stamped(draw, row)


def company_contact(draw: Draw, company: Company, email: str, contact_id: str, no: str) -> Row:
    """The contact of type Company that belongs to a customer or vendor; it is its own company."""
    row: Row = {"id": contact_id, "no": no, "type": "Company", "company_no": no}
    row |= {"first_name": "", "middle_name": "", "surname": "", "job_title": "", "salesperson_code": ""}
    return stamped(draw, row | company_columns(draw, company, email))


def person_contact(draw: Draw, person: Person, company: Company, keys: Row, known: tuple[str, str]) -> Row:
    """A contact of type Person; `keys` brings id, no, company_no and salesperson_code, `known` e-mail and phone."""
    at_company = draw.rng.random() < 0.6
    email, phone = known
    row: Row = {
        "type": "Person",
        "first_name": person.first,
        "middle_name": person.middle,
        "surname": person.last,
        "name": " ".join(part for part in (person.first, person.middle, person.last) if part),
        "job_title": _or_blank(draw, 0.5, person.job),
        "address": company.address if at_company else "",
        "address_2": company.address_2 if at_company else "",
        "post_code": company.post_code.upper() if at_company else "",
        "city": company.city.name if at_company else "",
        "county": "",
        "country_region_code": company.country.code if at_company else "",
        "phone_no": phone,
        "mobile_phone_no": _or_blank(draw, 0.6, person.mobile),
        "fax_no": "",
        "e_mail": email,
        "home_page": "",
    }
    return stamped(draw, keys | row)


def relation(draw: Draw, relation_id: str, contact_no: str, link: str, no: Value) -> Row:
    """The contact business relation that says which customer or vendor a company contact is."""
    code = "CUST" if link == "Customer" else "VEND"
    row: Row = {"id": relation_id, "contact_no": contact_no, "business_relation_code": code}
    return stamped(draw, row | {"link_to_table": link, "no": no})
