"""An environment with data that looks real: currencies, users, accounts, contacts. The same for the same seed."""

from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.others import Others
from koppel.sandbox.dataverse.rows import Ref
from koppel.sandbox.dataverse.tables import ACCOUNT_NUMBER_KEY, TABLES
from koppel.sandbox.sample import (
    CURRENCIES,
    FIRST,
    LAST,
    SALESPEOPLE,
    Business,
    Person,
    Place,
    businesses,
    people,
    shares_numbers,
)


class Sample:
    """Fills an environment. Afterwards `people` are the ids of its users, the last one disabled."""

    def __init__(self, environment: Environment, client_id: str, seed: int = 1) -> None:
        self._environment = environment
        self._seed = seed
        self._random = Random(seed)
        self._client_id = client_id
        self.people: list[str] = []
        self.currencies: list[str] = []

    def fill(self, accounts: int, contacts: int, businesses_there: int = 0) -> None:
        """Put everything in. `businesses_there`: those of the company beside it, whose numbers it has to be able to
        hold: a key over account numbers does not go with customers and vendors that share them.
        """
        if shares_numbers(max(accounts, businesses_there)):
            self._environment.rows.broken.add(ACCOUNT_NUMBER_KEY)
        self._users()
        self._money()
        author = Others(self._environment, self.people[0])
        draw = Random(self._seed)
        ids = [author.create("account", self._account(business)) for business in businesses(draw, accounts)]
        for person in people(draw, contacts, ids):
            author.create("contact", self._contact(person, ids))

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
            first, last = FIRST[number], LAST[number]
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
        for code, name, symbol, precision, rate in CURRENCIES:
            row = {"isocurrencycode": code, "currencyname": name, "currencysymbol": symbol}
            numbers = {"currencyprecision": precision, "exchangerate": Decimal(rate), "statecode": 0, "statuscode": 1}
            self.currencies.append(self._put("transactioncurrency", row | numbers))
        self._environment.base_currency = self.currencies[0]

    def _account(self, business: Business) -> dict[str, Any]:
        currency = next(at for at, (code, *_) in enumerate(CURRENCIES) if code == business.currency)
        return {
            "accountid": self._id(),
            "name": business.name,
            "accountnumber": business.number,
            "customertypecode": 11 if business.vendor else 3,
            "emailaddress1": business.email,
            "websiteurl": business.website,
            "creditlimit": Decimal(business.credit),
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({self.currencies[currency]})",
            **self._place(business.place),
        }

    def _contact(self, person: Person, accounts: list[str]) -> dict[str, Any]:
        body = {
            "contactid": self._id(),
            "firstname": person.first,
            "lastname": person.last,
            "emailaddress1": person.email,
            "mobilephone": person.mobile,
            "jobtitle": person.job,
            **self._place(person.place),
        }
        if person.employer is not None:
            body["parentcustomerid_account@odata.bind"] = f"/accounts({accounts[person.employer]})"
        return body

    def _place(self, place: Place) -> dict[str, Any]:
        return {
            "address1_line1": place.street,
            "address1_city": place.city,
            "address1_postalcode": place.post_code,
            "address1_country": place.country,
            "telephone1": place.phone,
            "ownerid@odata.bind": f"/systemusers({self.people[place.seller]})",
        }
