import asyncio
from typing import Any

import pytest

from tests.lua.hall import Hall
from usher import limits
from usher.queue.scripts import Called, Idle, Lapsed, Left, Released

pytestmark = pytest.mark.anyio


async def _line(hall: Hall, count: int, **settings: str | int) -> None:
    """A queued sale with so many fans waiting: plc_0, plc_1, ..."""
    await hall.open(10, mode="queued", **settings)
    await asyncio.gather(*(hall.queue.join(hall.event, f"plc_{n}") for n in range(count)))


async def _release(hall: Hall, most: int = 100, expire: int = 100) -> Any:
    return await hall.queue.release(hall.event, most, expire)


async def _marks(hall: Hall) -> dict[str, int]:
    return {name: await hall.count(name) for name in ("over_rate", "over_capacity")}


async def test_the_lowest_numbers_are_called_first(hall: Hall) -> None:
    await _line(hall, 5)
    assert await _release(hall, 2) == Released(2, 2, 3, ["plc_0", "plc_1"])
    assert await _release(hall, 2) == Released(2, 4, 1, ["plc_2", "plc_3"])
    assert await _release(hall, 2) == Released(1, 5, 0, ["plc_4"])
    assert await hall.refused(_release(hall)) == Idle("nobody_waiting", 5, 0)
    assert await hall.count("called") == 5
    assert await hall.count("shopping_max") == 5


async def test_the_hubs_hear_who_is_called_and_until_when(hall: Hall) -> None:
    await _line(hall, 3, rate=6_000, capacity=50)
    await _release(hall)
    called = await hall.queue.place(hall.event, "plc_0")
    assert isinstance(called, Called)
    assert await hall.entries("signal") == [
        {
            "called": "plc_0 plc_1 plc_2",
            "due": str(called.due_ms),
            "mode": "queued",
            "count": "3",
            "shopping": "3",
            "rate": "6000",
            "capacity": "50",
        }
    ]


async def test_one_call_calls_no_more_than_it_may(hall: Hall) -> None:
    most = limits.release_batch_max
    await _line(hall, most + 1, capacity=2 * most)
    released = await _release(hall, most)
    assert isinstance(released, Released)
    assert (released.count, released.shopping, released.waiting) == (most, most, 1)
    assert released.places == [f"plc_{n}" for n in range(most)]


async def test_capacity_is_never_exceeded(hall: Hall) -> None:
    await _line(hall, 9, capacity=3)
    assert (await _release(hall)).count == 3
    assert await hall.refused(_release(hall)) == Idle("capacity", 3, 6)
    await hall.queue.claim(hall.event, "plc_0")
    assert await hall.refused(_release(hall)) == Idle("capacity", 3, 6), "who is in still shops"
    await hall.queue.leave(hall.event, "plc_0")
    assert await _release(hall) == Released(1, 3, 5, ["plc_3"])
    await hall.set(capacity=1)
    assert await hall.refused(_release(hall)) == Idle("capacity", 3, 5)
    await hall.set(capacity=5)
    assert (await _release(hall)).places == ["plc_4", "plc_5"]
    assert await _marks(hall) == {"over_rate": 0, "over_capacity": 0}
    assert await hall.count("shopping_max") == 5


async def test_a_purchase_frees_a_slot(hall: Hall) -> None:
    await _line(hall, 2, capacity=1)
    await _release(hall)
    await hall.queue.claim(hall.event, "plc_0")
    booked = await hall.book("plc_0", 3)
    assert await hall.refused(_release(hall)) == Idle("capacity", 1, 1)
    await hall.settle(booked, "plc_0", "s", 3)
    assert (await _release(hall)).places == ["plc_1"]


@pytest.mark.parametrize("rate", [600, 1_200, 6_000])
async def test_the_first_burst_is_one_second(hall: Hall, rate: int) -> None:
    await _line(hall, 150, rate=rate)
    first = await _release(hall, 1_000)
    assert first.count == rate // 60


async def test_every_rate_lets_somebody_through(nowhere: Hall) -> None:
    # The arithmetic is in doubles: a rate that does not divide a minute must not round to never.
    for rate in (*range(1, 130), 599, 601, 59_999, limits.rate_per_min_max):
        hall = nowhere.elsewhere()
        await _line(hall, 2, rate=rate)
        reply = await _release(hall, 1)
        assert isinstance(reply, Released), f"nobody at {rate} a minute"
        if rate < 30:
            assert await hall.refused(_release(hall, 1)) == Idle("rate", 1, 1)


