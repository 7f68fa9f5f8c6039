"""Calls as such: who may, addresses, options, filters, keys, columns, metadata, limits (wire 1.1 - 1.3, 1.6, 1.9)."""

import xml.etree.ElementTree as xml

import pytest

from koppel.sandbox.dataverse.limits import Allowance
from koppel.sandbox.exchange import Call
from tests.sandbox.web import CLIENT, URL, Web, answer_of, web

NOWHERE = "99999999-9999-4999-8999-999999999999"


def test_without_a_valid_token_there_is_a_challenge_and_no_body(crm: Web) -> None:
    for authorization in ("", "Bearer x", "Basic abc"):
        answer = crm.get("WhoAmI", authorization=authorization)
        assert (answer.status, answer.body) == (401, b"") and answer.headers["WWW-Authenticate"].startswith("Bearer")
    old = crm.bearer()
    assert crm.get("WhoAmI()", **old).status == 200
    crm.clock.advance(3_600)
    assert crm.get("WhoAmI()", **old).status == 401


def test_a_token_for_another_audience_is_refused(crm: Web) -> None:
    token = crm.tokens.issue(CLIENT, f"{URL}/")
    assert crm.get("WhoAmI", authorization=f"Bearer {token}").status == 401


@pytest.mark.parametrize("target", ["Accounts", "account", "accounts(x", "nothing", "accounts/name", "$Metadata"])
def test_unknown_segments_are_not_found(crm: Web, target: str) -> None:
    assert crm.get(target).code == (404, "0x8006088a")


@pytest.mark.parametrize(
    "option",
    [
        "$Select=name",
        "$skip=1",
        "$search=x",
        "$format=json",
        "$top=x",
        "$select=Name",
        "$select=ownerid",
        "$orderby=name up",
        "$filter=name in ('a')",
        "$filter=name eq",
        "$filter=name eq 1",
        "$filter=nothing eq 1",
        "$filter=length(name) eq 1",
    ],
)
def test_options_are_case_sensitive_and_4_0_only(crm: Web, option: str) -> None:
    assert crm.get(f"accounts?{option}").status == 400


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name eq 'a'", "a"),
        ("name ne 'a'", "bc"),
        ("fax ne '1'", "b"),
        ("fax eq null", "c"),
        ("not (name eq 'a') and creditlimit ge 2", "bc"),
        ("creditlimit lt 2.5 or name eq 'C'", "abc"),
        ("Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['a','c'])", "ac"),
        ("Microsoft.Dynamics.CRM.In(PropertyName='customertypecode',PropertyValues=['3'])", "a"),
        ("createdon ge 2020-01-01T00:00:00Z and statecode eq 0", "abc"),
        ("fax eq name or fax eq '2'", "b"),
        ("name eq 'a' or fax eq '2' or name eq 'c' or fax eq null", "abc"),
        ("not (fax eq '1' or fax eq '9')", "b"),
        (" or ".join(["name eq 'a'"] * 1_000), "a"),
    ],
)
def test_filters(crm: Web, text: str, names: str) -> None:
    crm.account(name="a", fax="1", creditlimit=1, customertypecode=3)
    crm.account(name="b", fax="2", creditlimit=2)
    crm.account(name="c", creditlimit=3)
    rows = crm.get(f"accounts?$select=name&$orderby=name&$filter={text}").rows
    assert "".join(row["name"] for row in rows) == names


def test_a_lookup_is_filtered_by_its_id_and_expanded(crm: Web) -> None:
    parent = crm.account(name="Parent")
    child = crm.contact(**{"parentcustomerid_account@odata.bind": f"/accounts({parent})"})
    rows = crm.get(f"contacts?$select=lastname&$filter=_parentcustomerid_value eq {parent.upper()}").rows
    assert [row["contactid"] for row in rows] == [child]
    row = crm.get("contacts?$select=lastname&$expand=parentcustomerid_account($select=name)").rows[0]
    assert row["parentcustomerid_account"]["name"] == "Parent"


def test_blanks_may_come_as_plus_and_dollars_encoded(crm: Web) -> None:
    """As the SDK of Microsoft sends them (wire 3.1)."""
    crm.account(name="a b")
    call = Call("GET", "/api/data/v9.2/accounts?%24select=name&%24filter=name+eq+%27a+b%27", crm.bearer())
    assert len(answer_of(crm.dataverse.answer(call)).rows) == 1


