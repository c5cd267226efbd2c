"""How much of everything a sale takes."""

import math
from typing import Final

import msgspec

from usher import limits
from usher.capacity.costs import Costs
from usher.capacity.line import Line, busiest_second, line_of
from usher.capacity.load import HOLDS_EACH, Load, Unit, arrival, visit
from usher.capacity.model import Wish
from usher.capacity.parts import Help, Part, helps_of, parts_of
from usher.capacity.processes import (
    BUSY,
    api_processes,
    loads_of,
    standing_load,
    streams_of,
    workers_of,
)
from usher.feed.positions import ASKED_PER_S

# Redis forks to rewrite its log; what is written meanwhile is there twice, at worst everything.
REWRITE: Final = 2.0
FILES_BESIDE: Final = 100  # open files of a process that are no fan's: Redis, PostgreSQL, logs


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
    helps: list[Help]


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
    listening = wish.fans * wish.stream_share
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
        # All streams hear their numbers when the draw is done; each process looks up no more places
        # a second than leave room for others.
        opening_told_s=round(
            max(
                listening / processes / ASKED_PER_S,
                listening * costs["api.tell"] / processes / 1e6,
                listening * costs["redis.tell"] / 1e6,
            ),
            2,
        ),
        parts=parts_of(wish, costs),
        helps=helps_of(wish, costs),
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
