"""What if: the arithmetic of the console, in Python."""

import pytest

from usher.insight.forecast import SEATS_PER_FAN, STAY_S, Forecast, Pace, forecast, pace_of
from usher.queue.model import Sample

# waiting, free, rate, capacity, stay_s, seats_per_fan -> line_s, seats_s, left, in_vain, per_min
CASES = [
    ((0, 50, 60, 10, 60, 2), (0, None, 50, 0, 10)),
    ((100, 500, 60, 1_000, 60, 2), (100, None, 300, 0, 60)),  # the rate decides
    ((100, 500, 600, 60, 60, 2), (100, None, 300, 0, 60)),  # the capacity decides
    ((1_000, 500, 60, 1_000, 60, 2), (1_000, 250, 0, 750, 60)),  # seats go first
    ((250, 500, 60, 1_000, 60, 2), (250, None, 0, 0, 60)),  # the last one gets the last seats
    ((10, 0, 60, 1_000, 60, 2), (10, 0, 0, 10, 60)),
    ((10, 3, 7, 1_000, 60, 1.5), (86, 18, 0, 8, 7)),
    ((1, 1, 1, 1, 0, 0), (60, None, 0, 0, 1)),  # nothing divides by nought
]


@pytest.mark.parametrize(("given", "wanted"), CASES)
def test_what_comes_of_a_rate(given: tuple[float, ...], wanted: tuple[float, ...]) -> None:
    waiting, free, rate, capacity, stay_s, per_fan = given
    found = forecast(int(waiting), int(free), int(rate), int(capacity), Pace(stay_s, per_fan))
    assert found == Forecast(*wanted)  # type: ignore[arg-type]


def test_more_speed_never_makes_anybody_wait_longer() -> None:
    pace = Pace(45.0, 1.7)
    for capacity in (1, 20, 500):
        waits = [forecast(900, 700, rate, capacity, pace).line_s for rate in range(1, 2_000, 37)]
        assert waits == sorted(waits, reverse=True)


def sample(at_s: int, **counts: int) -> Sample:
    nothing = dict.fromkeys(Sample._fields, 0) | {"at_ms": at_s * 1_000}
    return Sample(**(nothing | counts))


def test_the_pace_is_measured_once_enough_fans_have_come_and_gone() -> None:
    assert pace_of([], 6) == Pace(STAY_S, SEATS_PER_FAN)
    assert pace_of([], 1) == Pace(STAY_S, 1)
    few = [sample(0), sample(60, called=9, shopping=0)]
    assert pace_of(few, 6) == Pace(STAY_S, SEATS_PER_FAN)
    # Thirty inside all the time, thirty go a minute: each stays one minute.
    many = [
        sample(0, called=30, shopping=30),
        sample(30, called=45, shopping=30, sold=20),
        sample(60, called=60, shopping=30, sold=36, claimed=9),
    ]
    assert pace_of(many, 6) == Pace(60.0, 1.5)
    assert pace_of(many, 1).seats_per_fan == 1


def test_a_simple_sale_has_admissions_and_no_calls() -> None:
    trail = [sample(0, admitted=0, shopping=0), sample(60, admitted=40, shopping=20, sold=10)]
    assert pace_of(trail, 6) == Pace(30.0, 0.5)
