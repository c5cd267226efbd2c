"""Server time of a hold, and memory of a waiting fan: what Redis itself says."""

import asyncio
from statistics import median
from typing import Final

from loadtests.bench.figure import Figure
from loadtests.bench.http import event_on_sale
from usher.ids import new_id
from usher.queue.scripts import QueueScripts
from usher.sale.model import SaleChange
from usher.wiring import House

HOLDS: Final = 8_000
BATCH: Final = 100
FANS: Final = 100_000
HOLD_GOAL_US: Final = 25.0
FAN_GOAL_BYTES: Final = 250.0


async def hold_time(house: House) -> Figure:
    """Microseconds of server time per 4-seat hold, by the server's own command statistics."""
    event = await event_on_sale(house, 200, 200)
    queue = QueueScripts(house.runner)
    await house.sales.change(event, "bench", SaleChange(mode="simple"))
    fans = [new_id("place") for _ in range(HOLDS // 12 + 1)]
    await asyncio.gather(*(queue.join(event, fan) for fan in fans))
    layout = (await house.events.showing(event)).layout
    quads = [
        range(first, first + 4)
        for segment in layout.segments
        for first in range(segment.first, segment.first + segment.length - 3, 4)
    ][:HOLDS]
    # Batch by batch, and the median of the batches: whatever else the machine does, it does not
    # do it in most of them.
    holds, plains = [], []
    for start in range(0, len(quads) - BATCH, BATCH):
        await house.runner.command("CONFIG", "RESETSTAT")
        await asyncio.gather(
            *(
                house.seat_scripts.hold(event, new_id("hold"), fans[i // 12], "d", *quads[i])
                for i in range(start, start + BATCH)
            )
        )
        holds.append(await _stats(house, "evalsha"))
        # The same seats locked one key each.
        await asyncio.gather(
            *(
                house.runner.command("SET", f"{{{event}}}:lock:{i}:{n}", "x", "NX", "PX", 60_000)
                for i in range(start, start + BATCH)
                for n in range(4)
            )
        )
        plains.append(await _stats(house, "set"))
    stats, plain = median(holds), median(plains)
    return Figure(
        name="4-seat hold, server time",
        value=round(stats, 1),
        unit="us",
        baseline=f"{4 * plain:.1f} us: 4 x SET NX PX",
        goal=HOLD_GOAL_US,
        more_is_better=False,
        detail={"ratio_to_set": round(stats / (4 * plain), 2)},
    )


async def _stats(house: House, command: str) -> float:
    text = await house.runner.command("INFO", "commandstats")
    line = next(line for line in text.splitlines() if line.startswith(f"cmdstat_{command}:"))
    return float(
        dict(pair.split("=") for pair in line.partition(":")[2].split(","))["usec_per_call"]
    )


async def fan_memory(house: House) -> Figure:
    """Bytes of Redis per fan who waits in line, by the difference in used memory."""
    event = await event_on_sale(house, 10, 10, rate_per_min=1)
    queue = QueueScripts(house.runner)
    before = await _used(house)
    for start in range(0, FANS, 1_000):
        await asyncio.gather(
            *(queue.join(event, new_id("place")) for _ in range(start, start + 1_000))
        )
    after = await _used(house)
    return Figure(
        name="memory per waiting fan",
        value=round((after - before) / FANS, 1),
        unit="bytes",
        baseline=f"{FANS:,} fans joined",
        goal=FAN_GOAL_BYTES,
        more_is_better=False,
        costs={"redis.fan_bytes": round((after - before) / FANS, 1)},
    )


async def _used(house: House) -> int:
    text = await house.runner.command("INFO", "memory")
    line = next(line for line in text.splitlines() if line.startswith("used_memory:"))
    return int(line.partition(":")[2])
