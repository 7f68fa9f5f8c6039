"""`koppel demo`: the story is told to its end over HTTP and on databases, and it says what it needs."""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from koppel.app import Koppel, demo_over_http
from koppel.app.full import FullOptions
from koppel.cli.program import run
from koppel.demo import edits
from koppel.model.policy import FirstContact

SMALL = {"customers": 70, "vendors": 12, "contacts": 60, "salespeople": 4, "overlap": 30}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("koppel.app.demo.SIZES", SMALL)


@pytest.mark.usefixtures("small")
def test_the_whole_tour_over_http(capsys: pytest.CaptureFixture[str]) -> None:
    """Issue 4, 6: review, coupling, full synchronisation, edits of all kinds, what needs a person, nothing to do."""
    assert run(["demo"]) == 0
    told = capsys.readouterr().out
    acts = [int(number) for number in re.findall(r"^(\d)\. ", told, re.MULTILINE)]
    assert acts == [1, 2, 3, 4, 5]
    for kind in (edits.MERGE, edits.CLASH, edits.GROUP_CLASH, edits.DELETED, edits.LEFT_FILTER, edits.TOO_LONG):
        assert f"× {kind}" in told
    assert f"× {edits.NO_PARENT}" in told and "longer than" in told
    assert "koppel resolve" in told and "What happens" in told
    assert "\n0 records written." in told
    assert "koppel init --preset business-central-dataverse" in told


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_every_edit_over_http_leads_where_it_should(tmp_path: Path) -> None:
    """The expectations of the demo's edits, which know nothing of koppel."""
    with demo_over_http(tmp_path) as demo, Koppel.open(demo.config) as koppel:
        for name in koppel.mappings:
            koppel.match(name, accept=True, reject=False, first_contact=FirstContact.LEFT)
        koppel.answer(koppel.full([], FullOptions()).run, yes=True)
        before = {(error.mapping, error.record) for error in koppel.errors() if error.code != "waiting"}
        done = demo.edit()
        expected = Counter(edit.what for edit in done)
        report = koppel.sync(sweep=True)
        conflicts = koppel.conflicts()
        assert not report.errors
        asked = Counter("delete" if conflict.kind == "deletion" else len(conflict.fields) for conflict in conflicts)
        assert asked == {1: expected[edits.CLASH], 6: expected[edits.GROUP_CLASH], "delete": expected[edits.DELETED]}
        new = [e for e in koppel.errors() if e.code != "waiting" and (e.mapping, e.record) not in before]
        assert [(error.code, error.field) for error in new] == [("too_long", "name")]
        newcomer = next(edit for edit in done if edit.what == edits.NO_PARENT)
        assert newcomer.id in {error.record for error in koppel.errors() if error.code == "waiting"}
        totals = {job.mapping: job.tally.total for job in report.jobs}
        # A merge is modified in both directions.
        ones = sum(totals[name].modified for name in ("VENDOR", "CUSTOMER", "CONTACT"))
        assert ones == 2 * expected[edits.MERGE] + expected[edits.ONE_SIDE]
        assert totals["CUSTOMER"].out == 1 and totals["SALESPEOPLE"].modified == 1
        koppel.sync()
        again = [job.tally.total for job in koppel.sync().jobs]
        assert sum(each.inserted + each.modified + each.deleted for each in again) == 0


def test_services_leave_nothing_to_keep(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--keep"]) == 2
    assert "--sql" in capsys.readouterr().err


def test_without_the_extra_it_is_told_on_databases(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel alone runs the demo, and says what more there is."""
    monkeypatch.setitem(sys.modules, "koppel.sandbox.server", None)
    monkeypatch.setattr("koppel.cli.demo._story", lambda *_: None)
    assert run(["demo"]) == 0
    told = capsys.readouterr().out
    assert "pip install 'koppel[sandbox]'" in told and "two databases" in told
