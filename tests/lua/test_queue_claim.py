import asyncio

import pytest

from tests.lua.hall import Hall
from usher.queue.scripts import Admitted, Called, Lapsed, Left, Shut, StillWaiting, Unknown

pytestmark = pytest.mark.anyio


async def _claim(hall: Hall, place: str) -> object:
    return await hall.queue.claim(hall.event, place)


async def _called(hall: Hall, *places: str) -> None:
    for place in places:
        await hall.queue.join(hall.event, place)
    await hall.queue.release(hall.event, len(places), 10)


async def test_a_call_is_answered_once(hall: Hall) -> None:
    await hall.open(mode="queued", claim_s=10, shop_s=600)
    await _called(hall, "plc_a")
    called = await hall.queue.place(hall.event, "plc_a")
    assert isinstance(called, Called)
    first = await hall.twice(lambda: _claim(hall, "plc_a"))
    assert isinstance(first, Admitted)
    assert first.number == 0
    assert first.due_ms > called.due_ms, "the admission starts anew, it is not the call's rest"
    assert float(await hall.command("ZSCORE", hall.keys.admission, "plc_a")) == first.due_ms
    assert await hall.count("admitted") == 1
    assert await hall.record("plc_a") == "a"


async def test_it_takes_no_second_slot(hall: Hall) -> None:
    await hall.open(mode="queued")
    await _called(hall, "plc_a", "plc_b")
    await asyncio.gather(*(_claim(hall, "plc_a") for _ in range(20)))
    assert await hall.command("ZCARD", hall.keys.admission) == 2
    assert await hall.count("admitted") == 1


async def test_nobody_comes_in_uncalled(hall: Hall) -> None:
    await hall.open(mode="queued")
    for place in ("plc_a", "plc_b"):
        await hall.queue.join(hall.event, place)
    assert await hall.refused(_claim(hall, "plc_b")) == StillWaiting(1)
    assert await hall.refused(_claim(hall, "plc_stranger")) == Unknown()


async def test_the_lobby_is_not_the_line(hall: Hall) -> None:
    await hall.open(mode="queued", state="lobby")
    await hall.queue.join(hall.event, "plc_a")
    assert await hall.refused(_claim(hall, "plc_a")) == Unknown()


@pytest.mark.parametrize("seen", [True, False])
async def test_a_missed_call_stays_missed(hall: Hall, seen: bool) -> None:
    await hall.open(mode="queued", claim_s=0)
    await _called(hall, "plc_a")
    if seen:
        await hall.queue.release(hall.event, 1, 10)
        assert await hall.record("plc_a") == "l"
    assert await hall.refused(_claim(hall, "plc_a")) == Lapsed(0)


async def test_who_has_left_or_shopped_is_not_let_in_again(hall: Hall) -> None:
    await hall.open(mode="queued", shop_s=0)
    await _called(hall, "plc_a", "plc_b")
    await hall.queue.leave(hall.event, "plc_a")
    assert await hall.refused(_claim(hall, "plc_a")) == Left(0)
    assert isinstance(await _claim(hall, "plc_b"), Admitted)
    assert await hall.refused(_claim(hall, "plc_b")) == Left(1), "the time to shop is over"


@pytest.mark.parametrize("end", ["closed", "sold_out"])
async def test_after_the_end_nobody_new_comes_in(hall: Hall, end: str) -> None:
    await hall.open(1, mode="queued")
    await _called(hall, "plc_a", "plc_b")
    await hall.queue.join(hall.event, "plc_c")
    await _claim(hall, "plc_a")
    if end == "closed":
        await hall.set(state="closed")
    else:
        await hall.seat.amend(hall.event, 0, "s")
    assert await hall.refused(_claim(hall, "plc_b")) == Shut(end)
    assert await hall.refused(_claim(hall, "plc_c")) == Shut(end)
    assert isinstance(await hall.refused(_claim(hall, "plc_a")), Admitted)


async def test_a_pause_does_not_shut_out_who_was_called(hall: Hall) -> None:
    await hall.open(mode="queued")
    await _called(hall, "plc_a")
    await hall.set(state="paused", gate_state="paused")
    assert isinstance(await _claim(hall, "plc_a"), Admitted)


async def test_in_a_simple_sale_who_waited_comes_in(hall: Hall) -> None:
    await hall.open(mode="simple", state="paused")
    await hall.queue.join(hall.event, "plc_a")
    assert await hall.refused(_claim(hall, "plc_a")) == StillWaiting(0)
    await hall.set(state="open")
    first = await hall.twice(lambda: _claim(hall, "plc_a"))
    assert isinstance(first, Admitted)
    assert await hall.command("ZCARD", hall.keys.queue) == 0
    assert await hall.command("ZCARD", hall.keys.admission) == 1


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(_claim(nowhere, "plc_a")) == Shut("lost")
