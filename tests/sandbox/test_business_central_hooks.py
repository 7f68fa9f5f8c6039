"""The hooks of Business Central over the network (wire 5.4), and troubles on its way."""

from typing import Any

import pytest

from koppel.sandbox.business_central.company import Company
from koppel.sandbox.business_central.limits import Allowance
from koppel.sandbox.business_central.refusal import DIALOG, SERVER, TOO_MANY
from koppel.sandbox.business_central.switches import Switches
from koppel.sandbox.faults import Fault, Trouble
from koppel.sandbox.server import Sandbox
from tests.sandbox.web import Answer, admin, over_https

PREFIX = "/business-central"


@pytest.fixture
def company(sandbox: Sandbox) -> Company:
    return next(iter(sandbox.business_central.environment.companies.values()))


def call(sandbox: Sandbox, company: Company, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    service = sandbox.business_central
    token = sandbox.tokens.issue(sandbox.registration.client_id, service.url)
    url = f"{service.api}/companies({company.id})/{path}"
    return over_https(sandbox.authority.context(), method, url, body, Authorization=f"Bearer {token}", **headers)


def hook(sandbox: Sandbox, path: str, **body: Any) -> Any:
    answer = admin(sandbox, f"{PREFIX}{path}", body)
    assert answer.status == 200, answer.body
    return answer.json


def test_somebody_else_creates_edits_renames_and_deletes(sandbox: Sandbox, company: Company) -> None:
    row_id = hook(sandbox, "/rows/create", set="customers", values={"displayName": "x", "faxNo": "1"})["id"]
    hook(sandbox, "/rows/edit", set="customers", id=row_id, values={"number": "HOOKED"})
    row = call(sandbox, company, "GET", f"customers({row_id})").json
    assert row["number"] == "HOOKED"
    hook(sandbox, "/rows/owe", id=row_id, amount=12.5)
    assert call(sandbox, company, "GET", f"customers({row_id})").json["balanceDue"] == 12.5
    version = hook(sandbox, "/rows/hold", set="customers", id=row_id, values={"displayName": "y"})["version"]
    assert call(sandbox, company, "GET", f"customers({row_id})").json["displayName"] == "x"
    hook(sandbox, "/rows/release", version=version)
    assert call(sandbox, company, "GET", f"customers({row_id})").json["displayName"] == "y"
    hook(sandbox, "/rows/delete", set="customers", id=row_id)
    assert call(sandbox, company, "GET", f"customers({row_id})").status == 404


def test_a_hook_works_in_the_company_it_names(sandbox: Sandbox, company: Company) -> None:
    row_id = hook(sandbox, "/rows/create", company="CRONUS NL copy", set="vendors", values={"displayName": "x"})["id"]
    assert call(sandbox, company, "GET", f"vendors({row_id})").status == 404
    hook(sandbox, "/rows/delete", company="CRONUS NL copy", set="vendors", id=row_id)


def test_the_set_up_can_be_changed(sandbox: Sandbox, company: Company) -> None:
    hook(sandbox, "/numbers", set="vendors", manual=False)
    assert call(sandbox, company, "POST", "vendors", b'{"displayName": "x", "number": "X1"}').code == (400, DIALOG)
    hook(sandbox, "/numbers", set="vendors", manual=True)
    hook(sandbox, "/template", set="vendors", values={"country": "BE"})
    assert call(sandbox, company, "POST", "vendors", b'{"displayName": "x"}').json["country"] == "BE"
    hook(sandbox, "/template", set="vendors", values={})
    hook(sandbox, "/busy", set="vendors")
    assert call(sandbox, company, "POST", "vendors", b'{"displayName": "x"}').code == (400, DIALOG)
    hook(sandbox, "/replica", behind=True)
    made = call(sandbox, company, "POST", "vendors", b'{"displayName": "x"}').json["id"]
    lagging = {"Data_Access_Intent": "ReadOnly"}
    assert call(sandbox, company, "GET", f"vendors({made})", **lagging).status == 404
    hook(sandbox, "/replica", behind=False)
    assert call(sandbox, company, "GET", f"vendors({made})", **lagging).status == 200
    hook(sandbox, "/sets", set="items", there=False)
    assert call(sandbox, company, "GET", "items").status == 404
    hook(sandbox, "/sets", set="items")
    hook(sandbox, "/app", route="acme/sync/v1.0")
    assert sandbox.business_central.environment.custom_route == "acme/sync/v1.0"
    hook(sandbox, "/app", route="koppel/sync/v1.0")


def test_rights_are_taken_and_given(sandbox: Sandbox, company: Company) -> None:
    made = call(sandbox, company, "POST", "vendors", b'{"displayName": "x"}').json["id"]
    hook(sandbox, "/rights", set="vendors", right="Read", granted=False)
    assert call(sandbox, company, "GET", f"vendors({made})").code == (403, SERVER)
    hook(sandbox, "/rights", set="vendors", right="Read")
    assert call(sandbox, company, "GET", f"vendors({made})").status == 200
    answer = admin(sandbox, f"{PREFIX}/rights", {"set": "vendors", "right": "Look"})
    assert answer.status == 400 and "right: Input should be 'Read', 'Insert'" in answer.json["error"]


def test_switches_and_limits(sandbox: Sandbox, company: Company) -> None:
    assert hook(sandbox, "/switches", client_id="ignored")["client_id"] == "ignored"
    assert call(sandbox, company, "POST", "vendors", b'{"displayName": "x", "id": 1}').status == 201
    sandbox.business_central.environment.switches = Switches()
    hook(sandbox, "/limits", requests=0, queue_seconds=0.5)
    answer = call(sandbox, company, "GET", "vendors")
    assert answer.code == (429, TOO_MANY) and int(answer.headers["retry-after"]) >= 1
    sandbox.business_central.limits.allowance = Allowance()
    for path, body in [("/rows/edit", {"set": "x"}), ("/switches", {"client_id": "x"}), ("/numbers", {"set": "items"})]:
        answer = admin(sandbox, f"{PREFIX}{path}", body)
        assert answer.status == 400 and answer.json["error"]


def test_a_gateway_that_gave_up_leaves_the_row(sandbox: Sandbox, company: Company) -> None:
    """wire 4.1.3: a time-out is an unknown outcome, also when it comes with a status."""
    before = len(company.rows.tables["Vendor"])
    sandbox.controls.faults.add(Fault(Trouble.STATUS_AFTER, method="POST", target="vendors", status=504))
    assert call(sandbox, company, "POST", "vendors", b'{"displayName": "kept"}').status == 504
    assert len(company.rows.tables["Vendor"]) == before + 1
