"""Every trap of wire 4.1, by its number."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx2
import pytest

from koppel.errors import BadAnswer, Denied, SystemFailure
from koppel.model.filter import Compare, Comparison
from koppel.model.values import ID, VERSION
from koppel.model.write import CODE, FIELD
from koppel.ports import Want
from koppel.sandbox.dataverse import options
from koppel.sandbox.faults import Fault, RetryAfter, Trouble
from koppel.testing.contract import codes, found, uuid
from koppel.testing.stage import fetched, named
from tests.dataverse.crm import Crm, crm
from tests.dataverse.writes import create, update
from tests.line import response_of


@pytest.fixture
def far() -> Crm:
    """A fresh environment."""
    return crm()


def test_01_our_own_write_comes_back_as_a_change(far: Crm) -> None:
    """With the version that the write was answered with, by which it is known; an edit right after it has another."""
    table = far.table()
    cursor = table.changes(None, Want(())).cursor
    rows = create(far, table, {"name": "a"}, {"name": "b"})
    (page,) = table.changes(cursor, Want(())).pages
    assert dict(page.select(ID, VERSION).rows()) == {row[ID]: row[VERSION] for row in rows}
    far.web.others.edit("account", str(rows[0][ID]), {"fax": "1"})
    (page,) = table.changes(cursor, Want(())).pages
    assert dict(page.select(ID, VERSION).rows())[str(rows[0][ID])] != rows[0][VERSION]


def test_02_values_are_normalised_when_they_are_stored(far: Crm) -> None:
    """What is answered is what is stored, also after a bulk message, which answers with ids only."""
    rows = [{"name": "x", "fax": "", "creditlimit": Decimal("10.5551")}, {"name": "y"}]
    answers = create(far, far.table(), *rows, want=["fax", "creditlimit"])
    assert (answers[0]["fax"], answers[0]["creditlimit"]) == (None, Decimal("10.5600"))


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("cut", ["before", "after"])
def test_03_a_lost_answer_is_an_unknown_outcome(far: Crm, cut: str, number: int) -> None:
    """Whether it was carried out or not: the ids are ours, so a look tells, and no second try makes them twice. That an
    id is there already is then no refusal, but a reason to look once more.
    """
    table = far.table()
    rows: list[dict[str, object]] = [{"id": uuid(at), "name": f"n{at}"} for at in range(number)]
    getattr(far.line, cut)["POST", "CreateMultiple" if number > 1 else "$batch"] = httpx2.ReadError("cut")
    assert codes(create(far, table, *rows)) == ["unknown"] * number
    there = number if cut == "after" else 0
    assert len(fetched(table, [uuid(at) for at in range(number)])) == there
    assert codes(create(far, table, *rows)) == ["unknown" if there else "written"] * number
    answers = create(far, table, *rows)
    assert {(answer[CODE], answer[FIELD]) for answer in answers} == {("refused", "accountid")}
    assert len(far.web.environment.rows.tables["account"]) == number


def test_03_a_lost_answer_is_that_of_its_part_only(far: Crm) -> None:
    """One hundred rows of a larger write; and a failure of the service ends what was not sent."""
    table = far.table()
    far.line.after["POST", "CreateMultiple"] = httpx2.ReadError("cut")
    told = codes(create(far, table, *({"name": f"n{at}"} for at in range(250))))
    assert told.count("unknown") in (50, 100) and told.count("written") == 250 - told.count("unknown")
    far.line.before["POST", "CreateMultiple"] = httpx2.Response(401)
    far.line.after["POST", "CreateMultiple"] = lambda _: httpx2.Response(401)
    with pytest.raises(Denied):
        create(far, table, {"name": "a"}, {"name": "b"})


def test_04_moments_have_whole_seconds(far: Crm) -> None:
    """Two edits within one have the same stamp and two versions; a moment that would be cut is refused."""
    table, moment = far.table(), datetime(2026, 3, 1, 9, 0, 0, 123_000, tzinfo=UTC)
    far.web.clock.stop(moment)
    assert table.describe().granularity == timedelta(seconds=1)
    (row,) = create(far, table, {"name": "x"}, want=["modifiedon"])
    (again,) = update(far, table, {"id": row[ID], "name": "y"}, want=["modifiedon"])
    assert row["modifiedon"] == again["modifiedon"] == moment.replace(microsecond=0) and row[VERSION] != again[VERSION]
    (answer,) = create(far, table, {"name": "x", "new_contractdate": moment})
    assert (answer[CODE], answer[FIELD]) == ("refused", "new_contractdate")


@pytest.mark.parametrize(
    ("status", "form", "seconds"), [(429, RetryAfter.SECONDS, 7), (503, RetryAfter.DATE, 20), (429, RetryAfter.NONE, 0)]
)
def test_05_told_to_wait_koppel_waits(far: Crm, status: int, form: RetryAfter, seconds: float) -> None:
    """In either form of Retry-After, and without one for as long as it thinks fit."""
    clock, table = far.web.clock, far.table()
    clock.stop(began := clock.now().replace(microsecond=0))
    busy = Fault(Trouble.STATUS, status=status, retry_after=form, seconds=seconds)
    far.line.before["POST", "CreateMultiple"] = response_of(busy.reply(began))
    assert codes(create(far, table, {"name": "a"}, {"name": "b"})) == ["written"] * 2
    assert clock.now() - began >= timedelta(seconds=seconds or 0.5)


def test_05_limits_are_kept_by_all_workers_together(far: Crm) -> None:
    """wire 1.9: nothing is refused for good, however little is allowed, and the hint is heeded."""
    limits = far.web.dataverse.limits
    limits.allowance = replace(limits.allowance, requests=4, advised=1)
    table = far.table()
    answers = create(far, table, *({"name": f"n{at}"} for at in range(450)))
    assert codes(answers) == ["written"] * 450
    assert table._source.session._lanes.width == 1


def test_06_answers_of_a_batch_are_matched_by_content_id(far: Crm) -> None:
    good, gone = far.web.account(), far.web.account()
    table = far.table()
    far.line.before["POST", "$batch"] = lambda: far.web.others.delete("account", gone)
    far.line.after["POST", "$batch"] = _turned_round
    assert codes(update(far, table, {"id": good, "fax": "1"}, {"id": gone, "fax": "1"})) == ["written", "missing"]


def _turned_round(answer: httpx2.Response) -> httpx2.Response:
    """The parts of a batch in the opposite order."""
    boundary = b"--" + answer.headers["content-type"].partition("boundary=")[2].encode()
    start, *parts, end = answer.content.split(boundary)
    return _changed(answer, boundary.join([start, *reversed(parts), end]))


def _changed(answer: httpx2.Response, body: bytes) -> httpx2.Response:
    headers = {name: text for name, text in answer.headers.items() if name != "content-length"}
    return httpx2.Response(answer.status_code, headers=headers, content=body)


def _without_applied(answer: httpx2.Response) -> httpx2.Response:
    return httpx2.Response(answer.status_code, headers={"Date": answer.headers["date"]}, content=answer.content)


@pytest.mark.parametrize(
    "ignore", [_without_applied, lambda answer: _changed(answer, answer.content.replace(b"deltaLink", b"other"))]
)
def test_07_preferences_that_are_ignored_are_noticed(
    far: Crm, ignore: Callable[[httpx2.Response], httpx2.Response]
) -> None:
    """Else a table that is not tracked any more would never change again."""
    table = far.table()
    assert table.changes(None, Want(())).complete
    far.line.after["GET", "accounts"] = ignore
    with pytest.raises(BadAnswer, match="change tracking"):
        table.changes(None, Want(()))


@pytest.mark.parametrize("link", ["nextLink", "deltaLink"])
def test_08_links_are_followed_byte_for_byte_and_never_to_another_origin(
    far: Crm, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    monkeypatch.setattr(options, "PAGE", 2)
    rows = {far.web.account() for _ in range(5)}
    table = far.table()
    changes = table.changes(None, Want(("name",)))
    assert set(named(changes)) == rows
    given = [link for body in far.line.answered for link in re.findall(rb'Link":"([^"]+)"', body)]
    assert all(b"%25" in link for link in given if b"skiptoken" in link), "they are encoded twice"
    sent = [b"https://crm.example" + request.url.raw_path for request in far.line.asked]
    assert [link for link in sent if b"skiptoken" in link] == [link for link in given if b"skiptoken" in link] != []
    if link == "deltaLink":
        with pytest.raises(BadAnswer, match="nothing was sent there"):
            table.changes(changes.cursor.replace("crm.example", "evil.example"), Want(()))
    else:
        far.line.after["GET", "name"] = lambda answer: _changed(
            answer, answer.content.replace(b'nextLink":"https://crm', b'nextLink":"https://evil')
        )
        with pytest.raises(BadAnswer, match="nothing was sent there"):
            named(table.changes(None, Want(("name",))))
    assert all(request.url.host == "crm.example" for request in far.line.asked)


def test_09_a_stream_that_breaks_ends_the_reading(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page is passed over, and the cursor is older than all of them."""
    monkeypatch.setattr(options, "PAGE", 2)
    rows = [far.web.account() for _ in range(5)]
    table = far.table()
    changes = table.changes(None, Want(("name",)))
    for row in rows[:3]:
        far.web.others.edit("account", row, {"fax": "1"})
    far.line.after["GET", "skiptoken"] = lambda answer: _changed(answer, answer.content[: len(answer.content) // 2])
    with pytest.raises(SystemFailure):
        named(changes)
    assert named(table.changes(changes.cursor, Want(()))) == rows[:3]


def test_10_a_page_is_no_snapshot_so_a_missing_row_is_looked_up(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyed read tells what is gone; what came too late for its page comes with the cursor."""
    monkeypatch.setattr(options, "PAGE", 2)
    rows = sorted(far.web.account() for _ in range(4))
    table = far.table()
    changes = table.changes(None, Want(("name",)))
    pages = changes.pages
    next(pages)
    early = far.web.account(accountid="00000000-0000-4000-8000-000000000000")
    far.web.others.delete("account", rows[3])
    assert {id_ for page in pages for id_ in page[ID]} <= set(rows)
    assert set(fetched(table, [early, *rows])) == {early, *rows[:3]}
    assert set(named(table.changes(changes.cursor, Want(())))) == {early, rows[3]}


def test_11_leaving_a_filter_is_no_change_of_the_service(far: Crm) -> None:
    """It is an edit like any other: the feed names the row with what it holds, and the engine judges its scope."""
    row = far.web.account(name="x")
    table, active = far.table(), Want(("statecode",), Compare("statecode", Comparison.EQUAL, "0"))
    cursor = table.changes(None, active).cursor
    far.web.others.edit("account", row, {"statecode": 1})
    (page,) = table.changes(cursor, active).pages
    assert page.select(ID, "statecode").rows() == [(row, "1")] and page[VERSION].null_count() == 0


def test_12_numbers_are_exact(far: Crm) -> None:
    """Amounts of all their digits, and whole numbers that no float holds."""
    far.web.environment.rows.version = 2**53
    amount = Decimal("12345678901234.5600")
    (answer,) = create(far, far.table(), {"name": "x", "revenue": amount}, want=["revenue", "versionnumber"])
    assert (answer["revenue"], answer["versionnumber"]) == (amount, 2**53 + 1)


def test_13_case_is_koppels_business(far: Crm) -> None:
    """Uuids are lower-case whatever the service was sent; texts are found in any case and told apart."""
    rows = [far.web.account(accountid=uuid(at).upper(), name=name) for at, name in enumerate(("Abc", "ABC"))]
    assert rows == [uuid(0), uuid(1)]
    table = far.table()
    assert list(fetched(table, [uuid(0), uuid(1).upper()])) == [uuid(0)]
    assert found(table, [{"name": "ABC"}], False) == [(1, uuid(1))]
    assert found(table, [{"name": "abc"}], True) == [(1, uuid(0)), (1, uuid(1))]


def test_14_control_characters_are_refused_for_their_row_only(far: Crm) -> None:
    names = ["a\x00b", "a\x1fb", "a\ufffeb", "a\tb"]
    answers = create(far, far.table(), *({"name": name} for name in names))
    assert codes(answers) == ["refused"] * 3 + ["written"]
    assert {answer[FIELD] for answer in answers[:3]} == {"name"}


def test_15_text_of_users_stands_in_no_request_line(far: Crm) -> None:
    """In addresses it is encoded, in batches too; an id that is none never becomes part of one."""
    evil = "x' HTTP/1.1\r\nDELETE /accounts"
    row = far.web.account(name=evil)
    table = far.table()
    assert found(table, [{"name": evil}, *({"name": f"{evil}{at}"} for at in range(50))], False) == [(1, row)]
    assert "POST https://crm.example/api/data/v9.2/$batch" in {f"{r.method} {r.url}" for r in far.line.asked}
    assert "\r\nDELETE" not in far.line.sent
    assert codes(update(far, table, {"id": f"{row})\r\nDELETE /x", "fax": "1"})) == ["missing"]
