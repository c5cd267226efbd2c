import asyncio
from functools import partial

import pytest

from tests.lua.hall import Hall
from usher.queue.scripts import Admitted, Called, Drawn, InLobby, Ready, Shut, Waiting

pytestmark = pytest.mark.anyio


async def _join(hall: Hall, place: str) -> object:
    return await hall.queue.join(hall.event, place)


async def _call(hall: Hall, most: int = 1) -> None:
    await hall.queue.release(hall.event, most, 100)


async def test_the_lobby_gives_indexes_in_order_of_arrival(hall: Hall) -> None:
    await hall.open(mode="queued", state="lobby")
    for index, place in enumerate(("plc_a", "plc_b", "plc_c")):
        first = await hall.twice(partial(_join, hall, place))
        assert first == InLobby(index)
    assert await hall.count("joined") == 3
    assert await hall.count("lobby_next") == 3


async def test_the_line_gives_numbers_in_order_of_arrival(hall: Hall) -> None:
    await hall.open(mode="queued")
    for number in range(3):
        place = f"plc_{number}"
        first = await hall.twice(partial(_join, hall, place))
        assert first == Waiting(number, number)
    assert await hall.count("joined") == 3
    assert await hall.count("next") == 3


async def test_numbers_go_on_after_the_lobby(hall: Hall) -> None:
    await hall.open(mode="queued", state="lobby")
    await asyncio.gather(_join(hall, "plc_a"), _join(hall, "plc_b"))
    await hall.set(state="open")
    # Before the draw who was in the lobby still is, and who comes now stands behind it.
    assert await hall.refused(_join(hall, "plc_b")) == InLobby(1)
    late = await _join(hall, "plc_late")
    assert isinstance(late, Waiting)
    assert late.number == 2
    assert await hall.queue.draw(hall.event, 0, 1) == Drawn(1)
    assert await hall.queue.draw(hall.event, 1, 0) == Ready()
    assert await hall.refused(_join(hall, "plc_b")) == Waiting(0, 0)
    assert await hall.refused(_join(hall, "plc_a")) == Waiting(1, 1)
    assert await hall.refused(_join(hall, "plc_late")) == Waiting(2, 2)


async def test_called_and_admitted_are_told_so(hall: Hall) -> None:
    await hall.open(mode="queued")
    await _join(hall, "plc_a")
    await _call(hall)
    called = await hall.refused(_join(hall, "plc_a"))
    assert isinstance(called, Called)
    assert called.number == 0
    assert 0 < called.left_ms < called.due_ms
    await hall.set(state="closed")
    assert await hall.refused(_join(hall, "plc_a")) == Shut("closed")
    await hall.set(state="open")
    await hall.queue.claim(hall.event, "plc_a")
    admitted = await hall.refused(_join(hall, "plc_a"))
    assert isinstance(admitted, Admitted)
    assert 0 < admitted.left_ms < admitted.due_ms
    # Who shops may go on though the sale is over for those outside.
    await hall.set(state="closed")
    assert isinstance(await hall.refused(_join(hall, "plc_a")), Admitted)


@pytest.mark.parametrize("seen", [True, False])
async def test_a_missed_call_goes_back_to_the_front_with_its_number(hall: Hall, seen: bool) -> None:
    await hall.open(mode="queued", claim_s=0)
    for place in ("plc_a", "plc_b", "plc_c"):
        await _join(hall, place)
    await _call(hall)
    if seen:  # the gate has noticed, or has not yet had its turn
        await hall.set(state="paused")
        await hall.queue.release(hall.event, 10, 10)
        assert await hall.record("plc_a") == "l"
        await hall.set(state="open")
    again = await hall.twice(lambda: _join(hall, "plc_a"))
    assert again == Waiting(0, 0)
    assert await hall.count("joined") == 3, "it is the same place"
    assert await hall.count("lapsed") == 1
    assert await hall.command("ZCARD", hall.keys.admission) == 0
    assert await hall.command("ZRANGE", hall.keys.queue, 0, -1) == ["plc_a", "plc_b", "plc_c"]


