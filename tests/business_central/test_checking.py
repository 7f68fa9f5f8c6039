"""What the connector tells before a run: rights, Manual Nos., the local currency."""

import httpx2

from koppel.ports import Finding, Use
from tests.business_central.erp import Erp, custom, standard

PLAIN, RESERVING = Use(frozenset({"number"}), False), Use(frozenset({"number"}), True)


def checked(erp: Erp, **uses: Use) -> list[Finding]:
    return list(erp.connected().check(uses))


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
