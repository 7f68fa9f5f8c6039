"""What a big run costs at a service: calls, time and the share of its limits (issue 4, 6)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from koppel.model.cost import Rates, Work, costs

RATES = Rates(
    rows_read=5000,
    rows_written=100,
    at_once=4,
    call_seconds=0.2,
    row_seconds=0.1,
    calls_allowed=6000,
    window=timedelta(minutes=5),
    effects="flows start",
)


def test_calls_are_pages_and_batches_system_by_system() -> None:
    found = costs([Work("crm", RATES, 12_000, 250), Work("erp", RATES, 1, 0), Work("crm", RATES, 0, 1)])
    assert [(cost.system, cost.calls, cost.effects) for cost in found] == [
        ("crm", 3 + 3 + 1, ("flows start",)),
        ("erp", 1, ()),
    ]
    assert found[0].seconds == pytest.approx((7 * 0.2 + 251 * 0.1) / 4)
    assert found[0].share == pytest.approx(7 / 6000)


def test_a_run_that_needs_more_calls_than_are_allowed_takes_as_long_as_they_do() -> None:
    """6000 calls in five minutes (wire 1.9): 12 000 quick ones take ten minutes, whatever else."""
    quick = replace(RATES, rows_written=1, call_seconds=0.01, row_seconds=0)
    (cost,) = costs([Work("crm", quick, 0, 12_000)])
    assert (cost.share, cost.seconds) == (1, 600)


def test_a_long_run_needs_a_part_of_the_calls_while_it_lasts() -> None:
    """10 000 calls in half an hour are a third of six times 6000."""
    slow = replace(RATES, rows_written=1, at_once=1, call_seconds=0.18, row_seconds=0)
    (cost,) = costs([Work("crm", slow, 0, 10_000)])
    assert cost.seconds == pytest.approx(1800) and cost.share == pytest.approx(10_000 / 36_000)
