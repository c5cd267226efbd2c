"""How many processes a load takes, and what they do whatever fans do."""

import math
from typing import Final

from usher import limits
from usher.capacity.costs import Costs
from usher.capacity.line import Line, points_of
from usher.capacity.load import Load, Unit, arriving, opening, selling
from usher.capacity.model import Wish
from usher.feed.service import CURVE_S

# How busy a processor or a link may be. At a utilisation p a request waits p / (2 (1 - p)) service
# times on average where requests take the same time and come at random (M/D/1: the formula of
# Pollaczek and Khinchine): 1.2 at 0.7, 4.5 at 0.9.
BUSY: Final = 0.7


def loads_of(wish: Wish, line: Line, unit: Unit) -> dict[str, Load]:
    """The hard moments by name, in their order, but for what processes take as such."""
    return {
        "arriving": arriving(wish, unit),
        "opening": opening(wish, unit),
        "selling": selling(wish, line, unit),
    }


def streams_of(wish: Wish, line: Line) -> int:
    """Streams that are open at once: of places, and one or two of each who shops."""
    return math.ceil(wish.fans * wish.stream_share) + 2 * line.shopping


def api_processes(wish: Wish, line: Line, loads: dict[str, Load], costs: Costs) -> int:
    """API processes: one core each, no busier than BUSY, no more streams than they take."""
    able_us = BUSY * 1e6 - costs["api.idle"]
    by_load = math.ceil(max(load.api_us for load in loads.values()) / able_us)
    by_streams = math.ceil(streams_of(wish, line) / limits.sse_streams_max)
    return max(1, by_load, by_streams)


def workers_of(loads: dict[str, Load], costs: Costs) -> int:
    """Workers: one core each, that bookings and their mails are not late."""
    able_us = BUSY * 1e6 - costs["worker.idle"]
    return max(1, math.ceil(loads["selling"].worker_us / able_us))


def standing_load(wish: Wish, processes: int, workers: int, costs: Costs) -> Load:
    """What processes do whatever fans do: their ticks. Each API process fetches the curve of the
    whole line once a second, and so does each worker twice; see feed/service.py, worker.py."""
    curves = (processes / CURVE_S + 2 * workers) * points_of(wish.fans)
    return Load(
        api_us=processes * costs["api.idle"],
        worker_us=workers * costs["worker.idle"],
        redis_us=processes * costs["redis.hub"]
        + workers * costs["redis.worker"]
        + curves * costs["redis.curve_point"],
    )
