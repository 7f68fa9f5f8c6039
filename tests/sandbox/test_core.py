"""The sandbox over the network: troubles, the transcript, the hooks, a clean end (wire 5.4)."""

import socket
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPException, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

import pytest

from koppel.sandbox.faults import Fault, RetryAfter, Trouble
from koppel.sandbox.server import Sandbox, Settings, running
from tests.sandbox.web import Answer, admin, over_https


def call(sandbox: Sandbox, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    token = sandbox.tokens.issue(sandbox.registration.client_id, sandbox.dataverse.url)
    url = f"{sandbox.dataverse.url}/api/data/v9.2/{path}"
    return over_https(sandbox.authority.context(), method, url, body, Authorization=f"Bearer {token}", **headers)


def accounts(sandbox: Sandbox) -> int:
    return len(sandbox.dataverse.environment.rows.tables["account"])


def test_a_cut_before_the_commit_leaves_nothing_behind(sandbox: Sandbox) -> None:
    before = accounts(sandbox)
    sandbox.controls.faults.add(Fault(Trouble.CUT_BEFORE, method="POST"))
    with pytest.raises((HTTPException, OSError)):
        call(sandbox, "POST", "accounts", b'{"name": "lost"}')
    assert accounts(sandbox) == before


def test_a_cut_after_the_commit_leaves_the_row(sandbox: Sandbox) -> None:
    """wire 4.1.3: a time-out is an unknown outcome."""
    before = accounts(sandbox)
    sandbox.controls.faults.add(Fault(Trouble.CUT_AFTER, method="POST"))
    with pytest.raises((HTTPException, OSError)):
        call(sandbox, "POST", "accounts", b'{"name": "kept"}')
    assert accounts(sandbox) == before + 1


def test_half_a_page_is_an_incomplete_read(sandbox: Sandbox) -> None:
    """wire 4.1.9: the stream may break in mid-paging."""
    sandbox.controls.faults.add(Fault(Trouble.HALF, target="accounts"))
    with pytest.raises((IncompleteRead, OSError)):
        call(sandbox, "GET", "accounts?$select=name")
    assert call(sandbox, "GET", "accounts?$select=name").status == 200


@pytest.mark.parametrize(
    ("status", "form"), [(429, RetryAfter.SECONDS), (503, RetryAfter.DATE), (503, RetryAfter.NONE)]
)
def test_retry_after_comes_in_both_forms_or_not_at_all(sandbox: Sandbox, status: int, form: RetryAfter) -> None:
    """wire 4.1.5."""
    sandbox.controls.faults.add(Fault(Trouble.STATUS, status=status, seconds=7, retry_after=form))
    answer = call(sandbox, "GET", "WhoAmI")
    said = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after", "")
    assert answer.status == status
    if form is RetryAfter.SECONDS:
        assert said == "7"
    elif form is RetryAfter.DATE:
        assert 5 <= (parsedate_to_datetime(said) - sandbox.controls.clock.now()).total_seconds() <= 8
    else:
        assert said == ""


def test_a_fault_is_used_up_after_its_times(sandbox: Sandbox) -> None:
    sandbox.controls.faults.add(Fault(Trouble.STATUS, target="WhoAmI", times=2))
    assert [call(sandbox, "GET", "WhoAmI").status for _ in range(3)] == [503, 503, 200]


def test_latency_holds_up_one_call(sandbox: Sandbox) -> None:
    sandbox.controls.faults.add(Fault(Trouble.LATENCY, seconds=0.2))
    began = time.monotonic()
    assert call(sandbox, "GET", "WhoAmI").status == 200
    assert time.monotonic() - began >= 0.2


def test_the_hooks_edit_as_another_user_and_move_the_clock(sandbox: Sandbox) -> None:
    row_id = next(iter(sandbox.dataverse.environment.rows.tables["account"]))
    assert admin(sandbox, "/rows/edit", {"table": "account", "id": row_id, "values": {"fax": "123"}}).status == 200
    row = call(sandbox, "GET", f"accounts({row_id})?$select=fax,_modifiedby_value").json
    assert row["fax"] == "123" and row["_modifiedby_value"] == sandbox.sample.people[0]
    before = sandbox.controls.clock.now()
    assert admin(sandbox, "/clock", {"advance": 3600}).status == 200
    assert (sandbox.controls.clock.now() - before).total_seconds() >= 3600
    admin(sandbox, "/clock", {"advance": -3600})


def test_the_hooks_plan_faults_and_say_what_is_wrong(sandbox: Sandbox) -> None:
    fault = {"trouble": "status", "status": 429, "seconds": 1, "target": "WhoAmI", "times": 0}
    assert admin(sandbox, "/faults", fault).status == 200
    assert [call(sandbox, "GET", "WhoAmI").status for _ in range(2)] == [429, 429]
    assert admin(sandbox, "/faults", method="DELETE").status == 200
    assert call(sandbox, "GET", "WhoAmI").status == 200


NO_TABLE = "there is no table 'x', only account"
MISTAKES: list[tuple[str, Any, list[str]]] = [
    ("/limits", {"requests": "a", "concurrent": -1}, ["requests: Input should be a valid integer", "concurrent: "]),
    ("/switches", {"expired_delta_status": "x"}, ["expired_delta_status: Input should be a valid integer"]),
    ("/switches", {"expired_delta_status": 7}, ["greater than or equal to 200"]),
    ("/switches", {"expired_delta": "x", "y": 1}, ["'refused' or 'everything'", "y: there is no such field, only "]),
    ("/secure", {"table": "account", "column": "x"}, ["there is no column of account 'x', only accountid"]),
    ("/faults", {"trouble": "x", "status": 1}, ["trouble: Input should be 'latency'", "status: "]),
    ("/clock", {"advance": "soon", "stop": "2026-01-31"}, ["advance: ", "stop: "]),
    ("/rows/touch", {"table": "x"}, [NO_TABLE, "id: Field required"]),
    ("/rows/edit", {"table": "account", "id": "x", "values": 1}, ["values: Input should be a valid dictionary"]),
    ("/expire/tokens", {"now": True}, ["now: there is no such field, the body is empty"]),
    ("/expire/tokens", [], ["the body is not a JSON object"]),
    ("/business-central/limits", {"queue_seconds": "long"}, ["queue_seconds: Input should be a valid number"]),
    ("/business-central/switches", {"client_id": 1}, ["client_id: Input should be 'read-only', 'ignored' or"]),
    ("/business-central/numbers", {"set": "x", "manual": "x"}, ["there is no set 'x', only ", "manual: "]),
    ("/business-central/rows/release", {"version": 1}, ["No transaction has taken the version 1."]),
    ("/business-central/replica", {"company": "x"}, ["there is no company 'x', only CRONUS NL"]),
    ("/business-central/sets", {"set": "x"}, ["there is no set 'x', only "]),
]


def test_the_hooks_say_all_that_is_wrong_in_words(sandbox: Sandbox) -> None:
    """Nothing is changed by a mistake, and no answer is Python's text."""
    before = (sandbox.dataverse.limits.allowance, sandbox.dataverse.environment.switches)
    for path, body, said in MISTAKES:
        answer = admin(sandbox, path, body)
        assert answer.status == 400, path
        error = answer.json["error"]
        assert not [words for words in said if words not in error], error
        assert "Error" not in error
    assert before == (sandbox.dataverse.limits.allowance, sandbox.dataverse.environment.switches)
    assert not sandbox.dataverse.environment.secured


def test_the_transcript_holds_no_secret(sandbox: Sandbox) -> None:
    token = sandbox.tokens.issue(sandbox.registration.client_id, sandbox.dataverse.url)
    secret = sandbox.registration.secret
    form = f"grant_type=client_credentials&client_id={sandbox.registration.client_id}&client_secret={secret}"
    form += f"&scope={sandbox.dataverse.url}/.default"
    granted = over_https(sandbox.authority.context(), "POST", sandbox.entra.token_url, form.encode()).json
    url = f"{sandbox.dataverse.url}/api/data/v9.2/WhoAmI"
    over_https(sandbox.authority.context(), "GET", url, Authorization=f"Bearer {token}")
    inner = f"--b\r\nAuthorization: Bearer {token}\r\n\r\n--b--".encode()
    over_https(sandbox.authority.context(), "POST", url, inner, Authorization=f"Bearer {token}")
    text = admin(sandbox, "/transcript", method="GET").body.decode()
    assert "client_credentials" in text and "/WhoAmI" in text
    assert not [word for word in (secret, token, granted["access_token"]) if word in text]


def test_a_client_that_leaves_while_it_asks_does_no_harm(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    before = accounts(sandbox)
    address = urlsplit(sandbox.dataverse.url)
    plain = socket.create_connection((address.hostname or "", address.port or 0), timeout=20)
    with plain, sandbox.authority.context().wrap_socket(plain, server_hostname=address.hostname) as secure:
        head = f"POST /api/data/v9.2/accounts HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 99\r\n\r\n"
        secure.sendall(head.encode() + b'{"name": ')
    assert call(sandbox, "GET", "WhoAmI").status == 200
    assert accounts(sandbox) == before and not caplog.records


def test_it_stops_and_frees_its_ports_and_its_folder() -> None:
    with running(Settings(0, 0, 0, 0)) as sandbox:
        port, folder = urlsplit(sandbox.dataverse.url).port, sandbox.authority.ca_file.parent
        assert call(sandbox, "GET", "WhoAmI").status == 200
    assert not folder.exists()
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))


def test_a_taken_port_is_an_error_and_starts_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError), running(Settings(0, 0, 0, 0, ports=(taken.getsockname()[1], 0, 0, 0))):
            raise AssertionError("it must not start")
