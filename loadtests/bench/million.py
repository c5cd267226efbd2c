"""A line of a million, against one of a thousand: joining it, standing in it, letting it in, and
the draw that makes it. Server time as Redis itself says it."""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import timedelta
from statistics import median
from typing import Any, Final, NamedTuple

from loadtests.bench import pulse, server
from loadtests.bench.figure import Figure
from loadtests.bench.fill import fill
from usher import limits
from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.ids import new_id
from usher.queue.scripts import Curve, QueueScripts, Released
from usher.sale.model import GateChange, SaleChange, SaleSettings
from usher.venue.generate import rows_by_columns
from usher.venue.price import default_prices
from usher.wiring import House
from usher.worker import Ticker

FANS: Final = 1_000_000
FEW: Final = 1_000
LET_IN: Final = 1_000
ADMISSIONS: Final = 9
ROUNDS: Final = 60
CALLS: Final = 100
LOGGED_US: Final = 1_000  # shorter runs do not go into the slow log

JOIN_GOAL: Final = 1.3
ADMISSION_GOAL: Final = 2.0
SCRIPT_GOAL_MS: Final = 5.0
PAUSE_GOAL_MS: Final = 10.0
DRAW_GOAL_S: Final = 15.0
FAN_GOAL_BYTES: Final = 250.0


class _Line(NamedTuple):
    """An event and who waits in its line, first who is called last."""

    event: str
    waiting: list[str]


async def measure(house: House, fans: int = FANS) -> list[Figure]:
    """All figures of the long line; about half a minute."""
    small, large = await _lobby(house), await _lobby(house)
    few = (await fill(house, small, FEW, word="lobby")).places
    before = await server.used_memory(house)
    filled = await fill(house, large, fans, word="lobby")
    await _draw(house, small)
    figures = await _drawing(house, large, fans)
    bytes_each = (await server.used_memory(house) - before) / fans
    lines = _Line(small, few), _Line(large, filled.places)
    figures += await _standing(house, *lines)
    figures += await _admission(house, *lines)
    memory = Figure(
        name=f"memory per waiting fan, {fans:,} of them",
        value=round(bytes_each, 1),
        unit="bytes",
        baseline=f"{fans:,} fans joined and drawn",
        goal=FAN_GOAL_BYTES,
        more_is_better=False,
        detail={"joined_in_s": round(filled.seconds, 1)},
        costs={"redis.fan_bytes": round(bytes_each, 1)},
    )
    return [*figures, memory]


async def _lobby(house: House) -> str:
    """An event whose lobby is open, and whose gate will let in as many as it can once told to."""
    plan = rows_by_columns(10, 10)
    new = NewEvent(
        title="Bench", starts_at=utc_now() + timedelta(days=30), prices=default_prices(plan)
    )
    sale = SaleSettings(
        rate_per_min=limits.rate_per_min_max,
        capacity=limits.capacity_max,
        claim_s=limits.window_s_min,
        gate_state="paused",
    )
    event = await house.events.create(new, plan, sale)
    await house.events.publish(event)
    await house.inventory.build(event)
    await house.sales.change(event, "bench", SaleChange(state="lobby"))
    return event


async def _draw(house: House, event: str) -> None:
    """Opens the sale and does as a worker does, until all have their numbers."""
    await house.sales.change(event, "bench", SaleChange(state="open"))
    ticker = asyncio.create_task(Ticker(house, await house.sales.find(event)).run())
    queue = QueueScripts(house.runner)
    drawn = False
    while not drawn:
        await asyncio.sleep(0.02)
        if ticker.done():
            ticker.result()
        state = await house.runner.command("HGET", f"{{{event}}}:gate", "drawn")
        drawn = state == "1"
    curve = await queue.curve(event)
    assert isinstance(curve, Curve)
    assert curve.in_lobby == 0
    ticker.cancel()
    with suppress(asyncio.CancelledError):
        await ticker


