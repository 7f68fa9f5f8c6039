"""Guards: an accident is halted, an ordinary day is not (DESIGN 7, guards; peers.md: mass-delete brake)."""

from dataclasses import fields

import pytest

from koppel.reconcile.guard import HANDFUL, Limits, SetAside, emptied, suspicious

STANDARD = Limits(rows=50, percent=20)


@pytest.mark.parametrize(
    ("count", "couplings", "allowed"),
    [
        (0, 0, True),
        (50, 0, True),
        (50, 60, True),
        (51, 60, False),
        (50, 250, True),
        (51, 254, False),
        (51, 255, True),
        (52, 255, False),
        (200_000, 1_000_000, True),
        (200_001, 1_000_000, False),
    ],
)
def test_fifty_rows_or_twenty_percent_whichever_is_larger(count: int, couplings: int, allowed: bool) -> None:
    """DESIGN 11: guard_rows, guard_percent; the last row within and the first beyond the limit."""
    assert STANDARD.allows(count, couplings) is allowed


def test_a_guard_set_to_nothing_lets_nothing_through() -> None:
    assert Limits(rows=0, percent=0).allows(0, 1_000)
    assert not Limits(rows=0, percent=0).allows(1, 1_000)


def test_an_ordinary_day_is_not_suspicious() -> None:
    assert suspicious(SetAside(50, 50, 50, 50, 50), 100, STANDARD) == []


@pytest.mark.parametrize("kind", [field.name for field in fields(SetAside)])
def test_every_kind_is_judged_by_itself_and_says_what_would_happen(kind: str) -> None:
    """DESIGN 5: restores and first-contact overwrites count too."""
    words = {
        "deletions": "deleted",
        "uncouplings": "uncoupled",
        "blankings": "blanked",
        "restores": "created again",
        "overwrites": "overwritten at first contact",
    }
    (said,) = suspicious(SetAside(**{kind: 51}), 100, STANDARD)
    assert said == f"51 of 100 coupled records would be {words[kind]}"


def test_all_that_is_suspicious_is_said_at_once() -> None:
    assert len(suspicious(SetAside(51, 51, 51, 51, 51), 100, STANDARD)) == 5


def test_a_side_that_lost_too_many_records_was_emptied_or_half_read() -> None:
    assert emptied("crm", 50, 100, STANDARD) == []
    (said,) = emptied("crm", 51, 100, STANDARD)
    assert said.startswith("51 of 100 coupled records cannot be found in crm")


def test_nothing_missing_is_never_suspicious() -> None:
    assert emptied("crm", 0, 0, Limits(rows=0, percent=0)) == []
    assert emptied("crm", 0, 30, STANDARD) == []


@pytest.mark.parametrize("couplings", [1, HANDFUL])
def test_a_handful_may_be_deleted_to_the_last(couplings: int) -> None:
    assert emptied("crm", couplings, couplings, STANDARD) == []


@pytest.mark.parametrize("couplings", [HANDFUL + 1, 30, 50])
def test_a_side_of_which_nothing_is_left_is_refused_though_it_is_within_the_limits(couplings: int) -> None:
    """DESIGN 7 "an emptied side"; vdirsyncer StorageEmpty, mutagen: one side emptied while the baseline had content.

    A table of thirty currencies read as empty must not become thirty deletions because thirty is fewer than fifty.
    """
    assert emptied("crm", couplings, couplings, STANDARD) != []
