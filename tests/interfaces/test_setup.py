"""The configuration from the command line: init, check, apply, export, stages, where it is found."""

import json
import sqlite3
import tomllib

import pytest

from koppel.cli.program import run
from tests.interfaces.desk import Desk, coupled_desk


def test_init_writes_an_example_that_can_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.folder)
    (desk.folder / "koppel.toml").unlink()
    assert run(["init", "--left-url", "sqlite:///erp.db", "--right-url", "sqlite:///crm.db"]) == 0
    text = (desk.folder / "koppel.toml").read_text("utf-8")
    assert "#" in text and tomllib.loads(text)["systems"]["crm"]["url"] == "sqlite:///crm.db"
    assert run(["check"]) == 0
    assert run(["init"]) == 2
    assert (desk.folder / "koppel.toml").read_text("utf-8") == text


def test_init_writes_the_preset_into_a_folder(desk: Desk) -> None:
    folder = desk.folder / "new"
    folder.mkdir()
    words = ["init", "new", "--preset", "demo-sql", "--left-url", "sqlite:///left.db", "--json"]
    done = desk.koppel(*words)
    assert done.code == 0 and done.json["path"].endswith("koppel.toml") and done.json["dropped"] == []
    document = tomllib.loads((folder / "koppel.toml").read_text("utf-8"))
    assert list(document["mappings"]) == ["CURRENCY", "SALESPEOPLE", "VENDOR", "CUSTOMER", "CONTACT"]
    assert next(iter(document["systems"].values()))["url"] == "sqlite:///left.db"


def test_init_lists_the_default_fields_that_are_left_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issue 4, 5: what the standard pages cannot carry is told with its reason; pages of an app carry more."""
    monkeypatch.chdir(desk.folder)
    words = ["init", "--preset", "business-central-dataverse"]
    assert run([*words, "standard.toml"]) == 0
    told = capsys.readouterr().out
    assert "VENDOR, CUSTOMER, CONTACT: faxNo <-> fax\n      the standard page shows no Fax No." in told
    assert run([*words, "app.toml", "--api", "acme/sync/v1.0", "--left-url", "https://bc.example", "--json"]) == 0
    dropped = json.loads(capsys.readouterr().out)["dropped"]
    assert {field["line"] for field in dropped if field["mapping"] == "CONTACT"} == {
        "-> owneridtype = 'systemuser'", "-> parentcustomeridtype = 'account'"
    }  # fmt: skip
    system = tomllib.loads((desk.folder / "app.toml").read_text("utf-8"))["systems"]["bc"]
    assert (system["api"], system["url"]) == ("acme/sync/v1.0", "https://bc.example")
    assert run(["init", "other.toml", "--api", "v2.0"]) == 2
    assert "--preset" in capsys.readouterr().err


def test_check_tells_what_is_well(desk: Desk) -> None:
    done = desk.koppel("check")
    assert done.code == 0, done.err
    assert "✓ erp" in done.out and "✓ crm" in done.out and "✓ CUSTOMER" in done.out
    lines = desk.koppel("check", "--json").json
    assert list(dict.fromkeys(line["subject"] for line in lines)) == ["erp", "crm", "CUSTOMER"]
    assert all(line["well"] for line in lines)
    assert [line["text"] for line in lines if line["warning"]] == [
        "longer values are errors in crm.account: name (100 → 20)"
    ], "a warning is no failure"


def test_the_configuration_is_found_by_option_and_environment(desk: Desk) -> None:
    (desk.folder / "koppel.toml").rename(desk.folder / "other.toml")
    assert desk.koppel("systems").code == 2
    assert desk.koppel("systems", "--config", "other.toml").code == 0
    assert desk.koppel("systems", KOPPEL_CONFIG="other.toml").code == 0
    systems = desk.koppel("systems", "--json", KOPPEL_CONFIG=str(desk.folder / "other.toml")).json
    assert [line["subject"] for line in systems] == ["erp", "crm"]


def test_a_stage_reaches_other_systems(desk: Desk) -> None:
    with sqlite3.connect(desk.folder / "crm.db") as source, sqlite3.connect(desk.folder / "test.db") as copy:
        source.backup(copy)
    (desk.folder / "koppel.test.toml").write_text('[systems.crm]\nurl = "sqlite:///test.db"\n')
    told = desk.koppel("systems", "--stage", "test", "--json").json
    assert "test.db" in told[1]["text"]


def test_export_gives_a_configuration_that_means_the_same(desk: Desk) -> None:
    text = desk.koppel("export").out
    (desk.folder / "again.toml").write_text(text, "utf-8")
    assert desk.koppel("export", "--config", "again.toml").out == text
    assert desk.koppel("export", "--json").json == {"toml": text}


def test_apply_says_what_changes_and_a_changed_filter_waits_for_it(desk: Desk) -> None:
    """DESIGN 7, guards: a changed filter halts and names `koppel apply`, which puts it in force."""
    coupled_desk(desk, 2)
    assert "Nothing has changed." in desk.koppel("apply").out
    desk.configure('right_filter = "statecode = 0"', 'right_filter = "statecode = 1"')
    halted = desk.koppel("sync")
    assert halted.code == 4 and "koppel apply" in halted.err
    foreseen = desk.koppel("sync", "--plan")
    assert foreseen.code == 4 and "would halt" in foreseen.err and "koppel apply" in foreseen.err
    planned = desk.koppel("apply", "--plan")
    assert "right_filter" in planned.out and "Nothing was written." in planned.out
    assert desk.koppel("sync", "--quiet").code == 4
    [line] = desk.koppel("apply", "--json").json
    assert (line["mapping"], line["couplings"]) == ("CUSTOMER", 2)
    assert desk.koppel("sync", "--quiet").code == 0
