"""How much of everything a sale takes, and which part gives way first."""

import math
from typing import Final

import msgspec

from usher import limits
from usher.capacity.costs import Costs
from usher.capacity.line import Line, busiest_second, line_of, points_of
from usher.capacity.load import HOLDS_EACH, Load, Unit, arrival, arriving, opening, selling, visit
from usher.capacity.model import FANS_MAX, Wish
from usher.feed.service import CURVE_S

# How busy a processor or a link may be. At a utilisation p a request waits p / (2 (1 - p)) service
# times on average where requests take the same time and come at random (M/D/1: the formula of
# Pollaczek and Khinchine): 1.2 at 0.7, 4.5 at 0.9.
BUSY: Final = 0.7
# Redis forks to rewrite its log; what is written meanwhile is there twice, at worst everything.
REWRITE: Final = 2.0
FILES_BESIDE: Final = 100  # open files of a process that are no fan's: Redis, PostgreSQL, logs
_BEYOND: Final = 10 * FANS_MAX


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One of the hard moments. Cores are those that are busy, not those that are needed."""

    name: str
    api_cores: float
    redis_cores: float
    worker_cores: float
    postgres_cores: float
    requests_per_s: float
    pushes_per_s: float
    mbit_per_s: float


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part that can give way: how much of what it may bear it has to bear (1 is all of it), when,
    and with how many fans it would be all of it; None where that is not for fans to decide, or
    more than a thousand million."""

    name: str
    share: float
    moment: str
    gives_way_at_fans: int | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a sale takes. Memory and disk in bytes; `parts` stand in the order they give way."""

    wish: Wish
    machine: str
    measured: str
    line: Line
    arrivals_per_s: int
    moments: list[Moment]
    api_processes: int
    workers: int
    cores_busy: float
    cores_needed: int
    redis_share: float
    bytes_to_wait: int
    bytes_to_shop: int
    bytes_snapshot: int
    bytes_plan: int
    bytes_push: int
    streams: int
    connections: int
    open_files_per_process: int
    memory_api_process: int
    memory_api: int
    memory_workers: int
    memory_redis: int
    memory_redis_rewriting: int
    postgres_bookings_per_s: float
    postgres_rows_per_s: float
    postgres_wal_per_s: int
    postgres_share: float
    disk_bookings: int
    draw_s: float
    opening_told_s: float
    parts: list[Part]


def plan(wish: Wish, costs: Costs) -> Plan:
    """The plan of a wish that `check` has passed."""
    unit, line = Unit(costs), line_of(wish)
    loads = loads_of(wish, line, unit)
    processes = api_processes(wish, line, loads, costs)
    workers = workers_of(loads, costs)
    standing = standing_load(wish, processes, workers, costs)
    loads = {name: load + standing for name, load in loads.items()}
    streams = streams_of(wish, line)
    connections = wish.fans + 2 * line.shopping
    per_process = math.ceil(connections / processes)
    hungry = wish.fans * (1 - wish.stream_share) + line.shopping
    api_memory = (
        processes * costs["api.base_bytes"]
        + streams * costs["api.stream_bytes"]
        + hungry * costs["api.connection_bytes"]
    )
    redis = redis_memory(wish, line, costs)
    bought_per_s = line.calls_per_min / 60 * wish.buy_share
    cores_busy = max(load.cpu_us for load in loads.values()) / 1e6
    told_us = wish.fans * wish.stream_share
    return Plan(
        wish=wish,
        machine=costs.machine,
        measured=costs.measured,
        line=line,
        arrivals_per_s=busiest_second(wish.fans, wish.minutes * 60),
        moments=[_moment(name, load) for name, load in loads.items()],
        api_processes=processes,
        workers=workers,
        cores_busy=round(cores_busy, 3),
        cores_needed=math.ceil(cores_busy / BUSY),
        redis_share=round(max(load.redis_us for load in loads.values()) / 1e6, 4),
        bytes_to_wait=round(arrival(wish, unit).bytes_out),
        bytes_to_shop=round(visit(wish, unit).bytes_out),
        bytes_snapshot=round(costs["wire.snapshot_seat"] * wish.seats),
        bytes_plan=round(costs["wire.plan_seat"] * wish.seats),
        bytes_push=round(costs["wire.push_place"]),
        streams=streams,
        connections=connections,
        open_files_per_process=per_process + FILES_BESIDE,
        memory_api_process=round(api_memory / processes),
        memory_api=round(api_memory),
        memory_workers=round(workers * costs["worker.base_bytes"]),
        memory_redis=round(redis),
        memory_redis_rewriting=round(redis * REWRITE),
        postgres_bookings_per_s=round(bought_per_s, 2),
        postgres_rows_per_s=round(bought_per_s * costs["postgres.rows"], 1),
        postgres_wal_per_s=round(bought_per_s * costs["postgres.wal_bytes"]),
        postgres_share=round(max(load.postgres_us for load in loads.values()) / 1e6, 4),
        disk_bookings=round(line.bookings * costs["postgres.disk_bytes"]),
        # One worker draws, batch by batch, each asked of Redis when the last is answered.
        draw_s=round(
            wish.fans / 1_000 * (costs["worker.draw_1000"] + costs["redis.draw_1000"]) / 1e6, 2
        ),
        # All streams hear of the opening at once, and each place is looked up for it.
        opening_told_s=round(
            max(told_us * costs["api.tell"] / processes, told_us * costs["redis.tell"]) / 1e6, 2
        ),
        parts=parts_of(wish, costs),
    )


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


def redis_memory(wish: Wish, line: Line, costs: Costs) -> float:
    """Bytes of Redis when it holds most: everybody in line, and all that was held and sold."""
    holds = min(line.called * HOLDS_EACH, wish.seats * HOLDS_EACH)
    return (
        costs["redis.base_bytes"]
        + wish.fans * costs["redis.fan_bytes"]
        + line.called * costs["redis.called_bytes"]
        + holds * costs["redis.hold_bytes"]
        + wish.seats
        + (limits.feed_entries_max + limits.signal_entries_max) * costs["redis.entry_bytes"]
    )


# --- what gives way


def parts_of(wish: Wish, costs: Costs) -> list[Part]:
    """The parts whose limit another machine does not move, or that are given: who gives way first
    comes first."""
    names = ["Redis: its one core", "PostgreSQL: one core of it"]
    if wish.cores is not None:
        names.append(f"processors: {wish.cores} cores for everything")
    if wish.gbit_per_s is not None:
        names.append(f"network: {wish.gbit_per_s:g} Gbit/s")
    found = []
    for at, name in enumerate(names):
        shares = _shares(wish, costs)[at]
        moment = max(shares, key=lambda each: shares[each])
        found.append(
            Part(
                name=name,
                share=round(shares[moment], 4),
                moment=moment,
                gives_way_at_fans=_gives_way(wish, costs, at),
            )
        )
    return sorted(found, key=lambda part: (part.gives_way_at_fans or math.inf, -part.share))


def _shares(wish: Wish, costs: Costs) -> list[dict[str, float]]:
    """Of each part in the order of `parts_of`, by moment: its load as a share of its limit."""
    unit, line = Unit(costs), line_of(wish)
    loads = loads_of(wish, line, unit)
    processes, workers = api_processes(wish, line, loads, costs), workers_of(loads, costs)
    standing = standing_load(wish, processes, workers, costs)
    full = {name: load + standing for name, load in loads.items()}
    shares = [
        {name: load.redis_us / 1e6 / BUSY for name, load in full.items()},
        {name: load.postgres_us / 1e6 / BUSY for name, load in full.items()},
    ]
    if wish.cores is not None:
        cores = wish.cores
        shares.append({name: load.cpu_us / 1e6 / BUSY / cores for name, load in full.items()})
    if wish.gbit_per_s is not None:
        able = wish.gbit_per_s * 1e9 / 8 * BUSY
        shares.append({name: load.bytes_out / able for name, load in full.items()})
    return shares


def _gives_way(wish: Wish, costs: Costs, at: int) -> int | None:
    """The fewest fans at which the part bears all it may, everything else as wished, by bisection:
    loads grow with fans. None where not even _BEYOND are enough."""

    def bears(fans: int) -> bool:
        more = msgspec.structs.replace(wish, fans=fans)
        return max(_shares(more, costs)[at].values()) < 1

    low, high = 0, _BEYOND
    if bears(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if bears(middle):
            low = middle
        else:
            high = middle
    return high


def _moment(name: str, load: Load) -> Moment:
    def cores(us: float) -> float:
        return round(us / 1e6, 4)

    return Moment(
        name=name,
        api_cores=cores(load.api_us),
        redis_cores=cores(load.redis_us),
        worker_cores=cores(load.worker_us),
        postgres_cores=cores(load.postgres_us),
        requests_per_s=round(load.requests, 1),
        pushes_per_s=round(load.pushes, 1),
        mbit_per_s=round(load.bytes_out * 8 / 1e6, 2),
    )
