"""Calls as such: who may, routes, options, filters, paging, pages of an app, unsettled points (wire 2.1 - 2.4, 6)."""

from xml.etree import ElementTree as xml

import pytest

from koppel.sandbox.business_central.refusal import (
    BAD,
    CREDENTIALS,
    DATA_INVALID,
    NO_COMPANY,
    NO_ENVIRONMENT,
    NO_METHOD,
    NO_RESOURCE,
    NO_TOKEN,
    NOT_IMPLEMENTED,
    SAME_KEY,
    TOO_LONG,
)
from koppel.sandbox.business_central.switches import BlankMember, ClientId
from tests.sandbox.central import CUSTOM, TENANT, ZERO, Central, central
from tests.sandbox.web import CLIENT

CHOSEN = "AAAAAAAA-0000-4000-8000-000000000001"


def test_only_an_application_registered_in_the_environment_may(erp: Central) -> None:
    assert erp.get("companies").status == 200
    for authorization in ("", "Bearer x", f"Bearer {erp.tokens.issue('somebody', erp.service.url)}"):
        assert erp.get("companies", authorization=authorization).code == (401, CREDENTIALS)
    slash = erp.tokens.issue(CLIENT, f"{erp.service.url}/")
    assert erp.get("companies", authorization=f"Bearer {slash}").code == (401, CREDENTIALS)
    old = {"authorization": f"Bearer {erp.tokens.issue(CLIENT, erp.service.url)}"}
    erp.clock.advance(3_600)
    assert erp.get("companies", **old).code == (401, CREDENTIALS)


def test_addresses_name_tenant_environment_route_and_company(erp: Central) -> None:
    erp.customer()
    assert erp.get("/v2.0/Rehearsal/api/v2.0/companies").status == 200  # the token names the tenant
    assert erp.get(f"/v2.0/{TENANT}/Production/api/v2.0/companies").code == (404, NO_ENVIRONMENT)
    assert erp.get("/v2.0/other/Rehearsal/api/v2.0/companies").code == (404, NO_RESOURCE)
    assert erp.get(f"/v2.0/{TENANT}/Rehearsal/api/v9.0/companies").code == (404, NO_RESOURCE)
    assert erp.get(f"customers?company={erp.company.id}").rows
    assert erp.get("customers?company=CRONUS NL copy").rows == []
    assert erp.get("customers").code == (404, NO_COMPANY)
    assert erp.get(f"companies({ZERO})/customers").code == (404, NO_COMPANY)
    assert erp.get(f"companies({erp.company.id})").json["name"] == "CRONUS NL"
    assert {"customers", "vendors", "contacts"} <= {row["name"] for row in erp.get("").rows}
    for target in ("~/Customers", "~/customers(1)/x", "~/nothing", "nothing"):
        assert erp.get(target).code == (404, NO_RESOURCE)
    assert erp.get("~/customers(1)").status == 400
    assert erp.post("companies", {}).code == (405, NO_METHOD)


def test_a_set_an_older_version_does_not_have(erp: Central) -> None:
    """wire 2.2: salespeople are a page of recent versions only."""
    erp.environment.absent.add("salespeoplePurchasers")
    assert erp.get("~/salespeoplePurchasers").code == (404, NO_RESOURCE)
    assert b"salespersonPurchaser" not in erp.get("$metadata").body


