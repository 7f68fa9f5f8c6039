"""The traps of wire 4.3 in writing, by their number: the sandbox sets them, the connector does not fall into them."""

import json
from decimal import Decimal

import httpx2
import polars as pl
import pytest

from koppel.connectors.business_central.refusals import DIALOG
from koppel.connectors.business_central.writing import ROUNDS
from koppel.errors import ConfigurationError
from koppel.model.numbers import Numbers
from koppel.model.values import ID, OP, VERSION
from koppel.model.write import CODE, FIELD, MESSAGE
from koppel.ports import TableOptions, Want
from tests.business_central.erp import Erp
from tests.business_central.writes import CREATE, DELETE, UPDATE, new, row_of, told, written

LATER = 3600.0


def parts_of(erp: Erp) -> list[list[dict[str, object]]]:
    """The requests in each batch that was sent."""
    return [json.loads(one.content)["requests"] for one in erp.line.asked if one.url.path.endswith("$batch")]


@pytest.mark.parametrize("status", [409, 412])
def test_3_stale_is_409_and_not_every_409_is_stale(erp: Erp, status: int) -> None:
    erp.central.switch(stale_status=status, duplicate_key_status=409)
    table = erp.table()
    id_, other = new(erp, table, number="A"), new(erp, table, number="B")

    def edited(response: httpx2.Response) -> httpx2.Response:
        erp.central.others.edit("customers", id_, {"displayName": "theirs"})
        return response

    erp.line.after["GET", "customers?"] = edited  # between koppel's look and its write
    (answer,) = written(erp, table, UPDATE, [{"id": id_, "displayName": "ours"}])
    assert (answer[CODE], row_of(table, id_, "displayName")["displayName"]) == ("stale", "theirs")
    (answer,) = written(erp, table, UPDATE, [{"id": other, "number": "A"}])
    assert (answer[CODE], answer[FIELD]) == ("refused", "number")
    assert all("If-Match" in one.headers for one in erp.line.asked if one.method == "PATCH")


def test_4_no_upsert(erp: Erp) -> None:
    """Nor does koppel make a record anew that was deleted after it had looked."""
    table = erp.table()
    for kind in (UPDATE, DELETE):
        id_ = new(erp, table)

        def deleted(response: httpx2.Response, id_: str = id_) -> httpx2.Response:
            erp.central.others.delete("customers", id_)
            return response

        erp.line.after["GET", "customers?"] = deleted
        (answer,) = written(erp, table, kind, [{"id": id_, "displayName": "x"}])
        assert answer[CODE] == "missing"
    assert not erp.central.company.rows.tables["Customer"]


def test_5_a_failed_snapshot_batch_lies(erp: Erp) -> None:
    """So none is sent: rows stand for themselves, and what is told as written is there."""
    table = erp.table()
    names = ["a", "b" * 101, "c"]
    answers = written(erp, table, CREATE, [{"number": f"N{n}", "displayName": name} for n, name in enumerate(names)])
    answers += written(erp, table, CREATE, [{"displayName": "d", "country": "XX"}, {"displayName": "e"}])
    assert [answer[CODE] for answer in answers] == ["written", "refused", "written", "refused", "written"]
    stored = {row["Name"] for row in erp.central.company.rows.tables["Customer"].values()}
    assert stored == {"a", "c", "e"}
    assert not any("isolation" in one.headers for one in erp.line.asked)


def test_6_a_batch_holds_100(erp: Erp) -> None:
    table = erp.table()
    answers = written(erp, table, CREATE, [{"displayName": f"n{number}"} for number in range(230)])
    assert {answer[CODE] for answer in answers} == {"written"}
    assert sorted(len(parts) for parts in parts_of(erp)) == [30, 100, 100]


def test_8_names_are_encoded_and_errors_in_english(erp: Erp) -> None:
    table = erp.table("items")
    field = table.describe().field("type")
    assert field is not None and field.choices == ("Inventory", "Service", "Non-Inventory")
    ids = [new(erp, table, number=f"I{n}", type="Non-Inventory") for n in range(2)]
    assert row_of(table, ids[0], "type")["type"] == "Non-Inventory"
    written(erp, table, UPDATE, [{"id": id_, "displayName": "x"} for id_ in ids])
    assert "Non_x002D_Inventory" in erp.line.sent
    assert all(one.headers["Accept-Language"] == "en-US" for one in erp.line.asked)
    assert all(part["headers"]["accept-language"] == "en-US" for parts in parts_of(erp) for part in parts)  # type: ignore[index]
    rows = [{"displayName": name, "phoneNumber": "call me"} for name in "ab"]
    messages = [answer[MESSAGE] for answer in written(erp, erp.table(), CREATE, rows)]
    assert all("must not contain letters" in message for message in messages)


