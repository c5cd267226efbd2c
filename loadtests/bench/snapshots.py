"""Requests a second for the seats of a large hall, against a bare Litestar route that returns the
same bytes with the same headers. Neither is compressed."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from typing import Final

import httpx

from loadtests.bench.figure import Figure
from loadtests.bench.http import admissions, event_on_sale, free_port, process, ready
from loadtests.bench.wire import Run, drive, request
from usher.seat.model import HoldRequest
from usher.settings import Settings, environ_of
from usher.wiring import House

ROWS, COLUMNS = 400, 200
REQUESTS: Final = 2_000
ROUNDS: Final = 3
GOAL: Final = 0.8
# While the route is measured somebody holds seats, and gives them back, this often.
CHANGED_S: Final = 0.05


async def measure(house: House, settings: Settings) -> list[Figure]:
    """The ratio while seats change and while they do not; medians of interleaved rounds."""
    event = await event_on_sale(house, ROWS, COLUMNS)
    bare_port, port = free_port(), free_port()
    environ = environ_of(settings.with_(port=port, public_url=f"http://127.0.0.1:{port}"))
    path = f"/api/v1/events/{event}/seats"
    runs: dict[str, list[Run]] = {"bare": [], "still": [], "changing": [], "known": []}
    async with process("usher", "serve", environ=environ, port=port):
        await ready(port)
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"http://127.0.0.1:{port}{path}")
        with tempfile.NamedTemporaryFile() as file:
            file.write(answer.content)
            file.flush()
            named = [f"{name}={answer.headers[name]}" for name in ("cache-control", "etag")]
            argv = ("loadtests.bench.bare_bytes", str(bare_port), file.name, *named)
            async with process(*argv, environ=environ, port=bare_port):
                plain = [request("GET", path)] * REQUESTS
                had = {"if-none-match": answer.headers["etag"]}
                for turn in range(ROUNDS):
                    if turn == 0:  # the first requests compile and connect: not measured
                        await drive("127.0.0.1", bare_port, [request("GET", "/bytes")] * 300)
                        await drive("127.0.0.1", port, plain[:300])
                    asks = [request("GET", "/bytes")] * REQUESTS
                    runs["bare"].append(await drive("127.0.0.1", bare_port, asks))
                    runs["still"].append(await drive("127.0.0.1", port, plain))
                    if turn == 0:
                        asks = [request("GET", path, headers=had)] * REQUESTS
                        runs["known"].append(await drive("127.0.0.1", port, asks))
                    async with _changing(house, event):
                        runs["changing"].append(await drive("127.0.0.1", port, plain))
    for name, each in runs.items():
        if any(set(run.statuses) != {304 if name == "known" else 200} for run in each):
            raise RuntimeError(f"{name}: {[run.statuses for run in each]}")
    per_s = {name: median(run.per_s for run in each) for name, each in runs.items()}
    return [
        Figure(
            name=f"seats of {ROWS * COLUMNS:,}, {what}",
            value=round(per_s[name] / per_s["bare"], 3),
            unit="of bare Litestar",
            baseline=f"{per_s['bare']:,.0f} requests/s, a bare route with the same bytes",
            goal=GOAL,
            more_is_better=True,
            detail={
                "requests_per_s": round(per_s[name]),
                "not_modified_per_s": round(per_s["known"]),
            },
        )
        for name, what in (("still", "none changing"), ("changing", "twenty changes/s"))
    ]


@asynccontextmanager
async def _changing(house: House, event: str) -> AsyncIterator[None]:
    """Somebody holds seats and lets them go, all the while."""
    (token,) = await admissions(house, event, 1)
    fan = house.seats.admission_of(event, token)
    guid = (await house.events.showing(event)).layout.guid

    over = asyncio.Event()

    async def change() -> None:
        while not over.is_set():
            held = await house.seats.hold(fan, HoldRequest(seats=list(guid[:4])), None)
            await asyncio.sleep(CHANGED_S)
            await house.seats.free(fan, held["hold_id"])
            await asyncio.sleep(CHANGED_S)

    changing = asyncio.create_task(change())
    try:
        yield
    finally:
        over.set()
        await changing
