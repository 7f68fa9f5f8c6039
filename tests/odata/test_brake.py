"""Lanes: how many requests are under way at once is found by trying, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koppel.connectors.odata.brake import Brake, Lanes
from tests.odata.service import FakeTime


def ride(lanes: Lanes, time: FakeTime, seconds: float = 0.1, throttled: bool = False, hint: int | None = None) -> None:
    """One request that takes so long."""
    with lanes.ride("GET customers", 0) as one:
        assert one is not None
        time.passed += seconds
        one.answered, one.throttled, one.hint = not throttled, throttled, hint


def test_good_answers_open_lanes_one_at_a_time_up_to_the_bound() -> None:
    time = FakeTime()
    lanes = Lanes(time.timing(), most=5)
    widths = []
    for _ in range(40):
        ride(lanes, time)
        widths.append(lanes.width)
    assert widths == sorted(widths) and widths[-1] == 5
    assert widths[0] == 2, "more is tried only after a round of good answers"


def test_a_complaint_halves_them() -> None:
    time = FakeTime()
    lanes = Lanes(time.timing(), most=16, start=16)
    ride(lanes, time, throttled=True)
    assert lanes.width == 8


def test_requests_under_way_together_complain_once() -> None:
    """Eight refusals of one overload must not close seven lanes out of eight."""
    time = FakeTime()
    lanes = Lanes(time.timing(), most=16, start=16)
    rides = [lanes.ride("GET customers", 0) for _ in range(8)]
    for one in [ride.__enter__() for ride in rides]:
        assert one is not None
        one.throttled = True
    for each in rides:
        each.__exit__(None, None, None)
    assert lanes.width == 8


def test_a_service_that_becomes_slow_gets_less() -> None:
    time = FakeTime()
    lanes = Lanes(time.timing(), most=10, start=10)
    ride(lanes, time, 0.1)
    ride(lanes, time, 2.0)
    assert lanes.width == 8


def test_a_service_that_stays_slow_is_no_longer_called_slow() -> None:
    time = FakeTime()
    lanes = Lanes(time.timing(), most=10, start=10)
    ride(lanes, time, 0.1)
    for _ in range(600):
        ride(lanes, time, 1.0)
    assert lanes.width == 10


def test_what_takes_longer_by_nature_is_compared_with_its_own_kind() -> None:
    time = FakeTime()
    lanes = Lanes(time.timing(), most=10, start=10)
    for kind, seconds in [("GET customers", 0.1), ("POST $batch", 5.0)] * 5:
        with lanes.ride(kind, 0) as one:
            assert one is not None
            time.passed += seconds
            one.answered = True
    assert lanes.width == 10


def test_the_services_advice_is_the_bound_while_it_stands() -> None:
    """wire 1.9: `x-ms-dop-hint`."""
    time = FakeTime()
    lanes = Lanes(time.timing(), most=10, start=10)
    ride(lanes, time, hint=3)
    assert lanes.width == 3
    ride(lanes, time, hint=80)
    assert lanes.width == 10, "our own bound stands"


def test_no_lane_is_free_when_all_are_taken() -> None:
    lanes = Lanes(FakeTime().timing(), most=1)
    with lanes.ride("GET customers", 0) as first, lanes.ride("GET customers", 0.01) as second:
        assert first is not None and second is None
    with lanes.ride("GET customers", 0) as third:
        assert third is not None


def test_a_request_that_fails_gives_its_lane_back_and_teaches_nothing() -> None:
    time = FakeTime()
    lanes = Lanes(time.timing(), most=4, start=1)
    for _ in range(20):
        with pytest.raises(RuntimeError), lanes.ride("GET customers", 0):
            raise RuntimeError
    assert lanes.width == 1


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans(), st.none() | st.integers(-5, 100))))
def test_there_is_always_a_lane_and_never_more_than_the_bound(history: list[tuple[float, bool, int | None]]) -> None:
    time = FakeTime()
    lanes = Lanes(time.timing(), most=6)
    for seconds, throttled, hint in history:
        ride(lanes, time, seconds, throttled, hint)
        assert 1 <= lanes.width <= 6


def test_a_brake_pulled_again_holds_longer() -> None:
    time = FakeTime()
    brake = Brake(time.timing())
    brake.pull(10)
    brake.pull(3)
    time.meanwhile = lambda: brake.pull(25)
    assert brake.wait(deadline=100)
    assert time.passed == 25
