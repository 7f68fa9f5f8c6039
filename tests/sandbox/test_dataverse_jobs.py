"""What the sandbox's environment does in the background, and what it tells of changes of its metadata (wire 5.2)."""

import json
from datetime import timedelta
from typing import Any

import pytest

from koppel.sandbox.dataverse.refusal import DENIED, EXPIRED_DELTA
from koppel.sandbox.dataverse.rights import Depth
from tests.sandbox.web import Answer, Web, web


@pytest.fixture
def crm() -> Web:
    made = web()
    made.clock.stop(made.clock.now())
    return made


def job(crm: Web, *conditions: dict[str, Any], table: str = "account", by: str = "And", **more: Any) -> Answer:
    criteria = {"FilterOperator": by, "Conditions": [*conditions]}
    queries = [{"@odata.type": "Microsoft.Dynamics.CRM.QueryExpression", "EntityName": table, "Criteria": criteria}]
    return crm.post("BulkDelete", {"QuerySet": queries, "JobName": "clean up", **more})


def term(name: str, operator: str = "Equal", *values: object) -> dict[str, Any]:
    said = [{"Value": value, "Type": "System.String"} for value in values]
    return {"AttributeName": name, "Operator": operator, "Values": said}


def names(crm: Web, table: str = "accounts") -> set[str]:
    return {row["name"] for row in crm.get(f"{table}?$select=name").rows}


def test_a_job_deletes_what_its_queries_find(crm: Web) -> None:
    """By the next call it may be done; deltas tell the deletions."""
    gone = crm.account(name="gone", fax="1")
    for name, fax in [("other", "2"), ("blank", None)]:
        crm.account(name=name, fax=fax)
    link = crm.get("accounts?$select=name", prefer="odata.track-changes").json["@odata.deltaLink"]
    answer = job(crm, term("fax", "Equal", "1"))
    assert answer.status == 200 and answer.json.keys() == {"JobId"}
    assert gone in crm.environment.rows.tables["account"], "the answer does not wait for the job"
    assert names(crm) == {"other", "blank"}
    assert [(one["id"], one["reason"]) for one in crm.get(link).rows] == [(gone, "deleted")]


@pytest.mark.parametrize(
    ("terms", "by", "left"),
    [
        ([], "And", set()),
        ([term("fax", "In", "1", "2")], "And", {"c"}),
        ([term("fax", "Null")], "And", {"a", "b"}),
        ([term("fax", "NotNull"), term("name", "Equal", "A")], "And", {"b", "c"}),
        ([term("fax", "Null"), term("name", "Equal", "A")], "Or", {"b"}),
    ],
)
def test_queries(crm: Web, terms: list[dict[str, Any]], by: str, left: set[str]) -> None:
    for name, fax in [("a", "1"), ("b", "2"), ("c", None)]:
        crm.account(name=name, fax=fax)
    assert job(crm, *terms, by=by).status == 200
    assert names(crm) == left


def test_a_job_starts_when_it_is_told_to_and_goes_on_after_what_it_cannot_delete(crm: Web) -> None:
    used, unused = crm.sample.currencies[0], crm.sample.currencies[3]
    crm.account(**{"transactioncurrencyid@odata.bind": f"/transactioncurrencies({used})"})
    start = (crm.clock.now() + timedelta(hours=1)).isoformat()
    assert job(crm, table="transactioncurrency", StartDateTime=start).status == 200
    assert crm.get(f"transactioncurrencies({unused})").status == 200
    crm.clock.advance(3601)
    assert crm.get(f"transactioncurrencies({unused})").status == 404
    assert crm.get(f"transactioncurrencies({used})").status == 200


