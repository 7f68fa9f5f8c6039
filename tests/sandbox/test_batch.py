"""`$batch` and the bulk messages (wire 1.7, 1.8), in the shapes real clients were seen to send (wire 3.1, 3.2b)."""

import json
import re
from typing import Any

import pytest

from koppel.sandbox.dataverse.refusal import BATCH
from tests.sandbox.web import URL, Answer, Web

NOWHERE = "99999999-9999-4999-8999-999999999999"


def part(first: str, body: Any = None, content_id: int | None = None) -> str:
    """One operation as a part."""
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"{first} HTTP/1.1"]
    if body is not None:
        lines += ["Content-Type: application/json; type=entry"]
    return "\r\n".join([*lines, "", "" if body is None else json.dumps(body)])


def change_set(*parts: str) -> str:
    inner = "".join(f"--set\r\n{one}\r\n" for one in parts)
    return f'Content-Type: multipart/mixed; boundary="set"\r\n\r\n{inner}--set--\r\n'


def sent(crm: Web, *parts: str, ends: str = "\r\n", quoted: bool = True, **headers: str) -> Answer:
    body = "".join(f"--batch_1\r\n{one}\r\n" for one in parts) + "--batch_1--\r\n"
    boundary = '"batch_1"' if quoted else "batch_1"
    kind = f"multipart/mixed; boundary={boundary}"
    return crm.call("POST", "$batch", body.replace("\r\n", ends).encode(), content_type=kind, **headers)


def statuses(answer: Answer) -> list[int]:
    return [int(status) for status in re.findall(r"^HTTP/1\.1 (\d+)", answer.body.decode(), flags=re.M)]


def count(crm: Web) -> int:
    return len(crm.get("accounts?$select=name").rows)


def test_addresses_may_be_absolute_and_hold_blanks(crm: Web) -> None:
    crm.account(name="x y")
    filtered = f"GET {URL}/api/data/v9.2/accounts?$select=name&$filter=name eq 'x y'"
    answer = sent(crm, part(f"POST {URL}/api/data/v9.2/accounts", {"name": "b1"}), part(filtered))
    assert answer.status == 200 and statuses(answer) == [204, 200] and b'"name":"x y"' in answer.body


def test_addresses_within_a_batch_may_be_twice_as_long(crm: Web) -> None:
    """wire 1.2: 32 KB, and 64 KB inside of a batch."""
    asked = "accounts?$select=name&$filter=name eq '{}'"
    assert crm.get(asked.format("x" * 30_000)).status == 200
    assert crm.get(asked.format("x" * 33_000)).status == 414
    lines = [part(f"GET {URL}/api/data/v9.2/{asked.format('x' * length)}") for length in (33_000, 65_500)]
    assert statuses(sent(crm, *lines, prefer="odata.continue-on-error")) == [200, 414]


@pytest.mark.parametrize(("ends", "quoted"), [("\r\n", True), ("\r\n", False), ("\n", True)])
def test_lines_may_end_without_cr_and_boundaries_be_unquoted(crm: Web, ends: str, quoted: bool) -> None:
    answer = sent(crm, part("POST /api/data/v9.2/accounts", {"name": "b1"}), ends=ends, quoted=quoted)
    assert statuses(answer) == [204] and count(crm) == 1


def test_a_later_operation_refers_to_an_earlier_one(crm: Web) -> None:
    account = part("POST /api/data/v9.2/accounts", {"name": "parent"}, 1)
    contact = part("POST /api/data/v9.2/contacts", {"lastname": "x", "parentcustomerid_account@odata.bind": "$1"}, 2)
    answer = sent(crm, change_set(account, contact, part("PATCH $1", {"fax": "7"}, 3)))
    assert statuses(answer) == [204, 204, 204] and "changesetresponse_" in answer.body.decode()
    row = crm.get("accounts?$select=fax").rows[0]
    assert row["fax"] == "7"
    assert crm.get("contacts?$select=_parentcustomerid_value").rows[0]["_parentcustomerid_value"] == row["accountid"]


