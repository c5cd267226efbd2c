"""When fans arrive: schedules made beforehand, so that a slow server holds up nobody's arrival.

A user who sends the next request only once the last was answered spares a server that is slow, and
the requests that were never sent are missing from the percentiles ("coordinated omission", a term
of Gil Tene's). Here the moments come first; latency is counted from them.
"""

import math
import random
from collections.abc import Iterator, Sequence

from loadtests.crowd.plan import Phase


def poisson(phases: Sequence[Phase], dice: random.Random) -> list[float]:
    """Seconds from the start, in order: a Poisson process whose rate moves as `phases` say.

    By inversion of the expected count: unit-rate arrivals, mapped through the inverse of the
    integral of the rate (Çinlar, "Introduction to Stochastic Processes", 1975, ch. 4.7).
    """
    found: list[float] = []
    count = 0.0  # expected arrivals until now, of which the next is an exponential step ahead
    begin_s, begin_count = 0.0, 0.0
    count += dice.expovariate(1.0)
    for phase in phases:
        whole = phase.seconds * (phase.from_per_s + phase.to_per_s) / 2
        while count < begin_count + whole:
            found.append(begin_s + _when(phase, count - begin_count))
            count += dice.expovariate(1.0)
        begin_s += phase.seconds
        begin_count += whole
    return found


def _when(phase: Phase, count: float) -> float:
    """The second of a phase at which `count` arrivals are expected: count = a t + b t^2 / 2."""
    first = phase.from_per_s
    slope = (phase.to_per_s - phase.from_per_s) / phase.seconds
    # The stable form of the quadratic's root, also right where the slope is zero.
    return 2 * count / (first + math.sqrt(max(0.0, first * first + 2 * slope * count)))


def crowd(fans: int, within_s: float, dice: random.Random) -> list[float]:
    """Seconds from the start, in order, of exactly `fans` arrivals: a Poisson process of which the
    count is known is so many independent uniform moments."""
    return sorted(dice.random() * within_s for _ in range(fans))


def share_of(moments: Sequence[float], part: int, parts: int) -> Iterator[tuple[int, float]]:
    """(number of the arrival, its moment) of the part of a schedule that is one process's."""
    for number in range(part, len(moments), parts):
        yield number, moments[number]
