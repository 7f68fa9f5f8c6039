"""What Business Central refuses with: rights of single tables, and the language of its texts (wire 2.3, 2.8)."""

import pytest

from koppel.sandbox.business_central.company import Right
from koppel.sandbox.business_central.refusal import DIALOG, SERVER
from tests.sandbox.central import Central

WRITES = {Right.INSERT: "POST", Right.MODIFY: "PATCH", Right.DELETE: "DELETE"}


@pytest.mark.parametrize("right", Right)
def test_a_right_that_is_missing_is_a_403_whose_code_says_nothing(erp: Central, right: Right) -> None:
    """The others are there, also those on other tables; people at work have rights of their own."""
    row, target = erp.customer(), "~/customers"
    erp.withhold("customers", right)
    calls = {
        Right.READ: lambda: erp.get(target),
        Right.INSERT: lambda: erp.post(target, {"displayName": "x"}),
        Right.MODIFY: lambda: erp.patch(f"{target}({row['id']})", {"displayName": "x"}),
        Right.DELETE: lambda: erp.call("DELETE", f"{target}({row['id']})", if_match="*"),
    }
    refused = calls.pop(right)()
    assert refused.code == (403, SERVER)
    assert f"(TableData 18 Customer {right}: Base Application)" in refused.json["error"]["message"]
    assert [call().status < 300 for call in calls.values()] == [True] * 3
    assert erp.get("~/vendors").rows == []
    assert erp.others.create("customers", {"displayName": "y"})


def test_a_right_is_needed_for_what_is_expanded_too(erp: Central) -> None:
    erp.customer()
    erp.withhold("currencies", Right.READ)
    assert erp.get("~/customers?$expand=currency").code == (403, SERVER)


def test_an_operation_of_a_batch_is_refused_for_itself(erp: Central) -> None:
    erp.withhold("customers", Right.INSERT)
    urls = [f"companies({erp.company.id})/{name}" for name in ("customers", "vendors")]
    body = {"displayName": "x"}
    requests = [{"id": str(at), "method": "POST", "url": url, "body": body} for at, url in enumerate(urls)]
    answer = erp.post(
        "$batch", {"requests": requests}, prefer="odata.continue-on-error", content_type="application/json"
    )
    assert [one["status"] for one in answer.json["responses"]] == [403, 201]


def test_texts_are_in_english_for_whoever_asks_for_it(erp: Central) -> None:
    """wire 4.3.8: names, quotes, parentheses and the number of the call stay; a batched request asks for itself."""
    erp.withhold("vendors", Right.READ)
    said = [erp.get("~/vendors", accept_language=language).json["error"] for language in ("en-US", "nl-NL", "")]
    assert [one["message"].startswith("Sorry, the current permissions") for one in said] == [True, False, False]
    assert all("(TableData 23 Vendor Read: Base Application)" in one["message"] for one in said)
    assert all("CorrelationId:" in one["message"] and one["code"] == SERVER for one in said)
    request = {"id": "1", "method": "POST", "url": f"companies({erp.company.id})/customers", "body": {}}
    batched = erp.post("$batch", {"requests": [request]}, content_type="application/json").json["responses"][0]
    assert batched["body"]["error"]["code"] == DIALOG and "must be" not in batched["body"]["error"]["message"]
    assert '"displayName"' in batched["body"]["error"]["message"]
    erp.switch(english=False)
    assert "Sorry" not in erp.get("~/vendors").json["error"]["message"].replace("Sørry", "")
