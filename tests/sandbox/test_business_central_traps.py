"""Every trap of wire 4.3 that a server can set, by its number: the sandbox sets it."""

import json
from base64 import b64decode
from datetime import UTC, datetime
from decimal import Decimal
from xml.etree import ElementTree as xml

import pytest

from koppel.sandbox.business_central.refusal import (
    CHANGED,
    DIALOG,
    FIELD,
    NO_METHOD,
    NO_RECORD,
    NO_TOKEN,
    RELATION,
    SAME_KEY,
    SERVER,
    TOO_LONG,
)
from koppel.sandbox.business_central.tables import CUSTOMER
from tests.sandbox.central import ZERO, Central, central

NOWHERE = "99999999-9999-4999-8999-999999999999"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def ids(erp: Central, target: str) -> list[str]:
    return [row["id"] for row in erp.get(target).rows]


def test_01_a_deletion_is_told_nowhere_but_in_the_log_of_an_app(erp: Central) -> None:
    row = erp.customer()
    erp.others.delete("customers", row["id"])
    assert erp.get("~/customers").rows == [] and erp.get(f"~/customers({row['id']})").code == (404, NO_RECORD)
    assert erp.get("~/customers?$deltatoken=1").status == 400
    assert erp.get("~/deletedRecords").status == 404
    logged = erp.get(f"+/deletedRecords?$filter=recordId eq {row['id']}").rows[0]
    assert (logged["tableNo"], logged["number"]) == (18, row["number"]) and logged["deletedBy"] != ZERO


def test_02_a_rename_keeps_the_id_and_a_new_row_with_the_number_has_another(erp: Central) -> None:
    row = erp.customer(number="A1")
    person = erp.new("+/contacts", type="Person", firstName="Jan", companyNumber="")
    erp.others.edit("customers", row["id"], {"primaryContactNo": person["number"]})
    erp.others.edit("contacts", person["id"], {"number": "CTX"})
    erp.others.edit("customers", row["id"], {"number": "A2"})
    renamed = erp.get(f"+/customers({row['id']})").json
    assert (renamed["number"], renamed["primaryContactNo"]) == ("A2", "CTX")
    assert [row["no"] for row in erp.get("+/contactBusinessRelations").rows] == ["A2"]
    assert erp.customer(number="A1")["id"] != row["id"]
    assert erp.patch(f"~/customers({row['id']})", {"number": "A1"}).code == (400, SAME_KEY)


def test_03_a_stale_token_is_409_and_a_missing_one_400(erp: Central) -> None:
    row = erp.customer()
    target = f"~/customers({row['id']})"
    assert erp.patch(target, {"city": "x"}, if_match="").code == (400, NO_TOKEN)
    first = erp.patch(target, {"addressLine1": "Kade 1"}, if_match=row["@odata.etag"])
    assert first.status == 200 and "ETag" not in first.headers
    assert erp.patch(target, {"addressLine1": "x"}, if_match=row["@odata.etag"]).code == (409, CHANGED)
    erp.switch(stale_status=412)
    assert erp.patch(target, {"addressLine1": "x"}, if_match=row["@odata.etag"]).code == (412, CHANGED)
    assert erp.patch(target, {"addressLine1": "y"}, if_match=first.json["@odata.etag"]).status == 200
    assert erp.patch(target, {"addressLine1": "z"}, if_match="*").status == 200


def test_03_not_every_409_is_stale(erp: Central) -> None:
    erp.switch(duplicate_key_status=409)
    erp.customer(number="A1")
    assert erp.post("~/customers", {"displayName": "x", "number": "a1 "}).code == (409, SAME_KEY)


def test_04_neither_patch_nor_put_creates(erp: Central) -> None:
    for method in ("PATCH", "PUT"):
        assert erp.call(method, f"~/customers({NOWHERE})", {"displayName": "x"}, if_match="*").code == (404, NO_RECORD)
    row = erp.customer(email="a@b.example")
    merged = erp.call("PUT", f"~/customers({row['id']})", {"displayName": "y"}, if_match="*").json
    assert (merged["displayName"], merged["email"]) == ("y", "a@b.example")
    assert erp.patch("~/customers", {"displayName": "x"}).code == (405, NO_METHOD)


