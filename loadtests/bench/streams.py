"""Processor time of a push and memory of a stream, against the smallest raw ASGI application.

Each is pushed to by one process under the same server settings; every reader must have heard every
push. Processor time is the server's, user and system; memory is what is its alone (USS).
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import psutil

from loadtests.bench.figure import Figure
from loadtests.bench.http import event_on_sale, free_port, process, ready
from usher.ids import new_id
from usher.plumbing.sse import encode
from usher.rehearsal.crowd import open_files, raise_open_files
from usher.seat.model import HoldRequest
from usher.settings import Settings, environ_of
from usher.wiring import House

STREAMS: Final = 20_000
PUSHES: Final = 12
GOAL: Final = 1.3
# A process has some files open besides: listening sockets, its servers, its libraries.
_OTHER_FILES: Final = 150
# What a process allocates once, on its first streams, is not a stream's.
_FIRST: Final = 200


class Cost(NamedTuple):
    """Microseconds of a push, bytes of a stream."""

    push_us: float
    stream_bytes: float


class Readers:
    """The process of readers; see loadtests/bench/readers.py."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    async def __call__(self, command: str) -> dict[str, Any]:
        """Gives a command, and what it was answered."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{command}\n".encode())
        line = await self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"the readers broke off at {command!r}")
        told: dict[str, Any] = json.loads(line)
        return told


@asynccontextmanager
async def reading(port: int, path: str, tokens: Path | None = None) -> AsyncIterator[Readers]:
    """Readers of `path`, as long as the `async with`."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "loadtests.bench.readers", str(port), path, str(tokens or "-")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Readers(child)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


def room_for(streams: int) -> int:
    """As many of `streams` as this machine lets one process have open."""
    return min(streams, raise_open_files() - _OTHER_FILES)


class Meter:
    """Reads what a process has used."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def cpu_s(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)

    async def memory(self) -> int:
        """Bytes, when it has come to rest."""
        await asyncio.sleep(1.5)
        return int(self._process.memory_full_info().uss)


async def _opened(readers: Readers, meter: Meter, streams: int) -> float:
    """Opens them; bytes of each."""
    await readers(f"open {_FIRST}")
    before = await meter.memory()
    await readers(f"open {streams - _FIRST}")
    return (await meter.memory() - before) / (streams - _FIRST)


async def measure(house: House, settings: Settings, streams: int = STREAMS) -> list[Figure]:
    """The two ratios of the public feed of seats."""
    streams = room_for(streams)
    event = await event_on_sale(house, 40, 50)
    ours = await _usher(house, settings, event, streams)
    bare = await _bare(settings, streams)
    detail = {"streams": streams, "open_files": open_files()}
    return [
        Figure(
            name="SSE: CPU of a push",
            value=round(ours.push_us / bare.push_us, 2),
            unit="of raw ASGI",
            baseline=f"{bare.push_us:.1f} us, smallest ASGI application",
            goal=GOAL,
            more_is_better=False,
            detail={"us": round(ours.push_us, 1)} | detail,
        ),
        Figure(
            name="SSE: memory of a stream",
            value=round(ours.stream_bytes / bare.stream_bytes, 2),
            unit="of raw ASGI",
            baseline=f"{bare.stream_bytes / 1000:.1f} kB, smallest ASGI application",
            goal=GOAL,
            more_is_better=False,
            detail={"kB": round(ours.stream_bytes / 1000, 1)} | detail,
        ),
    ]


async def _usher(house: House, settings: Settings, event: str, streams: int) -> Cost:
    """The real feed: somebody holds four seats, everybody who looks at the map is told."""
    port = free_port()
    environ = environ_of(settings.with_(port=port, public_url=f"http://127.0.0.1:{port}"))
    layout = (await house.events.showing(event)).layout
    joined = await house.queue.join(event, new_id("fan"))
    for _ in range(100):
        await house.queue.release(event)
        admission = await house.queue.claim(house.queue.place_of(event, joined.place_token))
        break
    fan = house.seats.admission_of(event, admission["admission_token"])
    async with process("usher", "serve", environ=environ, port=port) as pid:
        await ready(port)
        meter = Meter(pid)
        async with reading(port, f"/api/v1/events/{event}/feed") as readers:
            stream_bytes = await _opened(readers, meter, streams)
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
    """The baseline, told the same number of bytes."""
    port = free_port()
    news = encode(
        "change", b'{"seats":[[1200,"h"],[1201,"h"],[1202,"h"],[1203,"h"]]}', f"{10**12}-0"
    )
    url = f"http://127.0.0.1:{port}/"
    async with (
        process(
            "loadtests.bench.bare_sse", str(port), environ=environ_of(settings), port=port
        ) as pid,
        reading(port, "/") as readers,
        httpx.AsyncClient(trust_env=False, timeout=60) as http,
    ):
        meter = Meter(pid)
        stream_bytes = await _opened(readers, meter, streams)
        await readers("mark")
        before = meter.cpu_s()
        for turn in range(PUSHES):
            (await http.post(url, content=news)).raise_for_status()
            await readers(f"heard {turn + 1}")
        used = meter.cpu_s() - before
        _all_of_it(await readers("count"), streams)
    return Cost(used / PUSHES / streams * 1e6, stream_bytes)


def _all_of_it(heard: dict[str, Any], streams: int) -> None:
    if (heard["least"], heard["most"], heard["all"]) != (PUSHES, PUSHES, PUSHES * streams):
        raise RuntimeError(f"not every reader heard each of {PUSHES} pushes once: {heard}")
