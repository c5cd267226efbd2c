"""The gate's pace: one ticker sets it, the gate keeps to it, the curve tells of what lags."""

import asyncio
from typing import Any

import pytest

from tests.lua.hall import Hall
from usher.queue.scripts import Curve, Idle, Overtaken, Paced, Released

pytestmark = pytest.mark.anyio


async def _curve(hall: Hall) -> Curve:
    reply = await hall.refused(hall.queue.curve(hall.event))
    assert isinstance(reply, Curve), reply
    return reply


async def _paced(hall: Hall, pace: int, why: str = "commits") -> Curve:
    """The curve after a step to `pace` thousandths."""
    seen_ms = (await _curve(hall)).pace_ms
    assert await hall.queue.pace(hall.event, seen_ms, pace, why) == Paced()
    return await _curve(hall)


async def _line(hall: Hall, count: int, **settings: str | int) -> None:
    await hall.open(10, mode="queued", **settings)
    await asyncio.gather(*(hall.queue.join(hall.event, f"plc_{n}") for n in range(count)))


async def _release(hall: Hall, most: int = 1_000) -> Any:
    return await hall.queue.release(hall.event, most, 100)


async def test_the_gate_keeps_to_the_pace(hall: Hall) -> None:
    await _line(hall, 150, rate=6_000)
    curve = await _paced(hall, 500)
    assert curve.rate_now == 3_000
    assert (await _release(hall)).count == 50  # the one second that may be caught up
    (entry,) = await hall.entries("signal")
    assert entry["rate"] == "3000"  # by this the audit judges the calls
    await asyncio.sleep(0.2)
    later = await _release(hall)
    assert isinstance(later, Released)
    passed = await _curve(hall)
    assert later.count <= (passed.now_ms - curve.now_ms + 1_001) * 50 / 1_000
    assert (await hall.count("over_rate"), await hall.count("over_capacity")) == (0, 0)


@pytest.mark.parametrize(
    ("settings", "pace", "now"),
    [
        ({"rate": 600}, 1_000, 600),
        ({"rate": 600}, 500, 300),
        ({"rate": 600}, 1, 60),  # the operator's floor
        ({"rate": 600, "floor_pct": 50}, 1, 300),
        ({"rate": 600, "floor_pct": 100}, 1, 600),
        ({"rate": 600, "throttle": "off"}, 1, 600),
        ({"rate": 3}, 100, 1),  # somebody always comes in
        ({"rate": 600}, 2_000, 600),  # and nobody beyond the rate
    ],
)
async def test_the_rails_are_the_operators(
    hall: Hall, settings: dict[str, str | int], pace: int, now: int
) -> None:
    await _line(hall, 1, **settings)
    assert (await _paced(hall, pace)).rate_now == now


async def test_a_gate_of_an_older_version_is_not_slowed(hall: Hall) -> None:
    await _line(hall, 2, rate=600)
    await hall.command("HDEL", hall.keys.gate, "throttle", "floor_pct")
    curve = await _paced(hall, 100)
    assert (curve.throttle, curve.floor_pct, curve.rate_now) == ("off", 0, 600)
    assert (await _release(hall)).count == 2


async def test_a_slow_gate_calls_somebody_in_the_end(hall: Hall) -> None:
    await _line(hall, 2, rate=60_000)
    await _paced(hall, 100)
    while isinstance(reply := await _release(hall, 1), Idle):
        assert reply.reason == "rate"
    assert reply.count == 1


async def test_of_two_tickers_one_takes_the_step(hall: Hall) -> None:
    await _line(hall, 1, rate=600)
    steps = [hall.queue.pace(hall.event, 0, 700, why) for why in ("commits", "answers")]
    assert sorted(map(repr, await asyncio.gather(*steps))) == ["Overtaken()", "Paced()"]
    assert (await _curve(hall)).pace == 700
    assert await hall.refused(hall.queue.pace(hall.event, 0, 490, "commits")) == Overtaken()


async def test_since_when_and_why_is_remembered_until_it_is_over(hall: Hall) -> None:
    await _line(hall, 1, rate=600)
    first = await _paced(hall, 700)
    assert (first.pace_why, first.slow_ms) == ("commits", first.pace_ms)
    await asyncio.sleep(0.01)
    second = await _paced(hall, 490, "answers")
    assert (second.pace_why, second.slow_ms) == ("answers", first.slow_ms)
    assert second.pace_ms > first.pace_ms
    over = await _paced(hall, 1_000, "answers")
    assert (over.pace_why, over.slow_ms, over.rate_now) == ("", 0, 600)


async def test_an_event_that_was_lost_has_no_pace(nowhere: Hall) -> None:
    step = nowhere.queue.pace(nowhere.event, 0, 700, "commits")
    assert await nowhere.refused(step) == Overtaken()


async def test_commits_lag_by_what_waits_but_not_by_a_few_that_fail(hall: Hall) -> None:
    await hall.open()
    for n in range(3):
        await hall.payment.record(hall.event, 1_000, "payment", f"{n}")
    await asyncio.sleep(0.05)
    curve = await _curve(hall)
    assert (curve.ledger_n, curve.lag_ms) == (3, 0)
    await hall.payment.record(hall.event, 1_000, "payment", "3")
    await asyncio.sleep(0.05)
    late = await _curve(hall)
    assert late.ledger_n == 4
    assert 50 <= late.lag_ms <= late.now_ms - curve.now_ms
