"""The traps of wire 4.2 in reading, by their number: the sandbox sets them, the connector does not fall into them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from koppel.connectors.dataverse import finding
from koppel.errors import Denied
from koppel.model.filter import Compare, Comparison
from koppel.model.values import FAULT, ID, VERSION, Kind
from koppel.model.write import CODE, FIELD, MESSAGE
from koppel.ports import Feed, TableOptions, Want
from koppel.sandbox.dataverse import options, reading
from koppel.sandbox.switches import ExpiredDelta, Switches
from koppel.testing.contract import codes, found
from koppel.testing.stage import fetched, named
from tests.dataverse.crm import Crm, crm
from tests.dataverse.writes import create, update
from tests.sandbox.web import CLIENT

_NO_OPTIONS = TableOptions()


@pytest.fixture
def far() -> Crm:
    """A fresh environment."""
    return crm()


def test_02_deltas_know_no_filter_and_tell_deletions_last_also_of_unknown_ids(far: Crm) -> None:
    gone, kept = far.web.account(), far.web.account()
    table = far.table()
    cursor = table.changes(None, Want(())).cursor
    passing = far.web.account()
    for row in (passing, gone):
        far.web.others.delete("account", row)
    far.web.others.edit("account", kept, {"fax": "9"})
    changes = table.changes(cursor, Want(("fax",), Compare("fax", Comparison.EQUAL, "0")))
    (page,) = changes.pages
    assert not changes.complete
    assert page.select(ID, "fax").rows() == [(kept, "9"), (passing, None), (gone, None)]
    assert page[VERSION].is_null().to_list() == [False, True, True] and page[FAULT].is_null().all()
    assert not any("track" in str(r.headers) and "$filter" in str(r.url) for r in far.line.asked)


@pytest.mark.parametrize(
    "switches", [Switches(), Switches(expired_delta_status=410), Switches(expired_delta_status=500)]
)
def test_03_deltas_expire_with_time_and_when_the_metadata_changes(far: Crm, switches: Switches) -> None:
    """U1: by code, whatever the status; by age before the service says so, whatever it would do."""
    row = far.web.account()
    far.web.environment.switches = replace(switches, english=far.web.environment.switches.english)
    table = far.table()
    cursor = table.changes(None, Want(())).cursor
    far.web.environment.expire_deltas()
    again = table.changes(cursor, Want(()))
    assert again.complete and named(again) == [row]
    far.web.environment.switches = replace(switches, expired_delta=ExpiredDelta.EVERYTHING)
    far.web.clock.advance(timedelta(days=6, seconds=1).total_seconds())
    far.line.asked.clear()
    assert far.table().changes(again.cursor, Want(())).complete
    assert not any("$deltatoken" in target for target in far.line.targets)


def test_03_an_organisation_that_forgets_sooner_is_believed(far: Crm) -> None:
    far.web.environment.delta_days = 2
    table = far.table()
    cursor = table.changes(None, Want(())).cursor
    far.web.clock.advance(timedelta(days=1, seconds=1).total_seconds())
    assert table.changes(cursor, Want(())).complete


def test_04_deltas_need_tracking_turned_on_and_a_reader_of_everything(far: Crm) -> None:
    row = far.web.account()
    far.web.environment.organisation_read = False
    with pytest.raises(Denied, match="prvReadaccount"):
        far.table().changes(None, Want(()))
    far.web.environment.untracked.add("account")
    table = far.table()
    assert (table.features.feed, table.features.reports_deletions) == (Feed.MODIFIED_ON, False)
    assert "Track changes" in table.features.caveat and table.features.lag > timedelta(minutes=2)
    far.web.clock.advance(600)
    cursor = table.changes(None, Want(())).cursor
    far.web.clock.advance(600)
    late = far.web.account()
    assert named(table.changes(cursor, Want(()))) == [late] and row != late
    far.web.environment.untracked.clear()
    far.web.environment.organisation_read = True
    assert far.table().changes(cursor, Want(())).complete, "a cursor of the time without tracking is none with it"


def test_05_the_version_moves_while_modifiedon_does_not(far: Crm) -> None:
    row = far.web.account()
    table = far.table()
    cursor, before = table.changes(None, Want(())).cursor, fetched(table, [row])[row][VERSION]
    far.web.clock.advance(60)
    far.web.others.touch("account", row)
    assert named(table.changes(cursor, Want(()))) == [row]
    assert fetched(table, [row])[row][VERSION] != before


def test_06_a_secured_column_reads_null_without_any_hint(far: Crm) -> None:
    row = far.web.account(fax="123")
    far.web.environment.secured.add(("account", "fax"))
    table = far.table()
    record = fetched(table, [row], "name", "fax")[row]
    assert (record["name"], record["fax"]) == ("Bakker B.V.", None)
    assert str(record[FAULT]).startswith("fax: hidden")
    assert fetched(table, [row], "name")[row][FAULT] is None
    assert "fax" in table.features.caveat
    (answer,) = update(far, table, {"id": row, "fax": None})
    assert (answer[CODE], answer[FIELD]) == ("refused", "fax") and "column security" in str(answer[MESSAGE])


def test_07_inactive_rows_are_returned_and_can_be_updated(far: Crm) -> None:
    parent = far.web.account(statecode=1, statuscode=2)
    child = far.web.contact(**{"parentcustomerid_account@odata.bind": f"/accounts({parent})"})
    table = far.table()
    assert fetched(table, [parent], "statecode")[parent]["statecode"] == "1"
    assert codes(update(far, table, {"id": parent, "fax": "1"})) == ["written"]
    assert fetched(far.table("contact"), [child], "statecode")[child]["statecode"] == "0"


def test_12_a_date_only_format_is_no_date_only_behaviour() -> None:
    """And a time without a zone is one on the clocks of the system's time zone."""
    far = crm(zone="Europe/Amsterdam")
    shape = far.table().describe()
    assert {f.name: f.kind for f in shape.fields if f.name.startswith("new_") and f.kind is Kind.DATETIME} == {
        "new_deliverytime": Kind.DATETIME, "new_contractdate": Kind.DATETIME,
    }  # fmt: skip
    moment = datetime(2024, 7, 1, 7, tzinfo=UTC)
    rows = [{"name": "x", "new_contractdate": moment, "new_deliverytime": moment}]
    rows += [{"name": "y", "new_deliverytime": datetime(2026, 10, 25, 0, 30, tzinfo=UTC)}]
    answers = create(far, far.table(), *rows, want=["new_contractdate", "new_deliverytime"])
    assert (answers[0]["new_contractdate"], answers[0]["new_deliverytime"]) == (moment, moment)
    assert (answers[1][CODE], answers[1][FIELD]) == ("refused", "new_deliverytime"), "that time of day is there twice"
    stored = far.web.environment.rows.tables["account"][str(answers[0][ID])]
    assert (stored["new_contractdate"].hour, stored["new_deliverytime"].hour) == (7, 9)
    contacts = far.table("contact")
    (answer,) = create(far, contacts, {"lastname": "z", "birthdate": date(1990, 2, 3)}, want=["birthdate"])
    assert answer["birthdate"] == date(1990, 2, 3)


