"""The gate slows while commits are behind, and goes on by itself: PostgreSQL stands still for a
while, every process of it stopped, under a worker and an API of its own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from tests.race.buyers import claim, enter, hold
from tests.race.stage import Stage
from tests.race.town import Town
from tests.sale import put_on_sale
from usher.embedded.guard import children
from usher.insight.pulse import slowed_of
from usher.queue.scripts import Curve
from usher.sale.model import GateChange, SaleChange
from usher.wiring import House

# Servers of their own and half a minute: what the suite itself looks at is in
# tests/contract/test_http_pace.py.
pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

RATE = 600


@asynccontextmanager
async def standing_still(town: Town) -> AsyncIterator[None]:
    """PostgreSQL answers nobody inside the `async with`, and has lost nothing afterwards."""
    postmaster = town.servers.pids()["database"][1]
    os.kill(postmaster, signal.SIGSTOP)
    stopped = [postmaster, *children(postmaster)]
    try:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def until(house: House, event: str, wanted: Callable[[Curve], bool]) -> Curve:
    """The first curve that is `wanted`."""
    for _ in range(600):
        known = await house.curves.of(event, fresh_s=0)
        assert known is not None
        if wanted(known.curve):
            return known.curve
        await asyncio.sleep(0.05)
    raise AssertionError("the gate does not come to that")


@pytest.fixture(autouse=True)
def all_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process knows of an event is always old: what it needs to know for a booking must
    be had without PostgreSQL all the same."""
    monkeypatch.setattr("usher.event.service.FRESH_S", 0.0)


async def stand_still(
    town: Town, house: House, http: httpx.AsyncClient, floor_pct: int
) -> tuple[Curve, Curve]:
    """The gate at its floor, and at its rate again, while a crowd waits and ten buy."""
    event = await put_on_sale(
        house, mode="simple", prices={"VVIP": 0}, rate_per_min=RATE, rate_floor_pct=floor_pct
    )
    fans = [(await enter(house, event), seat) for seat in range(10)]
    holds = [(fan, await hold(house, fan, seat), seat) for fan, seat in fans]
    await house.sales.change(event, "test", SaleChange(mode="queued"))
    joins = await asyncio.gather(
        *(http.post(f"/api/v1/events/{event}/queue", headers={"cookie": ""}) for _ in range(300))
    )
    assert {each.status_code for each in joins} == {202}
    assert (await until(house, event, lambda curve: curve.called > 0)).rate_now == RATE
    async with standing_still(town):
        for fan, hold_id, seat in holds:
            await claim(house, fan, hold_id, seat)
        slow = await until(house, event, lambda curve: curve.rate_now <= RATE * floor_pct // 100)
        assert slow.ledger_n == 10
        assert slow.lag_ms > 2_000
        told = slowed_of(slow)
        later = await until(house, event, lambda curve: curve.called > slow.called)
        assert later.rate_now == slow.rate_now, "slowly, but they are called"
    fast = await until(house, event, lambda curve: curve.rate_now == RATE)
    assert fast.called > later.called
    assert told is not None
    assert (told.rate_per_min, told.why) == (slow.rate_now, "commits")
    stage = Stage(house, event)
    await stage.come_to_rest()
    assert len(await stage.sql("SELECT 1 FROM booking WHERE event_id = $1", event)) == 10
    await stage.check()
    return slow, fast


async def test_commits_that_lag_slow_the_gate(
    town: Town, settlers: House, visitors: httpx.AsyncClient
) -> None:
    await stand_still(town, settlers, visitors, floor_pct=90)


async def test_down_to_the_floor_and_back(
    town: Town, settlers: House, visitors: httpx.AsyncClient
) -> None:
    slow, fast = await stand_still(town, settlers, visitors, floor_pct=10)
    assert slow.pace == 100
    # 18 steps of a second each.
    assert fast.now_ms - slow.now_ms >= 17_000


async def test_switched_off_it_stays_at_its_rate(
    town: Town, settlers: House, visitors: httpx.AsyncClient
) -> None:
    event = await put_on_sale(settlers, mode="simple", prices={"VVIP": 0}, rate_per_min=RATE)
    fans = [(await enter(settlers, event), seat) for seat in range(5)]
    holds = [(fan, await hold(settlers, fan, seat), seat) for fan, seat in fans]
    await settlers.sales.change(event, "test", SaleChange(mode="queued"))
    await settlers.sales.change(event, "test", GateChange(throttle="off"))
    async with standing_still(town):
        for fan, hold_id, seat in holds:
            await claim(settlers, fan, hold_id, seat)
        behind = await until(settlers, event, lambda curve: curve.lag_ms > 2_500)
        assert (behind.pace, behind.rate_now, behind.throttle) == (1_000, RATE, "off")
    stage = Stage(settlers, event)
    await stage.come_to_rest()
    await stage.check()
