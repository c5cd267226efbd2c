"""What a line takes of Redis and of the worker that moves it, and the memory of who waits."""

import asyncio
from typing import Final

from loadtests.bench.costs.meter import Meter, Spent
from loadtests.bench.http import event_on_sale
from usher.feed.service import TICK_S
from usher.ids import new_id
from usher.queue.scripts import Curve, QueueScripts
from usher.sale.model import GateChange, SaleChange
from usher.up import Up

FANS: Final = 40_000
LOOKS: Final = 300
LATE_S: Final = 40.0


async def measure(site: Up, meter: Meter, idle: Spent) -> dict[str, float]:
    """A lobby that fills, is drawn, waits, and is called to the last."""
    house = site.house
    values: dict[str, float] = {}
    queue = QueueScripts(house.runner)
    event = await event_on_sale(
        house, 10, 10, state="lobby", rate_per_min=600_000, capacity=1_000_000
    )
    await house.sales.change(event, "bench", GateChange(state="paused"))
    values["redis.base_bytes"] = before = await _used(site)
    for start in range(0, FANS, 1_000):
        await asyncio.gather(
            *(queue.join(event, new_id("place")) for _ in range(start, start + 1_000))
        )

    async def until(done: str) -> Curve:
        async with asyncio.timeout(LATE_S):
            while True:
                curve = await queue.curve(event)
                assert isinstance(curve, Curve)
                if curve.drawn and done == "drawn":
                    return curve
                if curve.called >= FANS and done == "called":
                    return curve
                await asyncio.sleep(0.2)

    watch = meter.start()
    await house.sales.change(event, "bench", SaleChange(state="open"))
    await until("drawn")
    drawn = watch.stop().less(idle)
    values["redis.draw_1000"] = drawn.redis / FANS * 1_000
    values["worker.draw_1000"] = drawn.worker / FANS * 1_000
    waiting = await _used(site)
    values["redis.fan_bytes"] = (waiting - before) / FANS
    curve = await until("drawn")
    await asyncio.sleep(0.5)
    # One at a time, as an API process asks: nothing travels together with it.
    calm = await meter.over(2)
    watch = meter.start()
    for _ in range(LOOKS):
        await queue.curve(event)
    spent = watch.stop().less(calm)
    values["redis.curve_point"] = spent.redis / LOOKS / max(1, len(curve.points))
    at = f"{await house.runner.time_ms()}-0"
    watch = meter.start()
    for _ in range(LOOKS):
        await house.feed_scripts.pull(event, at, at, 100)
    values["redis.hub"] = watch.stop().less(calm).redis / LOOKS / TICK_S
    values["redis.worker"] = calm.redis / calm.seconds
    values["worker.idle"] = calm.worker / calm.seconds
    watch = meter.start()
    await house.sales.change(event, "bench", GateChange(state="open"))
    await until("called")
    called = watch.stop().less(calm)
    values["redis.release_1000"] = called.redis / FANS * 1_000
    values["redis.called_bytes"] = (await _used(site) - before) / FANS
    await house.sales.change(event, "bench", SaleChange(state="closed"))
    return values


async def _used(site: Up) -> int:
    text = await site.house.runner.command("INFO", "memory")
    line = next(line for line in text.splitlines() if line.startswith("used_memory:"))
    return int(line.partition(":")[2])