def test_a_change_set_is_one_transaction_and_fails_as_one_part(crm: Web) -> None:
    kept = crm.account(fax="1", accountnumber="K")
    answer = sent(
        crm,
        change_set(
            part("POST /api/data/v9.2/accounts", {"name": "gone again", "accountnumber": "A"}, 1),
            part(f"PATCH /api/data/v9.2/accounts({kept})", {"fax": "2", "accountnumber": "L"}, 2),
            part("POST /api/data/v9.2/accounts", {"name": "x" * 161}, 3),
        ),
        prefer="odata.continue-on-error",
    )
    assert answer.status == 200 and statuses(answer) == [400]
    row = crm.get(f"accounts({kept})?$select=fax").json
    assert count(crm) == 1 and row["fax"] == "1"
    assert crm.get("accounts(accountnumber='K')").status == 200  # the key index is taken back too
    assert crm.get("accounts(accountnumber='A')").status == crm.get("accounts(accountnumber='L')").status == 404


def test_23_a_batch_stops_at_the_first_error_and_has_its_status(crm: Web) -> None:
    parts = [
        part("POST /api/data/v9.2/accounts", {"name": "first"}),
        part(f"GET /api/data/v9.2/accounts({NOWHERE})"),
        part("POST /api/data/v9.2/accounts", {"name": "third"}),
    ]
    stopped = sent(crm, *parts)
    assert stopped.status == 404 and statuses(stopped) == [204, 404] and count(crm) == 1
    went_on = sent(crm, *parts, prefer="odata.continue-on-error")
    assert went_on.status == 200 and statuses(went_on) == [204, 404, 204] and count(crm) == 3


@pytest.mark.parametrize(
    "inside",
    [
        part("POST /api/data/v9.2/accounts", {"name": "no Content-ID"}),
        part("GET /api/data/v9.2/accounts", None, 1),
        part("PATCH $7", {"name": "undeclared"}, 1),
    ],
)
def test_a_change_set_needs_ids_has_no_reads_and_knows_its_references(crm: Web, inside: str) -> None:
    answer = sent(crm, change_set(inside))
    assert answer.status == 400 and BATCH in answer.body.decode()


def test_a_thousand_operations_are_allowed_and_no_more(crm: Web) -> None:
    one = part(f"GET /api/data/v9.2/accounts({NOWHERE})")
    assert len(statuses(sent(crm, *[one] * 1_000, prefer="odata.continue-on-error"))) == 1_000
    assert sent(crm, *[one] * 1_001).code == (400, BATCH)


def test_a_body_that_is_no_batch_is_refused(crm: Web) -> None:
    assert crm.call("POST", "$batch", b"{}", content_type="application/json").code == (400, BATCH)
    assert crm.call("POST", "$batch", b"--b\r\n", content_type="multipart/mixed; boundary=b").code == (400, BATCH)


KIND = {"@odata.type": "Microsoft.Dynamics.CRM.account"}


def bulk(crm: Web, message: str, *targets: dict[str, Any]) -> Answer:
    return crm.post(f"accounts/Microsoft.Dynamics.CRM.{message}", {"Targets": [KIND | target for target in targets]})


def test_create_multiple_gives_the_ids_in_order(crm: Web) -> None:
    ids = bulk(crm, "CreateMultiple", {"name": "a"}, {"name": "b", "accountid": NOWHERE}).json["Ids"]
    assert ids[1] == NOWHERE and crm.get(f"accounts({ids[0]})?$select=name").json["name"] == "a"


def test_update_multiple_fails_altogether_for_a_missing_id(crm: Web) -> None:
    row_id = crm.account(fax="1")
    answer = bulk(crm, "UpdateMultiple", {"accountid": row_id, "fax": "2"}, {"accountid": NOWHERE, "fax": "2"})
    assert answer.status == 404 and crm.get(f"accounts({row_id})?$select=fax").json["fax"] == "1"
    assert bulk(crm, "UpdateMultiple", {"accountid": row_id, "fax": "2"}).status == 204
    assert bulk(crm, "UpdateMultiple", {"fax": "2"}).status == 400


def test_upsert_multiple_takes_ids_and_keys_and_no_row_twice(crm: Web) -> None:
    row_id = crm.account(accountnumber="A1")
    by_key = {"@odata.id": "accounts(accountnumber='A1')", "name": "by key"}
    assert bulk(crm, "UpsertMultiple", by_key, {"accountid": NOWHERE, "name": "new"}).status == 204
    assert crm.get(f"accounts({row_id})?$select=name").json["name"] == "by key" and count(crm) == 2
    assert bulk(crm, "UpsertMultiple", by_key, by_key).status == 400


def test_delete_multiple_is_not_there_for_standard_tables(crm: Web) -> None:
    assert "not yet been implemented" in bulk(crm, "DeleteMultiple", {}).json["error"]["message"]
