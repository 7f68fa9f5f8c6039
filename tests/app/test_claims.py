"""Look before you create, where several mappings share a table (DESIGN 3): whose a record behind the filter is."""

from pathlib import Path

import pytest

from koppel.app import Koppel
from koppel.app.full import FullOptions
from koppel.model.policy import FirstContact
from tests.beside import Database, uid

ERP, SHOP, CRM = Database("erp"), Database("shop"), Database("crm")
NUMBERED = 'CREATE TABLE "{}" (no TEXT PRIMARY KEY, modified TIMESTAMP);'
ACCOUNT = "CREATE TABLE account (id CHAR(36) PRIMARY KEY, number TEXT, country TEXT, shop TEXT, modified TIMESTAMP);"
MAPPING = """
[mappings.{name}]
left = "{left}"
right = "crm.account"
only_coupled = false
left_modified = "modified"
right_modified = "modified"
right_filter = "{filter}"
match = ["no = number"]
fields = ["no <-> number"]
"""
CUSTOMER = MAPPING.format(name="CUSTOMER", left="erp.customer", filter="country = 'NL'")
CLIENT = MAPPING.format(name="CLIENT", left="shop.client", filter="shop = 'yes'")
BELGIANS = MAPPING.format(name="BELGIANS", left="erp.customer", filter="country = 'BE'")
VENDOR = MAPPING.format(name="VENDOR", left="erp.vendor", filter="shop = 'yes'")
READ_VENDOR = VENDOR.replace("<->", "<-").replace("only_coupled", 'direction = "<-"\nonly_coupled')


def _carried(folder: Path, *mappings: str) -> tuple[list[str], int]:
    """Customer 10000 is new, and a Belgian account 10000 that shops is there: the errors, and how many accounts there
    are after a full run of `CUSTOMER`.
    """
    ERP.create(folder, NUMBERED.format("customer") + NUMBERED.format("vendor"))
    SHOP.create(folder, NUMBERED.format("client"))
    CRM.create(folder, ACCOUNT)
    ERP.sql(folder, "INSERT INTO customer VALUES ('10000', '2026-01-01 00:00:00')")
    CRM.sql(folder, "INSERT INTO account VALUES (?, '10000', 'BE', 'yes', '2026-01-01 00:00:00')", uid(1))
    text = "".join(system.toml for system in (ERP, SHOP, CRM)) + "".join(mappings)
    (folder / "koppel.toml").write_text(text, encoding="utf-8")
    with Koppel.open(folder / "koppel.toml") as koppel:
        options = FullOptions(first_contact={"": FirstContact.LEFT})
        if READ_VENDOR in mappings:  # it has made a vendor of the account, which left its filter since
            koppel.full(["VENDOR"], options)
            CRM.sql(folder, "UPDATE account SET shop = 'no'")
        koppel.full(["CUSTOMER"], options)
        errors = [error.code for error in koppel.errors()]
    return errors, len(CRM.sql(folder, "SELECT id FROM account"))


@pytest.mark.parametrize("others", [(), (CLIENT,), (BELGIANS,)], ids=["alone", "shop", "region"])
def test_a_mapping_that_may_mean_the_same_business_claims_nothing(tmp_path: Path, others: tuple[str, ...]) -> None:
    """Customer 10000 got a second account as soon as clients of a shop, or customers of another region, shared the
    table.
    """
    assert _carried(tmp_path, CUSTOMER, *others) == (["match_outside_filter"], 1)


@pytest.mark.parametrize("vendor", [VENDOR, READ_VENDOR], ids=["inside its filter", "coupled in one that only reads"])
def test_what_is_a_vendors_is_no_customers(tmp_path: Path, vendor: str) -> None:
    """Two tables of one system hold different businesses, whatever their numbers."""
    assert _carried(tmp_path, CUSTOMER, vendor) == ([], 2)
