"""The line: what the gate should be set to, how long it takes, how suddenly fans come."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final

import msgspec

from usher import limits
from usher.capacity.model import Wish
from usher.insight.forecast import Pace, forecast

# Shoppers who, were each to take what they came for, would hold so much of the hall at once: more
# would find it empty, and go without although they were called.
SHOPPED_SHARE: Final = 0.6
SURE: Final = 0.99
_STEP: Final = 1.04  # the line is summed up in steps this far apart


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """The gate and what comes of it. `calls_per_min` is what rate and capacity allow together.
    `called` fans are let in until the seats are gone or nobody waits; `in_vain` others are told
    that it is over. `line_s` is until then, from the opening."""

    rate_per_min: int
    capacity: int
    calls_per_min: float
    shopping: int
    called: int
    bookings: int
    in_vain: int
    line_s: int


def line_of(wish: Wish) -> Line:
    """The gate as asked for, else as the seats allow.

    Little's law, L = lambda W: with `capacity` fans inside for `shop_minutes` each,
    capacity / shop_minutes come and go a minute (J. D. C. Little, "A proof for the queuing formula
    L = lambda W", Operations Research 9, 1961).
    """
    per_fan = min(wish.seats_per_fan, wish.seats)
    allowed = max(1, math.floor(SHOPPED_SHARE * wish.seats / per_fan))
    capacity = wish.capacity
    if capacity is None:
        capacity = min(allowed, limits.capacity_max)
        if wish.rate_per_min is not None:
            capacity = min(capacity, math.ceil(wish.rate_per_min * wish.shop_minutes))
    rate = wish.rate_per_min
    if rate is None:
        rate = max(1, min(math.ceil(capacity / wish.shop_minutes), limits.rate_per_min_max))
    pace = Pace(wish.shop_minutes * 60, per_fan * wish.buy_share)
    told = forecast(wish.fans, wish.seats, rate, capacity, pace)
    called = min(wish.fans, math.ceil(wish.seats / (per_fan * wish.buy_share)))
    return Line(
        rate_per_min=rate,
        capacity=capacity,
        calls_per_min=told.per_min,
        shopping=min(capacity, called, math.ceil(told.per_min * wish.shop_minutes)),
        called=called,
        bookings=min(math.ceil(called * wish.buy_share), math.ceil(wish.seats / per_fan)),
        in_vain=wish.fans - called,
        line_s=told.line_s if told.seats_s is None else told.seats_s,
    )


def busiest_second(fans: int, seconds: float) -> int:
    """Fans of the busiest of `seconds` seconds, were each to come at a moment of their own choice.

    The count of one second is binomial, B(fans, 1 / seconds). Of that many seconds none has more
    than its quantile at SURE ** (1 / seconds), with the probability SURE; the quantile by the
    normal distribution with the correction for skewness of Cornish and Fisher ("Moments and
    cumulants in the specification of distributions", 1937).
    """
    if seconds <= 1:
        return fans
    share = 1 / seconds
    deviation = math.sqrt(fans * share * (1 - share))
    z = NormalDist().inv_cdf(SURE ** (1 / seconds))
    skewed = (1 - 2 * share) * (z * z - 1) / 6
    return min(fans, math.ceil(fans * share + z * deviation + skewed))


def times_per_s(waiting: int, every_s: Callable[[int], float]) -> float:
    """How often in a second something happens that happens to a fan with `ahead` before them
    every `every_s(ahead)` seconds: pushes, or polls, of a whole line."""
    total, ahead = 0.0, 0
    while ahead < waiting:
        following = min(waiting, max(ahead + 1, math.floor(ahead * _STEP)))
        total += (following - ahead) / every_s(ahead)
        ahead = following
    return total


def points_of(waiting: int) -> int:
    """The points of the curve of a line, as lua/queue/curve counts them: one a place near the
    front, 4 % apart further back."""
    points, rank = 0, 0
    while rank < waiting:
        points += 1
        if rank == waiting - 1:
            break
        rank = min(waiting - 1, rank + max(1, rank // 25))
    return points
