import asyncio

import pytest

from tests.lua.hall import Hall
from usher import limits
from usher.queue.scripts import Drawn, Moved, Ready, Waiting

pytestmark = pytest.mark.anyio


async def _lobby(hall: Hall, count: int) -> None:
    """A lobby of plc_0, plc_1, ... that has just closed."""
    await hall.open(mode="queued", state="lobby")
    await asyncio.gather(*(hall.queue.join(hall.event, f"plc_{n}") for n in range(count)))


async def _draw(hall: Hall, start: int, *numbers: int) -> object:
    return await hall.queue.draw(hall.event, start, *numbers)


async def _line(hall: Hall) -> dict[str, int]:
    flat = await hall.command("ZRANGE", hall.keys.queue, 0, -1, "WITHSCORES")
    return {place: int(score) for place, score in zip(flat[::2], flat[1::2], strict=True)}


async def test_each_index_gets_the_number_it_drew(hall: Hall) -> None:
    await _lobby(hall, 5)
    assert getattr(await hall.set(state="open"), "lobby_n", None) == 5
    assert await _draw(hall, 0, 3, 0) == Drawn(2)
    assert await _line(hall) == {"plc_1": 0, "plc_0": 3}
    assert await hall.command("ZCARD", hall.keys.lobby) == 3
    assert await _draw(hall, 2, 4, 1) == Drawn(4)
    assert await _draw(hall, 4, 2) == Ready()
    drawn = {"plc_1": 0, "plc_3": 1, "plc_4": 2, "plc_0": 3, "plc_2": 4}
    assert await _line(hall) == drawn
    assert await hall.command("EXISTS", hall.keys.lobby) == 0
    assert await hall.count("drawn") == 1
    assert await hall.refused(_draw(hall, 4, 2)) == Ready()
    assert await hall.refused(_draw(hall, 0, 0, 1, 2, 3, 4)) == Ready()


async def test_a_batch_offered_again_is_not_numbered_again(hall: Hall) -> None:
    await _lobby(hall, 4)
    await hall.set(state="open")
    assert await _draw(hall, 0, 3, 2) == Drawn(2)
    assert await hall.refused(_draw(hall, 0, 0, 1)) == Moved(2)
    assert await hall.refused(_draw(hall, 1, 0)) == Moved(2)
    assert await hall.refused(_draw(hall, 3, 0)) == Moved(2)


async def test_there_is_nothing_to_draw_before_the_lobby_closes(hall: Hall) -> None:
    await _lobby(hall, 2)
    assert await hall.refused(_draw(hall, 0, 0, 1)) == Moved(0)


async def test_who_left_leaves_a_gap(hall: Hall) -> None:
    await _lobby(hall, 6)
    await hall.queue.leave(hall.event, "plc_1")
    await hall.set(state="open")
    await hall.queue.leave(hall.event, "plc_4")
    assert await _draw(hall, 0, 5, 4, 3) == Drawn(3)
    await hall.queue.leave(hall.event, "plc_0")
    assert await _draw(hall, 3, 2, 1, 0) == Ready()
    assert await _line(hall) == {"plc_5": 0, "plc_3": 2, "plc_2": 3}
    assert await hall.queue.join(hall.event, "plc_1") == Waiting(6, 3)


async def test_a_batch_of_leavers_is_drawn_all_the_same(hall: Hall) -> None:
    await _lobby(hall, 3)
    await hall.set(state="open")
    for place in ("plc_0", "plc_1"):
        await hall.queue.leave(hall.event, place)
    assert await _draw(hall, 0, 2, 0) == Drawn(2)
    assert await _line(hall) == {}
    assert await _draw(hall, 2, 1) == Ready()


async def test_an_empty_lobby_needs_no_draw(hall: Hall) -> None:
    await hall.open(mode="queued", state="lobby")
    await hall.set(state="open")
    assert await hall.refused(_draw(hall, 0)) == Ready()


async def test_a_lobby_that_all_have_left_needs_no_draw(hall: Hall) -> None:
    await _lobby(hall, 2)
    for place in ("plc_0", "plc_1"):
        await hall.queue.leave(hall.event, place)
    reply = await hall.set(state="open")
    assert getattr(reply, "lobby_n", None) == 2
    assert await hall.refused(_draw(hall, 0, 0, 1)) == Ready()


async def test_the_largest_batch(hall: Hall) -> None:
    most = limits.draw_batch_max
    await _lobby(hall, most + 1)
    await hall.set(state="open")
    assert await _draw(hall, 0, *range(most, 0, -1)) == Drawn(most)
    assert await _draw(hall, most, 0) == Ready()
    line = await _line(hall)
    assert line == {f"plc_{n}": most - n for n in range(most + 1)}


async def test_two_who_draw_at_once_draw_once(hall: Hall) -> None:
    await _lobby(hall, 4)
    await hall.set(state="open")
    replies = await asyncio.gather(*(_draw(hall, 0, 1, 0) for _ in range(5)))
    assert replies == [Drawn(2)] + [Moved(2)] * 4
