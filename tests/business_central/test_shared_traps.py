"""Each trap of wire 4.1, by its number, over the pages of Business Central."""

import json
from decimal import Decimal

import httpx2
import polars as pl
import pytest

from koppel.connectors.business_central.opening import USUAL_LIMITS
from koppel.errors import BadAnswer, Throttled, Unreachable
from koppel.model.values import ID, OP, VERSION
from koppel.model.write import CODE, FIELD
from koppel.ports import Want
from koppel.sandbox.business_central import sets
from koppel.sandbox.faults import Fault, RetryAfter, Trouble
from tests.business_central.erp import Erp
from tests.business_central.writes import CREATE, UPDATE, row_of, told, written
from tests.line import response_of

CUT = httpx2.ReadError("cut")


def customers(erp: Erp) -> list[str]:
    """The names of the customers there are."""
    return sorted(row["Name"] for row in erp.central.company.rows.tables["Customer"].values())


def test_1_our_own_write_comes_back_as_a_change(erp: Erp, app: Erp) -> None:
    """With the version that the write was answered with, by which it is known; an edit right after it has another."""
    for each in (erp, app):
        table = each.table()
        cursor = table.changes(None, Want(())).cursor
        ids = [None] if each is erp else ["0190a5f2-0000-7000-8000-000000000001"]
        (row,) = written(each, table, CREATE, [{"id": ids[0], "displayName": "a"}])
        (page,) = [page for page in table.changes(cursor, Want(())).pages if len(page)]
        assert page.select(ID, VERSION).rows() == [(row[ID], row[VERSION])]
        each.central.others.edit("customers", row[ID], {"displayName": "b"})
        assert row_of(table, row[ID])[VERSION] != row[VERSION]


def test_2_values_are_normalised_when_they_are_stored(erp: Erp) -> None:
    """What is answered is what is stored."""
    (answer,) = written(erp, erp.table(), CREATE, [{"displayName": "x", "number": " a1 "}], ["number"])
    assert answer["number"] == "A1"


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("rows", [1, 3])
def test_3_a_lost_answer_is_an_unknown_outcome(erp: Erp, cut: str, rows: int) -> None:
    """It is never sent again: whether it was carried out is found out by looking. Another try makes other records."""
    table = erp.table()
    getattr(erp.line, cut)["POST", "$batch" if rows > 1 else "customers"] = CUT
    answers = written(erp, table, CREATE, [{"displayName": f"n{at}"} for at in range(rows)])
    assert {answer[CODE] for answer in answers} == {"unknown"}
    assert len(customers(erp)) == (there := rows if cut == "after" else 0)
    written(erp, table, CREATE, [{"displayName": f"n{at}"} for at in range(rows)])
    assert len(customers(erp)) == there + rows


def test_4_clocks_are_coarse(erp: Erp) -> None:
    """Two edits within one tick have two versions; the shape says how finely the stamp ticks."""
    table = erp.table()
    (row,) = written(erp, table, CREATE, [{"displayName": "x"}])
    (again,) = written(erp, table, UPDATE, [{"id": row[ID], "displayName": "y"}])
    stamps = {str(each[VERSION]).partition("#")[0] for each in (row, again)}
    assert len(stamps) == 1 and row[VERSION] != again[VERSION]
    assert table.describe().granularity.total_seconds() >= 1 / 300


@pytest.mark.parametrize(
    ("form", "seconds"), [(RetryAfter.SECONDS, 7), (RetryAfter.DATE, 3), (RetryAfter.DATE, 900), (RetryAfter.NONE, 0)]
)
def test_5_everybody_waits_when_the_service_is_busy(erp: Erp, form: RetryAfter, seconds: float) -> None:
    """As long as it asks, if that is not longer than a call may take; else as long as koppel thinks fit."""
    table, clock = erp.table(), erp.central.clock
    clock.stop(began := clock.now().replace(microsecond=0))
    busy = Fault(Trouble.STATUS, status=429, retry_after=form, seconds=seconds)
    erp.line.before["POST", "customers"] = response_of(busy.reply(began))
    if seconds > USUAL_LIMITS.call_seconds:
        with pytest.raises(Throttled, match="left alone"):
            written(erp, table, CREATE, [{"displayName": "x"}])
        return
    (answer,) = written(erp, table, CREATE, [{"displayName": "x"}])
    assert answer[CODE] == "written" and (clock.now() - began).total_seconds() >= (seconds or 0.5)


def test_6_results_of_a_batch_are_matched_by_id(erp: Erp) -> None:
    def reordered(response: httpx2.Response) -> httpx2.Response:
        said = json.loads(response.content)
        return httpx2.Response(200, content=json.dumps({"responses": said["responses"][::-1]}).encode())

    erp.line.after["POST", "$batch"] = reordered
    rows = [{"displayName": f"n{at}"} for at in range(5)]
    answers = written(erp, erp.table(), CREATE, rows, ["displayName"])
    assert [answer["displayName"] for answer in answers] == [row["displayName"] for row in rows]