async def test_calls_over_real_time_keep_to_the_rate(hall: Hall) -> None:
    rate, per_s = 3_000, 50
    await _line(hall, 400, rate=rate)
    began = await hall.runner.time_ms()
    total = 0
    while total < 2 * per_s:
        reply = await _release(hall)
        total += reply.count if isinstance(reply, Released) else 0
        passed = await hall.runner.time_ms() - began
        assert total <= per_s * (passed + 1) / 1_000 + per_s
    assert total == await hall.count("called")
    await asyncio.sleep(1.3)  # a pause builds up no more than the one burst
    assert (await _release(hall)).count == per_s
    assert await _marks(hall) == {"over_rate": 0, "over_capacity": 0}


async def test_a_new_rate_takes_over_at_once(hall: Hall) -> None:
    await _line(hall, 3, rate=1)
    assert (await _release(hall)).count == 1
    assert await hall.refused(_release(hall)) == Idle("rate", 1, 2)
    await hall.set(rate=600_000)
    while isinstance(reply := await _release(hall, 1), Idle):
        assert reply.reason == "rate"
    await hall.set(rate=1)
    assert await hall.refused(_release(hall)) == Idle("rate", 2, 1)


async def test_the_mark_of_the_rate_allows_for_the_higher_rate_of_its_window(hall: Hall) -> None:
    await _line(hall, 150, rate=6_000)
    assert (await _release(hall)).count == 100
    await hall.set(rate=600)
    while isinstance(reply := await _release(hall, 1), Idle):
        assert reply.reason == "rate"
    assert await _marks(hall) == {"over_rate": 0, "over_capacity": 0}


@pytest.mark.parametrize(("age_ms", "over"), [(0, True), (50_000, True), (60_000, False)])
async def test_the_mark_of_the_rate_looks_at_a_minute(hall: Hall, age_ms: int, over: bool) -> None:
    # As if 5,000 had been called since, by a gate with a fault.
    await _line(hall, 1, rate=60)
    began = await hall.runner.time_ms() - age_ms
    words = ("window_ms", began, "window_n", 5_000, "window_rate", 60)
    await hall.command("HSET", hall.keys.gate, *words)
    assert (await _release(hall)).count == 1
    assert (await hall.count("over_rate") > 4_000) == over


@pytest.mark.parametrize("back_ms", [5_000, 3_600_000])
async def test_a_clock_that_was_set_back_neither_stops_the_gate_nor_is_a_fault(
    hall: Hall, back_ms: int
) -> None:
    """As after a failover to a server whose clock is behind."""
    await _line(hall, 150, rate=6_000)
    then = await hall.runner.time_ms() + back_ms
    words = ("slot_us", then * 1_000, "window_ms", then - 10_000, "window_n", 1_100)
    await hall.command("HSET", hall.keys.gate, *words)
    called = 0
    while called < 10:
        reply = await _release(hall, 1)
        called += reply.count if isinstance(reply, Released) else 0
    assert await _marks(hall) == {"over_rate": 0, "over_capacity": 0}


async def test_marks_are_high_water_marks(hall: Hall) -> None:
    await _line(hall, 2)
    marks = {"shopping_max": 50, "over_capacity": 3, "over_rate": 4}
    await hall.command("HSET", hall.keys.gate, *(word for pair in marks.items() for word in pair))
    await _release(hall)
    assert {name: await hall.count(name) for name in marks} == marks


@pytest.mark.parametrize("state", ["draft", "lobby", "paused", "closed"])
async def test_only_an_open_sale_calls(hall: Hall, state: str) -> None:
    await _line(hall, 2)
    await hall.set(state=state)
    assert await hall.refused(_release(hall)) == Idle(state, 0, 2)


async def test_a_paused_gate_calls_nobody(hall: Hall) -> None:
    await _line(hall, 2)
    await hall.set(gate_state="paused")
    assert await hall.refused(_release(hall)) == Idle("gate_paused", 0, 2)
    await hall.set(gate_state="open")
    assert (await _release(hall)).count == 2


