"""The traps of wire 4.2 in writing, by their number: the sandbox sets them, the connector does not fall into them."""

from decimal import Decimal

import pytest

from koppel.errors import Denied
from koppel.model.values import ID
from koppel.model.write import CODE, FIELD, MESSAGE
from koppel.sandbox.dataverse import metadata, service, values
from koppel.sandbox.dataverse.refusal import bad
from koppel.sandbox.dataverse.shape import Column, Kind
from koppel.sandbox.dataverse.tables import ACCOUNT
from koppel.testing.contract import codes, uuid
from koppel.testing.stage import fetched
from tests.dataverse.crm import Crm, crm
from tests.dataverse.writes import create, delete, update


def _ids(far: Crm, table: str) -> set[str]:
    return set(far.web.environment.rows.tables[table])


@pytest.fixture
def far() -> Crm:
    """A fresh environment."""
    return crm()


def test_01_patch_without_if_match_resurrects_deleted_rows(far: Crm) -> None:
    row = far.web.account(fax="1")
    table = far.table()
    far.line.before["POST", "$batch"] = lambda: far.web.others.delete("account", row)
    assert codes(update(far, table, {"id": row, "fax": "2"})) == ["missing"]
    assert row not in far.web.environment.rows.tables["account"]


def test_08_statecode_alone_resets_statuscode_and_both_must_fit(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    status = ACCOUNT.columns["statuscode"]
    monkeypatch.setitem(status.options, 3, "On hold")  # type: ignore[arg-type]
    monkeypatch.setitem(status.states, 3, 0)  # type: ignore[arg-type]
    held, other = far.web.account(statuscode=3), far.web.account()
    table = far.table()
    rows = [{"id": held, "statecode": "0"}, {"id": other, "statuscode": "2"}]
    assert codes(update(far, table, *rows, want=["statuscode"])) == ["written"] * 2
    after = fetched(table, [held, other], "statecode", "statuscode")
    assert [(after[row]["statecode"], after[row]["statuscode"]) for row in (held, other)] == [("0", "3"), ("1", "2")]
    assert codes(update(far, table, {"id": held, "statecode": "1"})) == ["written"]
    assert fetched(table, [held], "statuscode")[held]["statuscode"] == "2"
    assert codes(update(far, table, {"id": held, "statecode": "0", "statuscode": "2"})) == ["refused"]


def test_09_duplicate_detection_is_off(far: Crm) -> None:
    """And a duplicate that is detected all the same is refused, not taken for a stale record."""
    table = far.table()
    assert codes(create(far, table, {"name": "Twice"}, {"name": "Twice"})) == ["written"] * 2
    assert not any("suppressduplicatedetection" in request.headers for request in far.line.asked)


def test_10_lookups_have_case_a_suffix_and_must_exist(far: Crm) -> None:
    account, user, team = far.web.account(), far.web.sample.people[2], next(iter(_ids(far, "team")))
    parent = far.web.contact()
    table = far.table("contact")
    rows = [{"lastname": "a", "parentcustomerid": account}, {"lastname": "b", "parentcustomerid": parent}]
    rows += [{"lastname": "c", "parentcustomerid": uuid(9)}, {"lastname": "d", "ownerid": team}]
    answers = create(far, table, *rows, want=["parentcustomerid", "parentcustomeridtype", "owneridtype"])
    assert codes(answers) == ["written", "written", "refused", "written"]
    assert answers[2][FIELD] == "parentcustomerid"
    assert [answer["parentcustomeridtype"] for answer in answers] == ["account", "contact", None, None]
    assert answers[3]["owneridtype"] == "team"
    made = str(answers[0][ID])
    assert codes(update(far, table, {"id": made, "parentcustomerid": None})) == ["written"]
    assert fetched(table, [made], "parentcustomerid")[made]["parentcustomerid"] is None
    accounts = far.table()
    answers = update(far, accounts, {"id": account, "new_keyaccountmanager": user}, want=["new_keyaccountmanager"])
    assert (codes(answers), answers[0]["new_keyaccountmanager"]) == (["written"], user)
    (answer,) = update(far, accounts, {"id": account, "primarycontactid": uuid(9)})
    assert (answer[CODE], answer[FIELD]) == ("refused", "primarycontactid"), "the record is there, the contact is not"


def test_11_money_is_rounded_to_the_currency_and_a_missing_currency_is_filled_in(far: Crm) -> None:
    yen = far.web.sample.currencies[3]
    rows = [{"name": "x", "creditlimit": Decimal("10.555"), "transactioncurrencyid": yen}]
    rows += [{"name": "y", "creditlimit": Decimal("1.005")}]
    answers = create(far, far.table(), *rows, want=["creditlimit", "transactioncurrencyid"])
    assert [answer["creditlimit"] for answer in answers] == [Decimal(11), Decimal("1.01")]
    assert answers[1]["transactioncurrencyid"] == far.web.sample.currencies[0]


def test_17_a_disabled_user_owns_nothing(far: Crm) -> None:
    """The row is refused, its neighbours are not."""
    one, other = far.web.account(), far.web.account()
    rows = [{"id": one, "ownerid": far.web.sample.people[-1]}, {"id": other, "ownerid": far.web.sample.people[3]}]
    table = far.table()
    assert codes(update(far, table, *rows)) == ["refused", "written"]
    assert codes(update(far, table, {"id": one, "ownerid": None})) == ["refused"]


def test_18_fullname_is_read_only(far: Crm) -> None:
    table = far.table("contact")
    (refused, made) = create(far, table, {"lastname": "b", "fullname": "x"}, {"lastname": "b"}, want=["fullname"])
    assert (refused[CODE], refused[FIELD], made["fullname"]) == ("refused", "fullname", "b")


def test_20_isocurrencycode_can_be_set_only_at_creation(far: Crm) -> None:
    table = far.table("transactioncurrency")
    rows = {"isocurrencycode": "CHF", "currencyname": "Franc", "currencyprecision": 2, "exchangerate": Decimal(1)}
    (made,) = create(far, table, rows, want=["isocurrencycode"])
    assert made["isocurrencycode"] == "CHF"
    (answer,) = update(far, table, {"id": made[ID], "isocurrencycode": "SEK"})
    assert (answer[CODE], answer[FIELD]) == ("refused", "isocurrencycode") and "created" in str(answer[MESSAGE])


def test_21_users_are_not_created_here(far: Crm) -> None:
    """Whatever the user, so it is no error of a record."""
    with pytest.raises(Denied, match="prvCreatesystemuser"):
        create(far, far.table("systemuser"), {"firstname": "a"}, {"firstname": "b"})


def test_22_a_bulk_message_is_all_or_nothing_and_names_no_row(far: Crm) -> None:
    far.web.account(accountnumber="A5")
    rows = [{"name": f"n{at}", "accountnumber": f"A{at}"} for at in range(10)]
    answers = create(far, far.table(), *rows)
    assert codes(answers) == ["refused" if at == 5 else "written" for at in range(10)]
    assert answers[5][FIELD] == "accountnumber"
    assert len(_ids(far, "account")) == 10
    writes = [target for target in far.line.targets if "Multiple" in target or "$batch" in target]
    assert len(writes) == 2, "one bulk message, then all rows each for itself in one batch"


@pytest.mark.parametrize("stops", [False, True])
def test_23_a_batch_goes_on_after_an_error(far: Crm, monkeypatch: pytest.MonkeyPatch, stops: bool) -> None:
    """Where the service does not, nobody is told that the rest was written."""
    if stops:
        rule = service.batches.batch
        monkeypatch.setattr(service.batches, "batch", lambda here, call, _, inner: rule(here, call, False, inner))
    far.web.account(accountnumber="taken")
    rows = [far.web.account() for _ in range(3)]
    changes = [{"id": row, "accountnumber": number} for row, number in zip(rows, ("taken", "B2", "B3"), strict=True)]
    rest = "unknown" if stops else "written"
    assert codes(update(far, far.table(), *changes)) == ["refused", rest, rest]


def test_28_a_representation_is_asked_for_with_select(far: Crm) -> None:
    row = far.web.account()
    table = far.table()
    update(far, table, {"id": row, "fax": "1"}, want=["fax"])
    create(far, table, {"name": "alone"}, want=["fax"])
    patched = [line for line in far.line.sent.splitlines() if line.startswith(("PATCH ", "POST "))]
    assert len(patched) == 2
    assert all(line.endswith("?$select=accountid,modifiedon,fax HTTP/1.1") for line in patched)
    assert b'"fax"' in far.line.answered[-1] and b'"name"' not in far.line.answered[-1]


def test_30_lengths_are_counted_in_utf_16_units(far: Crm) -> None:
    answers = create(far, far.table(), *({"name": "😀" * 80 + more} for more in ("", "x")))
    assert codes(answers) == ["written", "refused"] and answers[1][FIELD] == "name"


def test_30_how_a_memo_counts_line_ends_is_the_services_business(far: Crm) -> None:
    """One that it finds too long is that record's error, and its neighbours go in."""
    texts = ["x" * 1999 + "\n", "x" * 1998 + "\n"]
    answers = create(far, far.table(), *({"name": "x", "description": text} for text in texts))
    assert codes(answers) == ["refused", "written"] and answers[0][FIELD] == "description"


def test_a_refusal_that_repeats_a_value_is_told_without_it(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages stand in the log and in `koppel errors`: they say what is wrong, never what the record holds."""

    def refused(column: Column, value: object) -> None:
        raise bad(f"'{value}' is not liked.")

    monkeypatch.setitem(values._KINDS, Kind.TEXT, refused)
    (answer,) = create(far, far.table(), {"name": "Jan de Vries"})
    assert codes([answer]) == ["refused"] and "is not liked" in answer[MESSAGE]
    assert "Jan de Vries" not in answer[MESSAGE]


def test_deleting_is_conditional_and_a_row_in_use_is_refused(far: Crm) -> None:
    """wire 1.3, 1.10."""
    row, edited = far.web.account(), far.web.account()
    table = far.table()
    far.line.before["POST", "$batch"] = lambda: far.web.others.edit("account", edited, {"fax": "1"})
    assert codes(delete(far, table, row, edited, uuid(9))) == ["written", "stale", "missing"]
    yen = far.web.sample.currencies[3]
    far.web.account(**{"transactioncurrencyid@odata.bind": f"/transactioncurrencies({yen})"})
    assert codes(delete(far, far.table("transactioncurrency"), yen)) == ["refused"]


def test_a_table_without_optimistic_concurrency_is_said_to_have_none(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would refuse a version; that the row is there can be demanded all the same."""
    told = metadata.definition_of
    facts = {"IsOptimisticConcurrencyEnabled": False}
    monkeypatch.setattr(metadata, "definition_of", lambda *said: told(*said) | facts)
    row, gone = far.web.account(), far.web.account()
    table = far.table()
    assert not table.features.conditional_writes and "overwritten" in table.features.caveat
    far.line.before["POST", "$batch"] = lambda: far.web.others.delete("account", gone)
    assert codes(update(far, table, {"id": row, "fax": "1"}, {"id": gone, "fax": "1"})) == ["written", "missing"]
    assert far.line.sent.count("If-Match: *\r\n") == 2 and "If-Match: W/" not in far.line.sent


def test_what_can_be_set_only_afterwards_is_no_reason_against_a_new_record(
    far: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it would have another value."""
    told = metadata._attribute
    facts = {"IsValidForCreate": False}
    monkeypatch.setattr(
        metadata, "_attribute", lambda *said: told(*said) | (facts if said[2].name == "statecode" else {})
    )
    rows = [{"name": "a", "statecode": "0"}, {"name": "b", "statecode": "1"}, {"name": "c", "statecode": None}]
    answers = create(far, far.table(), *rows)
    assert codes(answers) == ["written", "refused", "written"] and answers[1][FIELD] == "statecode"
