"""What the connector tells before a run: rights, keys without an index, Microsoft's connector, the base currency."""

import pytest

from koppel.errors import Denied
from koppel.ports import Finding, Use
from koppel.sandbox.dataverse.environment import Environment
from tests.dataverse.crm import Crm, crm

ACCOUNT = Use(frozenset({"accountnumber", "name"}), False)
CONTACT = Use(frozenset({"emailaddress1"}), False)


@pytest.fixture
def far() -> Crm:
    return crm()


def checked(far: Crm, **uses: Use) -> list[Finding]:
    return list(far.connected().check(uses))


def test_nothing_is_said_of_what_is_well(far: Crm) -> None:
    assert checked(far, account=ACCOUNT, systemuser=Use(frozenset({"fullname"}), False)) == []
    assert not any("PATCH" in request.method for request in far.line.asked)


def test_a_key_without_its_index_is_told_where_its_columns_are_mapped(far: Crm) -> None:
    """wire 1.3: only Active keys may be used."""
    (found,) = checked(far, contact=CONTACT)
    assert (found.table, found.grave) == ("contact", False)
    assert "new_emailaddress1_key (emailaddress1) is Failed" in found.text and "reactivate" in found.remedy
    assert checked(far, contact=Use(frozenset({"firstname"}), False)) == []


def test_change_tracking_needs_the_right_to_read_everybodys_rows(far: Crm) -> None:
    """wire 4.2.4; a reader of his own rows only would be refused in the middle of the first run."""
    far.web.environment.organisation_read = False
    (found,) = checked(far, account=ACCOUNT)
    assert found.grave and "0x80040220" in found.text
    assert "Read on account for the whole organisation" in found.remedy


def test_an_app_that_is_no_user_there_is_told_what_to_do(far: Crm) -> None:
    """wire 4.2.25: 403 0x80072560, the classic mistake of the set-up; the token is good."""
    far.web.environment.users.clear()
    with pytest.raises(Denied, match=r"0x80072560[^\n]*\n.*application user"):
        far.connected().tables()


def test_microsofts_connector_is_noticed(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that synchronise the same tables undo one another's work (semantics 8.4: table of companies)."""
    system = far.connected()
    known = dict(system._facts())
    monkeypatch.setattr(system, "_facts", lambda: known | {"cdm_company": known["account"]})
    (found,) = system.check({"account": ACCOUNT})
    assert (found.table, found.grave) == ("", False) and "on hold" in found.remedy


def test_the_base_currency_is_that_of_the_organisation(far: Crm) -> None:
    assert far.connected().currency() == "EUR"
    environment: Environment = far.web.environment
    environment.base_currency = far.web.sample.currencies[1]
    assert far.connected().currency() == "USD"