async def test_nobody_is_called_while_the_lot_is_drawn(hall: Hall) -> None:
    await _line(hall, 2, state="lobby")
    await hall.set(state="open")
    await hall.queue.join(hall.event, "plc_late")
    assert await hall.refused(_release(hall)) == Idle("drawing", 0, 1)
    await hall.queue.draw(hall.event, 0, 1)
    assert await hall.refused(_release(hall)) == Idle("drawing", 0, 2)
    await hall.queue.draw(hall.event, 1, 0)
    assert (await _release(hall)).places == ["plc_1", "plc_0", "plc_late"]


async def test_nobody_is_called_when_no_seat_is_free(hall: Hall) -> None:
    await hall.open(1, mode="queued")
    await hall.admit("plc_in")
    held = await hall.hold("plc_in", 0)
    await hall.queue.join(hall.event, "plc_a")
    assert await hall.refused(_release(hall)) == Idle("no_free_seats", 1, 1)
    await hall.claim(held, "plc_in")
    assert await hall.refused(_release(hall)) == Idle("no_free_seats", 1, 1)
    await hall.settle(held, "plc_in", "s", 0)
    assert await hall.refused(_release(hall)) == Idle("sold_out", 0, 1)


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(_release(nowhere)) == Idle("lost", 0, 0)


async def test_who_does_not_come_lapses_and_who_shopped_has_left(hall: Hall) -> None:
    await _line(hall, 2, claim_s=0, capacity=2)
    await hall.set(claim_s=600, shop_s=0)
    await _release(hall, 1)
    await hall.queue.claim(hall.event, "plc_0")  # its time to shop is over at once
    await hall.set(claim_s=0)
    await _release(hall, 1)
    await hall.queue.join(hall.event, "plc_2")
    await hall.set(gate_state="paused")
    assert await _release(hall) == Idle("gate_paused", 0, 1), "a pause does not stop lapses"
    assert await hall.queue.place(hall.event, "plc_0") == Left(0)
    assert await hall.queue.place(hall.event, "plc_1") == Lapsed(1)
    assert (await hall.record("plc_0"), await hall.record("plc_1")) == ("g", "l")
    assert (await hall.count("ended"), await hall.count("lapsed")) == (1, 1)
    assert await hall.refused(_release(hall)) == Idle("gate_paused", 0, 1)


async def test_lapses_give_their_slots_to_the_same_call(hall: Hall) -> None:
    await _line(hall, 4, claim_s=0, capacity=2)
    assert (await _release(hall)).places == ["plc_0", "plc_1"]
    assert await _release(hall) == Released(2, 2, 0, ["plc_2", "plc_3"])
    assert await hall.count("lapsed") == 2


async def test_one_call_sees_no_more_lapses_than_it_may(hall: Hall) -> None:
    await _line(hall, 6, claim_s=0, capacity=5)
    assert (await _release(hall)).count == 5
    await hall.set(gate_state="paused")
    assert await hall.refused(_release(hall, expire=0)) == Idle("gate_paused", 5, 1)
    assert await _release(hall, expire=2) == Idle("gate_paused", 3, 1)
    assert await _release(hall, expire=2) == Idle("gate_paused", 1, 1)
    assert await _release(hall, expire=2) == Idle("gate_paused", 0, 1)
    assert await hall.count("lapsed") == 5


async def test_a_slot_without_a_place_is_cleared(hall: Hall) -> None:
    await _line(hall, 1, capacity=1)
    await hall.command("ZADD", hall.keys.admission, 1, "plc_stray")
    assert (await _release(hall)).places == ["plc_0"]


async def test_a_simple_sale_calls_all_who_wait(hall: Hall) -> None:
    await _line(hall, 5, rate=1, capacity=1)
    await hall.set(mode="simple", gate_state="paused")
    assert (await _release(hall)).count == 5
    assert [entry["mode"] for entry in await hall.entries("signal")] == ["simple"]
    # A sale that was simple for a while owes the gate nothing, and the marks are the gate's.
    assert await hall.count("over_capacity") == 0
    await hall.set(mode="queued", gate_state="open")
    await hall.queue.join(hall.event, "plc_late")
    assert await hall.refused(_release(hall)) == Idle("capacity", 5, 1)


async def test_callers_at_once_call_nobody_twice(hall: Hall) -> None:
    await _line(hall, 60, capacity=40)
    replies = await asyncio.gather(*(_release(hall, 7) for _ in range(30)))
    called = [place for r in replies if isinstance(r, Released) for place in r.places]
    assert called == [f"plc_{n}" for n in range(40)]
    assert await hall.command("ZCARD", hall.keys.admission) == 40