def test_keys(crm: Web) -> None:
    """wire 1.3: an upsert by key echoes the key form; the body wins for a row that is not there."""
    made = crm.patch("accounts(accountnumber='A''1')", {"name": "x"})
    assert made.headers["OData-EntityId"].endswith("accounts(accountnumber='A''1')")
    row = crm.get("accounts(accountnumber='A''1')?$select=accountnumber").json
    assert row["accountnumber"] == "A'1"
    again = crm.patch("accounts(accountnumber='A''1')", {"accountnumber": "B"}, prefer="return=representation")
    assert (again.status, again.json["accountid"], again.json["accountnumber"]) == (200, row["accountid"], "A'1")
    assert (
        crm.patch("accounts(accountnumber='N')", {"accountnumber": "B"}, prefer="return=representation").status == 201
    )
    assert crm.get("accounts(accountnumber='B')").status == 200 and crm.get("accounts(accountnumber='N')").status == 404
    assert crm.post("accounts", {"accountnumber": "b"}).code == (412, "0x80060892")
    assert crm.get("contacts(emailaddress1='a@b.example')").status == 400  # its index is not active
    assert crm.get('accounts(accountnumber="A")').status == crm.get("accounts(name='x')").status == 400


def test_one_column_is_put_and_deleted_and_a_link_removed(crm: Web) -> None:
    contact = crm.contact()
    row_id = crm.account(**{"primarycontactid@odata.bind": f"/contacts({contact})"})
    assert crm.call("PUT", f"accounts({row_id})/fax", {"value": "5"}).status == 204
    assert crm.get(f"accounts({row_id})?$select=fax").json["fax"] == "5"
    assert crm.call("DELETE", f"accounts({row_id})/fax").status == 204
    assert crm.call("DELETE", f"accounts({row_id})/primarycontactid/$ref").status == 204
    row = crm.get(f"accounts({row_id})?$select=fax,_primarycontactid_value").json
    assert (row["fax"], row["_primarycontactid_value"]) == (None, None)
    assert crm.call("DELETE", f"accounts({row_id})/nothing").status == 404


def test_deleting_takes_children_along_frees_links_and_stops_at_what_is_in_use(crm: Web) -> None:
    account, currency = crm.account(), crm.sample.currencies[0]
    child = crm.contact(**{"parentcustomerid_account@odata.bind": f"/accounts({account})"})
    friend = crm.contact()
    crm.patch(f"accounts({account})", {"primarycontactid@odata.bind": f"/contacts({friend})"})
    assert crm.call("DELETE", f"contacts({friend})").status == 204
    assert crm.get(f"accounts({account})?$select=_primarycontactid_value").json["_primarycontactid_value"] is None
    assert crm.call("DELETE", f"transactioncurrencies({currency})").code == (405, "0x80040227")
    assert crm.call("DELETE", f"accounts({account})").status == 204
    assert crm.get(f"contacts({child})").status == 404


def test_a_read_of_what_the_caller_has_is_304(crm: Web) -> None:
    row_id = crm.account()
    etag = crm.get(f"accounts({row_id})?$select=name").json["@odata.etag"]
    assert crm.get(f"accounts({row_id})", if_none_match=etag).status == 304
    assert crm.get(f"accounts({row_id})", if_none_match="null").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"nothing": 1}',
        b'{"Name": "x"}',
        b'{"name": 5}',
        b'{"numberofemployees": "5"}',
        b'{"creditonhold": 1}',
        b'{"accountid": "x"}',
    ],
)
def test_bodies_with_unknown_names_or_wrong_types_are_refused(crm: Web, body: bytes) -> None:
    assert crm.post("accounts", body).code == (400, "0x80048d19")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"numberofemployees": 2_000_000_000}, "0x8004432F"),
        ({"customertypecode": 99}, "0x8004431A"),
        ({"accountnumber": "x" * 21}, "0x80044331"),
        ({"overriddencreatedon": "1700-01-01T00:00:00Z"}, "0x80040203"),
    ],
)
def test_values_out_of_range_have_their_own_codes(crm: Web, values: dict[str, object], code: str) -> None:
    assert crm.post("accounts", values).code == (400, code)


