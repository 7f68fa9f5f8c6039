"""What the connector tells before a run: rights, number series, posting groups, the local currency."""

from datetime import date
from decimal import Decimal

import httpx2
import pytest

from koppel.errors import Denied
from koppel.ports import Finding, Use
from koppel.sandbox.business_central.saving import new_row
from koppel.sandbox.business_central.tables import EXCHANGE_RATE
from tests.business_central.erp import Erp, custom, standard
from tests.business_central.writes import CREATE, written

PLAIN, RESERVING = Use(frozenset({"number"})), Use(frozenset({"number"}), reserves=True)
GROUPS = {
    "customers": ("generalBusinessPostingGroupCode", "customerPostingGroupCode"),
    "vendors": ("generalBusinessPostingGroupCode", "vendorPostingGroupCode"),
    "items": ("generalProductPostingGroupId", "inventoryPostingGroupCode"),
}


def creating(*fields: str) -> Use:
    """New records are made, with these fields."""
    names = frozenset(fields)
    return Use(names, creates=True, given=names)


def checked(erp: Erp, **uses: Use) -> list[Finding]:
    """Without what cannot be looked at."""
    return [found for found in erp.connected().check(uses) if not found.note]


def test_nothing_is_said_of_what_is_well() -> None:
    assert checked(custom(), customers=RESERVING, vendors=PLAIN) == []
    assert checked(standard(), customers=PLAIN, currencies=PLAIN) == []


def test_numbers_of_our_own_need_manual_nos() -> None:
    """wire 2.4: an explicit number is refused unless the series lets it be chosen; standard pages do not show it."""
    erp = custom()
    erp.central.others.manual_numbers("customers", False)
    (found,) = checked(erp, customers=RESERVING, vendors=RESERVING)
    assert found.table == "customers" and found.grave and "Manual Nos." in found.remedy
    assert checked(erp, customers=PLAIN) == []
    (unseen,) = checked(standard(), customers=RESERVING)
    assert not unseen.grave and "do not show it" in unseen.remedy


def test_a_page_that_may_not_be_read_is_told_with_the_page_that_grants_it() -> None:
    erp = standard()
    body = {"error": {"code": "Authorization_X", "message": "no permission"}}
    erp.line.before["GET", "/customers?"] = httpx2.Response(403, json=body)
    (found,) = checked(erp, customers=PLAIN, vendors=PLAIN)
    assert (found.table, found.grave) == ("customers", True) and "Authorization_X" in found.text
    assert "Microsoft Entra Applications" in found.remedy


def test_the_local_currency_is_that_of_the_company_whatever_the_api() -> None:
    """Pages of an app do not tell it, the standard page with information on the company does."""
    for erp in (standard(), custom()):
        assert erp.connected().currency() == "EUR"
        erp.line.before["GET", "/companyInformation"] = httpx2.Response(403, json={})
        assert erp.connected().currency() is None


@pytest.mark.parametrize("name", ["customers", "vendors", "contacts", "items"])
def test_a_number_that_a_mapping_gives_needs_manual_nos_of_the_series_of_its_table(name: str) -> None:
    """wire 2.4; items too."""
    erp = custom()
    given = creating("number", *GROUPS.get(name, ()))
    assert checked(erp, **{name: given}) == []
    erp.central.others.manual_numbers(name, False)
    (found,) = checked(erp, **{name: given})
    assert (found.table, found.grave) == (name, True) and "turn on Manual Nos." in found.remedy


@pytest.mark.parametrize(("name", "setup"), [("customers", "Sales & Receivables Setup"), ("items", "Inventory Setup")])
def test_a_number_that_nobody_gives_needs_a_series_that_does(name: str, setup: str) -> None:
    """wire 4.3.9: an empty number is taken from the series, and every create would be refused."""
    erp = custom()
    blank = creating("displayName", *GROUPS[name])
    assert checked(erp, **{name: blank}) == []
    erp.central.others.default_numbers(name, False)
    (found,) = checked(erp, **{name: blank})
    assert found.grave and "turn on Default Nos." in found.remedy
    erp.central.others.series_for(name, "")
    (found,) = checked(erp, **{name: blank})
    assert found.grave and setup in found.remedy
    erp.central.others.series_for("vendors", f"Vendor,{'Customer' if name == 'customers' else 'Item'}")
    assert checked(erp, **{name: blank}) == [], "one series may serve several tables"


