"""Requests a second of join and of hold, against a bare Litestar route in the same run."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from statistics import median
from typing import Any, Final

import httpx
import msgspec

from loadtests.bench.cpu import cpu_s
from loadtests.bench.figure import Figure
from loadtests.bench.wire import Run, drive, request
from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.ids import new_id
from usher.sale.model import SaleChange, SaleSettings, State
from usher.settings import Settings, environ_of
from usher.venue.generate import rows_by_columns
from usher.venue.price import default_prices
from usher.wiring import House

REQUESTS: Final = 12_000
ROUNDS: Final = 3
SEATS: Final = 4
GOAL: Final = 0.65


@asynccontextmanager
async def process(*argv: str, environ: dict[str, str], port: int = 0) -> AsyncIterator[int]:
    """The pid of a Python process, which lives until the end of the `async with`; where it has a
    `port`, it listens there."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", *argv, env=environ)
    try:
        for _ in range(200 if port else 0):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        yield child.pid
    finally:
        child.terminate()
        await child.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def event_on_sale(
    house: House, rows: int, columns: int, *, state: State = "open", **settings: Any
) -> str:
    """An open event whose gate is wide open and whose fans may have 50 seats."""
    plan = rows_by_columns(rows, columns)
    new = NewEvent(
        title="Bench", starts_at=utc_now() + timedelta(days=30), prices=default_prices(plan)
    )
    sale = SaleSettings(
        **{"rate_per_min": 600_000, "capacity": 1_000_000, "seats_max": 50} | settings
    )
    event = await house.events.create(new, plan, sale)
    await house.events.publish(event)
    await house.inventory.build(event)
    await house.sales.change(event, "bench", SaleChange(state=state))
    return event


async def admissions(house: House, event: str, count: int) -> list[str]:
    """Admission tokens of `count` fans, made by the services as if they had come by the line."""
    tokens = []
    await house.sales.change(event, "bench", SaleChange(mode="simple"))
    for _ in range(count):
        joined = await house.queue.join(event, new_id("fan"))
        assert joined.admission is not None
        tokens.append(joined.admission["admission_token"])
    await house.sales.change(event, "bench", SaleChange(mode="queued"))
    return tokens


async def measure(house: House, settings: Settings) -> list[Figure]:
    """The ratios of join and of hold; medians of interleaved rounds."""
    bare_port, port = free_port(), free_port()
    environ = environ_of(settings.with_(port=port, public_url=f"http://127.0.0.1:{port}"))
    async with (
        process(
            "loadtests.bench.bare", str(bare_port), environ=environ, port=bare_port
        ) as bare_pid,
        process("usher", "serve", environ=environ, port=port) as pid,
    ):
        await ready(port)

        async def run(name: str, requests: list[bytes]) -> None:
            at, server = (bare_port, bare_pid) if name == "bare" else (port, pid)
            before_s = cpu_s(server)
            runs[name].append(await drive("127.0.0.1", at, requests))
            us[name].append((cpu_s(server) - before_s) / len(requests) * 1e6)

        echo = msgspec.json.encode({"seats": ["A-1", "A-2", "A-3", "A-4"]})
        bare_request = [request("POST", "/json", echo)] * REQUESTS
        runs: dict[str, list[Run]] = {"bare": [], "join": [], "hold": [], "place": []}
        us: dict[str, list[float]] = {name: [] for name in runs}  # of processor, for a request
        for turn in range(ROUNDS):
            event = await event_on_sale(house, 240, 200)
            joins = [request("POST", f"/api/v1/events/{event}/queue", b"{}")] * REQUESTS
            holds = await _holds(house, event)
            places = await _places(house, event)
            # The first requests of a process compile and connect, the first of an event read its
            # plan of 48,000 seats, which takes half a second of a thread: not measured.
            if turn == 0:
                await drive("127.0.0.1", bare_port, bare_request[:1_000])
            await drive("127.0.0.1", port, [*joins[:500], *places[:500], holds.pop()])
            await run("bare", bare_request)
            await run("hold", holds)
            await run("join", joins)
            await run("place", places)
        _only(runs["hold"], 201)
        _only(runs["join"], 202)
        _only(runs["place"], 200)
    return [_figure(name, runs, us) for name in ("join", "place", "hold")]


async def _holds(house: House, event: str) -> list[bytes]:
    """Requests for four named adjacent seats each, twelve a fan."""
    layout = (await house.events.showing(event)).layout
    quads = [
        layout.guid[first : first + SEATS]
        for segment in layout.segments
        for first in range(segment.first, segment.first + segment.length - SEATS + 1, SEATS)
    ][:REQUESTS]
    tokens = await admissions(house, event, -(-len(quads) // 12))
    path = f"/api/v1/events/{event}/holds"
    return [
        request(
            "POST",
            path,
            msgspec.json.encode({"seats": quad}),
            {"authorization": f"Bearer {tokens[i // 12]}"},
        )
        for i, quad in enumerate(quads)
    ]


async def _places(house: House, event: str) -> list[bytes]:
    """Requests of 500 waiting fans for their place, in turn."""
    fans = [new_id("fan") for _ in range(500)]
    joined = [await house.queue.join(event, fan) for fan in fans]
    path = f"/api/v1/events/{event}/queue/place"
    asks = [
        request("GET", path, headers={"authorization": f"Bearer {each.place_token}"})
        for each in joined
    ]
    return [asks[i % len(asks)] for i in range(REQUESTS)]


def _only(runs: Sequence[Run], status: int) -> None:
    for run in runs:
        if set(run.statuses) != {status}:
            raise RuntimeError(f"wanted only {status}, got {run.statuses}")


def _figure(name: str, by_name: dict[str, list[Run]], us: dict[str, list[float]]) -> Figure:
    runs = by_name[name]
    per_s, bare = (median(run.per_s for run in by_name[each]) for each in (name, "bare"))
    cpu_us, bare_us = (median(us[each]) for each in (name, "bare"))
    return Figure(
        name=f"{name}, one API process",
        value=round(per_s / bare, 3),
        unit="of bare Litestar",
        baseline=f"{bare:,.0f} requests/s, bare JSON route",
        goal=GOAL,
        more_is_better=True,
        detail={
            "requests_per_s": round(per_s),
            "process_us": round(cpu_us, 1),
            "by_processor_time": round(bare_us / cpu_us, 3),
            "client_cpu_share": round(median(r.client_cpu_s / r.seconds for r in runs), 2),
        },
        # A process that has all it can do spends its core on requests alone.
        costs={f"api.{name}": round(1e6 / per_s, 1)},
    )


async def ready(port: int) -> None:
    """Returns when the API at that port can serve."""
    async with httpx.AsyncClient(trust_env=False) as http:
        late = time.monotonic() + 30
        while time.monotonic() < late:
            try:
                if (await http.get(f"http://127.0.0.1:{port}/readyz")).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError("the API did not get ready")