def test_13_several_choices_come_back_in_another_order(far: Crm) -> None:
    table = far.table()
    (answer,) = create(far, table, {"name": "x", "new_segments": "1,3"}, want=["new_segments"])
    assert answer["new_segments"] == "1,3"
    assert b'"new_segments":"3,1"' in b"".join(far.line.answered), "the service has an order of its own"
    row = {"id": answer[ID], "new_segments": "3,2"}
    assert codes(update(far, table, row, expected=[{"new_segments": "1,3"}])) == ["written"]
    assert found(table, [{"new_segments": "2,3"}], False) == [(1, answer[ID])]
    assert codes(update(far, table, {"id": answer[ID], "new_segments": "1,9"})) == ["refused"]


def test_14_counts_stop_so_nothing_is_counted(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "COUNTED", 2)
    monkeypatch.setattr(options, "PAGE", 3)
    rows = {far.web.account() for _ in range(8)}
    assert set(named(far.table().changes(None, Want(("name",))))) == rows
    assert not any("$count" in target for target in far.line.targets)


def test_15_text_is_compared_without_case_and_with_wildcards(far: Crm) -> None:
    percent, other = far.web.account(name="a%"), far.web.account(name="abc")
    capital = far.web.account(name="A%")
    table = far.table()
    assert found(table, [{"name": "a%"}], False) == [(1, percent)]
    assert found(table, [{"name": "a%"}], True) == sorted([(1, percent), (1, capital)])
    assert other not in str(found(table, [{"name": "a_c"}], True))


def test_16_some_characters_cannot_stand_in_a_key(far: Crm) -> None:
    numbers = [f"A{sign}'1" for sign in "/<>*%&:\\?+#"]
    rows = [far.web.account(accountnumber=number) for number in numbers]
    hits = found(far.table(), [{"accountnumber": number} for number in numbers], False)
    assert hits == sorted((at, row) for at, row in enumerate(rows, 1))
    assert not any("accounts(" in target for target in far.line.targets), "no row is named by an alternate key"


