"""What the connector tells before a run: rights, keys without an index, Microsoft's connector, the base currency."""

from decimal import Decimal

import httpx2
import pytest

from koppel.errors import Denied
from koppel.ports import Finding, Use
from koppel.sandbox.dataverse.environment import Environment
from koppel.sandbox.dataverse.rights import Depth, Grant
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


def writing(*fields: str, deletes: bool = False) -> Use:
    """A table that is written, all of these fields."""
    names = frozenset(fields)
    return Use(names, creates=True, deletes=deletes, given=names, changed=names)


def test_rights_to_write_are_told_without_writing(far: Crm) -> None:
    """wire 1.10, 4.2.17: 403 0x80040220 would come row by row, in the middle of the first run."""
    uses = {"account": writing("name", "ownerid", "transactioncurrencyid", deletes=True), "systemuser": ACCOUNT}
    assert checked(far, **uses) == []
    assert all(request.method == "GET" or "$batch" in str(request.url) for request in far.line.asked)
    withheld = far.web.environment.withheld
    for name in ("prvCreateAccount", "prvDeleteAccount", "prvAssignAccount", "prvAppendToTransactionCurrency"):
        withheld[name] = Depth.NONE
    withheld["prvWriteAccount"] = Depth.USER
    missing, limited, target = checked(far, **uses)
    assert missing.table == "account" and missing.grave and "0x80040220" in missing.text
    assert "prvCreateAccount, prvDeleteAccount, prvAssignAccount" in missing.text
    assert missing.remedy.endswith("Create, Delete, Assign on account at the level Organization")
    assert not limited.grave and "prvWriteAccount at the level User: rows of others are refused" in limited.text
    assert (target.table, target.grave) == ("transactioncurrency", True) and "Append To on" in target.remedy


def test_only_what_the_mappings_do_needs_rights(far: Crm) -> None:
    """A role that grants no more than it has to is no mistake."""
    for kind in ("Create", "Write", "Delete", "Assign", "Append", "AppendTo"):
        far.web.environment.withheld[f"prv{kind}Account"] = Depth.NONE
    assert checked(far, account=ACCOUNT) == []
    (found,) = checked(far, account=Use(frozenset({"name"}), changed=frozenset({"name"})))
    assert "lacks prvWriteAccount:" in found.text
    lookup = frozenset({"parentcustomerid"})
    assert checked(far, contact=Use(lookup, changed=lookup)) == [], "accounts are not mapped, so it leads to none"
    (found,) = checked(far, account=ACCOUNT, contact=Use(lookup, changed=lookup))
    assert found.table == "account" and "prvAppendToAccount" in found.text


def test_rights_that_cannot_be_asked_are_told_as_such(far: Crm) -> None:
    far.web.environment.withheld["prvReadUser"] = Depth.NONE
    (found,) = checked(far, account=writing("name"))
    assert (found.table, found.grave) == ("", False) and "cannot be asked" in found.text
    assert "Read on User" in found.remedy and "0x80040220" in found.remedy


@pytest.mark.parametrize(
    ("depths", "told"),
    [
        (("Basic", "Global"), []),
        (("Global", "Basic"), []),
        (("Deep", "Local"), ["Parent: Child Business Units"]),
        (("Local", "?"), ["Business Unit"]),
    ],
)
def test_a_right_of_a_role_and_of_a_team_is_as_deep_as_the_deeper(
    far: Crm, depths: tuple[str, str], told: list[str]
) -> None:
    """Found by a review: the last one won."""
    privileges = [{"PrivilegeName": "prvWriteAccount", "Depth": depth} for depth in depths]
    answer = httpx2.Response(200, json={"RolePrivileges": privileges})
    far.line.before["GET", "RetrieveUserSetOfPrivilegesByNames"] = answer
    found = checked(far, account=Use(frozenset({"name"}), changed=frozenset({"name"})))
    assert [f"at the level {level}:" in one.text for one, level in zip(found, told, strict=True)] == [True] * len(told)


def test_a_table_that_does_not_say_its_privileges_is_told_as_such(far: Crm) -> None:
    """Found by a review: an answer that was not good counted as a table for which no privilege is needed."""
    system = far.connected()
    assert not list(system.check({"account": writing("name")}))
    far.line.before["POST", "$batch"] = httpx2.Response(403, json={"error": {"code": "0x80040220", "message": "No."}})
    (found,) = system.check({"account": writing("name")})
    assert (found.table, found.grave) == ("account", False)
    assert "could not be looked at: 403 0x80040220 No." in found.text


def test_hidden_columns_in_use_are_told_with_what_opens_them(far: Crm) -> None:
    """wire 4.2.6: every record with a hidden field would be an error; a granted one is nothing to talk of."""
    environment = far.web.environment
    for column in ("fax", "name", "websiteurl", "telephone1"):
        environment.secured.add(("account", column))
    environment.granted[("account", "name")] = Grant()
    environment.granted[("account", "websiteurl")] = Grant(update=False)
    environment.granted[("account", "telephone1")] = Grant()
    environment.masked.add(("account", "telephone1"))
    assert checked(far, account=Use(frozenset({"name", "emailaddress1"}))) == []
    found = checked(far, account=writing("name", "fax", "websiteurl", "telephone1"))
    assert all(one.grave for one in found)
    masked, hidden = sorted(found, key=lambda one: "masking rule" not in one.remedy)
    assert masked.text == "by column security telephone1 is not shown to koppel"
    assert hidden.text.endswith(
        "fax is not shown to koppel, set by koppel, changed by koppel; websiteurl is not changed by koppel"
    )
    assert "column security profile" in hidden.remedy


def test_a_rate_is_what_amounts_are_divided_by(far: Crm) -> None:
    """wire 4.2.11."""
    assert far.connected().rate("USD") == Decimal("1.0875")
    assert far.connected().rate("ZZZ") is None