def test_08_members_are_spelled_as_the_metadata_does(erp: Central) -> None:
    root = xml.fromstring(erp.get("$metadata").body)
    members = {
        enum.get("Name"): [member.get("Name") for member in enum.iter(f"{EDM}Member")]
        for enum in root.iter(f"{EDM}EnumType")
    }
    assert members["customerBlocked"] == ["_x0020_", "Ship", "Invoice", "All"]
    assert members["itemType"][2] == "Non_x002D_Inventory"
    item = erp.new("~/items", number="2000", displayName="x", type="Non_x002D_Inventory")
    assert item["type"] == "Non_x002D_Inventory" and erp.customer()["blocked"] == "_x0020_"
    assert erp.post("~/items", {"number": "3", "type": "Non-Inventory"}).status == 400


def test_09_blanks_are_never_null(erp: Central) -> None:
    row = erp.customer(number="")
    assert row["number"] == "C00001"
    assert (row["city"], row["currencyId"], row["creditLimit"]) == ("", ZERO, 0)
    contact = erp.get(f"~/contacts({ids(erp, '~/contacts')[0]})").json
    assert contact["lastInteractionDate"] == "0001-01-01"
    erp.company.rows.put(CUSTOMER, row["id"], {**erp.company.rows.tables["Customer"][row["id"]]})
    assert erp.patch(f"~/customers({row['id']})", {"city": None}).status == 400
    assert erp.get("~/customers?$filter=city eq null").status == 400
    assert len(erp.get("~/customers?$filter=city eq '' and currencyId eq " + ZERO).rows) == 1


def test_10_codes_are_trimmed_and_in_upper_case_and_may_hold_anything(erp: Central) -> None:
    row = erp.customer(number=" ab/ü&'1 ")
    assert row["number"] == "AB/Ü&'1"
    assert erp.get("~/customers?$filter=number eq 'AB%2F%C3%9C%26''1'").rows[0]["id"] == row["id"]
    assert erp.post("~/customers", {"displayName": "x", "number": "x" * 21}).code == (400, TOO_LONG)


def test_11_post_code_city_and_country_rewrite_one_another(erp: Central) -> None:
    by_code = erp.customer(city="Elsewhere", state="Noord", postalCode="1012 ab")
    assert (by_code["city"], by_code["state"], by_code["country"]) == ("Amsterdam", "", "NL")
    assert erp.customer(city="utrecht")["postalCode"] == "3511 CD"
    target = f"~/customers({by_code['id']})"
    moved = erp.patch(target, {"postalCode": "99999", "city": "Neustadt", "country": "DE"}).json
    assert (moved["city"], moved["postalCode"]) == ("", "")  # the country came last and wiped them
    again = erp.patch(target, {"country": "DE", "city": "Neustadt", "postalCode": "99999"}).json
    assert (again["city"], again["postalCode"], again["country"]) == ("Neustadt", "99999", "DE")
    erp.switch(post_code_fills=False)
    assert erp.customer(postalCode="1012 AB")["city"] == ""


def test_11_phone_numbers_with_letters_are_refused(erp: Central) -> None:
    assert erp.post("~/customers", {"displayName": "x", "phoneNumber": "020-CALL"}).code == (400, FIELD)
    assert erp.post("~/customers", {"displayName": "x", "email": "nobody"}).code == (400, DIALOG)


def test_12_customers_vendors_and_contacts_change_one_another(erp: Central) -> None:
    row = erp.customer(number="A1", addressLine1="Kade 1")
    contact = erp.get("~/contacts").rows[0]
    assert (contact["displayName"], contact["contactBusinessRelation"]) == ("Bakker B.V.", "Customer")
    before = erp.get(f"~/customers({row['id']})").json["@odata.etag"]
    me = erp.get("+/customers").rows[0]["systemModifiedBy"]
    erp.patch(f"~/contacts({contact['id']})", {"addressLine1": "Kade 2", "displayName": "Bakker & Zn."})
    after = erp.get(f"+/customers({row['id']})").json
    assert (after["addressLine1"], after["displayName"]) == ("Kade 2", "Bakker & Zn.")
    assert after["@odata.etag"] != before and after["systemModifiedBy"] == me
    erp.patch(f"~/contacts({contact['id']})", {"jobTitle": "x"})
    assert erp.get(f"+/customers({row['id']})").json["@odata.etag"] == after["@odata.etag"]
    person = erp.new("~/contacts", type="Person", displayName="Jan de Vries", companyNumber=contact["number"])
    assert person["contactBusinessRelation"] == "Customer", "people are what their company is"
    erp.patch(f"~/customers({row['id']})", {"displayName": "Smit B.V."})
    assert erp.get(f"~/contacts({contact['id']})").json["displayName"] == "Smit B.V."
    assert erp.get(f"~/contacts({person['id']})").json["companyName"] == "Smit B.V."
    assert erp.call("DELETE", f"~/customers({row['id']})", if_match="*").status == 204
    for one in (contact, person):
        assert erp.get(f"~/contacts({one['id']})").json["contactBusinessRelation"] == "None"