def test_definitions(crm: Web) -> None:
    """wire 1.6, in the forms the clients of wire 3.1 and 3.2b ask."""
    select = "$select=LogicalName,EntitySetName,PrimaryIdAttribute"
    rows = crm.get(f"EntityDefinitions?{select}&$filter=LogicalName eq 'account'").rows
    assert rows == [{"LogicalName": "account", "EntitySetName": "accounts", "PrimaryIdAttribute": "accountid"}]
    account = "EntityDefinitions(LogicalName='account')"
    cast = f"{account}/Attributes/Microsoft.Dynamics.CRM"
    texts = {
        row["LogicalName"]: row for row in crm.get(f"{cast}.StringAttributeMetadata?$select=LogicalName,MaxLength").rows
    }
    assert texts["websiteurl"]["MaxLength"] == 200 and "creditlimit" not in texts
    options = "$select=LogicalName&$expand=OptionSet($select=Options)"
    picklists = crm.get(f"{cast}.PicklistAttributeMetadata?{options}").rows
    kinds = next(row for row in picklists if row["LogicalName"] == "customertypecode")
    assert {option["Value"] for option in kinds["OptionSet"]["Options"]} == {*range(1, 13)}
    lookups = crm.get(f"{cast}.LookupAttributeMetadata?$select=LogicalName,Targets").rows
    assert {"LogicalName": "ownerid", "Targets": ["systemuser", "team"]} in lookups
    keys = crm.get(f"{account}/Keys?$select=KeyAttributes,EntityKeyIndexStatus").rows
    assert keys == [{"KeyAttributes": ["accountnumber"], "EntityKeyIndexStatus": "Active"}]
    expanded = crm.get(
        f"{account}?$select=LogicalName&$expand=Attributes($select=LogicalName),ManyToOneRelationships"
    ).json
    names = {row["ReferencingEntityNavigationPropertyName"] for row in expanded["ManyToOneRelationships"]}
    assert "new_KeyAccountManager" in names and len(expanded["Attributes"]) > 40
    assert crm.get("EntityDefinitions(LogicalName='nothing')").status == 404
    assert crm.get(f"{account}/Attributes?$select=MaxLength").status == 400  # needs a cast


def test_the_service_names_its_sets_and_a_table_is_found_by_the_id_of_its_metadata(crm: Web) -> None:
    assert {"accounts", "contacts", "transactioncurrencies"} <= {one["name"] for one in crm.get("").rows}
    (account,) = crm.get("EntityDefinitions?$select=MetadataId&$filter=LogicalName eq 'account'").rows
    assert crm.get(f"EntityDefinitions({account['MetadataId']})?$select=LogicalName").json["LogicalName"] == "account"
    assert crm.get("EntityDefinitions(EntitySetName='accounts')").status == 404


def test_a_key_over_numbers_that_customers_and_vendors_share_cannot_be_built() -> None:
    """The demo companies of Business Central give the first of both the same numbers; the fifth business is a vendor.
    Its index is Failed then, which keeps nobody from anything.
    """
    crm = web(accounts=5)
    rows = crm.get("accounts?$filter=accountnumber eq '10000'").rows
    assert sorted(row["customertypecode"] for row in rows) == [3, 11]
    (key,) = crm.get("EntityDefinitions(LogicalName='account')/Keys?$select=EntityKeyIndexStatus").rows
    assert key == {"EntityKeyIndexStatus": "Failed"}
    assert crm.get("accounts(accountnumber='10000')").status == 400


def test_the_metadata_document_says_what_is_tracked(crm: Web) -> None:
    edm = "{http://docs.oasis-open.org/odata/ns/edm}"
    root = xml.fromstring(crm.get("$metadata?annotations=true").body)
    tracked = {e.get("Name") for e in root.iter(f"{edm}EntitySet") if e.find(f"{edm}Annotation") is not None}
    assert {"accounts", "contacts"} <= tracked and "teams" not in tracked
    types = {p.get("Name"): p.get("Type") for p in root.iter(f"{edm}Property")}
    assert types["birthdate"] == "Edm.Date" and types["_parentcustomerid_value"] == "Edm.Guid"


def entered(crm: Web, number: int) -> list[int]:
    """Statuses of that many calls one after another, through the turnstile."""
    call = Call("GET", "/api/data/v9.2/WhoAmI", crm.bearer())
    statuses = []
    for _ in range(number):
        refused = crm.dataverse.limits.enter(call)
        statuses.append(refused.status if refused else crm.dataverse.answer(call).status)
        crm.dataverse.limits.leave(call, 1.0)
    return statuses


def test_the_number_of_requests_is_limited_within_five_minutes(crm: Web) -> None:
    crm.dataverse.limits.allowance = Allowance(requests=3)
    assert entered(crm, 4) == [200, 200, 200, 429]
    crm.clock.advance(301)
    assert entered(crm, 1) == [200]


def test_the_time_of_execution_is_limited(crm: Web) -> None:
    crm.dataverse.limits.allowance = Allowance(execution_seconds=2)
    assert entered(crm, 3) == [200, 200, 429]


def test_concurrent_calls_are_limited_and_the_answer_says_what_is_left(crm: Web) -> None:
    call = Call("GET", "/api/data/v9.2/WhoAmI", crm.bearer())
    refused = [crm.dataverse.limits.enter(call) for _ in range(53)]
    assert [found for found in refused if found] == refused[52:]
    last = answer_of(refused[52]) if refused[52] else None
    assert last and last.code == (429, "0x80072326") and int(last.headers["Retry-After"]) >= 1
    for _ in refused:
        crm.dataverse.limits.leave(call, 0.5)
    headers = crm.get("WhoAmI").headers
    assert headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == str(6_000 - 53)
    assert headers["x-ms-ratelimit-time-remaining-xrm-requests"] == "1173.50" and headers["x-ms-dop-hint"]
