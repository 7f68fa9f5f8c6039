"""Businesses and people that look real, for every service alike: the same ones for the same seed.

So the services of one sandbox know the same customers, vendors and people, as systems do that people kept in step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

CURRENCIES = [
    ("EUR", "Euro", "€", 2, "1"),
    ("USD", "US Dollar", "$", 2, "1.0875"),
    ("GBP", "Pound Sterling", "£", 2, "0.8431"),
    ("JPY", "Japanese Yen", "¥", 0, "163.52"),
]
FIRST = [
    "Anna",
    "Bram",
    "Carla",
    "Dirk",
    "Eva",
    "Floor",
    "Gijs",
    "Hanna",
    "Ivo",
    "Joris",
    "Karin",
    "Lars",
    "Mia",
    "Noor",
    "Otto",
    "Petra",
    "Ruben",
    "Sanne",
    "Tijn",
    "Ulla",
]
LAST = [
    "Bakker",
    "Visser",
    "Smit",
    "Meijer",
    "Mulder",
    "Bos",
    "Vos",
    "Peters",
    "Hendriks",
    "Dekker",
    "Brouwer",
    "Dijkstra",
    "Kok",
    "Kuipers",
    "Prins",
    "Huisman",
]
_TRADES = [
    "Bouw",
    "Techniek",
    "Logistiek",
    "Groothandel",
    "Installatie",
    "Metaal",
    "Meubelen",
    "Textiel",
    "Advies",
    "Transport",
    "Drukkerij",
    "Zuivel",
]
_FORMS = ["B.V.", "N.V.", "GmbH", "& Zn.", "Ltd."]
TOWNS = [
    ("Amsterdam", "1012 AB", "NL"),
    ("Utrecht", "3511 CD", "NL"),
    ("'s-Hertogenbosch", "5211 EF", "NL"),
    ("Antwerpen", "2000", "BE"),
    ("Köln", "50667", "DE"),
    ("London", "EC1A 1BB", "GB"),
]
_STREETS = [
    "Dorpsstraat",
    "Kerkstraat",
    "Stationsweg",
    "Molenlaan",
    "Havenkade",
    "Industrieweg",
    "Nieuwstraat",
    "Beukenhof",
]
_CRONUS = tuple(f"{number}0000" for number in range(1, 6))
"""The first customers and the first vendors of Business Central's demo companies have these numbers, both of them."""

SALESPEOPLE = 8
"""How many people sell, one more has left."""


@dataclass(frozen=True)
class Place:
    """Where somebody is, and the number of who sells to them."""

    street: str
    city: str
    post_code: str
    country: str
    phone: str
    seller: int


@dataclass(frozen=True)
class Business:
    """A customer or vendor. `credit`: an amount. `currency`: a code."""

    number: str
    vendor: bool
    name: str
    email: str
    website: str
    credit: int
    currency: str
    place: Place


@dataclass(frozen=True)
class Person:
    """Somebody who works for a business. `employer`: the place of it, None for one who belongs to nobody."""

    first: str
    last: str
    email: str
    mobile: str
    job: str
    employer: int | None
    place: Place


def businesses(random: Random, number: int) -> Iterator[Business]:
    """So many of them, every fifth a vendor."""
    for at in range(number):
        vendor = _is_vendor(at)
        yield Business(
            number=_number(at),
            vendor=vendor,
            name=f"{random.choice(LAST)} {random.choice(_TRADES)} {random.choice(_FORMS)}",
            email=f"info@company{at + 1}.example",
            website=f"https://www.company{at + 1}.example",
            credit=random.randrange(0, 50_000, 500),
            currency=random.choice(CURRENCIES)[0],
            place=_place(random),
        )


def shares_numbers(number: int) -> bool:
    """Whether among so many businesses a customer and a vendor have the same number."""
    numbers = [_number(at) for at in range(number)]
    return len(set(numbers)) < len(numbers)


def _is_vendor(at: int) -> bool:
    return at % 5 == 4


def _number(at: int) -> str:
    """The number of the business at a place; later ones have numbers of their series."""
    vendor = _is_vendor(at)
    nth = at // 5 if vendor else at - at // 5
    return _CRONUS[nth] if nth < len(_CRONUS) else f"{'V' if vendor else 'C'}{at + 1:05}"


def people(random: Random, number: int, employers: Sequence[object]) -> Iterator[Person]:
    """So many of them; a few belong to nobody."""
    for at in range(number):
        first, last = random.choice(FIRST), random.choice(LAST)
        yield Person(
            first=first,
            last=last,
            email=f"{first}.{last}{at + 1}@example.com".lower(),
            mobile=f"+31 6 2{at:07}",
            job=random.choice(["Buyer", "Director", "Planner", "Controller"]),
            employer=random.randrange(len(employers)) if employers and at % 20 != 19 else None,
            place=_place(random),
        )


def _place(random: Random) -> Place:
    city, code, country = random.choice(TOWNS)
    street = f"{random.choice(_STREETS)} {random.randrange(1, 200)}"
    phone = f"+31 20 {random.randrange(1_000_000, 9_999_999)}"
    return Place(street, city, code, country, phone, random.randrange(SALESPEOPLE))