@pytest.mark.parametrize("seen", [True, False])
async def test_who_has_shopped_takes_a_new_place(hall: Hall, seen: bool) -> None:
    await hall.open(mode="queued", shop_s=0)
    await _join(hall, "plc_a")
    await _join(hall, "plc_b")
    await _call(hall)
    await hall.queue.claim(hall.event, "plc_a")
    if seen:
        await hall.set(state="paused")
        await hall.queue.release(hall.event, 10, 10)
        assert await hall.record("plc_a") == "g"
        await hall.set(state="open")
    again = await hall.twice(lambda: _join(hall, "plc_a"))
    assert again == Waiting(2, 1)
    assert await hall.count("ended") == 1
    assert await hall.command("ZCARD", hall.keys.admission) == 0


async def test_who_left_takes_a_new_place(hall: Hall) -> None:
    await hall.open(mode="queued")
    await _join(hall, "plc_a")
    await _join(hall, "plc_b")
    await hall.queue.leave(hall.event, "plc_a")
    assert await hall.twice(lambda: _join(hall, "plc_a")) == Waiting(2, 1)
    assert await hall.count("joined") == 3


async def test_who_left_the_lobby_takes_a_new_index(hall: Hall) -> None:
    await hall.open(mode="queued", state="lobby")
    await _join(hall, "plc_a")
    await hall.queue.leave(hall.event, "plc_a")
    assert await hall.twice(lambda: _join(hall, "plc_a")) == InLobby(1)


async def test_a_simple_sale_lets_in_at_once(hall: Hall) -> None:
    await hall.open(mode="simple")
    first = await hall.twice(lambda: _join(hall, "plc_a"))
    assert isinstance(first, Admitted)
    assert first.number == 0
    assert await hall.count("admitted") == 1
    assert await hall.command("ZSCORE", hall.keys.admission, "plc_a") is not None
    await hall.queue.leave(hall.event, "plc_a")
    again = await _join(hall, "plc_a")
    assert isinstance(again, Admitted)
    assert again.number == 1


async def test_who_waits_comes_in_when_a_sale_becomes_simple(hall: Hall) -> None:
    await hall.open(mode="queued")
    await _join(hall, "plc_a")
    await _join(hall, "plc_b")
    await hall.set(mode="simple")
    admitted = await hall.twice(lambda: _join(hall, "plc_b"))
    assert isinstance(admitted, Admitted)
    assert admitted.number == 1
    assert await hall.count("joined") == 2
    assert await hall.command("ZRANGE", hall.keys.queue, 0, -1) == ["plc_a"]
    # Other processes go on telling a place that waits so from the curve, until they hear of it;
    # of who comes anew they know nothing.
    await _join(hall, "plc_c")
    assert await hall.entries("signal") == [{"place": "plc_b"}]


async def test_a_simple_sale_that_is_paused_makes_a_line(hall: Hall) -> None:
    await hall.open(mode="simple", state="paused")
    assert await hall.twice(lambda: _join(hall, "plc_a")) == Waiting(0, 0)
    await hall.set(state="open")
    assert isinstance(await _join(hall, "plc_a"), Admitted)


@pytest.mark.parametrize("state", ["draft", "closed"])
async def test_nobody_joins_before_or_after(hall: Hall, state: str) -> None:
    await hall.open(mode="queued", state=state)
    assert await hall.refused(_join(hall, "plc_a")) == Shut(state)


async def test_nobody_joins_when_all_is_sold(hall: Hall) -> None:
    await hall.build("ssx")
    await hall.set(mode="queued")
    assert await hall.refused(_join(hall, "plc_a")) == Shut("sold_out")


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(_join(nowhere, "plc_a")) == Shut("lost")


async def test_who_waited_is_told_of_the_end(hall: Hall) -> None:
    await hall.open(mode="queued")
    await _join(hall, "plc_a")
    await hall.set(state="closed")
    assert await hall.refused(_join(hall, "plc_a")) == Shut("closed")