def test_12_the_name_of_a_person_and_its_parts_make_one_another(erp: Central) -> None:
    person = erp.new("~/contacts", type="Person", displayName="Jan Piet de Vries")
    whole = erp.get(f"+/contacts({person['id']})").json
    assert (whole["firstName"], whole["middleName"], whole["surname"]) == ("Jan", "Piet de", "Vries")
    renamed = erp.patch(f"+/contacts({person['id']})", {"surname": "Smit", "middleName": ""}).json
    assert (renamed["displayName"], renamed["searchName"]) == ("Jan Smit", "JAN SMIT")
    assert erp.post("~/contacts", {"displayName": "x", "companyNumber": person["number"]}).code == (400, FIELD)


def test_13_a_blank_currency_is_the_local_one(erp: Central) -> None:
    row = erp.customer()
    assert (row["currencyCode"], row["currencyId"]) == ("EUR", ZERO)
    usd = next(row for row in erp.get("~/currencies").rows if row["code"] == "USD")
    eur = next(row for row in erp.get("~/currencies").rows if row["code"] == "EUR")
    assert erp.patch(f"~/customers({row['id']})", {"currencyId": usd["id"]}).json["currencyCode"] == "USD"
    assert erp.patch(f"~/customers({row['id']})", {"currencyCode": "eur"}).json["currencyId"] == ZERO
    both = {"currencyId": eur["id"], "currencyCode": "USD"}
    assert erp.patch(f"~/customers({row['id']})", both).code == (400, DIALOG)
    both = {"currencyId": usd["id"], "currencyCode": "USD"}
    assert erp.patch(f"~/customers({row['id']})", both).status == 200
    assert erp.patch(f"~/customers({row['id']})", {"currencyId": NOWHERE}).code == (400, DIALOG)
    assert erp.new("+/customers", displayName="x")["currencyCode"] == ""  # an app shows the field as it is


@pytest.mark.parametrize("values", [{"salespersonCode": "X"}, {"country": "XX"}, {"currencyCode": "XTS"}])
def test_14_codes_must_be_there_first(erp: Central, values: dict[str, str]) -> None:
    assert erp.post("~/customers", {"displayName": "x", **values}).code == (400, RELATION)
    assert erp.get("~/customers").rows == []


def test_15_a_template_fills_what_was_not_sent(erp: Central) -> None:
    erp.others.template("customers", {"salespersonCode": "AB1", "country": "NL"})
    assert erp.customer(country="BE")["country"] == "BE"
    row = erp.customer()
    assert (row["salespersonCode"], row["country"]) == ("AB1", "NL")
    assert erp.new("+/customers", displayName="x")["salespersonCode"] == ""


def test_16_a_customer_is_inserted_then_modified(erp: Central) -> None:
    before = erp.company.rows.version
    row = erp.customer()
    versions = erp.get("+/customers?$select=systemRowVersion").rows[0]["systemRowVersion"]
    assert versions >= before + 2
    assert erp.patch(f"~/customers({row['id']})", {"email": ""}, if_match=row["@odata.etag"]).status == 200


def test_17_a_balance_moves_without_a_trace(erp: Central) -> None:
    row = erp.customer()
    erp.clock.advance(60)
    erp.others.owe(row["id"], Decimal("12.50"))
    after = erp.get(f"~/customers({row['id']})").json
    assert after["balanceDue"] == Decimal("12.5")
    assert (after["@odata.etag"], after["lastModifiedDateTime"]) == (row["@odata.etag"], row["lastModifiedDateTime"])


def test_18_a_copied_company_has_the_same_ids() -> None:
    erp = central(businesses=3)
    first, second = erp.get("companies").rows
    assert first["id"] != second["id"] and first["name"] != second["name"]
    of = [{row["id"] for row in erp.get(f"companies({one['id']})/customers").rows} for one in (first, second)]
    assert of[0] == of[1] and len(of[0]) == 3


