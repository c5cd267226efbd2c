"""Processor time of a push and memory of a stream, against the smallest raw ASGI application; and
what a process that holds streams asks Redis.

Each is pushed to by one process under the same server settings; every reader must have heard every
push. Processor time is the server's, user and system; memory is what is its alone (USS).
"""

from typing import Any, Final, NamedTuple

import httpx

from loadtests.bench import waiting
from loadtests.bench.figure import Figure
from loadtests.bench.http import admissions, event_on_sale, free_port, process, ready
from loadtests.bench.meter import Meter, opened_by, reading, room_for
from usher.plumbing.sse import encode
from usher.seat.model import HoldRequest
from usher.settings import Settings, environ_of
from usher.wiring import House

PUSHES: Final = 8
GOAL: Final = 1.3
# Ticks are counted in whole ones, some 33 in five seconds: two more or fewer are no difference. The
# fans are two hundred times as many.
EQUAL: Final = 1.15
# What a process allocates once, on its first streams, is not a stream's.
_FIRST: Final = 200


class Cost(NamedTuple):
    """Microseconds of a push, bytes of a stream."""

    push_us: float
    stream_bytes: float


async def measure(house: House, settings: Settings, streams: int) -> list[Figure]:
    """The public feed of seats and the streams of places; then the commands to Redis."""
    streams = room_for(streams)
    bare = await _bare(settings, streams)
    feed = await _feed(house, settings, streams)
    fans = await waiting.measure(house, settings, streams)
    place = Cost(fans.push_us, fans.stream_bytes)
    told = {
        "streams": streams,
        "pushes_per_s": round(fans.many.pushes),
        "ticks_ms_per_s": round(fans.few.cpu_s * 1000, 1),
    }
    polls = {"fans": streams, "polls_per_s": fans.polls_per_s}
    return [
        *_against(bare, "SSE feed of seats", feed, {"streams": streams}),
        *_against(bare, "SSE place in line", place, told),
        _commands("streams", fans.many.commands, fans.few.commands, {"fans": streams}),
        _commands("streams and polls", fans.many_polled, fans.few_polled, polls),
    ]


def _against(bare: Cost, what: str, ours: Cost, detail: dict[str, Any]) -> list[Figure]:
    return [
        Figure(
            name=f"{what}: CPU of a push",
            value=round(ours.push_us / bare.push_us, 2),
            unit="of raw ASGI",
            baseline=f"{bare.push_us:.1f} us, smallest ASGI application",
            goal=GOAL,
            more_is_better=False,
            detail={"us": round(ours.push_us, 1)} | detail,
        ),
        Figure(
            name=f"{what}: memory of a stream",
            value=round(ours.stream_bytes / bare.stream_bytes, 2),
            unit="of raw ASGI",
            baseline=f"{bare.stream_bytes / 1000:.1f} kB, smallest ASGI application",
            goal=GOAL,
            more_is_better=False,
            detail={"kB": round(ours.stream_bytes / 1000, 1)} | detail,
        ),
    ]


def _commands(what: str, many: float, few: float, detail: dict[str, Any]) -> Figure:
    return Figure(
        name=f"Redis commands of a process, {what}",
        value=round(many / few, 2),
        unit=f"of those at {waiting.FEW} fans",
        baseline=f"{few:.1f} commands/s at {waiting.FEW} waiting fans",
        goal=EQUAL,
        more_is_better=False,
        detail={"commands_per_s": round(many, 1)} | detail,
    )


async def _feed(house: House, settings: Settings, streams: int) -> Cost:
    """The real feed: somebody holds four seats, everybody who looks at the map is told."""
    event = await event_on_sale(house, 40, 50)
    layout = (await house.events.showing(event)).layout
    (token,) = await admissions(house, event, 1)
    fan = house.seats.admission_of(event, token)
    port = free_port()
    environ = environ_of(settings.with_(port=port, public_url=f"http://127.0.0.1:{port}"))
    async with (
        process("usher", "serve", environ=environ, port=port) as pid,
        reading(port, f"/api/v1/events/{event}/feed") as readers,
    ):
        await ready(port)
        meter = Meter(pid)
        await readers(f"open {_FIRST}")
        stream_bytes = await opened_by(readers, meter, streams - _FIRST)
        await readers("mark")
        before = meter.cpu_s()
        for turn in range(PUSHES):
            seats = [layout.guid[4 * turn + i] for i in range(4)]
            await house.seats.hold(fan, HoldRequest(seats=seats), None)
            await readers(f"heard {turn + 1}")
        used = meter.cpu_s() - before
        _all_of_it(await readers("count"), streams)
    return Cost(used / PUSHES / streams * 1e6, stream_bytes)


async def _bare(settings: Settings, streams: int) -> Cost:
    """The baseline, told what the feed tells."""
    port = free_port()
    seats = b'{"seats":[[1200,"h"],[1201,"h"],[1202,"h"],[1203,"h"]]}'
    news = encode("change", seats, "1700000000000-0")
    environ = environ_of(settings)
    async with (
        process("loadtests.bench.bare_sse", str(port), environ=environ, port=port) as pid,
        reading(port, "/") as readers,
        httpx.AsyncClient(trust_env=False, timeout=60) as http,
    ):
        meter = Meter(pid)
        await readers(f"open {_FIRST}")
        stream_bytes = await opened_by(readers, meter, streams - _FIRST)
        await readers("mark")
        before = meter.cpu_s()
        for turn in range(PUSHES):
            (await http.post(f"http://127.0.0.1:{port}/", content=news)).raise_for_status()
            await readers(f"heard {turn + 1}")
        used = meter.cpu_s() - before
        _all_of_it(await readers("count"), streams)
    return Cost(used / PUSHES / streams * 1e6, stream_bytes)


def _all_of_it(heard: dict[str, Any], streams: int) -> None:
    if (heard["least"], heard["most"], heard["all"]) != (PUSHES, PUSHES, PUSHES * streams):
        raise RuntimeError(f"not every reader heard each of {PUSHES} pushes once: {heard}")
