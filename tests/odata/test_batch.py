"""Many requests in one: what is put together, matched by id, and never trusted further than one row."""

import json
from collections.abc import Iterator
from decimal import Decimal

import httpx2
import polars as pl
import pytest

from koppel.connectors.odata.batch import Batches
from koppel.connectors.odata.csdl import entity_sets
from koppel.connectors.odata.failure import Unanswered
from koppel.connectors.odata.message import Answer, Request
from koppel.connectors.odata.table import OdataTable
from koppel.errors import BadAnswer, Denied, Throttled
from koppel.model.values import ID, VERSION
from koppel.model.write import CODE, MESSAGE, Outcome, WriteKind
from koppel.ports import TableOptions, Want
from koppel.testing.stage import fetched, written
from tests.odata.server import BATCH, CUSTOMERS, LINES, METADATA, Cut, Server
from tests.odata.service import Scripted, answer, create, fault, get
from tests.odata.test_table import STAGE, uid


@pytest.fixture
def server() -> Iterator[Server]:
    """An empty service that takes batches."""
    made = Server()
    made.batch = True
    yield made
    made.engine.dispose()


def customers(server: Server, count: int = 0, lanes: int = 1) -> OdataTable:
    for number in range(1, count + 1):
        server.put(CUSTOMERS, id=uid(number), no=f"C{number}", name=f"n{number}", credit=Decimal(number))
    return server.system(lanes).table("customers", TableOptions())


def batches(server: Server) -> list[str]:
    return [line for line in server.asked if line == "POST $batch"]


def new(*numbers: int) -> list[dict[str, object]]:
    return [{"id": uid(n), "no": f"N{n}", "name": f"n{n}", "credit": Decimal(f"{n}.1250")} for n in numbers]


# ---- who takes them


@pytest.mark.parametrize(
    ("said", "takes"),
    [
        (BATCH, True),
        (BATCH.replace(b'Bool="true"', b'Bool="false"'), False),
        (BATCH.replace(b"application/json;odata.metadata=minimal", b"multipart/mixed"), False),
        (BATCH.replace(b"BatchSupport", b"BatchSupported").replace(b"<Record>", b'<Record Bool="true">'), False),
        (BATCH.replace(b"Self.Container", b"demo.Container"), True),
        (b"", False),
    ],
)
def test_a_service_takes_batches_as_json_when_it_says_so(said: bytes, takes: bool) -> None:
    """Capabilities.BatchSupport; without formats only the multipart form is sure. Vocabularies have aliases."""
    found = entity_sets("erp", METADATA.replace(b"</Schema>", said + b"</Schema>"))
    assert {each.json_batch for each in found.values()} == {takes}


@pytest.mark.parametrize(("batch", "offered", "asked"), [(None, False, 0), (False, True, 0), (True, False, 1)])
def test_the_configuration_knows_better(server: Server, batch: bool | None, offered: bool, asked: int) -> None:
    server.batch = offered
    system = server.system(batch=batch)
    table = system.table("customers", TableOptions())
    assert table.features.batch_rows == (500 if batch else 100), "five batches for its lane, or a hundred requests"
    written(STAGE, table, WriteKind.CREATE, new(1, 2, 3))
    assert len(server.rows()) == 3
    assert len(batches(server)) == asked


# ---- writing


def test_a_write_is_one_request_and_every_row_keeps_its_outcome(server: Server) -> None:
    """wire 4.1.6: the answers come in another order; numbers keep their digits."""
    table = customers(server)
    rows = new(*range(1, 61))
    for n in range(7, 61, 7):
        rows[n - 1]["name"] = None
    outcomes = written(STAGE, table, WriteKind.CREATE, rows, want=["name", "credit"])
    for n, row in enumerate(outcomes, 1):
        if n % 7 == 0:
            assert (row[CODE], row[MESSAGE]) == (Outcome.REFUSED, "Unfit name must have a value")
        else:
            assert (row[CODE], row[ID], row["name"]) == (Outcome.WRITTEN, uid(n), f"n{n}")
            assert (row["credit"], row[VERSION]) == (Decimal(f"{n}.1250"), '2026-03-01 09:00:00.000000#W/"1"')
    assert len(server.rows()) == 52
    assert len(batches(server)) == 1


