"""Each trap of wire 4.3, by its number: what Business Central does that a client must know of."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import httpx2
import polars as pl
import pytest

from koppel.connectors.business_central.opening import USUAL_LIMITS
from koppel.connectors.business_central.table import PageTable
from koppel.errors import BadAnswer, ConfigurationError
from koppel.model.numbers import Numbers
from koppel.model.values import FAULT, ID, OP, VERSION
from koppel.model.write import CODE, FIELD, MESSAGE
from koppel.ports import Feed, TableOptions, Want
from tests.business_central.erp import Erp
from tests.business_central.writes import CREATE, DELETE, UPDATE, row_of, told, written
from tests.sandbox.central import ZERO

LATER = 3600.0


def new(erp: Erp, table: PageTable, **values: object) -> str:
    """A record made through the connector; its id."""
    (answer,) = written(erp, table, CREATE, [{"displayName": "Bakker", **values}])
    assert answer[CODE] == "written", answer[MESSAGE]
    return str(answer[ID])


def parts_of(erp: Erp) -> list[list[dict[str, object]]]:
    """The requests in each batch that was sent."""
    return [json.loads(one.content)["requests"] for one in erp.line.asked if one.url.path.endswith("$batch")]


def test_1_no_tombstones(erp: Erp, app: Erp) -> None:
    """A standard page tells no deletion, a keyed read does; the log of an app tells them."""
    for each, reported in ((erp, False), (app, True)):
        table = each.table()
        id_ = new(each, table, **({"id": "0190a5f2-0000-7000-8000-000000000001"} if reported else {}))
        each.central.clock.advance(LATER)
        cursor = table.changes(None, Want(())).cursor
        each.central.others.delete("customers", id_)
        assert table.features.reports_deletions is reported
        assert (id_ in told(table, cursor)) is reported
        assert table.fetch(pl.Series([id_]), Want(())).is_empty()


def test_2_rename_keeps_the_id(erp: Erp) -> None:
    table = erp.table()
    id_ = new(erp, table, number="OLD")
    erp.central.others.edit("customers", id_, {"number": "NEW"})
    assert row_of(table, id_, "number")["number"] == "NEW"
    erp.central.others.delete("customers", id_)
    assert new(erp, table, number="NEW") != id_


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


def test_7_five_requests_of_a_user_at_once() -> None:
    assert USUAL_LIMITS.most_lanes < 5


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


def test_17_sums_change_without_a_stamp(erp: Erp) -> None:
    """They are told to be computed, cannot be written, and are seen when everything is compared."""
    table = erp.table()
    id_ = new(erp, table)
    version = row_of(table, id_)[VERSION]
    erp.central.clock.advance(LATER)
    cursor = table.changes(None, Want(())).cursor
    erp.central.others.owe(id_, Decimal(7))
    assert told(table, cursor) == [] and row_of(table, id_)[VERSION] == version
    field = table.describe().field("balanceDue")
    assert field is not None and field.read_only and "balanceDue is computed" in table.features.caveat
    (page,) = table.changes(None, Want(("balanceDue",))).pages
    assert page["balanceDue"].to_list() == [7]


def test_18_the_company_is_part_of_the_identity(erp: Erp) -> None:
    """A copied company has records with the same ids."""
    copy = Erp(erp.central, company="CRONUS NL copy")
    assert erp.system.identity() != copy.system.identity()
    currency = erp.table("currencies").find(pl.DataFrame({OP: [1], "code": ["USD"]}), False)[ID][0]
    written(copy, copy.table("currencies"), UPDATE, [{"id": currency, "displayName": "theirs"}])
    assert row_of(erp.table("currencies"), currency, "displayName")["displayName"] != "theirs"
    with pytest.raises(ConfigurationError, match="several companies, and none is named"):
        Erp(erp.central, company="").system.identity()
    with pytest.raises(ConfigurationError, match="no company CRONUS NN"):
        Erp(erp.central, company="CRONUS NN").system.identity()


def test_19_late_commits_appear_in_the_past(erp: Erp, app: Erp) -> None:
    """By stamp: the feed reaches back for as long as an operation may take. By row version: it begins at the oldest
    open transaction, and nothing has to be waited for.
    """
    for each in (erp, app):
        table = each.table()
        id_ = each.central.others.create("customers", {"displayName": "x"})
        each.central.clock.advance(LATER)
        held = each.central.others.hold("customers", id_, {"displayName": "late"})
        each.central.clock.advance(480.0)
        cursor = table.changes(None, Want(())).cursor
        each.central.others.release(held)
        each.central.clock.advance(60.0)
        assert told(table, cursor) == [id_]
    assert app.table().features.lag == timedelta(0) and app.table().features.feed is Feed.TOKEN


def test_20_no_replica_is_read(erp: Erp) -> None:
    table = erp.table()
    erp.central.company.freeze_replica(True)
    id_ = new(erp, table)
    assert row_of(table, id_, "displayName")["displayName"] == "Bakker"
    assert not any("Data-Access-Intent" in one.headers for one in erp.line.asked)


def test_21_nothing_depends_on_webhooks(erp: Erp) -> None:
    """They expire, collapse, and keep silent about some users: what changed is asked for."""
    table = erp.table()
    cursor = table.changes(None, Want(())).cursor
    id_ = erp.central.others.create("customers", {"displayName": "x"})
    assert told(table, cursor) == [id_]
    assert not any("subscriptions" in target for target in erp.line.targets)


def test_22_decimals_are_kept_whatever_is_displayed(erp: Erp) -> None:
    table = erp.table()
    limit = Decimal("12345678901.23456")
    assert row_of(table, new(erp, table, creditLimit=limit), "creditLimit")["creditLimit"] == limit


def replaced(old: bytes, by: bytes) -> Callable[[httpx2.Response], httpx2.Response]:
    """An answer with something else in it."""
    return lambda response: httpx2.Response(
        response.status_code,
        headers={name: text for name, text in response.headers.items() if name != "content-length"},
        content=response.content.replace(old, by),
    )


def test_23_a_closing_date_is_that_records_fault(erp: Erp) -> None:
    table = erp.table("contacts")
    for name in ("a", "b"):
        erp.central.others.create("contacts", {"displayName": name, "type": "Person"})
    erp.line.after["GET", "contacts"] = lambda response: httpx2.Response(
        200, content=response.content.replace(b'"0001-01-01"', b'"C31-12-24"', 1)
    )
    (page,) = table.changes(None, Want(("lastInteractionDate",))).pages
    assert page[FAULT].to_list() == ["lastInteractionDate: out_of_range", None]


def test_24_a_record_that_refuses_updates_is_one_error(erp: Erp) -> None:
    table = erp.table()
    rows = [{"id": new(erp, table, displayName=name), "displayName": "new"} for name in "ab"]
    said = b'{"error":{"code":"Application_DialogException","message":"Blocked."}}'

    def refused(response: httpx2.Response) -> httpx2.Response:
        told = json.loads(response.content)
        told["responses"][0] |= {"status": 400, "body": json.loads(said)}
        return httpx2.Response(200, content=json.dumps(told).encode())

    erp.line.after["POST", "$batch"] = refused
    first, second = written(erp, table, UPDATE, rows)
    assert (first[CODE], second[CODE], first[MESSAGE]) == (
        "refused",
        "written",
        "Application_DialogException Blocked.",
    )


def test_25_a_control_that_is_read_only_is_not_sent(erp: Erp) -> None:
    """It would fail all of the write; the id of a standard page is one."""
    table = erp.table()
    id_ = new(erp, table)
    erp.line.asked.clear()
    (answer,) = written(erp, table, UPDATE, [{"id": id_, "balanceDue": Decimal(1), "displayName": "x"}])
    assert (answer[CODE], answer[FIELD]) == ("refused", "balanceDue")
    assert not any(one.method == "PATCH" for one in erp.line.asked)
    with pytest.raises(ConfigurationError, match="does not let koppel choose the id"):
        erp.system.table("customers", TableOptions(numbers=Numbers.parse("client id")))


def test_26_a_locked_table_passes(erp: Erp) -> None:
    """It is tried again; one that stays locked says nothing against the record, so it is decided again."""
    table = erp.table()
    erp.central.company.busy["Customer"] = 2
    ids = [new(erp, table), new(erp, table)]
    erp.central.company.busy["Customer"] = 3
    rows = [{"id": id_, "displayName": "x"} for id_ in ids]
    assert [answer[CODE] for answer in written(erp, table, UPDATE, rows)] == ["written", "written"]
    erp.central.company.busy["Customer"] = 10_000
    assert [answer[CODE] for answer in written(erp, table, UPDATE, rows)] == ["stale", "stale"]


def test_27_maintenance(erp: Erp) -> None:
    """A busy service is asked again; an environment that is not there is a matter of the configuration."""
    table = erp.table()
    new(erp, table)
    erp.line.before["GET", "customers"] = httpx2.Response(503)
    assert len(told(table, None)) == 1
    erp.central.environment.name = "Moved"
    with pytest.raises(BadAnswer, match=r"NoEnvironment(.|\n)*check the url"):
        erp.table()


def test_28_no_schema_version_is_asked_for(erp: Erp) -> None:
    """Nothing koppel asks needs a newer one, and with another one names and members may be others."""
    table = erp.table()
    id_ = new(erp, table)
    row_of(table, id_, "number")
    told(table, None)
    assert not any("schemaversion" in target.lower() for target in erp.line.targets)


def test_29_pages_without_an_id_are_no_tables(erp: Erp) -> None:
    """OData pages are keyed by number, which changes."""
    erp.line.after["GET", "$metadata"] = replaced(
        b'EntityType Name="item"><Key><PropertyRef Name="id"', b'EntityType Name="item"><Key><PropertyRef Name="number"'
    )
    assert "items" not in erp.system.tables() and "customers" in erp.system.tables()
    assert ZERO not in str(erp.system.tables())
