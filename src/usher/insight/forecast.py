"""What if: when the last in line gets in, and until when seats last, at a rate and a capacity.

static/console/forecast.js says the same in a browser, while a control is moved; a test holds the
two to one table of cases.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from usher.queue.model import Sample

# What is taken for a fan's way through the shop before enough of them have gone it.
STAY_S: Final = 180.0
SEATS_PER_FAN: Final = 2.0
_FANS_MIN: Final = 10


class Pace(msgspec.Struct, frozen=True):
    """How fans shop: seconds between being called and being gone, seats they take, on average."""

    stay_s: float
    seats_per_fan: float


class Forecast(msgspec.Struct, frozen=True):
    """Seconds from now. `line_s` until the last in line is called; `seats_s` until no seat is
    free, None where the line is served before that. `left`: seats free when the last is called;
    `in_vain`: fans in line for whom none is left. `per_min`: calls a minute, as the capacity
    allows."""

    line_s: int
    seats_s: int | None
    left: int
    in_vain: int
    per_min: float


def forecast(waiting: int, free: int, rate: int, capacity: int, pace: Pace) -> Forecast:
    """What comes of `rate` calls a minute (>= 1) with `capacity` fans shopping at once (>= 1)."""
    per_min = min(float(rate), capacity * 60 / max(1.0, pace.stay_s))
    per_fan = max(0.01, pace.seats_per_fan)
    fans_served = free / per_fan
    line_s = math.ceil(waiting * 60 / per_min)
    if waiting > fans_served:
        seats_s = math.ceil(fans_served * 60 / per_min)
        return Forecast(line_s, seats_s, 0, waiting - math.floor(fans_served), per_min)
    return Forecast(line_s, None, math.floor(free - waiting * per_fan), 0, per_min)


def pace_of(trail: Sequence[Sample], seats_max: int) -> Pace:
    """The pace of the fans seen on a trail (Little's law: how many are inside = how fast they
    come x how long they stay); the usual one where too few have been seen."""
    if not trail:
        return Pace(STAY_S, min(SEATS_PER_FAN, seats_max))
    first, last = trail[0], trail[-1]
    came = max(last.called - first.called, last.admitted - first.admitted)
    gone = came - (last.shopping - first.shopping)
    stay_s = STAY_S
    if gone >= _FANS_MIN:
        inside = sum(each.shopping for each in trail) / len(trail)
        stay_s = max(1.0, inside * (last.at_ms - first.at_ms) / 1000 / gone)
    ever = max(last.called, last.admitted) - last.shopping
    per_fan = min(SEATS_PER_FAN, seats_max)
    if ever >= _FANS_MIN:
        per_fan = min(seats_max, max(0.01, (last.claimed + last.sold) / ever))
    return Pace(round(stay_s, 1), round(per_fan, 3))