def test_a_batch_holds_a_hundred(server: Server) -> None:
    """wire 2.5: 101 are answered 500. A write has some batches for every lane."""
    table = customers(server, lanes=2)
    assert table.features.batch_rows == 1000
    outcomes = written(STAGE, table, WriteKind.CREATE, new(*range(1, 201)))
    assert {row[CODE] for row in outcomes} == {Outcome.WRITTEN}
    assert len(batches(server)) == 2


def test_updates_and_deletions_carry_the_version_of_their_row(server: Server) -> None:
    """DESIGN 7: an edit between look and write is refused by the service, row by row."""
    table = customers(server, 4)
    server.before[1] = answer(429, None, retry_after="5")
    server.time.meanwhile = lambda: server.edit(uid(1), name="the user's")
    rows: list[dict[str, object]] = [{"id": uid(n), "name": "koppel's"} for n in (1, 2, 3, 9)]
    expected: list[dict[str, object]] = [{"name": "n1"}, {"name": "n2"}, {"name": "other"}, {"name": "n9"}]
    outcomes = written(STAGE, table, WriteKind.UPDATE, rows, expected)
    assert [row[CODE] for row in outcomes] == [Outcome.STALE, Outcome.WRITTEN, Outcome.STALE, Outcome.MISSING]
    assert [row["name"] for row in server.rows()] == ["the user's", "koppel's", "n3", "n4"]
    assert server.time.waits == [5.0], "the whole connection waits for what a part was asked to wait for"
    rows = [{"id": uid(n)} for n in (3, 4)]
    outcomes = written(STAGE, table, WriteKind.DELETE, rows, [{"name": "n3"}, {"name": "other"}])
    assert [row[CODE] for row in outcomes] == [Outcome.WRITTEN, Outcome.STALE]
    assert [row["no"] for row in server.rows()] == ["C1", "C2", "C4"]


def test_keys_with_anything_in_them_are_addressed(server: Server) -> None:
    """wire 4.1.15: nothing a user typed can end an address or begin another request."""
    ids = ["O'B & c/d|2", 'x"},{"method":"DELETE"|3', "y\r\nDELETE /lines HTTP/1.1|4", "a\\|b|1"]
    table = server.system().table("lines", TableOptions())
    outcomes = written(STAGE, table, WriteKind.CREATE, [{"id": id_, "text": "t"} for id_ in ids])
    outcomes += written(STAGE, table, WriteKind.UPDATE, [{"id": id_, "text": "new"} for id_ in ids])
    assert {row[CODE] for row in outcomes} == {Outcome.WRITTEN}
    assert {id_: row["text"] for id_, row in fetched(table, ids, "text").items()} == dict.fromkeys(ids, "new")
    assert len(server.rows(LINES)) == 4 and len(batches(server)) == 2


@pytest.mark.parametrize("kind", WriteKind)
@pytest.mark.parametrize("stored", [True, False])
def test_every_row_of_a_batch_whose_answer_is_lost_is_unknown(server: Server, kind: WriteKind, stored: bool) -> None:
    """wire 4.1.3: the line is cut in the middle; some rows are stored, and nobody can tell which. Nothing is
    repeated.
    """
    table = customers(server, 0 if kind is WriteKind.CREATE else 3)
    (server.after if stored else server.before)[2] = Cut("cut")
    rows = [{"id": uid(n)} | ({"name": "x"} if kind is not WriteKind.DELETE else {}) for n in (1, 2, 3)]
    outcomes = written(STAGE, table, kind, rows)
    assert [row[CODE] for row in outcomes] == [Outcome.UNKNOWN] * 3
    assert len(batches(server)) == 1


