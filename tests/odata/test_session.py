"""The session: what is sent again and when, what is refused, and what nobody gets to see."""

import logging
import traceback
from collections.abc import Callable

import httpx2
import pytest

from koppel.connectors.odata.failure import Unanswered
from koppel.connectors.odata.message import Request
from koppel.connectors.odata.session import Limits
from koppel.errors import BadAnswer, Denied, KoppelError, SystemFailure, Throttled, Unreachable
from tests.odata.service import ROOT, SECRET, Scripted, answer, below, conditional, create, fault, get

Made = Callable[[], Request]
EVERY = [get, conditional, create]
WRITES = [conditional, create]


# ---- what may be sent again


@pytest.mark.parametrize("made", EVERY)
def test_whoever_is_throttled_comes_back_when_told(made: Made) -> None:
    """wire 1.9: 429 with Retry-After in seconds; nothing was processed, so even a create may be sent again."""
    with_limits = Scripted(answer(429, retry_after="7"), answer(204))
    assert with_limits.session.send(made()).status == 204
    assert with_limits.service.moments == [0, 7]


def test_retry_after_may_be_a_date() -> None:
    """wire 4.1.5: the second form, an HTTP date against our clock."""
    scripted = Scripted(answer(429, retry_after="Sun, 01 Mar 2026 09:00:20 GMT"), answer())
    scripted.session.send(get())
    assert scripted.service.moments == [0, 20]


@pytest.mark.parametrize("said", ["soon", "-5", "", "1e9", "Sun, 99 Mar 2026"])
def test_a_retry_after_that_cannot_be_read_is_as_good_as_none(said: str) -> None:
    scripted = Scripted(answer(429, retry_after=said), answer(429), answer())
    assert scripted.session.send(get()).good
    assert scripted.service.moments == [0, 1, 3]


def test_a_service_that_wants_no_pause_is_not_asked_without_end() -> None:
    """Retry-After: 0, or a date that has passed, from a service that stays busy: the deadline ends it, not our CPU."""
    scripted = Scripted(answer(429, retry_after="0"), limits=Limits(call_seconds=10))
    with pytest.raises(Throttled):
        scripted.session.send(get())
    assert len(scripted.service.seen) <= 21


@pytest.mark.parametrize(("made", "repeated"), [(get, True), (conditional, True), (create, False)])
def test_a_create_is_not_repeated_after_a_503_that_does_not_say_when_to_come_back(made: Made, repeated: bool) -> None:
    """wire 2.6: a 503 may come from a gateway behind which the work was done; doing it twice would make two records."""
    scripted = Scripted(answer(503), answer(204))
    assert scripted.session.send(made()).status == (204 if repeated else 503)
    assert len(scripted.service.seen) == (2 if repeated else 1)


def test_a_create_is_repeated_after_a_503_with_retry_after() -> None:
    scripted = Scripted(answer(503, retry_after="3"), answer(201))
    assert scripted.session.send(create()).status == 201


@pytest.mark.parametrize("status", [500, 502, 504, 408])
@pytest.mark.parametrize("made", EVERY)
def test_after_a_failure_of_the_service_only_reads_are_repeated(made: Made, status: int) -> None:
    scripted = Scripted(answer(status), answer(200))
    assert scripted.session.send(made()).status == (200 if made is get else status)


@pytest.mark.parametrize("made", WRITES)
@pytest.mark.parametrize("error", [httpx2.ReadError, httpx2.ReadTimeout, httpx2.RemoteProtocolError, httpx2.WriteError])
def test_a_write_is_never_repeated_after_a_cut_connection(made: Made, error: type[Exception]) -> None:
    """wire 4.1.3: a time-out is an unknown outcome."""
    scripted = Scripted(error("cut"), answer(204))
    with pytest.raises(Unanswered, match="found out by looking"):
        scripted.session.send(made())
    assert len(scripted.service.seen) == 1


@pytest.mark.parametrize("made", EVERY)
@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ConnectTimeout])
def test_what_was_never_sent_is_sent_again(made: Made, error: type[Exception]) -> None:
    scripted = Scripted(error("no way in"), answer(204))
    assert scripted.session.send(made()).status == 204


def test_a_read_is_repeated_after_a_cut_connection_but_not_for_ever() -> None:
    scripted = Scripted(httpx2.ReadError("cut"))
    with pytest.raises(Unreachable, match=r"erp\.example"):
        scripted.session.send(get())
    assert scripted.service.moments == [0, 1, 3, 7, 15, 31]


def test_if_match_star_is_no_condition() -> None:
    """It would overwrite what a user stored between the two tries (wire 1.3)."""
    scripted = Scripted(answer(503), answer(204))
    any_version = Request("PATCH", "customers(1)", {"If-Match": "*"}, b"{}")
    assert scripted.session.send(any_version).status == 503