def test_look_ups_are_as_long_as_addresses_may_be(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """wire 1.2: 64 KB within a batch. Found by an audit: 200 names of 153 Cyrillic letters were 185 KB. What fits into
    no question makes koppel read all rows.
    """
    names = ["Ж" * 150 + f"{at:03}" for at in range(200)]
    rows = [far.web.account(name=name) for name in names]
    wanted = sorted((at, row) for at, row in enumerate(rows, 1))
    table = far.table()
    assert found(table, [{"name": name} for name in names], False) == wanted
    lines = [line for line in far.line.sent.splitlines() if line.startswith("GET ")]
    assert 5 < len(lines) < 10 and max(map(len, lines)) < 64 * 1024
    monkeypatch.setattr(finding, "LONGEST_CONDITION", 900)
    far.line.asked.clear()
    assert found(table, [{"name": name} for name in names], False) == wanted
    assert len(far.line.asked) == 1


def test_19_customertypecode_may_turn_a_customer_into_a_vendor(far: Crm) -> None:
    """It leaves the filter of a mapping, and is named all the same (wire 4.1.11)."""
    row = far.web.account(customertypecode=3)
    customers = Want(("customertypecode",), Compare("customertypecode", Comparison.EQUAL, "3"))
    table = far.table()
    cursor = table.changes(None, customers).cursor
    far.web.others.edit("account", row, {"customertypecode": 11})
    (page,) = table.changes(cursor, customers).pages
    assert page.select(ID, "customertypecode").rows() == [(row, "11")]
    assert named(table.changes(None, customers)) == []


def test_24_no_cookie_pins_koppel_to_one_server(far: Crm) -> None:
    given: list[str] = []
    far.line.after["GET", "WhoAmI"] = lambda answer: given.append(answer.headers["set-cookie"]) or answer
    table = far.table()
    table.changes(None, Want(()))
    table.changes(None, Want(()))
    assert "ARRAffinity" in given[0]
    assert len(far.line.asked) == 4 and not any("cookie" in request.headers for request in far.line.asked)


def test_25_a_token_without_a_user_is_a_mistake_of_the_set_up(far: Crm) -> None:
    table = far.table()
    del far.web.environment.users[CLIENT]
    with pytest.raises(Denied, match="application user"):
        table.changes(None, Want(()))
    assert len(far.line.asked) == 1, "it is not tried again"


def test_26_the_loser_of_a_merge_is_deactivated_not_deleted(far: Crm) -> None:
    loser, winner = far.web.account(), far.web.account()
    table = far.table()
    cursor = table.changes(None, Want(())).cursor
    far.web.others.merge("account", loser, winner)
    assert named(table.changes(cursor, Want(()))) == [loser]
    record = fetched(table, [loser], "statecode", "masterid")[loser]
    assert (record["statecode"], record["masterid"]) == ("1", winner)
    (answer,) = update(far, table, {"id": loser, "fax": "1"})
    assert answer[CODE] == "refused" and winner in str(answer[MESSAGE])


@pytest.mark.parametrize("twice", [False, True])
def test_27_a_deleted_row_comes_back_with_its_id(far: Crm, twice: bool) -> None:
    """U10: it is named, and what a look at it finds counts."""
    far.web.environment.switches = replace(far.web.environment.switches, recreated_is_deleted_too=twice)
    row = far.web.account(name="Gone")
    table = far.table()
    cursor = table.changes(None, Want(())).cursor
    far.web.others.delete("account", row)
    far.web.others.restore("account", row, {"name": "Back"})
    assert set(named(table.changes(cursor, Want(("name",))))) == {row}
    assert fetched(table, [row], "name")[row]["name"] == "Back"


def test_29_metadata_is_not_taken_from_a_cache(far: Crm) -> None:
    far.system.table("account", _NO_OPTIONS)
    assert [request.headers["consistency"] for request in far.line.asked if "EntityDef" in str(request.url)] == [
        "Strong"
    ]
    assert far.line.sent.count("Consistency: Strong") == far.line.sent.count("GET https://") > 10
    far.web.environment.secured.add(("account", "fax"))
    far.web.environment.untracked.add("account")
    table = far.table()
    assert "fax" in table.features.caveat and table.features.feed is Feed.MODIFIED_ON
