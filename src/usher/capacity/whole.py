"""A whole sale, from the first fan to the last seat: what it takes of processors altogether."""

from usher.capacity.costs import Costs
from usher.capacity.line import Line, line_of, times_per_s
from usher.capacity.load import (
    LOBBY_POLL_S,
    OPENING_POLL_S,
    Load,
    Unit,
    arrival,
    lobby,
    seats_feed,
    visit,
)
from usher.capacity.model import Wish
from usher.capacity.processes import api_processes, loads_of, standing_load, workers_of
from usher.queue.model import poll_after_s, push_every_s


def whole(wish: Wish, costs: Costs) -> tuple[Load, Load]:
    """All that is to be done, in microseconds of processors, requests, pushes and bytes; and a
    second of what the processes do anyway.

    Fans come evenly, so that on average half of them wait in the lobby while they come; the line
    is taken as long as it is half-way between its opening and its end.
    """
    unit, line = Unit(costs), line_of(wish)
    come_s = wish.minutes * 60
    draw = Load(
        worker_us=costs["worker.draw_1000"] * wish.fans / 1_000,
        redis_us=costs["redis.draw_1000"] * wish.fans / 1_000,
    )
    draw_s = draw.cpu_us / 1e6
    listening = wish.fans * wish.stream_share
    told = Load(api_us=costs["api.tell"], redis_us=costs["redis.tell"], pushes=1) * listening
    called = Load(redis_us=costs["redis.release_1000"]) * (line.called / 1_000)
    loads = loads_of(wish, line, unit)
    processes, workers = api_processes(wish, line, loads, costs), workers_of(loads, costs)
    standing = standing_load(wish, processes, workers, costs)
    done = (
        arrival(wish, unit) * wish.fans
        + lobby(wish, unit, LOBBY_POLL_S) * (come_s / 2)
        + lobby(wish, unit, OPENING_POLL_S) * draw_s
        + draw
        + told
        + unit.place_push("lobby") * listening  # of the end, which is the same for all
        + called
        + (waiting(wish, line, unit) + seats_feed(wish, line, unit)) * line.line_s
        + visit(wish, unit) * line.called
    )
    return done, standing


def waiting(wish: Wish, line: Line, unit: Unit) -> Load:
    """A second of the line when half of those who are called have been."""
    left = wish.fans - line.called // 2
    pushes = times_per_s(left, push_every_s)
    streams = wish.stream_share
    return unit.place_push("place") * (pushes * streams) + unit.step("place") * (
        times_per_s(left, poll_after_s) * (1 - streams)
    )
