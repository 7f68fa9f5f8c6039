"""When the worker runs what (`every`, restart-safe, back-off, pause, held), decided without waiting."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koppel.model.job import JobKind, JobRecord, JobState, Tally
from koppel.runtime.local import BACK_OFF_LIMIT, Line, Turn, decide, remembered, seconds_to_wait

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HALF_HOUR = 1_800.0


def ago(**passed: float) -> datetime:
    return NOW - timedelta(**passed)


def job(state: JobState, started: datetime, kind: JobKind = JobKind.SYNC) -> JobRecord:
    return JobRecord(1, 1, "A", kind, "<->", state, started, None, Tally(), "")


@pytest.mark.parametrize(
    ("line", "wait"),
    [
        (Line(HALF_HOUR), 0),
        (Line(HALF_HOUR, ago(minutes=29)), 60),
        (Line(HALF_HOUR, ago(minutes=30)), 0),
        (Line(HALF_HOUR, ago(hours=30)), 0),
        (Line(None), None),
        (Line(None, ago(days=400)), None),
        (Line(HALF_HOUR, NOW + timedelta(hours=1)), 0),  # the clock was set back: not an hour and a half of silence
    ],
)
def test_a_mapping_is_due_when_its_period_has_passed_since_its_last_start(line: Line, wait: float | None) -> None:
    assert line.waited_for(NOW) == wait


@pytest.mark.parametrize(
    ("every", "failures", "hours"),
    [(1_800, 1, 0.5), (1_800, 2, 1), (1_800, 3, 2), (1_800, 4, 4), (1_800, 5, 6), (1_800, 10_000, 6), (86_400, 9, 24)],
)
def test_what_fails_is_tried_again_after_its_period_and_then_doubling_up_to_six_hours(
    every: float, failures: int, hours: float
) -> None:
    assert Line(every, NOW, failures).waited_for(NOW) == hours * 3_600


@given(st.integers(1, 10**6), st.integers(0, 200))
def test_no_failure_makes_a_mapping_wait_shorter_than_its_period_or_longer_than_the_limit(
    every: int, failures: int
) -> None:
    wait = Line(float(every), NOW, failures).waited_for(NOW)
    assert wait is not None
    assert every <= wait <= max(every, BACK_OFF_LIMIT)


def test_a_success_ends_the_back_off() -> None:
    line = Line(HALF_HOUR).begun(NOW).ended(well=False).ended(well=False)
    assert line == Line(HALF_HOUR, NOW, 2)
    assert line.ended(well=True) == Line(HALF_HOUR, NOW, 0)


def test_a_job_that_ended_well_since_ends_it_too() -> None:
    """What a person mended (approve, a run by hand) is not kept waiting for hours; what failed again is."""
    line = Line(HALF_HOUR, ago(minutes=5), 7)
    assert line.after(job(JobState.DONE, ago(minutes=4), JobKind.APPROVE)) == Line(HALF_HOUR, ago(minutes=5), 0)
    for newest in (None, job(JobState.DONE, ago(minutes=6)), job(JobState.FAILED, ago(minutes=4))):
        assert line.after(newest) == line


ALL = {"C": Line(60.0), "A": Line(60.0), "B": Line(60.0)}


def test_what_is_due_together_runs_in_dependency_order_then_in_that_of_the_file() -> None:
    assert decide(ALL, {"C": ["B"], "B": ["A"]}, NOW, (), ()) == Turn(("A", "B", "C"))
    assert decide(ALL, {}, NOW, (), ()) == Turn(("C", "A", "B"))


def test_a_dependency_that_is_not_due_holds_nothing_up() -> None:
    lines = {**ALL, "A": Line(60.0, NOW), "B": Line(None)}
    assert decide(lines, {"C": ["B"], "B": ["A"]}, NOW, (), ()) == Turn(("C",))


def test_paused_and_held_mappings_are_left_alone_and_stay_due() -> None:
    assert decide(ALL, {}, NOW, {"A"}, {"A", "B", "X"}) == Turn(("C",), ("A",), ("B",))
    assert decide({"A": Line(60.0, NOW)}, {}, NOW, {"A"}, {"A"}) == Turn(())  # not due: nothing to say of it
    assert decide(ALL, {}, NOW, (), ()).run == ("C", "A", "B")


@pytest.mark.parametrize(
    ("jobs", "line"),
    [
        ([], Line(HALF_HOUR)),
        ([job(JobState.DONE, ago(minutes=5))], Line(HALF_HOUR, ago(minutes=5))),
        ([job(JobState.DONE, ago(minutes=5), JobKind.FULL)], Line(HALF_HOUR, ago(minutes=5))),
        ([job(JobState.DONE, NOW, JobKind.APPROVE), job(JobState.DONE, ago(hours=1))], Line(HALF_HOUR, ago(hours=1))),
        ([job(JobState.RUNNING, ago(minutes=1)), job(JobState.DONE, ago(minutes=2))], Line(HALF_HOUR)),
        ([job(JobState.INTERRUPTED, ago(minutes=1))], Line(HALF_HOUR)),
        ([job(JobState.CANCELLED, ago(minutes=1))], Line(HALF_HOUR)),
        (
            [job(JobState.FAILED, ago(hours=1)), job(JobState.HALTED, ago(hours=2)), job(JobState.DONE, ago(hours=3))],
            Line(HALF_HOUR, ago(hours=1), 2),
        ),
        ([job(JobState.DONE, ago(hours=1)), job(JobState.FAILED, ago(hours=2))], Line(HALF_HOUR, ago(hours=1))),
    ],
)
def test_a_worker_that_starts_takes_up_what_the_job_log_tells(jobs: list[JobRecord], line: Line) -> None:
    """Restart-safe: nothing runs before its time, a job that was cut short does at once, failures stay counted."""
    assert remembered(HALF_HOUR, jobs) == line


def test_the_worker_sleeps_until_the_next_is_due_and_looks_in_between() -> None:
    lines = {"A": Line(60.0, ago(seconds=57)), "B": Line(60.0, NOW), "C": Line(None)}
    assert seconds_to_wait(lines, Turn(()), NOW, longest=5) == 3
    assert seconds_to_wait(lines, Turn(()), NOW, longest=2) == 2
    assert seconds_to_wait({"C": Line(None)}, Turn(()), NOW, longest=5) == 5
    # Due, but paused or held: no reason to ask again at once, and again, and again.
    assert seconds_to_wait({"A": Line(60.0), "B": Line(60.0)}, Turn((), ("A",), ("B",)), NOW, longest=5) == 5