def test_a_batch_of_reads_counts_as_a_read() -> None:
    scripted = Scripted(httpx2.ReadError("cut"), answer())
    assert scripted.session.send(Request("POST", "$batch", {}, b"{}", reads=True)).good


@pytest.mark.parametrize("made", EVERY)
@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 428])
def test_an_answer_is_an_answer(made: Made, status: int) -> None:
    """What it means for a record is for the table to say."""
    scripted = Scripted(answer(status, fault("Request_EntityChanged", "Another user has  already\nchanged it.")))
    got = scripted.session.send(made())
    assert (got.status, got.error.code) == (status, "Request_EntityChanged")
    assert got.error.text == "Another user has already changed it."


@pytest.mark.parametrize("body", [b"", b"<html>gateway</html>", b"\xff", b"[]", b'{"error": "no"}', b'{"error": null}'])
def test_an_error_that_is_no_odata_error_says_nothing(body: bytes) -> None:
    """wire 1.10: an expired token gives an empty or a foreign body."""
    got = Scripted(httpx2.Response(404, content=body)).session.send(get())
    assert (got.error.code, got.error.text) == ("", "")


# ---- all workers together


def test_one_brake_stops_every_worker() -> None:
    """wire 4.1.5: "a whole worker pool must pause, not the single request"."""
    scripted = Scripted(answer(429, retry_after="30"), answer())
    scripted.time.meanwhile = lambda: scripted.session.send(get("vendors"))
    scripted.session.send(get("customers"))
    assert [str(request.url).rpartition("/")[2] for _, request in scripted.service.seen] == [
        "customers",
        "vendors",
        "customers",
    ]
    assert scripted.service.moments == [0, 30, 30]


def test_a_pause_longer_than_the_call_may_take_is_told_at_once() -> None:
    """DESIGN 7: every call has a deadline inside the lease."""
    scripted = Scripted(answer(429, retry_after="3600"), answer())
    with pytest.raises(Throttled, match="3600 more seconds"):
        scripted.session.send(get())
    assert scripted.time.waits == []


def test_requests_of_one_call_share_its_deadline() -> None:
    scripted = Scripted(answer(429, retry_after="400"), answer(), answer(429, retry_after="400"), answer())
    deadline = scripted.session.deadline()
    scripted.session.send(get(), deadline)
    with pytest.raises(Throttled):
        scripted.session.send(get(), deadline)


def test_a_request_that_finds_no_lane_in_time_says_so() -> None:
    """Nobody has asked for a pause then; once it was told that it lasts 0 more seconds."""
    late: list[str] = []

    def slow(_: httpx2.Request) -> httpx2.Response:
        with pytest.raises(Throttled, match="none ended in time") as caught:
            scripted.session.send(get(), scripted.time.passed)
        late.append(str(caught.value))
        return answer()

    scripted = Scripted(slow, limits=Limits(most_lanes=1))
    assert scripted.session.send(get()).good
    assert len(late) == 1 and "seconds" not in late[0]


# ---- signing in


class Changing:
    """A token that is refused once."""

    def __init__(self) -> None:
        self.refused: list[str | None] = []

    def header(self, refused: str | None) -> str:
        self.refused.append(refused)
        return f"Bearer token{len(self.refused)}"


@pytest.mark.parametrize("made", EVERY)
def test_an_expired_token_is_replaced_once(made: Made) -> None:
    tokens = Changing()
    scripted = Scripted(answer(401), answer(204), authorisation=tokens)
    assert scripted.session.send(made()).status == 204
    assert tokens.refused == [None, "Bearer token1"]


def test_a_second_refusal_stands() -> None:
    scripted = Scripted(answer(401), authorisation=Changing())
    with pytest.raises(Denied, match="credentials"):
        scripted.session.read(get(), "reading customers")
    assert len(scripted.service.seen) == 2


# ---- what is refused


def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    scripted = Scripted(httpx2.Response(200, content=b"x" * 3_000_000), limits=Limits(answer_bytes=2**20))
    with pytest.raises(BadAnswer, match="larger than 1 MiB"):
        scripted.session.send(get())


def test_the_fate_of_a_write_whose_answer_is_too_large_is_unknown() -> None:
    scripted = Scripted(httpx2.Response(200, content=b"x" * 3_000_000), limits=Limits(answer_bytes=2**20))
    with pytest.raises(Unanswered):
        scripted.session.send(create())