def test_7_a_preference_that_is_ignored_is_noticed(erp: Erp) -> None:
    """An answer without the record does not say which it is; pages of another size are read to their end."""
    table = erp.table()
    (answer,) = written(erp, table, CREATE, [{"displayName": "x"}])
    assert answer[CODE] == "written" and answer[ID] is not None
    erp.line.after["POST", "customers"] = lambda response: httpx2.Response(204)
    (answer,) = written(erp, table, CREATE, [{"displayName": "x"}])
    assert (answer[CODE], answer[ID]) == ("unknown", None)


def test_8_links_lead_nowhere_else(erp: Erp, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what the service has added, and never with the token to another host."""
    monkeypatch.setattr(sets, "page_size", lambda headers: 2)
    table = erp.table()
    ids = sorted(erp.central.others.create("customers", {"displayName": f"n{at}"}) for at in range(5))
    assert sorted(told(table, None)) == ids
    assert sum("aid=FIN" in target for target in erp.line.targets) == 2
    erp.line.after["GET", "customers"] = lambda response: httpx2.Response(
        200, content=response.content.replace(b"https://erp.example", b"https://evil.example")
    )
    with pytest.raises(BadAnswer, match=r"evil\.example"):
        told(table, None)


def test_9_a_stream_that_breaks_leaves_the_cursor(erp: Erp, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is passed on only by whoever has read every page."""
    monkeypatch.setattr(sets, "page_size", lambda headers: 2)
    table = erp.table()
    for at in range(5):
        erp.central.others.create("customers", {"displayName": f"n{at}"})
    pages = table.changes(None, Want(())).pages
    next(pages)
    erp.line.before = _Always()
    with pytest.raises(Unreachable):
        list(pages)


class _Always(dict[tuple[str, str], Exception | httpx2.Response]):
    """Every request is cut."""

    def __init__(self) -> None:
        super().__init__({("GET", ""): CUT})

    def pop(self, key: tuple[str, str], *more: object) -> Exception:  # type: ignore[override]
        return CUT


def test_10_absence_is_confirmed_by_a_keyed_read(erp: Erp) -> None:
    """A page may miss a row that is there."""
    table = erp.table()
    id_ = erp.central.others.create("customers", {"displayName": "x"})
    erp.line.after["GET", "customers"] = lambda response: httpx2.Response(200, content=b'{"value":[]}')
    assert told(table, None) == []
    assert row_of(table, id_)[ID] == id_


def test_11_leaving_a_filter_is_no_change_of_the_service(erp: Erp) -> None:
    """So what is coupled is read without it: the feed names the record, and the engine judges its scope."""
    table = erp.table()
    id_ = erp.central.others.create("customers", {"displayName": "x"})
    erp.central.clock.advance(3600)
    cursor = table.changes(None, Want(())).cursor
    erp.central.others.edit("customers", id_, {"blocked": "All"})
    assert told(table, cursor) == [id_]


def test_12_numbers_pass_no_float(erp: Erp, app: Erp) -> None:
    table = erp.table()
    limit = Decimal("90071992547409.93")
    (row,) = written(erp, table, CREATE, [{"displayName": "x", "creditLimit": limit}], ["creditLimit"])
    assert row["creditLimit"] == row_of(table, row[ID], "creditLimit")["creditLimit"] == limit
    big = app.table()
    id_ = app.central.others.create("customers", {"displayName": "x"})
    app.central.company.rows.version = 2**53
    app.central.others.edit("customers", id_, {"displayName": "y"})
    assert row_of(big, id_, "systemRowVersion")["systemRowVersion"] == 2**53 + 1


def test_13_ids_and_codes_have_one_form_and_texts_their_own(erp: Erp) -> None:
    table = erp.table()
    id_ = erp.central.others.create("customers", {"displayName": "x", "number": "a1"})
    erp.line.after["GET", "customers"] = lambda response: httpx2.Response(
        200, content=response.content.replace(id_.encode(), id_.upper().encode())
    )
    assert told(table, None) == [id_]
    keys = pl.DataFrame({OP: [1], "displayName": ["X"]})
    assert table.find(keys, False).is_empty() and table.find(keys, True)[ID].to_list() == [id_]
    assert table.find(pl.DataFrame({OP: [1], "number": ["A1"]}), False)[ID].to_list() == [id_]


def test_14_characters_that_xml_does_not_know_are_refused(erp: Erp) -> None:
    answers = written(erp, erp.table(), CREATE, [{"displayName": text} for text in ("a\x00b", "a\x1fb", "a\tb")])
    assert [answer[CODE] for answer in answers] == ["refused", "refused", "written"]
    assert answers[0][FIELD] == "displayName"
    assert len(erp.line.asked) == 1, "what cannot be stored is not sent"


def test_15_no_text_of_a_record_is_part_of_a_batch_head(erp: Erp) -> None:
    table = erp.table()
    text = 'x"\r\nDELETE /companies HTTP/1.1\r\n'
    answers = written(erp, table, CREATE, [{"displayName": text}, {"displayName": "y"}])
    assert [answer[CODE] for answer in answers] == ["written", "written"]
    assert table.find(pl.DataFrame({OP: [1], "displayName": [text]}), False)[ID].to_list() == [answers[0][ID]]
