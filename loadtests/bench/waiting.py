"""What a process that holds waiting fans asks Redis, and what telling them where they stand costs.

The fans of one line have a stream each, as their pages do, and ask by plain requests besides, as
often as a page does to which no stream gets through. No worker runs, and the benchmark asks nothing
meanwhile: what Redis counts are the process's commands. What scripts do inside is not counted.
"""

import asyncio
import re
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from loadtests.bench.http import event_on_sale, free_port, process, ready
from loadtests.bench.meter import Meter, Readers, opened_by, reading
from loadtests.bench.wire import drive, request
from usher.ids import new_id
from usher.queue.model import poll_after_s
from usher.settings import Settings, environ_of
from usher.wiring import House

FEW: Final = 100
# All of a line is told of its positions within ten seconds; see usher/queue/model.push_every_s.
WINDOW_S: Final = 10
POLLED_S: Final = 5
# What a process sends; all else is done by scripts.
_SENT: Final = re.compile(r"^cmdstat_(?:evalsha|eval|time|ping):calls=(\d+)", re.M)


class Window(NamedTuple):
    """What happened in each second while streams were all there was."""

    commands: float
    cpu_s: float
    pushes: float


class Waited(NamedTuple):
    """`few` fans and `many`; commands a second with polls besides; what the many cost.

    A push's cost is what the pushes to many add to a process that ticks: the ticks themselves,
    `few.cpu_s` for the most part, are the same for any number of fans.
    """

    few: Window
    many: Window
    few_polled: float
    many_polled: float
    stream_bytes: float
    polls_per_s: int

    @property
    def push_us(self) -> float:
        more = self.many.pushes - self.few.pushes
        return (self.many.cpu_s - self.few.cpu_s) / more * 1e6


class Line:
    """An event's line, whose fans all wait."""

    def __init__(self, event: str, tokens: list[str]) -> None:
        path = f"/api/v1/events/{event}/queue/place"
        self.event = event
        self.tokens = tokens
        self.asks = [
            request("GET", path, headers={"authorization": f"Bearer {token}"}) for token in tokens
        ]

    def due(self, second: int, fans: int) -> list[bytes]:
        """The polls of the first `fans` that fall into one second."""
        pauses = [(rank, poll_after_s(rank)) for rank in range(fans)]
        return [self.asks[rank] for rank, pause in pauses if rank % pause == second % pause]


async def line_of(house: House, fans: int) -> Line:
    """An event whose gate is open, and a line in front of it."""
    event = await event_on_sale(house, 10, 50)
    tokens: list[str] = []
    for start in range(0, fans, 500):
        joins = [house.queue.join(event, new_id("fan")) for _ in range(min(500, fans - start))]
        tokens += [joined.place_token for joined in await asyncio.gather(*joins)]
    return Line(event, tokens)


async def measure(house: House, settings: Settings, fans: int) -> Waited:
    """The same line in front of one process: at first few have come to it, then all."""
    line = await line_of(house, fans)
    port = free_port()
    environ = environ_of(settings.with_(port=port, public_url=f"http://127.0.0.1:{port}"))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(line.tokens))
        file.flush()
        path = f"/api/v1/events/{line.event}/queue/stream"
        async with (
            process("usher", "serve", environ=environ, port=port) as pid,
            reading(port, path, Path(file.name)) as readers,
        ):
            await ready(port)
            meter = Meter(pid)
            await readers(f"open {FEW}")
            few = await _streamed(house, meter, readers, POLLED_S)
            few_polled = await _polled(house, port, line, FEW, warm=2)
            stream_bytes = await opened_by(readers, meter, fans - FEW)
            many = await _streamed(house, meter, readers, WINDOW_S)
            many_polled = await _polled(house, port, line, fans)
    return Waited(few, many, few_polled, many_polled, stream_bytes, len(line.due(0, fans)))


async def _sent(house: House) -> int:
    """Commands that have been sent to Redis so far."""
    text = await house.runner.command("INFO", "commandstats")
    return sum(int(calls) for calls in _SENT.findall(text))


async def _streamed(house: House, meter: Meter, readers: Readers, seconds: int) -> Window:
    """Nothing but streams is open for so long."""
    await readers("mark")
    before, used, began = await _sent(house), meter.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    sent, used = await _sent(house) - before, meter.cpu_s() - used
    pushed = (await readers("count"))["all"]
    took = time.monotonic() - began
    return Window(sent / took, used / took, pushed / took)


async def _polled(house: House, port: int, line: Line, fans: int, warm: int = 1) -> float:
    """Commands a second while the first `fans` poll besides, each of whom has polled before: twice
    where they are the first who do, for the process follows the line from then on."""
    for _ in range(warm):
        await drive("127.0.0.1", port, line.asks[:fans])
        await asyncio.sleep(0.5)
    before, began = await _sent(house), time.monotonic()
    for second in range(POLLED_S):
        run = await drive("127.0.0.1", port, line.due(second, fans), connections=16)
        if set(run.statuses) != {200}:
            raise RuntimeError(f"polls were answered {run.statuses}")
        await asyncio.sleep(max(0, began + second + 1 - time.monotonic()))
    return (await _sent(house) - before) / (time.monotonic() - began)
