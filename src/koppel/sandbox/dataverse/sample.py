"""An environment with data that looks real: currencies, users, accounts, contacts. The same for the same seed."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.tables import TABLES

_CURRENCIES = [
    ("EUR", "Euro", "€", 2, "1"),
    ("USD", "US Dollar", "$", 2, "1.0875"),
    ("GBP", "Pound Sterling", "£", 2, "0.8431"),
    ("JPY", "Japanese Yen", "¥", 0, "163.52"),
]
_FIRST = [
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
_LAST = [
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
_TOWNS = [
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
SALESPEOPLE = 8


class Sample:
    """Fills an environment. Afterwards `people` are the ids of its users, the last one disabled."""

    def __init__(self, environment: Environment, client_id: str, seed: int = 1) -> None:
        self._environment = environment
        self._random = Random(seed)
        self._client_id = client_id
        self.people: list[str] = []
        self.currencies: list[str] = []

    def fill(self, accounts: int, contacts: int) -> None:
        """Put everything in."""
        self._users()
        self._money()
        author = Others(self._environment, self.people[0])
        ids = [author.create("account", body) for body in self._accounts(accounts)]
        for body in self._contacts(contacts, ids):
            author.create("contact", body)

    def _id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _put(self, table: str, row: dict[str, Any]) -> str:
        row_id = self._id()
        now = self._environment.now()
        me = Ref("systemuser", self.people[0] if self.people else row_id)
        stamps = {"createdon": now, "modifiedon": now, "createdby": me, "modifiedby": me}
        self._environment.rows.put(TABLES[table], row_id, {TABLES[table].id_column: row_id, **stamps, **row})
        return row_id

    def _users(self) -> None:
        """Salespeople, one who has left, and the application user."""
        for number in range(SALESPEOPLE + 1):
            first, last = _FIRST[number], _LAST[number]
            address = f"{first}.{last}@example.com".lower()
            row = {"firstname": first, "lastname": last, "fullname": f"{first} {last}", "accessmode": 0}
            flags = {"isdisabled": number == SALESPEOPLE, "islicensed": True, "isintegrationuser": False}
            names = {"internalemailaddress": address, "domainname": address, "mobilephone": f"+31 6 1000 {number:04}"}
            self.people.append(self._put("systemuser", row | flags | names))
        application = {"firstname": "#", "lastname": "koppel", "fullname": "# koppel", "accessmode": 4}
        flags = {"isdisabled": False, "islicensed": False, "isintegrationuser": False}
        user = self._put("systemuser", application | flags | {"applicationid": self._client_id})
        self._environment.users[self._client_id] = user
        self._put("team", {"name": "Sales"})

    def _money(self) -> None:
        for code, name, symbol, precision, rate in _CURRENCIES:
            row = {"isocurrencycode": code, "currencyname": name, "currencysymbol": symbol}
            numbers = {"currencyprecision": precision, "exchangerate": Decimal(rate), "statecode": 0, "statuscode": 1}
            self.currencies.append(self._put("transactioncurrency", row | numbers))
        self._environment.base_currency = self.currencies[0]

    def _accounts(self, number: int) -> Iterator[dict[str, Any]]:
        draw = self._random
        for place in range(number):
            name = f"{draw.choice(_LAST)} {draw.choice(_TRADES)} {draw.choice(_FORMS)}"
            yield {
                "accountid": self._id(),
                "name": name,
                "accountnumber": f"{'V' if place % 5 == 4 else 'C'}{place + 1:05}",
                "customertypecode": 11 if place % 5 == 4 else 3,
                "emailaddress1": f"info@company{place + 1}.example",
                "websiteurl": f"https://www.company{place + 1}.example",
                "creditlimit": Decimal(draw.randrange(0, 50_000, 500)),
                "transactioncurrencyid@odata.bind": f"/transactioncurrencies({draw.choice(self.currencies)})",
                **self._place(),
            }

    def _contacts(self, number: int, accounts: list[str]) -> Iterator[dict[str, Any]]:
        draw = self._random
        for place in range(number):
            first, last = draw.choice(_FIRST), draw.choice(_LAST)
            body = {
                "contactid": self._id(),
                "firstname": first,
                "lastname": last,
                "emailaddress1": f"{first}.{last}{place + 1}@example.com".lower(),
                "mobilephone": f"+31 6 2{place:07}",
                "jobtitle": draw.choice(["Buyer", "Director", "Planner", "Controller"]),
                **self._place(),
            }
            if accounts and place % 20 != 19:  # a few belong to nobody
                body["parentcustomerid_account@odata.bind"] = f"/accounts({draw.choice(accounts)})"
            yield body

    def _place(self) -> dict[str, Any]:
        draw = self._random
        city, code, country = draw.choice(_TOWNS)
        return {
            "address1_line1": f"{draw.choice(_STREETS)} {draw.randrange(1, 200)}",
            "address1_city": city,
            "address1_postalcode": code,
            "address1_country": country,
            "telephone1": f"+31 20 {draw.randrange(1_000_000, 9_999_999)}",
            "ownerid@odata.bind": f"/systemusers({draw.choice(self.people[:SALESPEOPLE])})",
        }
