"""Schedules of a load test: made beforehand, the same in every process."""

import random
from itertools import pairwise

import pytest

from loadtests.crowd.arrivals import crowd, poisson, share_of
from loadtests.crowd.plan import Phase


def _within(moments: list[float], begin: float, end: float) -> int:
    return sum(begin <= moment < end for moment in moments)


def test_a_steady_rate_is_kept_on_average() -> None:
    moments = poisson([Phase("steady", 200.0, 50.0, 50.0)], random.Random(1))
    # 10,000 are expected, with a standard deviation of 100.
    assert 9_500 < len(moments) < 10_500
    assert moments == sorted(moments)
    assert moments[0] >= 0
    assert moments[-1] < 200


def test_gaps_are_exponential() -> None:
    moments = poisson([Phase("steady", 500.0, 20.0, 20.0)], random.Random(2))
    gaps = [after - before for before, after in pairwise(moments)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    # An exponential's standard deviation is its mean; even arrivals would have none.
    assert mean == pytest.approx(1 / 20, rel=0.05)
    assert spread == pytest.approx(mean, rel=0.05)


def test_a_ramp_has_three_quarters_in_its_second_half() -> None:
    moments = poisson([Phase("ramp", 100.0, 0.0, 200.0)], random.Random(3))
    assert len(moments) == pytest.approx(10_000, rel=0.05)
    assert _within(moments, 50, 100) / len(moments) == pytest.approx(0.75, abs=0.02)


def test_phases_follow_one_another() -> None:
    phases = [
        Phase("calm", 50.0, 10.0, 10.0),
        Phase("nothing", 10.0, 0.0, 0.0),
        Phase("spike", 10.0, 500.0, 500.0),
    ]
    moments = poisson(phases, random.Random(4))
    assert _within(moments, 0, 50) == pytest.approx(500, rel=0.2)
    assert _within(moments, 50, 60) == 0
    assert _within(moments, 60, 70) == pytest.approx(5_000, rel=0.06)
    assert moments[-1] < 70


def test_a_crowd_has_exactly_its_size() -> None:
    moments = crowd(777, 5.0, random.Random(5))
    assert len(moments) == 777
    assert moments == sorted(moments)
    assert moments[0] >= 0
    assert moments[-1] < 5


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_processes_share_a_schedule_without_gap_or_repetition(parts: int) -> None:
    moments = crowd(100, 1.0, random.Random(6))
    shared = [pair for part in range(parts) for pair in share_of(moments, part, parts)]
    assert sorted(shared) == list(enumerate(moments))


def test_the_same_seed_is_the_same_schedule() -> None:
    phases = [Phase("steady", 10.0, 30.0, 30.0)]
    assert poisson(phases, random.Random(7)) == poisson(phases, random.Random(7))
    assert poisson(phases, random.Random(7)) != poisson(phases, random.Random(8))
