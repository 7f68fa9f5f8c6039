"""Companies with data that looks real: codes, currencies, salespeople, customers, vendors, contacts of both.

The second company is a copy of the first one, as people make them: its rows have the same ids (wire 4.3.18).
"""

from datetime import date
from decimal import Decimal
from random import Random
from uuid import UUID

from koppel.sandbox.business_central import cascade
from koppel.sandbox.business_central.company import Company, PostCode, Setting
from koppel.sandbox.business_central.environment import Environment
from koppel.sandbox.business_central.others import Others
from koppel.sandbox.business_central.saving import Author, new_row, save
from koppel.sandbox.business_central.series import next_number
from koppel.sandbox.business_central.tables import COMPANY, CONTACT, CUSTOMER, EXCHANGE_RATE, ITEM, TABLES, VENDOR
from koppel.sandbox.business_central.validation import name_parts
from koppel.sandbox.clock import Clock
from koppel.sandbox.rows import Row
from koppel.sandbox.sample import (
    CURRENCIES,
    FIRST,
    LAST,
    SALESPEOPLE,
    TOWNS,
    Business,
    Person,
    Place,
    businesses,
    people,
)

ENVIRONMENT = "Rehearsal"
LOCAL_CURRENCY = "EUR"
NAMES = ("CRONUS NL", "CRONUS NL copy")
POST_CODES = tuple(PostCode(code, city, "", country) for city, code, country in TOWNS)

_CODES = {
    "Country/Region": [("NL", "Netherlands"), ("BE", "Belgium"), ("DE", "Germany"), ("GB", "Great Britain")],
    "Payment Terms": [("14D", "Net 14 days"), ("1M", "1 month"), ("COD", "Cash on delivery")],
    "Payment Method": [("BANK", "Bank transfer"), ("CASH", "Cash")],
    "Shipment Method": [("EXW", "Ex works"), ("DDP", "Delivered duty paid")],
    "Shipping Agent": [("DHL", "DHL"), ("POST", "Post")],
    "Unit of Measure": [("PCS", "Piece"), ("BOX", "Box")],
    "Item Category": [("FURNITURE", "Furniture"), ("MISC", "Miscellaneous")],
    "Territory": [("RANDSTAD", "Randstad"), ("ABROAD", "Abroad")],
    "Salutation": [("M", "Mr"), ("F", "Ms")],
    "Gen. Business Posting Group": [("NATIONAL", "Domestic"), ("EXPORT", "Abroad")],
    "Customer Posting Group": [("NATIONAL", "Domestic"), ("EXPORT", "Abroad")],
    "Vendor Posting Group": [("NATIONAL", "Domestic"), ("EXPORT", "Abroad")],
    "Gen. Product Posting Group": [("RETAIL", "Goods for resale")],
    "Inventory Posting Group": [("RESALE", "Goods for resale")],
}
_RATES_FROM = date(2024, 1, 1)
_SERIES = [("C", CUSTOMER.name, 5), ("V", VENDOR.name, 5), ("CT", CONTACT.name, 6), ("I", ITEM.name, 5)]
"""Code of a number series, the table it is for, digits of its numbers."""


class Companies:
    """An environment with two companies. `people`: those who work in them, by the company's name."""

    def __init__(self, clock: Clock, tenant: str, client_id: str, seed: int = 1) -> None:
        self.environment = Environment(tenant, ENVIRONMENT, Setting(clock))
        self.people: dict[str, Others] = {}
        self._seed = seed
        draw = Random(seed)
        self.environment.users[client_id] = _id(draw)
        self._person = _id(draw)

    def fill(self, number: int, persons: int) -> None:
        """So many businesses and people; the second company is a copy of the first."""
        for name in NAMES:
            company = Company(_id(Random(name)), name, self.environment.setting, POST_CODES)
            self.environment.companies[company.id] = company
            _Filler(company, self._seed, self._person).fill(number, persons)
            self.people[name] = Others(company, self._person)


def _id(draw: Random) -> str:
    return str(UUID(int=draw.getrandbits(128), version=4))


