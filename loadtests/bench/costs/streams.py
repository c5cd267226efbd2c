"""What streams take: opening them, keeping them, and each message that is pushed."""

import asyncio
import re
from statistics import median
from typing import Final

from loadtests.bench.costs.meter import Meter, Spent, memory_bytes
from loadtests.bench.costs.wires import Site, Streams
from loadtests.bench.http import event_on_sale
from loadtests.bench.wire import request
from usher.ids import new_id
from usher.sale.model import SaleChange
from usher.up import Up

STREAMS: Final = 2_000
WATCHERS: Final = 500
CONNECTIONS: Final = 1_000
WINDOW_S: Final = 6.0
CHANGES: Final = 25
TICK_S: Final = 0.25  # a little more than the hub's own: each change is a push of its own


class StreamCosts:
    """Measures into `values`; `draw_us` is what it takes of Redis to draw one place."""

    def __init__(self, site: Up, meter: Meter, idle: Spent, draw_us: float) -> None:
        self._draw_us = draw_us
        self._house = site.house
        self._site = Site(site.url)
        self._meter = meter
        self._idle = idle
        self.values: dict[str, float] = {}

    async def measure(self) -> None:
        """All of it. Memory first: what a process has once asked for it keeps for the next."""
        event = await event_on_sale(self._house, 10, 10, rate_per_min=1)
        asks = await self._asks(event, STREAMS)
        kept, streams = await self._connections(), Streams(self._site)
        await streams.open(asks[:1])
        await asyncio.sleep(1)
        calm = await self._meter.over(WINDOW_S)
        self.values["api.idle"] = calm.api / calm.seconds
        self._calm = calm
        await self._line(event, streams, asks[1:])
        await kept.close()
        await self._lobby()
        await self._seats()

    async def _asks(self, event: str, count: int) -> list[bytes]:
        fans = [new_id("fan") for _ in range(count)]
        joined = await asyncio.gather(*(self._house.queue.join(event, fan) for fan in fans))
        path = f"/api/v1/events/{event}/queue/stream"
        return [
            request("GET", path, headers={"authorization": f"Bearer {each.place_token}"})
            for each in joined
        ]

    async def _pushes(self) -> int:
        text = await self._site.answer(request("GET", "/metrics"))
        found = re.search(rb"^usher_sse_pushes_total ([\d.e+]+)", text, re.M)
        return int(float(found[1])) if found else 0

    async def _connections(self) -> Streams:
        """Connections that have asked something and are kept open; they stay so."""
        before = memory_bytes(self._meter.api_pid)
        kept = Streams(self._site)
        await kept.open([request("GET", "/healthz")] * CONNECTIONS)
        grown = memory_bytes(self._meter.api_pid) - before
        self.values["api.connection_bytes"] = max(0, grown) / CONNECTIONS
        return kept

    async def _line(self, event: str, streams: Streams, asks: list[bytes]) -> None:
        before = memory_bytes(self._meter.api_pid)
        watch = self._meter.start()
        await streams.open(asks)
        spent = watch.stop().less(self._calm)
        self.values["api.stream_open"] = spent.api / len(asks)
        self.values["redis.stream_open"] = spent.redis / len(asks)
        await asyncio.sleep(2)
        grown = memory_bytes(self._meter.api_pid) - before
        self.values["api.stream_bytes"] = max(0, grown) / len(asks)
        self.values["api.push_place"] = await self._push_us()
        self.values["wire.push_place"] = median(map(len, streams.messages(b"place")))
        await streams.close()
        await self._close(event)

    async def _lobby(self) -> None:
        event = await event_on_sale(self._house, 10, 10, state="lobby", rate_per_min=1)
        streams = Streams(self._site)
        await streams.open(await self._asks(event, STREAMS))
        await asyncio.sleep(1)
        self.values["api.push_lobby"] = await self._push_us()
        self.values["wire.push_lobby"] = median(map(len, streams.messages(b"place")))
        # The draw is done: each place is looked up. What is pushed besides is taken off.
        pushes = await self._pushes()
        watch = self._meter.start()
        await self._house.sales.change(event, "bench", SaleChange(state="open"))
        await asyncio.sleep(WINDOW_S)
        spent = watch.stop().less(self._calm)
        besides = await self._pushes() - pushes - STREAMS
        self.values["api.tell"] = (spent.api - besides * self.values["api.push_place"]) / STREAMS
        self.values["redis.tell"] = spent.redis / STREAMS - self._draw_us
        if min(self.values["api.tell"], self.values["redis.tell"]) <= 0:
            raise RuntimeError("nothing was told of the draw")
        await streams.close()
        await self._close(event)

    async def _push_us(self) -> float:
        """Microseconds of the API process for a push, while nothing else happens: what its ticks
        take with a single stream is taken off."""
        pushes = await self._pushes()
        spent = (await self._meter.over(WINDOW_S)).less(self._calm)
        return spent.api / (await self._pushes() - pushes)

    async def _seats(self) -> None:
        event = await event_on_sale(self._house, 100, 100)
        feed = request("GET", f"/api/v1/events/{event}/feed")
        watch = self._meter.start()
        streams = Streams(self._site)
        await streams.open([feed] * WATCHERS)
        self.values["api.feed_open"] = watch.stop().less(self._idle).api / WATCHERS
        await asyncio.sleep(1)
        self.values["wire.snapshot_seat"] = streams.bytes_read / WATCHERS / 10_000
        pushes = await self._pushes()
        watch = self._meter.start()
        sizes: dict[int, float] = {}
        for turn in range(CHANGES):
            # Two seats or twenty at once: the difference is what a seat weighs.
            count = 2 if turn % 2 else 20
            first = 400 * (turn // 2) + 37 * (turn % 2)
            read = streams.bytes_read
            await self._house.seat_scripts.block(event, 0, count, *range(first, first + count))
            await asyncio.sleep(TICK_S)
            sizes[count] = (streams.bytes_read - read) / WATCHERS
        spent = watch.stop().less(self._calm)
        self.values["api.push_seats"] = spent.api / (await self._pushes() - pushes)
        self.values["wire.change_seat"] = (sizes[20] - sizes[2]) / 18
        self.values["wire.change"] = sizes[2] - 2 * self.values["wire.change_seat"]
        await streams.close()
        await self._close(event)

    async def _close(self, event: str) -> None:
        await self._house.sales.change(event, "bench", SaleChange(state="closed"))
        await asyncio.sleep(0.5)