@pytest.mark.parametrize("name", GROUPS)
def test_new_records_without_posting_groups_are_warned_of(name: str) -> None:
    """wire 2.4, 4.3.15: the standard page applies a template that no page shows, a page of an app none."""
    (unseen,) = checked(standard(), **{name: creating("displayName")})
    assert (unseen.table, unseen.grave) == (name, False)
    assert "Posting Group" in unseen.text and "API Setup" in unseen.remedy
    (missing,) = checked(custom(), **{name: creating("displayName", GROUPS[name][0])})
    assert not missing.grave and "applies no template" in missing.text and "(on create)" in missing.remedy
    assert "Gen." not in missing.text, "the one that is mapped is not missing"
    assert checked(custom(), **{name: creating("displayName", *GROUPS[name])}) == []
    assert checked(custom(), **{name: PLAIN}) == checked(custom(), contacts=creating("displayName")) == []


def test_a_template_or_a_line_gives_a_new_record_its_posting_groups() -> None:
    """What the warning advises helps."""
    erp = standard()
    erp.central.others.template("customers", {"customerPostingGroupCode": "NATIONAL"})
    erp.central.others.template("items", {"inventoryPostingGroupCode": "RESALE"})
    rows = erp.central.company.rows.tables
    erp.central.customer()
    erp.central.post("~/items", {"displayName": "x"})
    assert [row["Customer Posting Group"] for row in rows["Customer"].values()] == ["NATIONAL"]
    assert [row["Inventory Posting Group"] for row in rows["Item"].values()][-1] == "RESALE"
    erp.central.post("+/customers", {"displayName": "x"})
    erp.central.post("+/customers", {"displayName": "x", "customerPostingGroupCode": "EXPORT"})
    assert [row["Customer Posting Group"] for row in rows["Customer"].values()][1:] == ["", "EXPORT"]


def test_that_rights_to_write_cannot_be_asked_is_said_and_what_403_will_mean() -> None:
    """No request of Business Central tells them but one that writes."""
    erp = standard()
    (note,) = erp.connected().check({"customers": creating(*GROUPS["customers"])})
    assert note.note and not note.grave and "customers may be written cannot be asked" in note.text
    assert "403" in note.remedy and "Microsoft Entra Applications" in note.remedy
    assert all(request.method == "GET" for request in erp.line.asked)
    assert erp.connected().check({"customers": PLAIN}) == []


def test_a_write_that_is_not_allowed_says_who_grants_it() -> None:
    erp = standard()
    body = {"error": {"code": "Internal_ServerError", "message": "Sorry, the permissions prevented the action."}}
    table = erp.table()
    erp.line.before["POST", "/customers"] = httpx2.Response(403, json=body)
    with pytest.raises(Denied, match="Microsoft Entra Applications"):
        written(erp, table, CREATE, [{"displayName": "x"}])


def test_a_rate_is_the_one_of_today() -> None:
    """So many units of the currency are worth so many of the local one, from a day on."""
    erp = custom()
    company = erp.central.company
    dollar = {"Currency Code": "USD", "Relational Exch. Rate Amount": Decimal(2)}
    for day, amount in (("2025-06-01", "2.4"), ("2999-01-01", "9")):
        values = {**dollar, "Starting Date": date.fromisoformat(day), "Exchange Rate Amount": Decimal(amount)}
        company.rows.put(EXCHANGE_RATE, day, new_row(EXCHANGE_RATE, {**values, "SystemId": day}))
    assert erp.connected().rate("USD") == Decimal("1.2")
    assert erp.connected().rate("GBP") == Decimal("0.8431")
    assert erp.connected().rate("EUR") is None, "the local currency has no rate"
    erp.line.before["GET", "/currencyExchangeRates"] = httpx2.Response(403, json={})
    assert erp.connected().rate("USD") is None