def test_an_answer_that_drips_is_not_waited_for() -> None:
    def dripping(request: httpx2.Request) -> httpx2.Response:
        def drops() -> object:
            for _ in range(1000):
                scripted.time.passed += 60
                yield b"x"

        return httpx2.Response(200, content=drops())  # type: ignore[arg-type]

    scripted = Scripted(dripping)
    with pytest.raises(Unreachable, match="not complete after 600 seconds"):
        scripted.session.send(get())
    assert scripted.time.passed <= 700


def test_a_redirect_is_not_followed() -> None:
    """The token would go with it."""
    scripted = Scripted(answer(302, location="https://elsewhere.example/"))
    with pytest.raises(BadAnswer, match="302"):
        scripted.session.read(get(), "reading customers")
    assert len(scripted.service.seen) == 1


def test_a_foreign_link_is_refused_before_anything_is_sent() -> None:
    """wire 4.1.8: the token would leak."""
    scripted = Scripted(answer())
    with pytest.raises(BadAnswer, match=r"elsewhere\.example"):
        scripted.session.send(get("https://elsewhere.example/api/v2.0/customers?$skiptoken=1"))
    assert scripted.service.seen == []


def test_no_cookie_is_kept() -> None:
    """wire 1.9: the ARRAffinity cookie pins one server, and with it that server's limits."""
    scripted = Scripted(answer(200, set_cookie="ARRAffinity=1; Path=/"), answer())
    scripted.session.send(get())
    scripted.session.send(get())
    assert "cookie" not in scripted.service.seen[1][1].headers


def test_every_request_says_which_odata_it_speaks() -> None:
    """wire 1.1."""
    scripted = Scripted(answer(), limits=Limits(headers={"Accept-Language": "en-US"}))
    scripted.session.send(get())
    headers = scripted.service.seen[0][1].headers
    assert headers["accept"] == "application/json"
    assert (headers["odata-version"], headers["odata-maxversion"], headers["accept-language"]) == (
        "4.0",
        "4.0",
        "en-US",
    )


# ---- what is told


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Denied), (403, Denied), (404, BadAnswer), (400, BadAnswer), (410, BadAnswer), (500, Unreachable)],
)
def test_a_read_that_is_refused_is_a_failure_with_the_services_code(status: int, kind: type[SystemFailure]) -> None:
    scripted = Scripted(answer(status, fault("0x80040220", "no privilege")))
    with pytest.raises(kind, match=rf"erp: reading customers: it answered {status}, 0x80040220 no privilege"):
        scripted.session.read(get(), "reading customers")


def test_the_classic_set_up_error_names_its_remedy() -> None:
    """wire 1.10: 0x80072560, the token is fine and the application user is missing."""
    scripted = Scripted(answer(403, fault("0x80072560", "The user is not a member of the organization.")))
    with pytest.raises(Denied, match="application user"):
        scripted.session.read(get(), "reading accounts")


FAILURES = [
    error
    for error in below(httpx2.HTTPError)
    if error.__module__.startswith("httpx2") and error is not httpx2.HTTPStatusError  # raised for nobody here
]


@pytest.mark.parametrize("error", [*FAILURES, httpx2.InvalidURL])
@pytest.mark.parametrize("made", EVERY)
def test_every_exception_of_the_library_is_mapped(made: Made, error: type[Exception]) -> None:
    """DESIGN 12: every exception of a library below is mapped, and a test proves it."""
    scripted = Scripted(error(f"{SECRET} happened"))
    with pytest.raises(SystemFailure) as caught:
        scripted.session.send(made())
    assert SECRET not in str(caught.value)


VALUE = "O'Brien & Zn"
FILTER = "customers?$filter=name%20eq%20'O''Brien%20%26%20Zn'"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
@pytest.mark.parametrize("header", ["Bearer eyJhbGciOi.eyJzdWIi.c2ln", f"Basic {SECRET}"])
def test_no_secret_and_no_value_in_errors_and_logs(status: int, header: str, caplog: pytest.LogCaptureFixture) -> None:
    """Issue 4: "No token, secret or password in logs, errors"; and no value of a query either."""
    caplog.set_level(logging.DEBUG)
    text = f"Could not find {VALUE} for {header}"
    scripted = Scripted(answer(status, fault("Internal_DataNotFoundFilter", text), retry_after="900"))
    with pytest.raises(KoppelError) as caught:
        scripted.session.read(get(FILTER), "reading customers")
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    for hidden in (SECRET, VALUE, "O''Brien", "%26", "eyJ", "a29wcGVs"):
        assert hidden not in told
    assert "Authorization" not in told


def test_the_log_says_what_was_asked_without_its_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Scripted(answer(200, request_id="42")).session.send(get("customers(no='K-1')?$select=name"))
    assert "GET customers: 200" in caplog.text and "request 42" in caplog.text
    assert "K-1" not in caplog.text and ROOT not in caplog.text