def test_19_a_late_commit_appears_in_the_past(erp: Central) -> None:
    row = erp.customer()
    erp.clock.advance(60)
    version = erp.others.hold("customers", row["id"], {"addressLine1": "Kade 1"})
    erp.clock.advance(60)
    other = erp.customer()
    since = other["lastModifiedDateTime"]
    mark = erp.get("+/watermarks").rows[0]
    assert mark["minimumActiveRowVersion"] == version < mark["lastUsedRowVersion"]
    assert erp.get(f"~/customers({row['id']})").json["addressLine1"] == ""
    assert erp.patch(f"~/customers({row['id']})", {"displayName": "x"}).code == (400, DIALOG)
    erp.others.release(version)
    assert erp.get(f"~/customers({row['id']})").json["addressLine1"] == "Kade 1"
    assert ids(erp, f"~/customers?$filter=lastModifiedDateTime ge {since}") == [other["id"]]
    assert row["id"] in ids(erp, f"+/customers?$filter=systemRowVersion ge {version}")
    mark = erp.get("+/watermarks").rows[0]
    assert mark["minimumActiveRowVersion"] == mark["lastUsedRowVersion"] + 1


def test_20_the_replica_lags(erp: Central) -> None:
    row = erp.customer()
    erp.company.freeze_replica(True)
    erp.patch(f"~/customers({row['id']})", {"displayName": "New"})
    target = f"~/customers({row['id']})"
    assert erp.get(target, data_access_intent="ReadOnly").json["displayName"] == "Bakker B.V."
    assert erp.get("~/customers", data_access_intent="ReadOnly").rows[0]["displayName"] == "Bakker B.V."
    assert erp.get(target).json["displayName"] == "New"
    erp.company.freeze_replica(False)
    assert erp.get(target, data_access_intent="ReadOnly").json["displayName"] == "New"


def test_24_a_person_who_is_blocked_for_privacy_is_not_changed(erp: Central) -> None:
    person = erp.new("~/contacts", type="Person", displayName="Jan")
    target = f"~/contacts({person['id']})"
    assert erp.patch(target, {"privacyBlocked": True}).status == 200
    assert erp.patch(target, {"displayName": "Piet"}).code == (400, DIALOG)
    assert erp.patch(target, {"privacyBlocked": False}).status == 200
    assert erp.patch(target, {"displayName": "Piet"}).status == 200


@pytest.mark.parametrize("values", [{"balanceDue": 1}, {"taxAreaDisplayName": "x"}, {"lastModifiedDateTime": "x"}])
def test_25_one_read_only_control_fails_the_whole_write(erp: Central, values: dict[str, object]) -> None:
    row = erp.customer()
    answer = erp.patch(f"~/customers({row['id']})", {"displayName": "New", **values})
    assert answer.status == 400 and "is read-only" in answer.json["error"]["message"]
    assert erp.get(f"~/customers({row['id']})").json["displayName"] == "Bakker B.V."
    root = xml.fromstring(erp.get("$metadata").body)
    customer = next(kind for kind in root.iter(f"{EDM}EntityType") if kind.get("Name") == "customer")
    fixed = {
        found.get("Name") for found in customer.iter(f"{EDM}Property") if found.find(f"{EDM}Annotation") is not None
    }
    assert {*values} <= fixed and "displayName" not in fixed


def test_26_a_busy_table_is_a_passing_400(erp: Central) -> None:
    row = erp.customer()
    erp.company.busy["Customer"] = 2
    assert erp.post("~/customers", {"displayName": "x"}).code == (400, DIALOG)
    assert erp.patch(f"~/customers({row['id']})", {"displayName": "x"}).code == (400, DIALOG)
    assert erp.patch(f"~/customers({row['id']})", {"displayName": "x"}).status == 200


def test_28_in_needs_a_newer_schema(erp: Central) -> None:
    row = erp.customer(number="A1")
    assert erp.get("~/customers?$filter=number in ('A1','A2')").status == 400
    assert erp.get("~/customers?$filter=number in ('A1')&$schemaversion=2.1").rows[0]["id"] == row["id"]
    assert erp.get("~/customers?$filter=displayName eq 'in (''A1'')'&$schemaversion=2.1").rows == []
    assert erp.get("~/customers?$filter=number in ('A1','A2')&$schemaversion=2.1").rows[0]["id"] == row["id"]


