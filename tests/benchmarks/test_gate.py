"""The gate judges medians, pair by pair, and says so when something was not measured."""

import pytest

from benchmarks.gate import Results, Run, Scenario, scenarios
from benchmarks.meter import Figures
from benchmarks.report import gate_table, page

LARGE = 1_000_000


def took(seconds: float, peak_mb: float = 100, **more: float) -> Figures:
    return Figures(seconds, client_cpu=seconds, server_cpu=0, peak_mb=peak_mb, others=0, more=more)


def scenario(number: str) -> Scenario:
    return next(line for line in scenarios(LARGE) if line.number == number)


def judged(number: str, results: Results) -> list[str]:
    """The last two columns of the scenario's lines."""
    return [" | ".join(line.split(" | ")[-2:]) for line in gate_table([scenario(number)], results)[2:]]


def test_a_ratio_is_the_median_of_the_ratios_of_each_turn() -> None:
    """A turn in which the machine was slow for both must not count for one of them: 2, 2 and 3 here, not 4 / 1.5."""
    conflicts = [took(2), took(20), took(4.5)]
    clean = [took(1), took(10), took(1.5)]
    results = {Run("P9.conflicts", 10_000): conflicts, Run("P9.clean", 10_000): clean}
    assert judged("P9", results) == ["2 × | met |"]


@pytest.mark.parametrize(("seconds", "verdict"), [(30, "met"), (90, "**not met**")])
def test_a_rate_has_to_be_reached(seconds: float, verdict: str) -> None:
    results = {Run("P6.koppel", LARGE): [took(seconds)]}
    assert judged("P6", results)[1] == f"{LARGE / seconds:,.0f} records/s | {verdict} |"


def test_what_was_not_measured_is_no_success() -> None:
    reason = "dlt cannot be installed: no network"
    results = {Run("P2.koppel", LARGE): [took(2)], Run("P2.koppel", 100_000): [took(1)]}
    assert judged("P2", results) == ["not measured | – |", "2 × | **not met** |"]
    text = page([scenario("P2")], results, {Run("P2.dlt", LARGE): reason}, server="18")
    assert f"P2.dlt with 1,000,000 rows was not measured: {reason}" in text
    assert "| P2.koppel | 1,000,000 | 2.00 |" in text


def test_a_single_written_record_is_one_too_many() -> None:
    results = {Run("P4.koppel", LARGE): [took(5, written=1)]}
    assert judged("P4", results) == ["5 s | met |", "1 | **not met** |"]
