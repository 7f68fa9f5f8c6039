"""`koppel certify` over both sandboxes: each unsettled point is found out as the sandbox's switch says (wire 6)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from koppel.cli.program import run
from koppel.connectors.dataverse.table import DataverseTable
from koppel.connectors.odata.probing import Probe
from koppel.errors import Unreachable
from koppel.model.write import CODE, Outcome
from koppel.sandbox.business_central.switches import BlankMember, ClientId
from koppel.sandbox.business_central.switches import Switches as CentralSwitches
from koppel.sandbox.server import Sandbox, Settings, running
from koppel.sandbox.switches import ExpiredDelta, Switches
from tests.sandbox.web import admin

_TOML = """
[koppel]
store = "sqlite:///koppel.db"
environment = "sandbox"
[systems.crm]
connector = "dataverse"
url = "{crm}"
ca_file = "{ca_file}"
auth = {{{auth}}}
[systems.erp]
connector = "business-central"
url = "{erp}"
environment = "Rehearsal"
company = "{company}"
ca_file = "{ca_file}"
auth = {{{auth}}}
[systems.db]
connector = "sql"
url = "sqlite:///erp.db"
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(Settings(accounts=3, contacts=2, businesses=3, people=2)) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of both, and nobody has changed a switch."""
    monkeypatch.setenv("SECRET", sandbox.registration.secret)
    monkeypatch.chdir(tmp_path)
    auth = {"authority": sandbox.entra.url, "tenant": sandbox.entra.tenant, "client": sandbox.registration.client_id}
    said = ", ".join(f'{name} = "{value}"' for name, value in (auth | {"secret": "env:SECRET"}).items())
    company = next(iter(sandbox.business_central.environment.companies.values())).name
    text = _TOML.format(
        crm=sandbox.dataverse.url, erp=sandbox.business_central.url, company=company, auth=said,
        ca_file=sandbox.authority.ca_file.as_posix(),
    )  # fmt: skip
    (tmp_path / "koppel.toml").write_text(text, encoding="utf-8")
    sandbox.dataverse.environment.switches = Switches()
    sandbox.dataverse.environment.type = "CustomerTest"
    sandbox.business_central.environment.switches = CentralSwitches()
    return tmp_path


def certified(system: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, str]:
    """What was found, by the code of the point."""
    assert run(["certify", system, "--json", "--yes"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["left"] == []
    return {finding["code"]: finding["found"] for finding in found["findings"]}


def held(sandbox: Sandbox) -> dict[str, int]:
    """How many records both services hold, table by table; that something was deleted may be remembered."""
    company = next(iter(sandbox.business_central.environment.companies.values()))
    tables: dict[str, dict[str, Any]] = {**sandbox.dataverse.environment.rows.tables, **company.rows.tables}
    return {name: len(rows) for name, rows in tables.items() if name != "Deletion Log"}


def test_both_keep_the_contract_and_nothing_is_left_behind(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    before = held(sandbox)
    for system in ("crm", "erp"):
        found = certified(system, capsys)
        points = [code for code in found if code.startswith("C")]
        assert len(points) >= 7 and {found[code] for code in points} == {"yes"}
        assert not any(text.startswith("not found out") for text in found.values()), found
    assert held(sandbox) == before


USUAL = {
    "U1": "refused: 400 0x80044352",
    "U2": "é and e are told apart; ne leaves out rows without a value",
    "U3": "it becomes null",
    "U10": "update",
    "U11": "an id that is taken: 412 0x80040237; a row that is in use: 405 0x80040227",
}
OTHER_WAY = {
    "U1": "everything comes again",
    "U2": "é and e are taken for the same; ne finds rows without a value",
    "U3": "it stays an empty text",
    "U10": "deletion and update",
    "U11": "an id that is taken: 500 0x80040237; a row that is in use: 400 0x80040227",
}


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        (Switches(), USUAL),
        (
            Switches(
                expired_delta=ExpiredDelta.EVERYTHING,
                accent_sensitive=False,
                ne_finds_null=True,
                empty_text_is_null=False,
                recreated_is_deleted_too=True,
                duplicate_status=500,
                delete_refused_status=400,
            ),
            OTHER_WAY,
        ),
        (Switches(expired_delta_status=410), USUAL | {"U1": "refused: 410 0x80044352"}),
    ],
    ids=["usual", "the other way", "gone"],
)
def test_points_of_dataverse(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], switches: Switches, expected: dict[str, str]
) -> None:
    sandbox.dataverse.environment.switches = switches
    found = certified("crm", capsys)
    assert {code: text for code, text in found.items() if code.startswith("U")} == expected


CENTRAL = {
    "U4": "refused: 400 BadRequest_InvalidToken",
    "U5": "refused: 400 BadRequest",
    "U6": "taken: ' ' and '_x0020_'; shown: '_x0020_'",
    "U7": "400 Internal_EntityWithSameKeyExists",
    "U8": "a link leads to the rest",
    "U9": "contacts: no; salespeoplePurchasers: no",
}
CENTRAL_OTHER_WAY = {
    "U4": "accepted",
    "U5": "ignored",
    "U6": "taken: '_x0020_'; shown: ' '",
    "U7": "409 Internal_EntityWithSameKeyExists",
    "U8": "the page is the end",
    "U9": "contacts: yes; salespeoplePurchasers: yes",
}


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        (CentralSwitches(), CENTRAL),
        (
            CentralSwitches(
                delete_needs_match=False,
                client_id=ClientId.IGNORED,
                blank_member_written=BlankMember.ENCODED,
                blank_member_shown=" ",
                duplicate_key_status=409,
                top_continues=False,
                webhooks_for_people=True,
            ),
            CENTRAL_OTHER_WAY,
        ),
        (
            replace(CentralSwitches(), client_id=ClientId.ACCEPTED, blank_member_written=BlankMember.BLANK),
            CENTRAL | {"U5": "accepted", "U6": "taken: ' '; shown: '_x0020_'"},
        ),
    ],
    ids=["usual", "the other way", "accepted"],
)
def test_points_of_business_central(
    folder: Path,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
    switches: CentralSwitches,
    expected: dict[str, str],
) -> None:
    sandbox.business_central.environment.switches = switches
    found = certified("erp", capsys)
    assert {code: text for code, text in found.items() if code.startswith("U")} == expected


def test_the_transcript_tells_nobody_anything(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """No token, no secret, no host, no tenant, no id, and no value that koppel did not make up itself."""
    for system in ("crm", "erp"):
        certified(system, capsys)
        text = Path(f"certify-{system}.json").read_text(encoding="utf-8")
        assert '"POST"' in text and '"DELETE"' in text
        assert "koppel certify" in text and "<id 1>" in text
        hidden = {sandbox.registration.secret, sandbox.registration.client_id, sandbox.entra.tenant, "127.0.0.1"}
        hidden |= {"Bearer", "Rehearsal", *sandbox.tokens._grants}
        accounts = sandbox.dataverse.environment.rows.tables["account"].values()
        company = next(iter(sandbox.business_central.environment.companies.values()))
        hidden |= (
            {row["name"] for row in accounts} | {row["accountid"] for row in accounts} | {company.name, company.id}
        )
        hidden |= {row["Name"] for name in ("Customer", "Vendor") for row in company.rows.tables[name].values()}
        assert [word for word in hidden if word.lower() in text.lower()] == []


def test_production_is_refused_before_anything_is_asked(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "koppel.toml"
    path.write_text(path.read_text().replace('environment = "sandbox"', 'environment = "production"'))
    sandbox.controls.transcript._kept.clear()
    for words in (["--yes"], []):
        assert run(["certify", "crm", *words]) == 2
        assert "not for production" in capsys.readouterr().err
    assert sandbox.controls.transcript.all() == []


@pytest.mark.parametrize("type_", ["Customer", "Secondary", "Default", "a type of tomorrow"])
def test_an_organisation_that_is_not_for_tests_is_refused(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], type_: str
) -> None:
    """Whatever koppel.toml says: the environment knows better."""
    assert admin(sandbox, "/organisation", {"type": type_}).status == 200
    sandbox.controls.transcript._kept.clear()
    before = held(sandbox)
    assert run(["certify", "crm", "--yes"]) == 2
    told = capsys.readouterr().err
    assert f"not for production: its organisation is of the type {type_}" in told and "test environment" in told
    assert held(sandbox) == before
    assert {one.method for one in sandbox.controls.transcript.all() if "/api/data/" in one.target} == {"GET"}


@pytest.mark.parametrize("name", ["Production", "PRODUCTION"])
def test_the_production_environment_of_business_central_is_refused_before_anything_is_asked(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = folder / "koppel.toml"
    path.write_text(path.read_text().replace('"Rehearsal"', f'"{name}"'))
    sandbox.controls.transcript._kept.clear()
    assert run(["certify", "erp", "--yes"]) == 2
    assert f"not for production: its environment is called {name}" in capsys.readouterr().err
    assert sandbox.controls.transcript.all() == []


@pytest.mark.parametrize(
    ("system", "told"), [("nobody", "there is no system"), ("db", "nothing about sql is unsettled")]
)
def test_what_cannot_be_certified(folder: Path, capsys: pytest.CaptureFixture[str], system: str, told: str) -> None:
    assert run(["certify", system, "--yes"]) == 2
    assert told in capsys.readouterr().err


def test_without_a_terminal_somebody_must_have_said_yes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["certify", "crm"]) == 2
    assert "say --yes" in capsys.readouterr().err


def test_a_transcript_that_cannot_be_written_is_refused_before_anything_is_made(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.controls.transcript._kept.clear()
    assert run(["certify", "crm", "--yes", "--transcript", str(folder / "no" / "file")]) == 2
    assert "choose another file with --transcript" in capsys.readouterr().err
    assert sandbox.controls.transcript.all() == []


def test_an_unreachable_service_does_not_hide_what_is_left(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line breaks in the middle of the contract, and for the removal, too."""

    def gone(*_: Any, **__: Any) -> Any:
        raise Unreachable("crm", "the line is cut", "try again")

    monkeypatch.setattr(DataverseTable, "find", gone)
    ask = Probe.ask

    def asked(probe: Probe, method: str, *rest: Any, **headers: Any) -> Any:
        return gone() if method == "DELETE" else ask(probe, method, *rest, **headers)

    monkeypatch.setattr(Probe, "ask", asked)
    assert run(["certify", "crm", "--yes"]) == 3
    assert "not removed: accounts(" in capsys.readouterr().err


def test_a_broken_contract_is_told_and_the_records_are_removed(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that overwrites what it was not asked to."""
    write = DataverseTable.write

    def careless(table: DataverseTable, asked: Any) -> Any:
        told = write(table, replace(asked, expected=None))
        return told.with_columns(told[CODE].replace(str(Outcome.STALE), str(Outcome.WRITTEN)))

    monkeypatch.setattr(DataverseTable, "write", careless)
    before = held(sandbox)
    assert run(["certify", "crm", "--yes"]) == 1
    told = capsys.readouterr().out
    assert "✗ C4  An edit of what it is not any more is refused: no: written" in told
    assert held(sandbox) == before