@pytest.mark.parametrize("shown", ["_x0020_", " "])
def test_9_blanks(erp: Erp, shown: str) -> None:
    """A blank of whatever kind is blank here, and is written as the service spells it; a blank number is not sent."""
    erp.central.switch(blank_member_shown=shown)
    table = erp.table()
    id_ = new(erp, table, city="Assen", blocked="All", creditLimit=Decimal(5), currencyId=None)
    assert row_of(table, id_, "number")["number"], "the series gave one"
    row = row_of(table, id_, "currencyId", "blocked", "addressLine2", "paymentTermsId")
    assert (row["currencyId"], row["paymentTermsId"], row["blocked"], row["addressLine2"]) == (None, None, "All", "")
    written(erp, table, UPDATE, [{"id": id_, "city": None, "blocked": None, "creditLimit": None}])
    row = row_of(table, id_, "city", "blocked", "creditLimit")
    assert (row["city"], row["blocked"], row["creditLimit"]) == ("", "", 0)
    contacts = erp.table("contacts")
    other = erp.central.others.create("contacts", {"displayName": "x", "type": "Person"})
    assert row_of(contacts, other, "lastInteractionDate")["lastInteractionDate"] is None


def test_9_an_enum_that_stays_is_not_sent(erp: Erp) -> None:
    """U6: not every spelling of a blank member is surely taken back."""
    erp.central.switch(blank_member_written="refused")
    table = erp.table()
    id_ = new(erp, table, blocked=None)
    (answer,) = written(erp, table, UPDATE, [{"id": id_, "blocked": None, "displayName": "x"}], seen=[{"blocked": ""}])
    assert answer[CODE] == "written"
    (answer,) = written(erp, table, UPDATE, [{"id": id_, "blocked": None}], ["displayName"], seen=[{"blocked": ""}])
    assert (answer[CODE], answer["displayName"]) == ("written", "x"), "nothing is left to send, and it is so already"


def test_10_codes_are_upper_case_and_may_hold_anything(erp: Erp) -> None:
    table = erp.table("currencies")
    (answer,) = written(erp, table, CREATE, [{"code": " a/b &ü'#", "displayName": "odd"}], ["code"])
    assert (answer[CODE], answer["code"]) == ("written", "A/B &Ü'#")
    keys = pl.DataFrame({OP: [1], "code": ["A/B &Ü'#"]})
    erp.line.asked.clear()
    assert table.find(keys, False)[ID].to_list() == [answer[ID]]
    assert "A%2FB%20%26%C3%9C''%23" in erp.line.asked[0].url.raw_path.decode() or "A/B%20%26" in str(
        erp.line.asked[0].url.raw_path
    )


def test_11_fields_of_a_place_fill_and_clear_one_another(erp: Erp) -> None:
    """Fields go in the order of the page, and once more in another one where a later one has cleared an earlier."""
    table = erp.table()
    id_ = new(erp, table, city="Assen", country="NL", postalCode="9401")
    place = {"postalCode": "10115", "country": "DE", "state": "BE", "city": "Mitte"}
    (answer,) = written(erp, table, UPDATE, [{"id": id_, **place}], list(place))
    assert {name: answer[name] for name in place} == place
    assert row_of(table, id_)[VERSION] == answer[VERSION]
    bodies = [json.loads(one.content) for one in erp.line.asked if one.method == "PATCH"]
    orders = [["city", "state", "country", "postalCode"], ["country", "city", "postalCode", "state"]]
    assert [list(body) for body in bodies] == orders
    (answer,) = written(erp, table, UPDATE, [{"id": id_, "phoneNumber": "call me"}])
    assert (answer[CODE], answer[FIELD]) == ("refused", "phoneNumber")
    assert "call me" not in answer[MESSAGE]


def test_11_a_create_keeps_its_id_when_the_second_request_is_lost(erp: Erp) -> None:
    """Only the first answer tells which record was made; without it a lost answer could make it twice."""
    table = erp.table()
    erp.line.after["PATCH", "customers"] = httpx2.ReadError("cut")
    place = {"postalCode": "10115", "country": "DE", "city": "Amsterdam"}  # the city brings another country first
    (answer,) = written(erp, table, CREATE, [{"displayName": "d", **place}])
    assert not erp.line.after, "the line was cut"
    assert answer[CODE] == "written" and answer[ID] is not None


def test_12_a_write_changes_other_records(erp: Erp) -> None:
    """What a customer passes on to its contact appears as a change of the contact."""
    table, contacts = erp.table(), erp.system.table("contacts", TableOptions())
    id_ = new(erp, table)
    erp.central.clock.advance(LATER)
    cursor = contacts.changes(None, Want(())).cursor
    written(erp, table, UPDATE, [{"id": id_, "displayName": "Smit"}])
    (contact,) = told(contacts, cursor)
    assert row_of(contacts, contact, "displayName")["displayName"] == "Smit"


