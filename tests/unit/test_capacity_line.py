"""The line of a plan: the gate, its time, how suddenly fans come."""

import math
from statistics import NormalDist
from typing import Any

import pytest

from tests.unit.test_queue_pages import curve
from usher import limits
from usher.capacity.line import SURE, busiest_second, line_of, points_of, times_per_s
from usher.capacity.load import LOBBY_POLL_S, OPENING_POLL_S
from usher.capacity.model import Wish
from usher.queue.model import lobby_poll_after_s, push_every_s


def wish(**given: Any) -> Wish:
    simple: dict[str, Any] = {
        "fans": 10_000,
        "seats": 1_000,
        "seats_per_fan": 2,
        "shop_minutes": 3,
        "buy_share": 0.8,
    }
    return Wish(**(simple | given))


def test_an_example_reckoned_by_hand() -> None:
    line = line_of(wish())
    # 0.6 x 1,000 seats / 2 = 300 shoppers; 300 / 3 min = 100 a minute (Little).
    assert (line.capacity, line.rate_per_min, line.calls_per_min) == (300, 100, 100)
    # 1,000 seats / (2 x 0.8) = 625 calls at 100 a minute: 375 s.
    assert (line.called, line.bookings, line.in_vain, line.line_s) == (625, 500, 9_375, 375)
    assert line.shopping == 300


def test_rate_and_capacity_follow_from_one_another() -> None:
    assert line_of(wish(capacity=60)).rate_per_min == 20
    assert line_of(wish(rate_per_min=30)).capacity == 90
    assert line_of(wish(rate_per_min=600)).capacity == 300  # no more than the seats allow
    line = line_of(wish(rate_per_min=600, capacity=60))
    assert line.calls_per_min == 20  # and the slower of the two is how fast the line goes


def test_a_line_shorter_than_the_hall_is_served_to_its_last() -> None:
    line = line_of(wish(fans=200))
    assert (line.called, line.in_vain, line.line_s, line.bookings) == (200, 0, 120, 160)


@pytest.mark.parametrize("seats", [1, 2, 3])
def test_a_single_fan_is_called_and_may_buy(seats: int) -> None:
    line = line_of(wish(fans=1, seats=seats))
    assert (line.called, line.bookings, line.in_vain) == (1, 1, 0)
    assert line.capacity >= 1
    assert line.rate_per_min >= 1


def test_the_gate_stays_within_its_bounds() -> None:
    line = line_of(wish(fans=10**7, seats=80_000, seats_per_fan=1, shop_minutes=1 / 12))
    assert line.rate_per_min <= limits.rate_per_min_max
    assert line.capacity <= limits.capacity_max


def exact_quantile(fans: int, share: float, level: float) -> int:
    """By the binomial distribution itself, term by term."""
    total = 0.0
    for count in range(fans + 1):
        log = (
            math.lgamma(fans + 1)
            - math.lgamma(count + 1)
            - math.lgamma(fans - count + 1)
            + count * math.log(share)
            + (fans - count) * math.log1p(-share)
        )
        total += math.exp(log)
        if total >= level:
            return count
    return fans


@pytest.mark.parametrize(
    ("fans", "seconds"), [(10, 60), (100, 60), (3_000, 60), (3_000, 10), (20_000, 300)]
)
def test_the_busiest_second_is_the_quantile_of_the_binomial(fans: int, seconds: int) -> None:
    exact = exact_quantile(fans, 1 / seconds, SURE ** (1 / seconds))
    assert abs(busiest_second(fans, seconds) - exact) <= 1


def test_the_busiest_second_has_no_more_than_there_are() -> None:
    assert busiest_second(1, 60) == 1
    assert busiest_second(1_000, 1) == 1_000
    assert busiest_second(1_000, 0.5) == 1_000


def test_large_crowds_come_evenly() -> None:
    # Square roots: of 10 million in a minute the busiest second has less than 1 % more.
    mean = 10**7 / 60
    z = NormalDist().inv_cdf(SURE ** (1 / 60))
    assert busiest_second(10**7, 60) == pytest.approx(mean + z * math.sqrt(mean), rel=1e-3)


def test_pushes_of_a_line_are_those_of_its_places() -> None:
    waiting = 30_000
    exact = sum(1 / push_every_s(ahead) for ahead in range(waiting))
    assert times_per_s(waiting, push_every_s) == pytest.approx(exact, rel=0.02)
    assert times_per_s(0, push_every_s) == 0
    assert times_per_s(1, push_every_s) == 1


def test_a_curve_grows_with_the_logarithm_of_the_line() -> None:
    assert [points_of(waiting) for waiting in (0, 1, 2, 30)] == [0, 1, 2, 30]
    grown = points_of(10**7) - points_of(10**6)
    assert grown == pytest.approx(math.log(10) / math.log(1.04), abs=2)


def test_the_lobby_polls_as_the_model_says() -> None:
    far = curve(state="lobby", opens_ms=10**9, now_ms=0)
    assert lobby_poll_after_s(far) == LOBBY_POLL_S
    assert lobby_poll_after_s(curve(state="open")) == OPENING_POLL_S
    near = curve(state="lobby", opens_ms=1_000, now_ms=0)
    assert lobby_poll_after_s(near) == OPENING_POLL_S