@pytest.mark.parametrize(
    "option",
    [
        "$Select=number",
        "$search=x",
        "$deltatoken=x",
        "$top=x",
        "$select=Number",
        "$select=faxNo",
        "$orderby=number up",
        "$filter=number eq",
        "$filter=number eq 1",
        "$filter=nothing eq 1",
        "$filter=creditLimit eq 'x'",
        "$filter=blocked eq 'Never'",
        "$filter=currencyCode eq 'EUR'",
        "$orderby=taxAreaDisplayName",
        "$filter=length(number) eq 1",
        "$expand=nothing",
        "$skiptoken=x&$orderby=number",
    ],
)
def test_options_that_are_wrong_are_refused(erp: Central, option: str) -> None:
    assert erp.get(f"~/customers?{option}").code == (400, BAD)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("number eq 'A'", "A"),
        ("number eq 'a'", ""),
        ("tolower(number) eq 'a'", "A"),
        ("displayName eq 'bakker'", ""),
        ("contains(displayName,'akk')", "AB"),
        ("contains(toupper(displayName),'SMIT')", "C"),
        ("startswith(displayName,'Bak') and endswith(displayName,'Zn.')", "B"),
        ("contains(displayName,'%')", ""),
        ("number ne 'A'", "BC"),
        ("not (number eq 'A') and creditLimit ge 2", "BC"),
        ("creditLimit gt 1.5", "BC"),
        ("creditLimit lt -1", ""),
        ("number eq 'A' or number eq 'C'", "AC"),
        ("(number eq 'A' or number eq 'B') and (creditLimit eq 1 or creditLimit eq 9)", "A"),
        (" or ".join(["number eq 'A'"] * 1_000), "A"),
        ("blocked eq 'All'", "C"),
        ("blocked eq ' '", "AB"),
        ("blocked eq '_x0020_'", "AB"),
        ("blocked eq Microsoft.NAV.customerBlocked'All'", "C"),
        ("taxLiable eq false and lastModifiedDateTime ge 2020-01-01T00:00:00Z", "ABC"),
    ],
)
def test_filters(erp: Central, text: str, numbers: str) -> None:
    erp.new("~/customers", number="A", displayName="Bakker", creditLimit=1)
    erp.new("~/customers", number="B", displayName="Bakker & Zn.", creditLimit=2)
    erp.new("~/customers", number="C", displayName="Smit", creditLimit=3, blocked="All")
    rows = erp.get(f"~/customers?$select=number&$orderby=number&$filter={text.replace('&', '%26')}").rows
    assert "".join(row["number"] for row in rows) == numbers
    assert erp.get(f"~/customers/$count?$filter={text.replace('&', '%26')}").body == str(len(numbers)).encode()


@pytest.mark.parametrize(
    "text",
    [
        "number eq 'A' or displayName eq 'B'",
        "creditLimit gt 1 and (number eq 'A' or contains(displayName,'B'))",
        "not (number eq 'A' or tolower(displayName) eq 'b')",
    ],
)
def test_an_or_knows_one_field(erp: Central, text: str) -> None:
    assert erp.get(f"~/customers?$filter={text}").code == (400, NOT_IMPLEMENTED)
    erp.switch(or_refused_status=501)
    assert erp.get(f"~/customers?$filter={text}").code == (501, NOT_IMPLEMENTED)


def test_only_what_is_selected_comes_and_the_etag(erp: Central) -> None:
    erp.customer(number="A")
    assert {*erp.get("~/customers?$select=number").rows[0]} == {"@odata.etag", "number"}
    document = erp.get("~/customers?$count=true&$top=0").json
    assert document["@odata.count"] == 1 and document["value"] == []


def test_related_records_are_expanded(erp: Central) -> None:
    erp.customer(currencyCode="USD")
    row = erp.get("~/customers?$select=number&$expand=currency($select=code)").rows[0]
    assert row["currency"]["code"] == "USD" and "displayName" not in row["currency"]
    assert erp.get("~/customers?$expand=paymentMethod").rows[0]["paymentMethod"] is None


def test_pages_go_on_after_the_last_record() -> None:
    """wire 2.3: the link carries `aid=FIN` and the id of the last record, and is good byte for byte."""
    erp = central(businesses=10)
    first = erp.get("~/customers?$select=number,id", prefer="odata.maxpagesize=3")
    assert first.headers["Preference-Applied"] == "odata.maxpagesize=3"
    link = first.json["@odata.nextLink"]
    assert link.endswith(f"&aid=FIN&$skiptoken={first.rows[-1]['id']}")
    erp.others.delete("customers", first.rows[0]["id"])
    seen = [row["id"] for row in first.rows]
    while link:
        answer = erp.get(link, prefer="odata.maxpagesize=3")
        seen += [row["id"] for row in answer.rows]
        link = answer.json.get("@odata.nextLink", "")
    assert len(seen) == len({*seen}) == 8
    assert len(erp.get(first.json["@odata.nextLink"]).rows) == 5  # the preference must be sent again
    assert "@odata.nextLink" not in erp.get("~/customers").json


def test_pages_keep_an_order() -> None:
    erp = central(businesses=10)
    link, names = "~/customers?$select=displayName,city&$orderby=city desc,displayName", []
    while link:
        answer = erp.get(link, prefer="odata.maxpagesize=2")
        names += [(row["city"], row["displayName"]) for row in answer.rows]
        link = answer.json.get("@odata.nextLink", "")
    assert len(names) == 8 and [city for city, _ in names] == sorted((city for city, _ in names), reverse=True)


def test_skip_is_an_offset(erp: Central) -> None:
    numbers = [erp.customer()["number"] for _ in range(4)]
    rows = erp.get("~/customers?$orderby=number&$skip=1&$top=2").rows
    assert [row["number"] for row in rows] == numbers[1:3]