def test_what_no_job_can_be_is_refused_at_once(crm: Web) -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"QuerySet": [], "JobName": "x"},
        {"QuerySet": [{"EntityName": "acount"}], "JobName": "x"},
        {"QuerySet": [{"EntityName": "account", "PageInfo": {}}], "JobName": "x"},
        {"QuerySet": [{"EntityName": "account"}], "JobName": "x", "StartDateTime": "2026-01-01T00:00:00"},
    ]
    assert {crm.post("BulkDelete", body).status for body in wrong} == {400}
    assert {job(crm, one).status for one in (term("faxx", "Null"), term("fax", "Like", "1"))} == {400}
    crm.environment.withheld["prvDeleteAccount"] = Depth.NONE
    assert job(crm).code == (403, DENIED)


def changes(crm: Web, query: dict[str, Any], stamp: str = "") -> Answer:
    since = f",ClientVersionStamp=@p2)?@p2='{stamp}'&" if stamp else ")?"
    return crm.get(f"RetrieveMetadataChanges(Query=@p1{since}@p1={json.dumps(query)}".replace("+", "%2B"))


NAMED = {
    "Criteria": {
        "FilterOperator": "Or",
        "Conditions": [
            {
                "PropertyName": "LogicalName",
                "ConditionOperator": "Equals",
                "Value": {"Type": "System.String", "Value": name},
            }
            for name in ("account", "contact")
        ],
    },
    "Properties": {"AllProperties": False, "PropertyNames": ["EntitySetName", "Attributes"]},
    "AttributeQuery": {
        "Properties": {"PropertyNames": ["MaxLength"]},
        "Criteria": {
            "Conditions": [
                {
                    "PropertyName": "IsSecured",
                    "ConditionOperator": "Equals",
                    "Value": {"Type": "System.Boolean", "Value": "True"},
                }
            ]
        },
    },
}


def test_metadata_is_told_as_a_query_asks_for_it(crm: Web) -> None:
    crm.environment.secured.add(("account", "fax"))
    told = changes(crm, NAMED).json
    assert [(one["LogicalName"], one["EntitySetName"], one["HasChanged"]) for one in told["EntityMetadata"]] == [
        ("account", "accounts", None),
        ("contact", "contacts", None),
    ]
    (fax,) = told["EntityMetadata"][0]["Attributes"]
    assert (fax["LogicalName"], fax["MaxLength"]) == ("fax", 50) and fax.keys() <= {
        "@odata.type",
        "LogicalName",
        "MetadataId",
        "MaxLength",
    }
    assert "Keys" not in told["EntityMetadata"][0] and told["DeletedMetadata"] is None


def test_with_a_stamp_only_changed_tables_are_told(crm: Web) -> None:
    stamp = changes(crm, NAMED).json["ServerVersionStamp"]
    assert changes(crm, NAMED, stamp).json["EntityMetadata"] == []
    crm.environment.untracked.add("contact")
    told = changes(crm, NAMED, stamp).json
    assert [(one["LogicalName"], one["HasChanged"]) for one in told["EntityMetadata"]] == [("contact", True)]
    assert changes(crm, NAMED, told["ServerVersionStamp"]).json["EntityMetadata"] == []


def test_a_stamp_that_is_old_or_made_up_has_expired(crm: Web) -> None:
    stamp = changes(crm, NAMED).json["ServerVersionStamp"]
    assert changes(crm, NAMED, "9!01/01/2015 00:00:00").code == (400, EXPIRED_DELTA)
    crm.clock.advance(timedelta(days=91).total_seconds())
    assert changes(crm, NAMED, stamp).code == (400, EXPIRED_DELTA)


@pytest.mark.parametrize(
    "target",
    [
        "RetrieveMetadataChanges(Query=@p1)",
        "RetrieveMetadataChanges(Wanted=@p1)?@p1={}",
        "RetrieveMetadataChanges(Query=@p1)?@p1={",
        'RetrieveMetadataChanges(Query=@p1)?@p1={"KeyQuery":{}}',
        'RetrieveMetadataChanges(Query=@p1)?@p1={"AttributeQuery":{}}',
    ],
)
def test_a_query_that_says_something_else_is_refused(crm: Web, target: str) -> None:
    assert crm.get(target).status == 400