class _Filler:
    def __init__(self, company: Company, seed: int, user: str) -> None:
        self._company = company
        self._random = Random(seed)
        self._seed = seed
        self._author = Author(user)

    def fill(self, number: int, persons: int) -> None:
        """Put everything in."""
        self._setup(number)
        draw = Random(self._seed)
        contacts = [self._business(business) for business in businesses(draw, number)]
        for person in people(draw, persons, contacts):
            self._person(person, contacts)

    def _id(self) -> str:
        return _id(self._random)

    def _put(self, table: str, values: Row) -> None:
        save(self._company, TABLES[table], self._id(), new_row(TABLES[table], values), self._author)

    def _setup(self, number: int) -> None:
        self._put(COMPANY.name, {"Name": self._company.name, "City": "Amsterdam", "LCY Code": LOCAL_CURRENCY})
        for table, codes in _CODES.items():
            for code, description in codes:
                self._put(table, {"Code": code, "Description": description})
        for code, used_by, digits in _SERIES:
            last = number if used_by in cascade.PARTIES else 0  # the others take theirs from the series, one by one
            flags = {"Default Nos.": True, "Manual Nos.": True, "Last No. Used": f"{code}{last:0{digits}}"}
            self._put("No. Series", {"Code": code, "Used By": used_by, **flags})
        for code, name, symbol, places, rate in CURRENCIES:
            names = {"Code": code, "ISO Code": code, "Description": name, "Symbol": symbol}
            self._put("Currency", {**names, "Amount Decimal Places": f"{places}:{places}"})
            if code != LOCAL_CURRENCY:
                amounts = {"Exchange Rate Amount": Decimal(rate), "Relational Exch. Rate Amount": Decimal(1)}
                self._put(EXCHANGE_RATE.name, {"Currency Code": code, "Starting Date": _RATES_FROM, **amounts})
        for seller in range(SALESPEOPLE + 1):
            self._salesperson(seller)
        self._put("Item", {"No.": "1000", "Description": "Bicycle", "Base Unit of Measure": "PCS"})

    def _salesperson(self, number: int) -> None:
        first, last = FIRST[number], LAST[number]
        values = {"Code": seller_code(number), "Name": f"{first} {last}", "Phone No.": f"+31 6 1000 {number:04}"}
        self._put("Salesperson/Purchaser", {**values, "E-Mail": f"{first}.{last}@example.com".lower()})

    def _business(self, business: Business) -> Row:
        """A customer or vendor with its contact; the contact."""
        table = VENDOR if business.vendor else CUSTOMER
        seller = seller_code(business.place.seller)
        own = {"Credit Limit (LCY)": Decimal(business.credit), "Salesperson Code": seller}
        values = {
            "No.": business.number,
            "Name": business.name,
            "E-Mail": business.email,
            "Home Page": business.website,
            "Currency Code": "" if business.currency == LOCAL_CURRENCY else business.currency,
            "Payment Terms Code": "14D",
            **({"Purchaser Code": seller} if business.vendor else own),
            **_address(business.place),
        }
        row_id = self._id()
        save(self._company, table, row_id, new_row(table, values), self._author)
        return cascade.inserted(self._company, table, row_id, self._author, self._id)

    def _person(self, person: Person, contacts: list[Row]) -> None:
        nobody = {"No.": "", "Name": "", "Contact Business Relation": "None"}
        employer = contacts[person.employer] if person.employer is not None else nobody
        values: Row = {
            "No.": next_number(self._company, CONTACT),
            "Type": "Person",
            "Name": f"{person.first} {person.last}",
            "Search Name": f"{person.first} {person.last}".upper(),
            "Company No.": employer["No."],
            "Company Name": employer["Name"],
            "Contact Business Relation": employer["Contact Business Relation"],
            "E-Mail": person.email,
            "Mobile Phone No.": person.mobile,
            "Job Title": person.job,
            "Salesperson Code": seller_code(person.place.seller),
            **_address(person.place),
        }
        self._put(CONTACT.name, values | name_parts(values))


def seller_code(number: int) -> str:
    """The code of a salesperson: initials and a number."""
    return f"{FIRST[number][0]}{LAST[number][0]}{number + 1}"


def _address(place: Place) -> Row:
    return {
        "Address": place.street,
        "City": place.city,
        "Post Code": place.post_code,
        "Country/Region Code": place.country,
        "Phone No.": place.phone,
    }
