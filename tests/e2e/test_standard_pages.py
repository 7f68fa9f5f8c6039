"""The preset over Business Central's standard pages: five mappings, both ways, and then rest."""

from pathlib import Path

import pytest

from koppel.app import Koppel, demo_over_http
from koppel.app.full import FullOptions
from koppel.model.policy import FirstContact

SIZES = {"customers": 40, "vendors": 10, "contacts": 40, "salespeople": 4, "overlap": 30}


def test_the_reduced_preset_couples_creates_and_then_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4, 5: what the standard pages carry is enough for all five tables; the parent of a contact is found by the
    name of its company.
    """
    monkeypatch.setattr("koppel.app.demo.APP", "v2.0")
    monkeypatch.setattr("koppel.app.demo.SIZES", SIZES)
    with demo_over_http(tmp_path) as demo, Koppel.open(demo.config) as koppel:
        assert all(line.well for line in koppel.check())
        for name in koppel.mappings:
            koppel.match(name, accept=True, reject=False, first_contact=FirstContact.LEFT)
        report = koppel.full([], FullOptions())
        made = {job.mapping: (job.tally.to_right.inserted, job.tally.to_left.inserted) for job in report.jobs}
        assert not report.errors
        assert all(made[name][0] for name in ("CURRENCY", "VENDOR", "CUSTOMER", "CONTACT")) and made["CUSTOMER"][1]
        # What is left has no company, or one that is neither customer nor vendor or is blocked.
        assert {(error.mapping, error.code) for error in koppel.errors()} <= {
            ("CONTACT", "waiting"),
            ("CONTACT", "unknown_reference"),
        }
        koppel.answer(report.run, yes=True)
        koppel.sync()
        totals = [job.tally.total for job in koppel.sync(sweep=True).jobs]
        assert sum(total.inserted + total.modified + total.deleted + total.conflicts for total in totals) == 0
