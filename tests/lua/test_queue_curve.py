import asyncio
from itertools import pairwise

import pytest

from tests.lua.hall import Hall
from usher.capacity.line import points_of
from usher.queue.model import ahead_of
from usher.queue.scripts import Curve, Lost

pytestmark = pytest.mark.anyio


async def _curve(hall: Hall) -> Curve:
    reply = await hall.refused(hall.queue.curve(hall.event))
    assert isinstance(reply, Curve), reply
    return reply


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(nowhere.queue.curve(nowhere.event)) == Lost()


async def test_all_of_a_sale_at_one_moment(hall: Hall) -> None:
    await hall.build("." * 8 + "xs")
    await hall.set(mode="queued", rate=1_200, capacity=2, opens_ms=77, state="lobby")
    for n in range(4):
        await hall.queue.join(hall.event, f"plc_{n}")
    before = await _curve(hall)
    assert (before.state, before.in_lobby, before.lobby_next) == ("lobby", 4, 4)
    assert (before.lobby_n, before.drawn, before.points) == (0, 0, [])
    await hall.set(state="open")
    await hall.queue.draw(hall.event, 0, 3, 2, 1, 0)
    await hall.queue.join(hall.event, "plc_late")
    await hall.queue.release(hall.event, 10, 10)
    await hall.queue.claim(hall.event, "plc_3")
    await hall.hold("plc_3", 0, 1)
    await hall.book("plc_3", 2)
    await hall.queue.leave(hall.event, "plc_1")
    await hall.feed.notice(hall.event, "hello")
    now_ms = await hall.runner.time_ms()
    curve = await _curve(hall)
    assert now_ms <= curve.now_ms <= await hall.runner.time_ms()
    told = {name: getattr(curve, name) for name in curve.__struct_fields__ if name != "now_ms"}
    assert told == {
        "state": "open",
        "mode": "queued",
        "gate_state": "open",
        "claim_s": 600,
        "listed": "",
        "throttle": "on",
        "floor_pct": 10,
        "rate_now": 1_200,
        "pace": 1_000,
        "pace_ms": 0,
        "pace_why": "",
        "slow_ms": 0,
        "ledger_n": 1,
        "lag_ms": 0,
        "delay_ms": -1,
        "rate": 1_200,
        "capacity": 2,
        "seats": 10,
        "free": 5,
        "held": 2,
        "claimed": 1,
        "sold": 1,
        "waiting": 2,
        "in_lobby": 0,
        "shopping": 2,
        "joined": 5,
        "called": 2,
        "admitted": 1,
        "lapsed": 0,
        "ended": 0,
        "left": 1,
        "next": 5,
        "lobby_next": 4,
        "lobby_n": 4,
        "drawn": 1,
        "draw_next": 4,
        "opens_ms": 77,
        "notice": "hello",
        "shopping_max": 2,
        "over_capacity": 0,
        "over_rate": 0,
        "version": 2,
        "points": [(3, 0), (4, 1)],
    }


async def test_sold_out_is_said_while_it_is_so(hall: Hall) -> None:
    await hall.open(1, mode="queued")
    await hall.admit("plc_a")
    held = await hall.book("plc_a", 0)
    assert (await _curve(hall)).state == "open", "a booking may still fall through"
    await hall.settle(held, "plc_a", "s", 0)
    assert (await _curve(hall)).state == "sold_out"
    await hall.seat.amend(hall.event, 0, ".")
    assert (await _curve(hall)).state == "open"


@pytest.mark.parametrize("waiting", [0, 1, 2, 51, 1_000])
async def test_points_are_exact_and_near_enough_to_each_other(hall: Hall, waiting: int) -> None:
    await hall.open(mode="queued")
    await asyncio.gather(*(hall.queue.join(hall.event, f"plc_{n}") for n in range(2 * waiting)))
    # Every second place leaves, so that numbers are not ranks.
    await asyncio.gather(
        *(hall.queue.leave(hall.event, f"plc_{n}") for n in range(0, 2 * waiting, 2))
    )
    curve = await _curve(hall)
    assert curve.waiting == waiting
    assert all(number == 2 * ahead + 1 for number, ahead in curve.points)
    ranks = [ahead for _, ahead in curve.points]
    assert ranks[: min(50, waiting)] == list(range(min(50, waiting))), "exact near the front"
    assert ranks[-1:] == ([waiting - 1] if waiting else [])
    assert all(b - a <= max(1, a // 25) for a, b in pairwise(ranks))
    assert len(ranks) <= 150


async def test_where_a_number_stands_is_read_off_the_curve(hall: Hall) -> None:
    await hall.open(mode="queued")
    empty = await _curve(hall)
    await asyncio.gather(*(hall.queue.join(hall.event, f"plc_{n}") for n in range(120)))
    assert [ahead_of(empty, n) for n in range(120)] == list(range(120)), "all have joined since"
    curve = await _curve(hall)
    assert [ahead_of(curve, n) for n in range(125)] == list(range(125)), "the last five as well"
    for n in (3, 4, 50, 119):
        await hall.queue.leave(hall.event, f"plc_{n}")
    await hall.queue.join(hall.event, "plc_late")
    after = await _curve(hall)
    line = await hall.command("ZRANGE", hall.keys.queue, 0, -1, "WITHSCORES")
    true = {int(number): ahead for ahead, number in enumerate(line[1::2])}
    told = {number: ahead_of(after, number) for number in true}
    assert all(abs(told[number] - true[number]) <= true[number] / 25 for number in true)
    assert told[120] == 116 == true[120]


@pytest.mark.parametrize("waiting", [1, 27, 200, 1_500])
async def test_the_capacity_model_counts_its_points(hall: Hall, waiting: int) -> None:
    await hall.build("." * 10)
    await hall.set(mode="queued", state="open")
    await asyncio.gather(
        *(hall.queue.join(hall.event, f"plc_{number}") for number in range(waiting))
    )
    curve = await _curve(hall)
    assert curve.waiting == waiting
    assert len(curve.points) == points_of(waiting)