def test_what_a_batch_does_not_answer_is_unknown(server: Server) -> None:
    """wire 4.1.7: a service that ignores continue-on-error says nothing of the rest: it is not taken for refused, nor
    for written. From then on it is asked row by row.
    """
    table = customers(server)
    server.goes_on = False
    rows = new(1, 2, 3, 4)
    rows[1]["name"] = None
    outcomes = written(STAGE, table, WriteKind.CREATE, rows)
    wanted = [Outcome.WRITTEN, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert [row[CODE] for row in outcomes] == wanted
    again = written(STAGE, table, WriteKind.CREATE, rows)
    wanted = [Outcome.REFUSED, Outcome.REFUSED, Outcome.WRITTEN, Outcome.WRITTEN]
    assert [row[CODE] for row in again] == wanted
    assert len(batches(server)) == 1


def test_answers_left_out_or_given_twice_are_no_answers(server: Server) -> None:
    """By position they would be taken for others'."""
    table = customers(server)
    server.forgets, server.repeats = {"1"}, {"3"}
    outcomes = written(STAGE, table, WriteKind.CREATE, new(1, 2, 3, 4))
    wanted = [Outcome.UNKNOWN, Outcome.WRITTEN, Outcome.UNKNOWN, Outcome.WRITTEN]
    assert [row[CODE] for row in outcomes] == wanted
    assert [outcomes[at][ID] for at in (1, 3)] == [uid(2), uid(4)]


# ---- rights


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize("status", [401, 403])
def test_where_nothing_may_be_written_no_record_is_to_blame(server: Server, status: int, batch: bool) -> None:
    """DESIGN 12: a right that is missing on a table is the failure of the job. Found by an audit: every record was
    refused, and set aside after two runs.
    """
    server.before.update(dict.fromkeys(range(1, 9), answer(status, fault("no", "you may not"))))
    table = server.system(batch=batch).table("customers", TableOptions())
    with pytest.raises(Denied, match=str(status)):
        written(STAGE, table, WriteKind.CREATE, new(1, 2, 3))


@pytest.mark.parametrize(("status", "outcome"), [(401, Outcome.STALE), (403, Outcome.REFUSED)])
def test_where_others_may_be_written_the_right_to_one_is_missing(server: Server, status: int, outcome: Outcome) -> None:
    """And a token that ends in the middle of it is nobody's right: what it kept out is decided again."""
    table = customers(server)
    server.before[2] = answer(status, fault("no", "you may not"))
    outcomes = written(STAGE, table, WriteKind.CREATE, new(1, 2, 3))
    assert [row[CODE] for row in outcomes] == [Outcome.WRITTEN, outcome, Outcome.WRITTEN]


def test_what_was_not_sent_any_more_is_decided_again(server: Server) -> None:
    """Its fate is no question: a person would be asked about records that nobody has made (wire 4.3, number series)."""
    table = server.system(batch=False).table("customers", TableOptions())
    server.before[2] = answer(401)
    server.before[3] = answer(401)  # after the second token
    outcomes = written(STAGE, table, WriteKind.CREATE, new(1, 2, 3))
    assert [row[CODE] for row in outcomes] == [Outcome.WRITTEN, Outcome.STALE, Outcome.STALE]


# ---- reading


def test_many_ids_are_asked_for_in_batches_when_the_lanes_are_used_up(server: Server) -> None:
    table = customers(server, 300, lanes=2)
    server.page_rows = 30
    wanted = [uid(number) for number in range(1, 401)]
    assert sorted(fetched(table, wanted, "name")) == wanted[:300]
    assert 0 < len(batches(server)) <= 2
    server.asked.clear()
    fetched(table, wanted[:3], "name")
    assert len(server.asked) == 1 and not batches(server), "one question needs no batch"


def test_a_question_that_a_batch_could_not_answer_is_asked_alone(server: Server) -> None:
    """Reading again harms nobody."""
    table = customers(server, 300)
    server.forgets = {"2"}
    assert len(fetched(table, [uid(number) for number in range(1, 301)], "name")) == 300
    ids = pl.Series(ID, [uid(number) for number in range(1, 301)])
    assert len(table.fetch(ids, Want(("name",)))) == 300


# ---- what a whole batch may be answered


def told(*replies: httpx2.Response | Exception, requests: list[Request]) -> tuple[list[object], Scripted]:
    """What a service that answers so makes of these requests: statuses, or classes of failures."""
    scripted = Scripted(*replies)
    batches = Batches(scripted.session)
    found = batches.exchange(requests, scripted.session.deadline())
    return [each.status if isinstance(each, Answer) else type(each) for each in found], scripted


def replies(*parts: tuple[object, int]) -> httpx2.Response:
    return answer(200, {"responses": [{"id": id_, "status": status} for id_, status in parts]})


@pytest.mark.parametrize("status", [400, 404, 405, 406, 415, 501])
def test_a_service_that_takes_no_batches_is_asked_one_by_one(status: int) -> None:
    found, scripted = told(answer(status, fault("x", "no")), answer(201), requests=[create(), create()])
    assert found == [201, 201]
    places = [request.url.path.rpartition("/")[2] for _, request in scripted.service.seen]
    assert places == ["$batch", "customers", "customers"]


@pytest.mark.parametrize(("status", "failure"), [(401, Denied), (403, Denied), (302, BadAnswer)])
def test_what_single_requests_would_meet_too_is_a_failure(status: int, failure: type[Exception]) -> None:
    """Nothing was done, and nothing more is sent."""
    found, scripted = told(answer(status), requests=[create(), create()])
    assert found == [failure, failure]
    assert {request.url.path.rpartition("/")[2] for _, request in scripted.service.seen} == {"$batch"}


@pytest.mark.parametrize(
    "broken",
    [answer(500), answer(502), answer(504), answer(408), answer(200, []), answer(200, {"responses": 7}), answer(202)],
    ids=lambda response: str(response.status_code),
)
def test_a_batch_that_broke_down_may_have_been_carried_out(broken: httpx2.Response) -> None:
    """It is sent once."""
    found, scripted = told(broken, requests=[create(), create()])
    assert found == [Unanswered, Unanswered]
    assert len(scripted.service.seen) == 1


def test_one_part_over_which_the_service_breaks_down_keeps_nobody_out() -> None:
    """When its rows are sent again they go in tenths, and then each for itself."""

    def reply(request: httpx2.Request) -> httpx2.Response:
        if b"poison" in request.content:
            return answer(500)
        sent = json.loads(request.content).get("requests")
        return answer(201) if sent is None else replies(*((one["id"], 201) for one in sent))

    bodies = [b'{"name":"poison"}' if at == 17 else b'{"name":"n%d"}' % at for at in range(100)]
    scripted = Scripted(reply)
    batches, left, statuses = Batches(scripted.session), bodies, []
    for _ in range(3):
        requests = [Request("POST", "customers", {}, body) for body in left]
        found = batches.exchange(requests, scripted.session.deadline())
        statuses += [each.status for each in found if isinstance(each, Answer)]
        left = [body for body, each in zip(left, found, strict=True) if isinstance(each, Unanswered)]
    assert (statuses.count(201), statuses.count(500), left) == (99, 1, [])
    assert len(scripted.service.seen) == 1 + 10 + 10


def test_a_batch_of_questions_is_asked_again() -> None:
    found, scripted = told(answer(503), replies((1, 200), ("2", 200)), requests=[get(), get()])
    assert found == [200, 200] and len(scripted.service.seen) == 2, "ids may come back as numbers"


def test_a_failed_batch_that_tells_of_its_parts_is_believed_part_by_part() -> None:
    """Some services answer 400 to a batch of which a part failed (wire 4.2.23)."""
    body = {"responses": [{"id": "2", "status": 400}, {"id": "1", "status": 201}]}
    assert told(answer(400, body), requests=[create(), create()])[0] == [201, 400]


def test_what_the_service_was_too_busy_for_is_sent_again_within_the_deadline() -> None:
    """Only those parts, and never longer than a call may take."""
    busy = answer(200, {"responses": [{"id": "1", "status": 201}, {"id": "2", "status": 429}]})
    found, scripted = told(busy, answer(201), requests=[create(), create()])
    assert found == [201, 201]
    assert json.loads(scripted.service.seen[0][1].content)["requests"][0] == {
        "id": "1", "method": "POST", "url": "customers", "headers": {}, "body": {},
    }  # fmt: skip
    assert scripted.service.seen[1][1].url.path.endswith("/customers"), "one that is left needs no batch"
    both = answer(200, {"responses": [{"id": id_, "status": 429} for id_ in ("1", "2")]})
    assert told(both, requests=[create(), create()])[0] == [Throttled, Throttled]


def test_a_link_to_somewhere_else_is_in_no_batch() -> None:
    """The token goes with it (wire 4.1.8)."""
    scripted = Scripted(answer(200))
    with pytest.raises(BadAnswer, match=r"evil\.example"):
        Batches(scripted.session).exchange([get(), get("https://evil.example/x")], scripted.session.deadline())
    assert not scripted.service.seen