def test_a_top_beyond_a_page_continues_or_does_not(erp: Central) -> None:
    """U8."""
    for _ in range(5):
        erp.customer()
    link, counts = "~/customers?$top=4&$select=number", []
    while link:
        answer = erp.get(link, prefer="odata.maxpagesize=3")
        counts.append(len(answer.rows))
        link = answer.json.get("@odata.nextLink", "")
    assert counts == [3, 1]
    erp.switch(top_continues=False)
    assert "@odata.nextLink" not in erp.get("~/customers?$top=4", prefer="odata.maxpagesize=3").json


def test_a_new_record_is_answered_whole_with_its_address(erp: Central) -> None:
    answer = erp.post("~/customers", {"displayName": "x"})
    assert answer.status == 201 and answer.headers["Location"].endswith(f"/customers({answer.json['id']})")
    assert erp.get(answer.headers["Location"]).json["displayName"] == "x"
    short = erp.post("~/customers", {"displayName": "y"}, prefer="return-no-content")
    assert erp.post("~/customers?$select=nothing", {"displayName": "z"}).status == 400
    assert len(erp.get("~/customers").rows) == 2  # nothing was done
    assert short.status == 204 and erp.get(short.headers["Location"]).json["displayName"] == "y"


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"nothing": 1}', b'{"Number": "x"}', b'{"number": 5}', b'{"taxLiable": 1}']
)
def test_bodies_with_unknown_names_or_wrong_types_are_refused(erp: Central, body: bytes) -> None:
    assert erp.post("~/customers", body).code == (400, BAD)


def test_lengths_are_those_of_the_fields(erp: Central) -> None:
    answer = erp.post("~/customers", {"displayName": "x" * 101})
    assert answer.code == (400, TOO_LONG) and "CorrelationId" in answer.json["error"]["message"]
    edm = "{http://docs.oasis-open.org/odata/ns/edm}"
    root = xml.fromstring(erp.get("$metadata").body)
    customer = next(kind for kind in root.iter(f"{edm}EntityType") if kind.get("Name") == "customer")
    lengths = {found.get("Name"): found.get("MaxLength") for found in customer.iter(f"{edm}Property")}
    assert (lengths["displayName"], lengths["website"], lengths["creditLimit"]) == ("100", "255", None)


def test_a_deletion_needs_a_token_or_does_not(erp: Central) -> None:
    """U4."""
    row = erp.customer()
    target = f"~/customers({row['id']})"
    assert erp.call("DELETE", target).code == (400, NO_TOKEN)
    assert erp.call("DELETE", target, if_match='W/"x"').status == 409
    assert erp.call("DELETE", target, if_match=row["@odata.etag"]).status == 204
    erp.switch(delete_needs_match=False)
    assert erp.call("DELETE", f"~/customers({erp.customer()['id']})").status == 204


def test_an_id_chosen_on_a_standard_page(erp: Central) -> None:
    """U5."""
    assert erp.post("~/customers", {"displayName": "x", "id": CHOSEN}).code == (400, BAD)
    erp.switch(client_id=ClientId.IGNORED)
    assert erp.customer(id=CHOSEN)["id"] != CHOSEN.lower()
    erp.switch(client_id=ClientId.ACCEPTED)
    assert erp.customer(id=CHOSEN)["id"] == CHOSEN.lower()


@pytest.mark.parametrize(
    ("setting", "accepted"),
    [
        (BlankMember.BOTH, {" ", "_x0020_"}),
        (BlankMember.ENCODED, {"_x0020_"}),
        (BlankMember.BLANK, {" "}),
        (BlankMember.REFUSED, set()),
    ],
)
def test_a_blank_member_is_written_in_one_way_or_another(
    erp: Central, setting: BlankMember, accepted: set[str]
) -> None:
    """U6."""
    row = erp.customer(blocked="Ship")
    erp.switch(blank_member_written=setting, blank_member_shown=" ")
    for spelled in (" ", "_x0020_"):
        answer = erp.patch(f"~/customers({row['id']})", {"blocked": spelled})
        if spelled in accepted:
            assert answer.json["blocked"] == " "
        else:
            assert answer.code == (400, DATA_INVALID)
    assert erp.patch(f"~/customers({row['id']})", {"blocked": "All"}).status == 200


def test_a_number_that_is_taken(erp: Central) -> None:
    """U7."""
    erp.customer(number="A1")
    assert erp.post("~/customers", {"displayName": "x", "number": "A1"}).code == (400, SAME_KEY)
    erp.switch(duplicate_key_status=409)
    assert erp.post("~/customers", {"displayName": "x", "number": "A1"}).code == (409, SAME_KEY)
    assert len(erp.get("~/contacts").rows) == 1  # nothing of it is left


