"""A service that breaks down: over what was carried out all the same, over one row, over too many, for want of a right.

Found by an audit: a code was taken for the word that nothing was done, and a row over which the service breaks down
took all with it that it was sent with, for ever.
"""

import json
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from koppel.app import Koppel
from koppel.connectors.dataverse import sending
from koppel.errors import Denied
from koppel.model.job import JobRecord
from koppel.model.listing import ErrorRecord
from koppel.sandbox.dataverse import service
from koppel.sandbox.dataverse.refusal import DENIED
from koppel.sandbox.exchange import Call, Reply
from koppel.sandbox.refusal import Refusal
from koppel.testing.contract import codes
from tests.beside import uid
from tests.dataverse.crm import Crm, crm
from tests.dataverse.pair import both, put
from tests.dataverse.writes import create
from tests.poison import refused

TIMED_OUT, ANY, DEADLOCK, NOT_YOURS = "0x80044151", "0x80040216", "-2147204784", "0x80048306"


def ran(folder: Path, far: Crm) -> tuple[JobRecord, list[ErrorRecord]]:
    """One run of the mapping CUSTOMER, an hour later, and the errors that are open after it."""
    far.web.clock.advance(3600)
    far.line.asked.clear()
    with Koppel.open(folder / "koppel.toml") as koppel:
        (job,) = koppel.sync(["CUSTOMER"]).jobs
        return job, koppel.errors()


def names(far: Crm) -> list[str]:
    """Of all accounts there."""
    return sorted(row["name"] for row in far.web.environment.rows.tables["account"].values())


def poisoned(far: Crm, refusal: Refusal, *poison: str) -> AbstractContextManager[None]:
    """Meanwhile nobody can store an account with such a name."""
    return refused(far.web.environment.rows, refusal, lambda row: row.get("name") in poison)


def without_alternate_key(folder: Path) -> None:
    """Nothing keeps a second record of the same thing out."""
    file = folder / "koppel.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('  "no <-> accountnumber",\n', ""), encoding="utf-8")


def in_place_of_the_part(status: int, code: str) -> Any:
    """The answer to a batch of one, with this failure where the good answer was."""

    def changed(response: httpx2.Response) -> httpx2.Response:
        body = json.dumps({"error": {"code": code, "message": "It failed."}} if code else {})
        said = f"HTTP/1.1 {status} Error\r\nContent-Type: application/json\r\n\r\n{body}\r\n--changesetresponse"
        text = re.sub(r"HTTP/1\.1 20\d.*?--changesetresponse", said, response.text, count=1, flags=re.DOTALL)
        assert text != response.text
        kept = {"content-type": response.headers["content-type"]}
        return httpx2.Response(response.status_code, headers=kept, content=text.encode())

    return changed


@pytest.mark.parametrize("keyed", [True, False])
def test_what_a_failure_says_nothing_about_is_looked_up(tmp_path: Path, far: Crm, keyed: bool) -> None:
    """The record is there, once, and nothing is wrong with it; with an alternate key and without one."""
    if not keyed:
        without_alternate_key(tmp_path)
    put(tmp_path, 1)
    far.web.clock.advance(3600)
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        koppel.check()  # metadata is read by now, so that the first batch is the write
        far.line.after["POST", "$batch"] = in_place_of_the_part(504, TIMED_OUT)
        koppel.sync()
        assert not koppel.errors()
    assert not far.line.after, "the answer was changed"
    assert names(far) == ["Name 1"]
    job, errors = ran(tmp_path, far)
    assert names(far) == ["Name 1"] and not errors and job.tally.total.inserted == 0


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (500, ANY, "unknown"),
        (504, TIMED_OUT, "unknown"),
        (400, DEADLOCK, "unknown"),
        (408, "0x1", "unknown"),
        (503, "0x80072326", "unknown"),
        (500, "", "unknown"),
        (500, "0x80040333", "refused"),
        (400, "0x80044331", "refused"),
        (403, NOT_YOURS, "refused"),
    ],
)
def test_a_code_alone_does_not_say_that_nothing_was_done(far: Crm, status: int, code: str, outcome: str) -> None:
    """wire 1.10: unless it is one of those that say just that, or a status says that the request was at fault."""
    table = far.table()
    far.line.after["POST", "$batch"] = in_place_of_the_part(status, code)
    assert codes(create(far, table, {"name": "a"})) == [outcome]


