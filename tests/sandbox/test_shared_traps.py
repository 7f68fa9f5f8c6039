"""Traps of wire 4.1 that a server can set, by their number."""

import json

from koppel.sandbox.switches import Switches
from tests.sandbox.web import Web, web


def test_01_our_own_write_comes_back_as_a_change(crm: Web) -> None:
    link = crm.get("accounts?$select=name", prefer="odata.track-changes").json["@odata.deltaLink"]
    row_id = crm.account()
    assert [row["accountid"] for row in crm.get(link).rows] == [row_id]
    me = crm.get("WhoAmI").json["UserId"]
    assert crm.get("accounts?$select=_modifiedby_value").rows[0]["_modifiedby_value"] == me


def test_02_values_are_normalised_when_they_are_stored(crm: Web) -> None:
    row_id = crm.account(fax="", overriddencreatedon="2024-01-31T10:00:00.987Z")
    row = crm.get(f"accounts({row_id})?$select=fax,createdon").json
    assert row["fax"] is None and row["createdon"] == "2024-01-31T10:00:00Z"
    crm.environment.switches = Switches(empty_text_is_null=False)
    assert crm.get(f"accounts({crm.account(fax='')})?$select=fax").json["fax"] == ""


def test_03_a_create_with_a_chosen_id_can_be_repeated(crm: Web) -> None:
    row_id = "AAAAAAAA-0000-4000-8000-000000000001"
    assert crm.account(accountid=row_id) == row_id.lower()
    assert crm.post("accounts", {"accountid": row_id}).code == (412, "0x80040237")
    assert crm.patch(f"accounts({row_id})", {}, if_none_match="*").code == (412, "0x80040237")
    assert crm.patch(f"accounts({row_id})", {}, if_none_match="null").status == 204


def test_04_moments_have_whole_seconds(crm: Web) -> None:
    assert "." not in crm.get(f"accounts({crm.account()})?$select=modifiedon").json["modifiedon"]


def test_07_what_was_honoured_is_told(crm: Web) -> None:
    answer = crm.get("accounts?$select=name", prefer="odata.track-changes,odata.maxpagesize=9999")
    assert answer.headers["Preference-Applied"] == "odata.track-changes"
    assert "Preference-Applied" not in crm.get("accounts?$select=name").headers


def test_08_links_are_absolute_encoded_twice_and_good_byte_for_byte() -> None:
    crm = web(accounts=7)
    seen, link, pages = [], "accounts?$select=name&$orderby=address1_city desc,name", 0
    while link:
        answer = crm.get(link, prefer="odata.maxpagesize=3")
        seen += [row["accountid"] for row in answer.rows]
        link, pages = answer.json.get("@odata.nextLink", ""), pages + 1
        assert not link or (link.startswith("https://crm.example/api/data/v9.2/accounts?") and "%25" in link)
    assert pages == 3 and len({*seen}) == len(seen) == 7
    first = crm.get("accounts?$select=name", prefer="odata.maxpagesize=3").json["@odata.nextLink"]
    assert len(crm.get(first).rows) == 4  # the preference must be sent again


def test_09_tracking_is_paged_with_the_delta_link_on_the_last_page_only() -> None:
    crm = web(accounts=7)
    link, seen, prefer = "accounts?$select=name", [], {"prefer": "odata.track-changes,odata.maxpagesize=3"}
    while True:
        document = crm.get(link, **prefer).json
        seen += [row["accountid"] for row in document["value"]]
        if not (link := document.get("@odata.nextLink", "")):
            break
        assert "@odata.deltaLink" not in document
        crm.others.edit("account", seen[0], {"fax": "1"})
        prefer = {"prefer": "odata.maxpagesize=3"}
    assert len({*seen}) == 7
    again = crm.get(document["@odata.deltaLink"]).rows
    assert [row["accountid"] for row in again] == [seen[0]]  # edited while it was read, so told once more


def test_09_a_delta_is_paged_too() -> None:
    crm = web(accounts=7)
    link = crm.get("accounts?$select=name", prefer="odata.track-changes").json["@odata.deltaLink"]
    ids = [row["accountid"] for row in crm.get("accounts?$select=name").rows]
    for row_id in ids:
        crm.others.touch("account", row_id)
    first = crm.get(link, prefer="odata.maxpagesize=5").json
    second = crm.get(first["@odata.nextLink"], prefer="odata.maxpagesize=5").json
    assert len(first["value"]) == 5 and "@odata.deltaLink" not in first
    assert {row["accountid"] for row in first["value"] + second["value"]} == {*ids} and "@odata.deltaLink" in second
    count = link.replace("/accounts?", "/accounts/$count?")
    assert crm.get(count).body.decode("utf-8-sig") == "7"


def test_10_a_page_is_not_a_snapshot() -> None:
    """A row deleted behind the cursor shifts nothing; one inserted before it is missed."""
    crm = web(accounts=6)
    first = crm.get("accounts?$select=name", prefer="odata.maxpagesize=3").json
    crm.others.delete("account", first["value"][0]["accountid"])
    second = crm.get(first["@odata.nextLink"], prefer="odata.maxpagesize=3")
    assert len(second.rows) == 3
    crm.account(accountid="00000000-0000-4000-8000-000000000000")
    assert len(crm.get(first["@odata.nextLink"], prefer="odata.maxpagesize=3").rows) == 3


def test_12_amounts_are_numbers_with_all_their_decimals(crm: Web) -> None:
    row_id = crm.account(creditlimit=0.1)
    crm.patch(f"accounts({row_id})", json.dumps({"revenue": 0}).replace("0}", "12345678901234.56}").encode())
    assert b'"revenue":12345678901234.5600' in crm.get(f"accounts({row_id})?$select=revenue").body
    assert crm.patch(f"accounts({row_id})", {"revenue": 10**15}).code == (400, "0x80044330")


def test_13_ids_are_lower_case_and_found_in_any_case(crm: Web) -> None:
    row_id = crm.account(accountnumber="Abc")
    assert crm.get(f"accounts({row_id.upper()})?$select=name").json["accountid"] == row_id
    assert crm.get("accounts(accountnumber='ABC')?$select=name").json["accountid"] == row_id
    assert crm.get(f"accounts(accountid={row_id})?$select=name").status == 200


def test_14_control_characters_and_lone_surrogates_are_refused(crm: Web) -> None:
    for text in ("a\x00b", "a\x1fb", "\ud800"):
        assert crm.post("accounts", {"name": text}).status == 400
    assert crm.post("accounts", {"name": "a\tb"}).status == 204