def test_the_resources_with_webhooks(erp: Central) -> None:
    """U9."""
    target = (
        f"/v2.0/{TENANT}/Rehearsal/api/microsoft/runtime/beta/companies({erp.company.id})/webhookSupportedResources"
    )
    names = {row["resource"].rpartition("/")[2] for row in erp.get(target).rows}
    assert "customers" in names and "contacts" not in names
    erp.switch(webhooks_for_people=True)
    assert {"contacts", "salespeoplePurchasers"} <= {row["resource"].rpartition("/")[2] for row in erp.get(target).rows}
    assert erp.get("~/webhookSupportedResources").status == 404


def test_what_a_page_works_out_can_be_filtered_or_not(erp: Central) -> None:
    erp.customer()
    erp.switch(variables_filtered=True)
    assert len(erp.get("~/customers?$filter=currencyCode eq 'EUR'&$orderby=currencyCode").rows) == 1


def test_enums_can_be_filtered_or_not(erp: Central) -> None:
    erp.switch(enum_filtered=False)
    assert erp.get("~/customers?$filter=blocked eq 'All'").code == (400, BAD)


def test_the_pages_of_an_app_take_a_chosen_id_once(erp: Central) -> None:
    row = erp.new("+/customers", id=CHOSEN, displayName="x", faxNo="1", mobilePhoneNumber="2")
    assert (row["id"], row["faxNo"]) == (CHOSEN.lower(), "1")
    assert erp.post("+/customers", {"id": CHOSEN, "displayName": "y"}).code == (400, SAME_KEY)
    assert erp.patch(f"+/customers({CHOSEN})", {"id": CHOSEN, "faxNo": "3"}).json["faxNo"] == "3"
    assert erp.patch(f"+/customers({CHOSEN})", {"id": ZERO}).code == (400, BAD)
    assert erp.new("+/customers", id=ZERO, displayName="z")["id"] != ZERO
    assert erp.get(f"~/customers({CHOSEN})").json["displayName"] == "x"


def test_the_pages_of_an_app_tell_versions_and_who_wrote(erp: Central) -> None:
    row = erp.new("+/contacts", type="Person", firstName="Jan", surname="Smit")
    mark = erp.get("+/watermarks").rows[0]["lastUsedRowVersion"]
    erp.others.edit("contacts", row["id"], {"pager": "1"})
    found = erp.get(f"+/contacts?$filter=systemRowVersion gt {mark}&$orderby=systemRowVersion").rows
    assert [one["id"] for one in found] == [row["id"]] and found[0]["systemModifiedBy"] != row["systemModifiedBy"]


def test_relations_of_contacts_are_read_only(erp: Central) -> None:
    erp.customer(number="A1")
    relation = erp.get("+/contactBusinessRelations").rows[0]
    contact = erp.get("~/contacts").rows[0]
    assert (relation["contactNo"], relation["linkToTable"], relation["no"]) == (contact["number"], "Customer", "A1")
    assert erp.post("+/contactBusinessRelations", {}).code == (405, NO_METHOD)
    assert erp.patch(f"+/contactBusinessRelations({relation['id']})", {}).code == (405, NO_METHOD)
    assert erp.get("~/contactBusinessRelations").code == (404, NO_RESOURCE)


def test_an_app_can_be_elsewhere_or_not_there(erp: Central) -> None:
    erp.environment.custom_route = "acme/sync/v1.0"
    assert erp.get("+/customers").code == (404, NO_RESOURCE)
    assert erp.get(f"{CUSTOM.replace('koppel', 'acme')}/companies").status == 200
    erp.environment.custom_route = ""
    assert erp.get(f"{CUSTOM.replace('koppel', 'acme')}/companies").code == (404, NO_RESOURCE)


def test_deleting_a_company_contact_takes_its_people_along(erp: Central) -> None:
    row = erp.customer(number="A1")
    contact = erp.get("~/contacts").rows[0]
    person = erp.new("~/contacts", type="Person", displayName="Jan", companyNumber=contact["number"])
    assert erp.call("DELETE", f"~/contacts({contact['id']})", if_match="*").status == 204
    assert erp.get("~/contacts").rows == [] and erp.get("+/contactBusinessRelations").rows == []
    logged = {one["recordId"] for one in erp.get("+/deletedRecords").rows}
    assert logged == {contact["id"], person["id"]} and erp.get(f"~/customers({row['id']})").status == 200