def test_04_stamps_are_milliseconds_of_a_database_that_counts_in_thirds(erp: Central) -> None:
    """wire 2.3 and 4.1.4."""
    seen = []
    for microsecond in (1_000, 4_000, 5_500, 9_000, 499_900, 998_000, 999_900):
        erp.clock.stop(datetime(2026, 1, 31, 10, 0, 0, microsecond, tzinfo=UTC))
        seen.append(erp.customer()["lastModifiedDateTime"].partition("T10:00:")[2])
    assert seen == ["00Z", "00.003Z", "00.007Z", "00.01Z", "00.5Z", "00.997Z", "01Z"]
    row = erp.customer()
    since = row["lastModifiedDateTime"]
    assert row["id"] in ids(erp, f"~/customers?$filter=lastModifiedDateTime ge {since}")
    assert ids(erp, f"~/customers?$filter=lastModifiedDateTime gt {since}") == []


def test_an_etag_is_long_weak_and_only_in_the_body(erp: Central) -> None:
    """wire 2.4."""
    answer = erp.post("~/customers", {"displayName": "x"})
    tag = answer.json["@odata.etag"]
    inner = b64decode(tag.removeprefix('W/"').removesuffix('"')).decode()
    assert inner.startswith("'20;") and inner.endswith(";00;'") and "ETag" not in answer.headers


def test_amounts_are_numbers(erp: Central) -> None:
    """wire 2.4: parse them as decimals."""
    body = json.dumps({"displayName": "x", "creditLimit": 0}).replace("0}", "123456789012345.67}").encode()
    answer = erp.call("POST", "~/customers", body)
    assert b'"creditLimit":123456789012345.67' in answer.body
    assert erp.post("~/customers", {"displayName": "x", "creditLimit": "1"}).status == 400


def test_a_name_is_needed(erp: Central) -> None:
    """wire 2.4."""
    for target in ("~/customers", "~/vendors", "~/contacts"):
        answer = erp.post(target, {})
        assert answer.code == (400, DIALOG) and 'A "displayName" must be provided.' in answer.json["error"]["message"]
    assert erp.patch(f"~/customers({erp.customer()['id']})", {"displayName": ""}).code == (400, DIALOG)


def test_numbers_by_hand_need_manual_nos(erp: Central) -> None:
    """wire 2.4."""
    row = erp.customer(number="A1")
    erp.others.manual_numbers("customers", False)
    assert erp.post("~/customers", {"displayName": "x", "number": "A2"}).code == (400, DIALOG)
    assert erp.patch(f"~/customers({row['id']})", {"number": "A2"}).code == (400, DIALOG)
    assert erp.customer()["number"] == "C00001"
    erp.others.manual_numbers("customers", True)
    erp.customer(number="C00002")
    assert erp.customer()["number"] == "C00003"  # the series does not give what somebody has taken
    erp.others.manual_numbers("customers", False)
    series = {one["usedBy"]: one["manualNos"] for one in erp.get("+/numberSeries").rows}
    assert series == {"Customer": False, "Vendor": True, "Contact": True, "Item": True}
    assert erp.post("~/currencies", {"displayName": "x"}).code == (400, FIELD)


def test_a_series_gives_numbers_by_itself_only_where_it_is_told_to_and_may_serve_several_tables(erp: Central) -> None:
    """wire 2.4: a blank number is one of the series, where *Default Nos.* lets it give one."""
    erp.others.series_for("vendors", "")
    erp.others.series_for("customers", "Customer,Vendor")
    assert erp.customer()["number"] == "C00001"
    assert erp.post("~/vendors", {"displayName": "x"}).json["number"] == "C00002"
    assert erp.post("~/items", {"displayName": "x"}).json["number"] == "I00001"
    erp.others.default_numbers("customers", False)
    assert erp.post("~/customers", {"displayName": "x"}).code == (400, DIALOG)
    assert erp.customer(number="C7")["number"] == "C7"


def test_a_batch_of_101_is_a_500(erp: Central) -> None:
    """wire 4.3.6."""
    one = {"method": "GET", "url": "companies"}
    batch = {"requests": [{"id": str(number), **one} for number in range(101)]}
    answer = erp.post("$batch", batch, content_type="application/json")
    assert answer.code == (500, SERVER) and "maximum number of '100'" in answer.json["error"]["message"]
    batch["requests"].pop()
    assert len(erp.post("$batch", batch, content_type="application/json").json["responses"]) == 100