def test_a_row_over_which_the_service_breaks_down_keeps_nobody_out(tmp_path: Path, far: Crm) -> None:
    """Within one job. It is an error that says why, in every run, and goes in when the cause is gone: nobody is asked
    to retry (DESIGN 7; semantics 10.4.8).
    """
    put(tmp_path, *range(1, 6))
    with poisoned(far, Refusal(500, ANY, "Plug-in broke over Name 2"), "Name 2"):
        for inserted in (4, 0, 0):
            job, errors = ran(tmp_path, far)
            assert (job.tally.total.inserted, job.tally.total.failed, job.tally.total.skipped) == (inserted, 1, 0)
            assert names(far) == ["Name 1", "Name 3", "Name 4", "Name 5"]
            ((record, said),) = [(error.record, error.message) for error in errors]
            assert record == uid(2) and f"500 {ANY}" in said and "Name 2" not in said
    job, errors = ran(tmp_path, far)
    assert job.tally.total.inserted == 1 and not errors
    assert both(tmp_path, far)[0] == both(tmp_path, far)[1]


def test_one_row_of_a_hundred_is_found_by_few_requests(tmp_path: Path, far: Crm) -> None:
    """By tenths: a bulk of a hundred, ten of ten, ten single ones, and two last looks at the one that is left."""
    put(tmp_path, *range(1, 101))
    with poisoned(far, Refusal(500, ANY, "broke"), "Name 42"):
        job, errors = ran(tmp_path, far)
    assert (job.tally.total.inserted, [error.record for error in errors]) == (99, [uid(42)])
    sent = [request for request in far.line.asked if re.search(rb'"Targets"|\r\nPOST ', request.content)]
    assert len(sent) == 1 + 10 + 10 + 2