def test_13_a_blank_currency_is_the_local_one(erp: Erp) -> None:
    table = erp.table()
    id_ = new(erp, table, currencyCode="EUR")
    row = row_of(table, id_, "currencyCode", "currencyId")
    assert (row["currencyCode"], row["currencyId"]) == ("EUR", None)
    assert erp.central.company.rows.tables["Customer"][id_]["Currency Code"] == ""
    keys = pl.DataFrame({OP: [1], "currencyCode": ["EUR"]})
    assert table.find(keys, False)[ID].to_list() == [id_]
    assert not any("currencyCode eq" in target for target in erp.line.targets), "a standard page works it out itself"


def test_14_codes_must_exist_first(erp: Erp) -> None:
    """One record's trouble; its neighbours go in."""
    table = erp.table()
    rows = [{"displayName": "a", "salespersonCode": "NOBODY"}, {"displayName": "b"}]
    first, second = written(erp, table, CREATE, rows)
    assert (first[CODE], second[CODE]) == ("refused", "written")
    assert first[MESSAGE].startswith("Internal_InvalidTableRelation") and "NOBODY" not in first[MESSAGE]


def test_15_a_template_fills_new_records(erp: Erp) -> None:
    """What is answered is what is stored, and what was sent stands."""
    erp.central.others.template("customers", {"city": "Assen", "creditLimit": 100})
    (answer,) = written(erp, erp.table(), CREATE, [{"displayName": "x", "city": "Zwolle"}], ["city", "creditLimit"])
    assert (answer["city"], answer["creditLimit"]) == ("Zwolle", 100)


def test_16_inserted_then_modified(erp: Erp) -> None:
    """The version in the answer is the later one, and the next update may rely on it."""
    table = erp.table()
    (answer,) = written(erp, table, CREATE, [{"displayName": "x"}])
    assert answer[VERSION] == row_of(table, answer[ID])[VERSION]


def test_22_decimals_are_kept_whatever_is_displayed(erp: Erp) -> None:
    table = erp.table()
    limit = Decimal("12345678901.23456")
    assert row_of(table, new(erp, table, creditLimit=limit), "creditLimit")["creditLimit"] == limit


def test_24_a_record_that_refuses_updates_is_one_error(erp: Erp) -> None:
    people = [erp.central.others.create("contacts", {"displayName": name, "type": "Person"}) for name in "ab"]
    erp.central.others.edit("contacts", people[0], {"privacyBlocked": True})
    rows = [{"id": id_, "displayName": "new"} for id_ in people]
    first, second = written(erp, erp.table("contacts"), UPDATE, rows)
    assert (first[CODE], second[CODE]) == ("refused", "written")
    assert first[MESSAGE].startswith(DIALOG)


def test_25_a_control_that_is_read_only_is_not_sent(erp: Erp) -> None:
    """It would fail all of the write; the id of a standard page is one."""
    table = erp.table()
    id_ = new(erp, table)
    erp.line.asked.clear()
    for name, value in {"balanceDue": Decimal(1), "taxAreaDisplayName": "x"}.items():
        (answer,) = written(erp, table, UPDATE, [{"id": id_, name: value, "displayName": "x"}])
        assert (answer[CODE], answer[FIELD]) == ("refused", name)
    assert not any(one.method == "PATCH" for one in erp.line.asked)
    with pytest.raises(ConfigurationError, match="does not let koppel choose the id"):
        erp.system.table("customers", TableOptions(numbers=Numbers.parse("client id")))


@pytest.mark.parametrize("status", [400, 500])
def test_26_a_locked_table_passes(erp: Erp, status: int) -> None:
    """It is tried again; one that stays locked says nothing against the record, so it is decided again."""
    erp.central.switch(locked_status=status)
    table = erp.table()
    erp.central.company.busy["Customer"] = 2
    ids = [new(erp, table), new(erp, table)]
    erp.central.company.busy["Customer"] = 3
    rows = [{"id": id_, "displayName": "x"} for id_ in ids]
    assert [answer[CODE] for answer in written(erp, table, UPDATE, rows)] == ["written", "written"]
    erp.central.company.busy["Customer"] = 10_000
    assert [answer[CODE] for answer in written(erp, table, UPDATE, rows)] == ["stale", "stale"]


@pytest.mark.parametrize("status", [400, 500])
def test_26_a_locked_table_passes_in_any_language(erp: Erp, status: int) -> None:
    """Its code is that of every rule of the application: what they refuse is sent again, the others through. One that
    stays locked is then an error of the record like any refusal, and tried by the next jobs.
    """
    erp.central.switch(english=False, locked_status=status)
    table = erp.table()
    ids = [new(erp, table), new(erp, table)]
    rows = [{"id": id_, "displayName": "x"} for id_ in ids]
    erp.central.company.busy["Customer"] = 3
    assert [answer[CODE] for answer in written(erp, table, UPDATE, rows)] == ["written", "written"]
    erp.central.company.busy["Customer"] = 10_000
    answers = written(erp, table, UPDATE, rows)
    assert {(answer[CODE], answer[MESSAGE].partition(" ")[0]) for answer in answers} == {("refused", DIALOG)}
    assert 10_000 - erp.central.company.busy["Customer"] == ROUNDS * len(rows)