async def _drawing(house: House, event: str, fans: int) -> list[Figure]:
    """How long the draw takes, and how long it keeps everybody else waiting at most."""
    async with (
        server.slow_log(house, LOGGED_US) as slow,
        pulse.taken(house.settings.redis_url) as seen,
    ):
        began = time.perf_counter()
        client_s = time.process_time()
        await _draw(house, event)
        took_s = time.perf_counter() - began
        client_s = time.process_time() - client_s
    name = f"draw of a lobby of {fans:,}"
    pause = Figure(
        name=f"{name}, longest pause",
        value=round(seen.pause_ms, 2),
        unit="ms",
        baseline=f"{seen.pings:,} pings from another process",
        goal=PAUSE_GOAL_MS,
        more_is_better=False,
        detail={
            "longest_ping_ms": round(seen.longest_ms, 2),
            "pings_over_10_ms": seen.over_10_ms,
            "longest_script_ms": slow.most_ms("EVALSHA"),
            "fork_ms": int((await server.info(house, "stats"))["latest_fork_usec"]) / 1_000,
        },
    )
    whole = Figure(
        name=f"{name}, as a worker does it",
        value=round(took_s, 2),
        unit="s",
        baseline="none: a limit",
        goal=DRAW_GOAL_S,
        more_is_better=False,
        detail={
            "worker_cpu_s": round(client_s, 2),
            "scripts": -(-fans // limits.draw_batch_max),
        },
    )
    return [pause, whole]


async def _standing(house: House, small: _Line, large: _Line) -> list[Figure]:
    """Joining and asking for one's place, at the long line against the short one."""
    queue = QueueScripts(house.runner)
    us: dict[tuple[str, str], list[float]] = {}
    for turn in range(ROUNDS):
        for line in (small, large) if turn % 2 else (large, small):
            event, size = line.event, len(line.waiting)
            # From all parts of the line, and every time others.
            asked = [line.waiting[(i * size // CALLS + 7 * turn) % size] for i in range(CALLS)]
            fresh = [new_id("place") for _ in range(CALLS)]
            for what, calls in (
                ("join", [queue.join(event, place) for place in fresh]),
                ("place", [queue.place(event, place) for place in asked]),
            ):
                us.setdefault((what, event), []).append(await _us(house, calls))
            # The short line stays short.
            await asyncio.gather(*(queue.leave(event, place) for place in fresh))
    figures = []
    for what in ("join", "place"):
        short, long = median(us[what, small.event]), median(us[what, large.event])
        figures.append(
            Figure(
                name=f"{what} at {len(large.waiting):,} waiting, server time",
                value=round(long / short, 2),
                unit="x",
                baseline=f"{short:.1f} us at {len(small.waiting):,} waiting",
                goal=JOIN_GOAL,
                more_is_better=False,
                detail={"us": round(long, 1)},
            )
        )
    return figures


async def _us(house: House, calls: Sequence[Awaitable[Any]]) -> float:
    """Server time of one of these calls of a script, on average."""
    await server.reset(house)
    await asyncio.gather(*calls)
    return await server.us_per_call(house, "evalsha")


async def _admission(house: House, small: _Line, large: _Line) -> list[Figure]:
    """Calling LET_IN fans out of the long line against as many out of the short one, which are all
    who stand there; then once more while the calls of before lapse."""
    for line in (small, large):
        await house.sales.change(line.event, "bench", GateChange(state="open"))
    us: dict[str, list[float]] = {small.event: [], large.event: []}
    scripts = 0
    async with server.slow_log(house, LOGGED_US) as slow:
        for turn in range(ADMISSIONS):
            for line in (small, large) if turn % 2 else (large, small):
                await server.reset(house)
                scripts = await _let_in(house, line.event)
                us[line.event].append(scripts * await server.us_per_call(house, "evalsha"))
            await fill(house, small.event, LET_IN, word="waiting")
    await asyncio.sleep(limits.window_s_min)
    async with server.slow_log(house, LOGGED_US) as lapsing:
        for _ in range(ADMISSIONS):
            await _let_in(house, large.event)
    curve_us = await _us(house, [QueueScripts(house.runner).curve(large.event)])
    short, long = median(us[small.event]), median(us[large.event])
    ratio = Figure(
        name=f"admission of {LET_IN:,} out of {len(large.waiting):,}, server time",
        value=round(long / short, 2),
        unit="x",
        baseline=f"{short / 1_000:.2f} ms out of {LET_IN:,}",
        goal=ADMISSION_GOAL,
        more_is_better=False,
        detail={"ms": round(long / 1_000, 2), "scripts": scripts},
    )
    longest = Figure(
        name="longest script of an admission",
        value=round(max(slow.most_ms("EVALSHA"), lapsing.most_ms("EVALSHA")), 2),
        unit="ms",
        baseline=f"{LET_IN:,} called by {scripts} scripts",
        goal=SCRIPT_GOAL_MS,
        more_is_better=False,
        detail={
            "calling_ms": slow.most_ms("EVALSHA"),
            "calling_while_calls_lapse_ms": lapsing.most_ms("EVALSHA"),
            "median_while_calls_lapse_ms": lapsing.median_ms("EVALSHA"),
            "curve_of_all_ms": round(curve_us / 1_000, 2),
        },
    )
    return [ratio, longest]


async def _let_in(house: House, event: str) -> int:
    """Calls LET_IN fans as a worker's ticks do; by how many scripts."""
    queue = QueueScripts(house.runner)
    left, scripts = LET_IN, 0
    while left:
        most = min(left, limits.release_batch_max)
        reply = await queue.release(event, most, limits.expire_batch_max)
        scripts += 1
        if isinstance(reply, Released):
            left -= reply.count
        elif reply.reason != "rate":
            raise RuntimeError(f"nobody was called: {reply.reason}")
    return scripts
