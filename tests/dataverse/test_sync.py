"""The whole way: the engine keeps Dataverse and a database in step, also over a cut line, and when throttled."""

import json
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from koppel.app import SECRET_VARIABLE, Koppel, as_json
from koppel.app.sandbox import Amounts, rehearsal
from tests.beside import uid
from tests.dataverse.crm import Crm
from tests.dataverse.pair import ERP, REST, TABLES, both, put, sql, sync


def test_records_travel_both_ways_and_then_rest(tmp_path: Path, far: Crm) -> None:
    put(tmp_path, 1, 2, 3)
    body = {"accountnumber": "A1", "name": "Übel & Zn", "creditlimit": 12}
    far.web.others.create("account", body)
    assert sync(tmp_path, far) == ["done", "done"]
    left, right = both(tmp_path, far)
    assert left == right and [no for no, _ in left] == ["A1", "C1", "C2", "C3"]
    rows = {row["accountnumber"]: row for row in far.web.environment.rows.tables["account"].values()}
    assert rows["C1"]["customertypecode"] == 3 and rows["A1"].get("customertypecode") is None
    assert rows["C1"]["transactioncurrencyid"].id == far.web.sample.currencies[1]
    assert sql(tmp_path, "SELECT currency FROM customer WHERE no = 'A1'") == [("EUR",)]
    far.web.others.edit("account", rows["C1"]["accountid"], {"name": "theirs"})
    sql(tmp_path, "UPDATE customer SET name = 'ours' WHERE no = 'C2'")
    far.web.others.delete("account", rows["C3"]["accountid"])
    sync(tmp_path, far)
    left, right = both(tmp_path, far)
    assert left == right == [("A1", "Übel & Zn"), ("C1", "theirs"), ("C2", "ours")]
    sync(tmp_path, far)
    assert not any("Multiple" in target for target in far.line.targets), "a further run writes nothing"
    assert not any(f"\n{word} " in far.line.sent for word in ("PATCH", "POST", "DELETE"))
    read = [target for target in far.line.targets if "/accounts?" in target and "PropertyValues" not in target]
    assert read and all("deltatoken" in target for target in read), "what reports deletions is not swept for them"


@pytest.mark.parametrize(("stored", "target"), [(True, "CreateMultiple"), (False, "$batch")])
def test_a_create_whose_answer_is_lost_is_not_made_twice(tmp_path: Path, far: Crm, stored: bool, target: str) -> None:
    """DESIGN 7, wire 4.1.3: the ids are ours, so the next run finds out what became of them."""
    put(tmp_path, *((1, 2, 3) if target == "CreateMultiple" else (1,)))
    far.web.clock.advance(3600)
    lost = httpx2.ReadError("cut")
    trouble = far.line.after if stored else far.line.before
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        koppel.check()  # metadata is read by now, so that the first batch is the write
        trouble["POST", target] = lost
        koppel.sync()
    assert not trouble, "the line was cut"
    sync(tmp_path, far)
    sync(tmp_path, far)
    left, right = both(tmp_path, far)
    assert left == right and len(left) == len(set(left)) == (3 if target == "CreateMultiple" else 1)


def test_a_run_gets_through_while_the_service_is_throttling(tmp_path: Path, far: Crm) -> None:
    """wire 1.9: 429 with Retry-After, again and again."""
    put(tmp_path, *range(1, 31))
    limits = far.web.dataverse.limits
    limits.allowance = replace(limits.allowance, requests=5)
    assert sync(tmp_path, far) == ["done", "done"]
    assert both(tmp_path, far)[0] == both(tmp_path, far)[1]


def test_what_the_sandbox_prints_is_a_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over https, with a token of Entra got by msal and a certificate authority of the sandbox's own."""
    with rehearsal(Amounts(3, 2, 0, 0), 0) as running:
        monkeypatch.setenv(SECRET_VARIABLE, running.client_secret)
        text = running.dataverse_toml + REST.replace('"crm.', '"dataverse.')
        (tmp_path / "koppel.toml").write_text(text, encoding="utf-8")
        ERP.create(tmp_path, TABLES)
        for number, code in enumerate(("EUR", "USD", "GBP", "JPY")):
            sql(tmp_path, "INSERT INTO currency VALUES (?, ?)", uid(100 + number), code)
        with Koppel.open(tmp_path / "koppel.toml") as koppel:
            koppel.match("CURRENCY", True, False)
            assert [str(job.state) for job in koppel.sync().jobs] == ["done", "done"]
    assert sql(tmp_path, "SELECT count(*), count(currency) FROM customer") == [(3, 3)]


def test_a_plan_says_what_the_run_costs_and_what_it_starts(tmp_path: Path, far: Crm) -> None:
    """Issue 4, 6: calls, minutes, the share of the limits, flows and plug-ins; a database has none of these."""
    put(tmp_path, *range(1, 251))
    far.web.clock.advance(3600)
    with Koppel.open(tmp_path / "koppel.toml") as koppel:
        plan = koppel.plan(["CUSTOMER"], full=True)
        (cost,) = plan.costs
        assert cost.system == "crm" and cost.calls >= 3, "250 rows are three requests"
        assert 0 < cost.share < 0.01 and 0 < cost.seconds < 60
        assert "plug-ins" in cost.effects[0]
        (line,) = koppel.review(["CUSTOMER"])
        assert [(work.system, work.written) for work in line.works] == [("crm", 250)]
        json.dumps(as_json([plan.costs, line]))
        nothing = koppel.plan(["CURRENCY"])
        assert [cost.effects for cost in nothing.costs] == [()]
