"""A company that numbers its customers and vendors alike, as Business Central's demo companies (CRONUS) do.

Customer 10000 and vendor 10000 are two businesses with two accounts, and the people of each belong to its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomlkit

from koppel.app import Koppel
from koppel.app.full import FullOptions
from koppel.app.sandbox import Amounts, described, started
from koppel.config import preset
from koppel.model.policy import FirstContact
from koppel.sandbox.business_central.company import Company
from koppel.sandbox.rows import Row
from koppel.sandbox.server import Sandbox

BUSINESSES, PEOPLE = 15, 30
APP = "koppel/sync/v1.0"
TYPES = {"Customer": 3, "Vendor": 11}


@dataclass
class Rehearsal:
    """A running sandbox, and koppel between its systems."""

    sandbox: Sandbox
    koppel: Koppel

    @property
    def company(self) -> Company:
        return next(iter(self.sandbox.companies.environment.companies.values()))

    def left(self, table: str) -> list[Row]:
        return [*self.company.rows.tables[table].values()]

    def right(self, table: str) -> dict[str, Row]:
        return self.sandbox.dataverse.environment.rows.tables[table]

    def contact_of(self, table: str, number: str) -> Row:
        """The company contact of a customer or vendor."""
        relations = self.left("Contact Business Relation")
        (found,) = (row for row in relations if (row["Link to Table"], row["No."]) == (table, number))
        contact = self.company.by_code("Contact", found["Contact No."])
        assert contact is not None
        return contact

    def wanted_parents(self) -> dict[str, tuple[str, int]]:
        """By e-mail address of everybody who works for a customer or vendor: number and type of that one's account.

        As Business Central decides it (semantics 4.9.2): the customer that a relation of the company says, else the
        vendor.
        """
        relations = {
            (row["Contact No."], row["Link to Table"]): row["No."] for row in self.left("Contact Business Relation")
        }
        found = {}
        for person in self.left("Contact"):
            ways = ((relations.get((person["Company No."], table)), kind) for table, kind in TYPES.items())
            if person["Type"] == "Person" and (way := next(((number, kind) for number, kind in ways if number), None)):
                found[person["E-Mail"]] = way
        return found

    def parents(self) -> dict[str, tuple[str, int]]:
        """The same, as Dataverse has it."""
        accounts, found = self.right("account"), {}
        for contact in self.right("contact").values():
            if parent := contact.get("parentcustomerid"):
                account = accounts[parent.id]
                found[contact["emailaddress1"]] = (account["accountnumber"], account["customertypecode"])
        return found


@pytest.fixture(params=[("v2.0", BUSINESSES), (APP, 0)], ids=["standard", "app"])
def rehearsal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rehearsal]:
    """Dataverse knows the businesses, or nothing yet; it never knows their people."""
    api, accounts = request.param
    with started(Amounts(accounts, 0, BUSINESSES, PEOPLE), 0) as sandbox:
        there = described(sandbox)
        (tmp_path / "secret").write_text(there.client_secret, encoding="utf-8")
        document = tomlkit.parse(preset("business-central-dataverse", api=api).text)
        access = {"authority": there.authority, "tenant": there.tenant, "client": there.client_id}
        shared = {"ca_file": there.ca_file.as_posix(), "auth": {**access, "secret": "file:secret"}}
        place = {"environment": there.environment, "company": there.company}
        document["systems"]["bc"].update({"url": there.business_central, **place, **shared})
        document["systems"]["dataverse"].update({"url": there.dataverse, **shared})
        (tmp_path / "koppel.toml").write_text(tomlkit.dumps(document), encoding="utf-8")
        with Koppel.open(tmp_path / "koppel.toml") as koppel:
            yield Rehearsal(sandbox, koppel)


def test_people_belong_to_the_account_of_their_own_company(rehearsal: Rehearsal) -> None:
    """It was an error of every contact of such a company, and one of customer and vendor was neither coupled nor
    created, for the number led to the account of the other.
    """
    customer, vendor = rehearsal.contact_of("Customer", "10000"), rehearsal.contact_of("Vendor", "10000")
    colleague = next(iter(rehearsal.sandbox.companies.people.values()))
    colleague.edit("contacts", vendor["SystemId"], {"displayName": customer["Name"]})  # and they are namesakes
    report = rehearsal.koppel.full([], FullOptions(couple_likely=True, first_contact={"": FirstContact.LEFT}))
    failed = [error for error in rehearsal.koppel.errors() if error.mapping != "SALESPEOPLE"]  # one of them has left
    assert not failed
    wanted = rehearsal.wanted_parents()
    assert {("10000", 3), ("10000", 11)} <= set(wanted.values())
    assert rehearsal.parents() == wanted
    rehearsal.koppel.answer(report.run, yes=True)
    _and_back(rehearsal, vendor)


def _and_back(rehearsal: Rehearsal, employer: Row) -> None:
    """Somebody who is new in Dataverse, at the vendor, works for the vendor in Business Central too."""
    accounts = rehearsal.right("account").items()
    (account,) = (key for key, row in accounts if (row["accountnumber"], row["customertypecode"]) == ("10000", 11))
    new = {"firstname": "Noor", "lastname": "Vos", "emailaddress1": "noor@vendor.example"}
    rehearsal.sandbox.others.create("contact", new | {"parentcustomerid_account@odata.bind": f"/accounts({account})"})
    rehearsal.koppel.sync(["CONTACT"])
    (made,) = (row for row in rehearsal.left("Contact") if row["E-Mail"] == new["emailaddress1"])
    assert made["Company No."] == employer["No."]
