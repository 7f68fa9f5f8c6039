"""Rights in the sandbox's environment: privileges of roles, profiles of column security, masks."""

import json

import pytest

from koppel.sandbox.dataverse.refusal import DENIED
from koppel.sandbox.dataverse.rights import ALLOWED, Depth, Grant
from tests.sandbox.web import Web, web

FAX = ("account", "fax")


@pytest.fixture
def crm() -> Web:
    return web()


def me(crm: Web) -> str:
    return f"systemusers({crm.get('WhoAmI').json['UserId']})/Microsoft.Dynamics.CRM."


def test_a_profile_grants_a_secured_column_right_by_right(crm: Web) -> None:
    row = crm.account(fax="123")
    crm.environment.secured.add(FAX)
    crm.environment.granted[FAX] = Grant(update=False)
    assert crm.get(f"accounts({row})?$select=fax").json["fax"] == "123"
    assert crm.account(fax="1") and crm.patch(f"accounts({row})", {"fax": "2"}, if_match="*").code == (403, DENIED)
    (told,) = crm.get(f"{me(crm)}RetrievePrincipalAttributePrivileges()").json["AttributePrivileges"]
    assert (told["CanRead"], told["CanCreate"], told["CanUpdate"]) == (ALLOWED, ALLOWED, 0)
    attributes = crm.get("EntityDefinitions(LogicalName='account')/Attributes?$select=LogicalName,MetadataId").rows
    assert [row["LogicalName"] for row in attributes if row["MetadataId"] == told["AttributeId"]] == ["fax"]


def test_a_mask_hides_a_value_from_those_who_may_read_it(crm: Web) -> None:
    row = crm.account(fax="1234567")
    crm.environment.masked.add(FAX)
    assert crm.get(f"accounts({row})?$select=fax").json["fax"] == "*****67"
    rules = "attributemaskingrules?$select=attributelogicalname&$filter=entityname eq "
    assert [rule["attributelogicalname"] for rule in crm.get(f"{rules}'account'").rows] == ["fax"]
    assert crm.get(f"{rules}'contact'").rows == []


@pytest.mark.parametrize("kind", ["Create", "Write", "Delete", "Assign", "Append"])
def test_what_a_role_lacks_is_refused_and_told_before(crm: Web, kind: str) -> None:
    """wire 1.10: 403 0x80040220 names the privilege."""
    row, user = crm.account(), crm.sample.people[0]
    name = f"prv{kind}Account"
    crm.environment.withheld[name] = Depth.NONE
    answer = {
        "Create": lambda: crm.post("accounts", {"name": "x"}),
        "Write": lambda: crm.patch(f"accounts({row})", {"name": "y"}, if_match="*"),
        "Delete": lambda: crm.call("DELETE", f"accounts({row})"),
        "Assign": lambda: crm.patch(f"accounts({row})", {"ownerid@odata.bind": f"/systemusers({user})"}, if_match="*"),
        "Append": lambda: crm.patch(
            f"accounts({row})", {"parentaccountid@odata.bind": f"/accounts({row})"}, if_match="*"
        ),
    }[kind]()
    assert answer.code == (403, DENIED) and name in answer.json["error"]["message"]
    (told,) = [
        one
        for one in crm.get("EntityDefinitions(LogicalName='account')?$select=Privileges").json["Privileges"]
        if one["PrivilegeType"] == kind
    ]
    asked = json.dumps([told["Name"], "prvReadAccount"])
    held = crm.get(f"{me(crm)}RetrieveUserSetOfPrivilegesByNames(PrivilegeNames=@p)?@p={asked}").json["RolePrivileges"]
    assert [(one["PrivilegeName"], one["Depth"]) for one in held] == [("prvReadAccount", "Global")]