def test_rows_that_take_too_long_together_go_in_smaller_parts(
    tmp_path: Path, far: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """wire 1.9: an operation ends after two minutes, and so does koppel's patience with it."""
    put(tmp_path, *range(1, 41))
    bulk = service.bulk

    def slow(environment: Any, table: Any, message: str, body: bytes, author: Any) -> Any:
        if len(json.loads(body)["Targets"]) > 5:
            far.web.clock.advance(120)
            raise Refusal(500, TIMED_OUT, "SQL timeout expired.")
        return bulk(environment, table, message, body, author)

    monkeypatch.setattr(service, "bulk", slow)
    job, errors = ran(tmp_path, far)
    assert (job.tally.total.inserted, job.tally.total.failed, errors) == (40, 0, [])


def test_what_comes_to_be_after_the_look_is_not_made_twice(tmp_path: Path, far: Crm) -> None:
    """A gateway gives up while the service goes on: the record is not there when koppel looks, and it is when koppel
    sends it again under the same id. That it is there already is no error of it.
    """
    without_alternate_key(tmp_path)
    put(tmp_path, 1)
    far.web.clock.advance(3600)
    late: list[httpx2.Request] = []

    def under_way() -> None:
        late.append(far.line.asked[-1])
        far.line.before["POST", "$batch"] = lambda: far.line.handle_request(late[0])
        raise httpx2.ReadError("cut")

    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        koppel.check()  # metadata is read by now, so that the first batch is the write
        far.line.before["POST", "$batch"] = under_way
        koppel.sync()
        assert not koppel.errors()
    assert late and not far.line.before and names(far) == ["Name 1"]
    job, errors = ran(tmp_path, far)
    assert (job.tally.total.inserted, errors, names(far)) == (0, [], ["Name 1"])


@pytest.mark.parametrize("status", [400, 413])
def test_a_refusal_of_a_request_as_such_is_that_of_a_single_row_only(
    far: Crm, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Found by a review: a gateway that found a batch too large, or one row of it suspicious, had all of them refused,
    and set aside after two runs.
    """
    table, reply = far.table(), far.line.reply

    def gateway(call: Call) -> Reply:
        too_much = call.body.count(b"Name") > 12 or b"DROP TABLE" in call.body
        return Reply(status, b"<html>") if too_much else reply(call)

    monkeypatch.setattr(far.line, "reply", gateway)
    rows = [{"name": f"Name {number}"} for number in range(40)] + [{"name": "DROP TABLE"}]
    assert codes(create(far, table, *rows)) == ["written"] * 40 + ["refused"]


def test_a_row_alone_that_lacks_a_right_stops_nobody(far: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by a review: what is missing may be the right to append to what this row names."""
    monkeypatch.setattr(sending, "ROWS_AT_ONCE", 1)
    table = far.table()
    with poisoned(far, right_missing(), "Name 0"):
        rows = create(far, table, *({"name": f"Name {number}"} for number in range(40)))
    assert codes(rows) == ["stale"] + ["written"] * 39


def right_missing(code: str = DENIED) -> Refusal:
    text = "Principal user (Id=1, type=8) is missing prvCreateAccount privilege (Id=2) on OTC=1 for entity 'account'."
    return Refusal(403, code, text)


def test_a_right_missing_on_a_table_ends_the_job_and_sets_nothing_aside(tmp_path: Path, far: Crm) -> None:
    """DESIGN 12: it is nobody's record that is to blame. The message says which right, and who can give it; when it is
    given the next run does the rest, without a word to each record.
    """
    numbers = range(1, 6)
    put(tmp_path, *numbers)
    with poisoned(far, right_missing(), *(f"Name {number}" for number in numbers)):
        for _ in range(2):
            job, errors = ran(tmp_path, far)
            assert (job.state, errors) == ("failed", [])
            assert "prvCreateAccount" in job.message and "security role" in job.message
    job, errors = ran(tmp_path, far)
    assert (job.tally.total.inserted, errors) == (5, [])


def test_a_right_that_some_rows_need_keeps_the_others_out_of_nothing(tmp_path: Path, far: Crm) -> None:
    """A lookup needs a right on the table it names: rows without it are written, and the job fails for the others."""
    put(tmp_path, 1, 2, 3)
    with poisoned(far, right_missing(), "Name 2"):
        for _ in range(2):
            job, errors = ran(tmp_path, far)
            assert (job.state, errors, names(far)) == ("failed", [], ["Name 1", "Name 3"])
    job, errors = ran(tmp_path, far)
    assert (job.tally.total.inserted, errors) == (1, [])


def test_a_right_missing_on_one_row_is_the_error_of_that_row(tmp_path: Path, far: Crm) -> None:
    """0x80048306: the role has the right, but not for this row, which is another unit's."""
    put(tmp_path, 1, 2, 3)
    with poisoned(far, right_missing(NOT_YOURS), "Name 2"):
        job, errors = ran(tmp_path, far)
    assert (job.state, job.tally.total.inserted, job.tally.total.failed) == ("done", 2, 1)
    assert [(error.code, error.record) for error in errors] == [("refused", uid(2))]


@pytest.mark.parametrize(
    ("refusal", "remedy"),
    [
        (Refusal(403, "0x80042F09", "The user has no roles."), "give the application user a security role"),
        (Refusal(403, DENIED, "Nicht erlaubt."), "this privilege"),
        (Refusal(401, "0x80040204", "Invalid user auth."), "check the credentials"),
    ],
)
def test_whoever_is_denied_is_told_what_to_do(refusal: Refusal, remedy: str) -> None:
    """Found by an audit: 401 with a code was the error of a row."""
    far = crm()
    table = far.table()
    with poisoned(far, refusal, "a", "b"), pytest.raises(Denied, match=remedy):
        create(far, table, {"name": "a"}, {"name": "b"})
