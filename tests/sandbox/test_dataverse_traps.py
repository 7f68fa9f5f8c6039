"""Every trap of wire 4.2 that a server can set, by its number: the sandbox sets it."""

from datetime import timedelta

import pytest

from koppel.sandbox.dataverse.refusal import DENIED, EXPIRED_DELTA, STALE
from koppel.sandbox.switches import ExpiredDelta, Switches
from tests.sandbox.web import CLIENT, Answer, Web, web

NOWHERE = "99999999-9999-4999-8999-999999999999"
TRACK = "odata.track-changes"


def delta_link(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    link: str = answer.json["@odata.deltaLink"]
    return link


def test_01_patch_without_if_match_resurrects_deleted_rows(crm: Web) -> None:
    row_id = crm.account(accountnumber="C1")
    crm.others.delete("account", row_id)
    assert crm.patch(f"accounts({row_id})", {"fax": "1"}, if_match="*").status == 404
    assert crm.patch(f"accounts({row_id})", {"fax": "1"}).status == 204
    row = crm.get(f"accounts({row_id})").json
    assert row["fax"] == "1" and row["name"] is None  # a half-empty row


def test_02_deltas_know_no_filter_and_tell_deletions_last_also_of_unknown_ids(crm: Web) -> None:
    kept, changed = crm.account(), crm.account()
    link = delta_link(crm.get("accounts?$select=name", prefer=TRACK))
    for option in ("$filter=name eq 'x'", "$orderby=name", "$top=1", "$expand=primarycontactid"):
        assert crm.get(f"accounts?$select=name&{option}", prefer=TRACK).status == 400
    passing = crm.account()
    crm.others.delete("account", passing)
    crm.others.delete("account", kept)
    crm.others.edit("account", changed, {"fax": "9"})  # not selected, tells the row all the same
    found = crm.get(link)
    assert [row.get("accountid", row.get("id")) for row in found.rows] == [changed, passing, kept]
    assert {"name", "accountid", "@odata.etag"} == {*found.rows[0]}
    assert found.rows[1]["reason"] == "deleted" and found.rows[1]["@odata.context"].endswith("/$deletedEntity")
    assert found.json["@odata.context"].endswith("$metadata#accounts(name,accountid)/$delta")
    assert crm.get(delta_link(found)).rows == []


def test_03_deltas_expire_with_time_and_when_the_metadata_changes(crm: Web) -> None:
    crm.account()
    link = delta_link(crm.get("accounts?$select=name", prefer=TRACK))
    crm.clock.advance(timedelta(days=7).total_seconds() - 60)
    assert crm.get(link).status == 200
    crm.clock.advance(120)
    assert crm.get(link).code == (400, EXPIRED_DELTA)
    crm.environment.switches = Switches(expired_delta_status=410)
    assert crm.get(link).code == (410, EXPIRED_DELTA)
    crm.environment.switches = Switches(expired_delta=ExpiredDelta.EVERYTHING)
    assert len(crm.get(link).rows) == 1
    crm.environment.switches = Switches()
    fresh = delta_link(crm.get("accounts?$select=name", prefer=TRACK))
    crm.environment.expire_deltas()
    assert crm.get(fresh).code == (400, EXPIRED_DELTA)


def test_04_deltas_need_tracking_turned_on_and_a_reader_of_everything(crm: Web) -> None:
    crm.environment.untracked.add("account")
    assert crm.get("accounts?$select=name", prefer=TRACK).status == 400
    assert crm.get("EntityDefinitions(LogicalName='account')?$select=ChangeTrackingEnabled").json == {
        "ChangeTrackingEnabled": False
    }
    crm.environment.untracked.clear()
    crm.environment.organisation_read = False
    assert crm.get("accounts?$select=name", prefer=TRACK).code == (403, DENIED)


def test_05_the_version_moves_while_modifiedon_does_not(crm: Web) -> None:
    row_id = crm.account()
    before = crm.get(f"accounts({row_id})?$select=modifiedon,versionnumber").json
    crm.clock.advance(60)
    crm.others.touch("account", row_id)
    after = crm.get(f"accounts({row_id})?$select=modifiedon,versionnumber").json
    assert after["versionnumber"] > before["versionnumber"] and after["modifiedon"] == before["modifiedon"]
    assert crm.get(f"accounts?$select=name&$filter=versionnumber gt {before['versionnumber']}").rows


def test_06_a_secured_column_reads_null_without_any_hint(crm: Web) -> None:
    row_id = crm.account(fax="123")
    crm.environment.secured.add(("account", "fax"))
    assert crm.get(f"accounts({row_id})?$select=fax").json["fax"] is None
    assert crm.get("accounts?$select=name&$filter=fax eq '123'").rows == []
    assert crm.patch(f"accounts({row_id})", {"fax": "1"}, if_match="*").code == (403, DENIED)
    attributes = crm.get("EntityDefinitions(LogicalName='account')/Attributes?$select=LogicalName,IsSecured").rows
    assert [row["LogicalName"] for row in attributes if row["IsSecured"]] == ["fax"]


def test_07_inactive_rows_are_returned_and_a_parent_takes_no_child_along(crm: Web) -> None:
    parent = crm.account()
    child = crm.contact(**{"parentcustomerid_account@odata.bind": f"/accounts({parent})"})
    assert crm.patch(f"accounts({parent})", {"statecode": 1, "statuscode": 2}, if_match="*").status == 204
    assert [row["statecode"] for row in crm.get("accounts?$select=statecode").rows] == [1]
    assert crm.get(f"contacts({child})?$select=statecode").json["statecode"] == 0
    assert crm.patch(f"accounts({parent})", {"fax": "1"}, if_match="*").status == 204


def test_08_statecode_alone_resets_statuscode_and_both_must_fit(crm: Web) -> None:
    row_id = crm.account()
    crm.patch(f"accounts({row_id})", {"statecode": 1}, if_match="*")
    assert crm.get(f"accounts({row_id})?$select=statuscode").json["statuscode"] == 2
    assert crm.patch(f"accounts({row_id})", {"statecode": 0, "statuscode": 2}, if_match="*").code[1] == "0x80048408"
    assert crm.patch(f"accounts({row_id})", {"statuscode": 1}, if_match="*").code[1] == "0x80048408"


def test_09_duplicate_detection_is_off_until_a_header_turns_it_on(crm: Web) -> None:
    crm.account(name="Twice")
    crm.account(name="Twice")
    detecting = {"mscrm.suppressduplicatedetection": "false"}
    assert crm.post("accounts", {"name": "TWICE"}, **detecting).code == (412, "0x80040333")
    assert crm.post("accounts", {"name": "Once"}, **detecting).status == 204


def test_10_lookups_have_case_a_suffix_and_must_exist(crm: Web) -> None:
    account, user = crm.account(), crm.sample.people[2]
    bind = f"/accounts({account})"
    for name in ("parentcustomerid", "ParentCustomerId_account", "parentcustomerid_Account"):
        assert crm.post("contacts", {f"{name}@odata.bind": bind}).code == (400, "0x80048d19")
    assert crm.post("contacts", {"parentcustomerid_contact@odata.bind": bind}).status == 400
    assert (
        crm.patch(f"accounts({account})", {"new_keyaccountmanager@odata.bind": f"/systemusers({user})"}).status == 400
    )
    assert (
        crm.patch(f"accounts({account})", {"new_KeyAccountManager@odata.bind": f"/systemusers({user})"}).status == 204
    )
    assert crm.post("contacts", {"parentcustomerid_account@odata.bind": f"/accounts({NOWHERE})"}).status == 404
    assert crm.post("contacts", {"_parentcustomerid_value": account}).code == (400, "0x80048d19")
    crm.contact(**{"parentcustomerid_account@odata.bind": bind})
    lookup = "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"
    row = crm.get("contacts?$select=_parentcustomerid_value", prefer='odata.include-annotations="*"').rows[0]
    assert (row["_parentcustomerid_value"], row[lookup]) == (account, "account")


def test_11_money_is_rounded_to_the_currency_and_the_base_moves_without_a_version(crm: Web) -> None:
    yen = crm.sample.currencies[3]
    body = {"name": "x", "creditlimit": 10.555, "transactioncurrencyid@odata.bind": f"/transactioncurrencies({yen})"}
    row_id = crm.post("accounts", body).id
    assert b'"creditlimit":11.0000' in crm.get(f"accounts({row_id})?$select=creditlimit").body
    before = crm.get(f"accounts({row_id})?$select=creditlimit_base").json
    crm.others.edit("transactioncurrency", yen, {"exchangerate": 100})
    after = crm.get(f"accounts({row_id})?$select=creditlimit_base").json
    assert after["creditlimit_base"] != before["creditlimit_base"] and after["@odata.etag"] == before["@odata.etag"]
    plain = crm.account(creditlimit=1.005)
    row = crm.get(f"accounts({plain})?$select=creditlimit").json
    assert row["_transactioncurrencyid_value"] == crm.sample.currencies[0] and str(row["creditlimit"]) == "1.0100"


def test_12_a_date_only_format_is_no_date_only_behaviour(crm: Web) -> None:
    row_id = crm.account(new_contractdate="2024-01-31T23:30:00+01:00", new_deliverytime="2024-01-31T09:00:00+01:00")
    row = crm.get(f"accounts({row_id})?$select=new_contractdate,new_deliverytime").json
    assert row["new_contractdate"] == "2024-01-31T22:30:00Z" and row["new_deliverytime"] == "2024-01-31T09:00:00Z"
    contact = crm.contact(birthdate="1990-02-03")
    assert crm.get(f"contacts({contact})?$select=birthdate").json["birthdate"] == "1990-02-03"
    assert crm.post("contacts", {"birthdate": "1990-02-03T00:00:00Z"}).status == 400
    cast = "EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"
    rows = {row["LogicalName"]: row for row in crm.get(f"{cast}?$select=LogicalName,Format,DateTimeBehavior").rows}
    assert rows["new_contractdate"]["Format"] == "DateOnly"
    assert rows["new_contractdate"]["DateTimeBehavior"] == {"Value": "UserLocal"}


def test_13_several_choices_come_back_in_another_order(crm: Web) -> None:
    row_id = crm.account(new_segments="1,3")
    assert crm.get(f"accounts({row_id})?$select=new_segments").json["new_segments"] == "3,1"
    assert crm.patch(f"accounts({row_id})", {"new_segments": "1,9"}).code == (400, "0x8004431A")


def test_14_counts_stop_at_5000() -> None:
    crm = web(accounts=5_003)
    found = crm.get("accounts?$select=name&$count=true&$top=1").json
    assert found["@odata.count"] == 5_000 and found["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is True
    assert crm.get("accounts/$count").body == b"\xef\xbb\xbf5000"
    assert len(crm.get("accounts?$select=accountid").rows) == 5_000


def test_15_text_is_compared_without_case_and_with_wildcards(crm: Web) -> None:
    crm.account(name="Café 100%")
    crm.account(name="Tea")
    assert len(crm.get("accounts?$filter=name eq 'CAFÉ 100%25'").rows) == 1
    assert len(crm.get("accounts?$filter=contains(name,'%25')").rows) == 2
    assert len(crm.get("accounts?$filter=startswith(name,'t_a')").rows) == 1
    assert crm.get("accounts?$filter=name eq 'cafe 100%25'").rows == []
    crm.environment.switches = Switches(accent_sensitive=False)
    assert len(crm.get("accounts?$filter=name eq 'cafe 100%25'").rows) == 1


def test_16_some_characters_cannot_stand_in_a_key(crm: Web) -> None:
    for character in "/<>*%&:\\?+":
        number = f"A{character}1"
        crm.account(accountnumber=number)
        sent = "".join(f"%{ord(letter):02X}" for letter in number)
        assert crm.get(f"accounts(accountnumber='{sent}')").status == 400
        assert len(crm.get(f"accounts?$filter=accountnumber eq '{sent}'").rows) == 1


def test_17_a_disabled_user_owns_nothing(crm: Web) -> None:
    row_id = crm.account()
    disabled = {"ownerid@odata.bind": f"/systemusers({crm.sample.people[-1]})"}
    assert crm.patch(f"accounts({row_id})", disabled, if_match="*").status == 400
    assert crm.patch(f"accounts({row_id})", {"ownerid@odata.bind": None}, if_match="*").status == 400


def test_18_fullname_is_read_only(crm: Web) -> None:
    row_id = crm.contact(firstname="Eva", fullname="Somebody Else")
    assert crm.get(f"contacts({row_id})?$select=fullname").json["fullname"] == "Eva Visser"


def test_19_customertypecode_may_turn_a_customer_into_a_vendor(crm: Web) -> None:
    row_id = crm.account(customertypecode=3)
    crm.others.edit("account", row_id, {"customertypecode": 11})
    assert crm.get("accounts?$filter=customertypecode eq 3").rows == []
    assert crm.patch(f"accounts({row_id})", {"customertypecode": 99}).code == (400, "0x8004431A")


def test_20_isocurrencycode_can_be_set_only_at_creation(crm: Web) -> None:
    row_id = crm.post("transactioncurrencies", {"isocurrencycode": "CHF", "currencyprecision": 2, "exchangerate": 1}).id
    assert crm.patch(f"transactioncurrencies({row_id})", {"isocurrencycode": "SEK"}, if_match="*").status == 204
    assert crm.get(f"transactioncurrencies({row_id})?$select=isocurrencycode").json["isocurrencycode"] == "CHF"


def test_21_users_are_not_created_here(crm: Web) -> None:
    assert crm.post("systemusers", {"firstname": "x"}).code == (403, DENIED)
    assert crm.patch(f"systemusers({NOWHERE})", {"firstname": "x"}).code == (403, DENIED)


def test_22_a_bulk_message_is_all_or_nothing_and_names_no_row(crm: Web) -> None:
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    targets = [{**kind, "name": "good"}, {**kind, "name": "x" * 161}, {**kind, "name": "good too"}]
    answer = crm.post("accounts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": targets})
    assert answer.code == (400, "0x80044331")
    assert crm.get("accounts?$select=name").rows == []
    assert "good" not in answer.body.decode()


def test_24_a_cookie_binds_to_one_server(crm: Web) -> None:
    """With every answer, also a refusal; without it calls are spread over all servers."""
    for target in ("WhoAmI", "nothing"):
        assert crm.get(target).headers["Set-Cookie"].startswith("ARRAffinity=")


def test_25_a_token_without_a_user_is_a_mistake_of_the_set_up(crm: Web) -> None:
    del crm.environment.users[CLIENT]
    assert crm.get("WhoAmI").code == (403, "0x80072560")


def test_26_the_loser_of_a_merge_is_deactivated_not_deleted(crm: Web) -> None:
    loser, winner = crm.account(), crm.account()
    crm.others.merge("account", loser, winner)
    row = crm.get(f"accounts({loser})?$select=merged,_masterid_value,statecode").json
    assert (row["merged"], row["_masterid_value"], row["statecode"]) == (True, winner, 1)


@pytest.mark.parametrize("twice", [False, True])
def test_27_a_deleted_row_comes_back_with_its_id(crm: Web, twice: bool) -> None:
    """U10: whether the delta between tells of the deletion too."""
    crm.environment.switches = Switches(recreated_is_deleted_too=twice)
    row_id = crm.account(name="Gone")
    link = delta_link(crm.get("accounts?$select=name", prefer=TRACK))
    crm.others.delete("account", row_id)
    crm.others.restore("account", row_id, {"name": "Back"})
    kinds = ["deleted" if "reason" in row else row["name"] for row in crm.get(link).rows]
    assert kinds == (["Back", "deleted"] if twice else ["Back"])


def test_28_a_representation_without_select_is_everything_and_has_no_entity_id(crm: Web) -> None:
    answer = crm.post("accounts", {"name": "x"}, prefer="return=representation")
    assert answer.status == 201 and "OData-EntityId" not in answer.headers and len(answer.json) > 40
    assert "return=representation" in answer.headers["Preference-Applied"]


def test_29_metadata_comes_from_a_cache_for_half_a_minute(crm: Web) -> None:
    target = "EntityDefinitions(LogicalName='account')?$select=ChangeTrackingEnabled"
    crm.clock.stop(crm.clock.now())
    assert crm.get(target).json["ChangeTrackingEnabled"] is True
    crm.environment.untracked.add("account")
    crm.clock.advance(29)
    assert crm.get(target).json["ChangeTrackingEnabled"] is True
    assert crm.get(f"{target},LogicalName").json["ChangeTrackingEnabled"] is False  # another address
    assert crm.get(target, consistency="Strong").json["ChangeTrackingEnabled"] is False
    crm.environment.untracked.clear()
    crm.clock.advance(30)
    assert crm.get(target).json["ChangeTrackingEnabled"] is True


def test_30_lengths_are_counted_in_utf_16_units(crm: Web) -> None:
    assert crm.post("accounts", {"name": "😀" * 80}).status == 204
    assert crm.post("accounts", {"name": "😀" * 81}).code == (400, "0x80044331")


def test_30_a_memo_counts_a_line_end_as_two(crm: Web) -> None:
    for end in ("\n", "\r\n"):
        assert crm.post("accounts", {"description": "x" * 1998 + end}).status == 204
        assert crm.post("accounts", {"description": "x" * 1999 + end}).code == (400, "0x80044331")


def test_refusals_may_be_in_another_language(crm: Web) -> None:
    """wire 1.10: with the same codes, and names as they are."""
    crm.environment.switches = Switches(english=False)
    error = crm.post("accounts", {"name": "x" * 161}).json["error"]
    assert error["code"] == "0x80044331" and "'name'" in error["message"] and "length" not in error["message"]
    crm.account(accountnumber="C1")
    text = crm.post("accounts", {"accountnumber": "C1"}).json["error"]["message"]
    assert "new_accountnumber_key" in text and "<DuplicateId>" in text and "violated" not in text


def test_stale_updates_are_412_and_only_the_last_etag_passes(crm: Web) -> None:
    """wire 1.3."""
    row_id = crm.account()
    old = crm.get(f"accounts({row_id})?$select=name").json["@odata.etag"]
    assert crm.patch(f"accounts({row_id})", {"fax": "1"}, if_match=old).status == 204
    assert crm.patch(f"accounts({row_id})", {"fax": "2"}, if_match=old).code == (412, STALE)
    assert crm.call("DELETE", f"accounts({row_id})", if_match=old).code == (412, STALE)
    assert crm.call("DELETE", f"accounts({row_id})").status == 204
    assert crm.call("DELETE", f"accounts({row_id})").status == 404
