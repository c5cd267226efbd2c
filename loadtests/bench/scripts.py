"""Server time of a hold: what Redis itself says."""

import asyncio
from statistics import median
from typing import Final

from loadtests.bench.figure import Figure
from loadtests.bench.http import event_on_sale
from loadtests.bench.server import reset, us_per_call
from usher.ids import new_id
from usher.queue.scripts import QueueScripts
from usher.sale.model import SaleChange
from usher.wiring import House

HOLDS: Final = 8_000
BATCH: Final = 100
HOLD_GOAL: Final = 2.0


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
        await reset(house)
        await asyncio.gather(
            *(
                house.seat_scripts.hold(event, new_id("hold"), fans[i // 12], "d", *quads[i])
                for i in range(start, start + BATCH)
            )
        )
        holds.append(await us_per_call(house, "evalsha"))
        # The same seats locked one key each.
        await asyncio.gather(
            *(
                house.runner.command("SET", f"{{{event}}}:lock:{i}:{n}", "x", "NX", "PX", 60_000)
                for i in range(start, start + BATCH)
                for n in range(4)
            )
        )
        plains.append(await us_per_call(house, "set"))
    stats, plain = median(holds), median(plains)
    calls, nothing = await _bare(house, "calls"), await _bare(house, "nothing")
    return Figure(
        name="4-seat hold, server time",
        value=round(stats / (4 * plain), 2),
        unit="of 4 x SET NX PX",
        baseline=f"{4 * plain:.1f} us",
        goal=HOLD_GOAL,
        more_is_better=False,
        detail={
            "hold_us": round(stats, 1),
            "its_calls_alone_us": round(calls, 1),
            "an_empty_script_us": round(nothing, 1),
        },
    )


# The reads and writes of seat/hold without a word of logic: as fast as it could be at best.
_CALLS: Final = """#!lua
redis.call('TIME')
redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HMGET', KEYS[2], 'state', 'free', 'held', 'claimed', 'hold_s', 'hold_cap_s',
  'seats_max', 'listed')
redis.call('HGET', KEYS[3], ARGV[2])
redis.call('HGET', KEYS[4], ARGV[2])
redis.call('GETRANGE', KEYS[5], ARGV[3], ARGV[4])
redis.call('SETRANGE', KEYS[5], ARGV[3], 'hhhh')
redis.call('XADD', KEYS[6], '*', 'h', ARGV[5])
redis.call('HSET', KEYS[2], 'free', 5, 'held', 6)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[6])
redis.call('ZADD', KEYS[7], 1764142345123, ARGV[1])
redis.call('HSET', KEYS[4], ARGV[2], 4)
return 1"""
_SCRIPTS: Final = {"calls": _CALLS, "nothing": "#!lua\nreturn 1"}


async def _bare(house: House, script: str) -> float:
    """Microseconds of server time of a script that does less than a hold, with the same words."""
    tag = f"{{{new_id('event')}}}"
    keys = [f"{tag}:{i}" for i in range(7)]
    times = []
    for turn in range(20):
        await reset(house)
        await asyncio.gather(
            *(
                house.runner.command(
                    *("EVAL", _SCRIPTS[script], len(keys), *keys),
                    *(new_id("hold"), new_id("place"), 4 * n, 4 * n + 3, "1,2,3,4", "h" * 90),
                )
                for n in range(turn * BATCH, (turn + 1) * BATCH)
            )
        )
        times.append(await us_per_call(house, "eval"))
    return median(times)
