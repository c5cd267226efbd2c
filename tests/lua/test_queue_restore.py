import pytest

from tests.lua.hall import Hall
from usher.queue.scripts import InLobby, Known, Restored, Shut, StillWaiting, Unknown, Waiting

pytestmark = pytest.mark.anyio


async def _restore(hall: Hall, place: str, index: int, number: int) -> object:
    return await hall.queue.restore(hall.event, place, index, number)


async def test_a_number_stands_where_it_stood(hall: Hall) -> None:
    await hall.open(mode="queued")
    await hall.set(floor=100)
    assert await hall.queue.join(hall.event, "plc_new") == Waiting(100, 0)
    assert await _restore(hall, "plc_b", -1, 7) == Restored()
    assert await _restore(hall, "plc_a", -1, 0) == Restored()
    assert await hall.refused(_restore(hall, "plc_a", -1, 0)) == Known()
    assert await hall.queue.place(hall.event, "plc_a") == StillWaiting(0)
    assert await hall.queue.place(hall.event, "plc_b") == StillWaiting(7)
    assert await hall.queue.place(hall.event, "plc_new") == StillWaiting(100)
    assert await hall.count("restored") == 2


async def test_new_numbers_come_after_every_restored_one(hall: Hall) -> None:
    await hall.open(mode="queued")
    await _restore(hall, "plc_0", -1, 0)
    assert await hall.queue.join(hall.event, "plc_1") == Waiting(1, 1)
    await _restore(hall, "plc_a", -1, 50)
    assert await hall.queue.join(hall.event, "plc_b") == Waiting(51, 3)
    await _restore(hall, "plc_c", -1, 51 + 2**40)
    assert await hall.queue.join(hall.event, "plc_d") == Waiting(52 + 2**40, 5)


async def test_an_index_goes_back_to_the_lobby(hall: Hall) -> None:
    await hall.open(mode="queued", state="lobby")
    assert await _restore(hall, "plc_b", 4, -1) == Restored()
    assert await _restore(hall, "plc_a", 0, -1) == Restored()
    assert await hall.refused(_restore(hall, "plc_b", 4, -1)) == Known()
    assert await hall.queue.place(hall.event, "plc_b") == InLobby(4)
    assert await hall.queue.join(hall.event, "plc_new") == InLobby(5)


async def test_a_number_in_the_lobby_goes_to_the_line(hall: Hall) -> None:
    await hall.open(mode="queued", state="lobby")
    assert await _restore(hall, "plc_a", -1, 3) == Restored()
    assert await hall.queue.place(hall.event, "plc_a") == StillWaiting(3)


@pytest.mark.parametrize("standing", ["called", "admitted", "lapsed", "left"])
async def test_no_state_is_undone_by_an_old_token(hall: Hall, standing: str) -> None:
    await hall.open(mode="queued", claim_s=0 if standing == "lapsed" else 600)
    await hall.queue.join(hall.event, "plc_a")
    await hall.queue.release(hall.event, 1, 10)
    if standing == "admitted":
        await hall.queue.claim(hall.event, "plc_a")
    if standing == "left":
        await hall.queue.leave(hall.event, "plc_a")
    if standing == "lapsed":
        await hall.queue.release(hall.event, 1, 10)
    assert await hall.refused(_restore(hall, "plc_a", -1, 0)) == Known()


@pytest.mark.parametrize("state", ["draft", "closed"])
async def test_not_before_and_not_after(hall: Hall, state: str) -> None:
    await hall.open(mode="queued", state=state)
    assert await hall.refused(_restore(hall, "plc_a", -1, 0)) == Shut(state)


@pytest.mark.parametrize("state", ["paused", "open"])
async def test_a_pause_takes_no_place_away(hall: Hall, state: str) -> None:
    await hall.open(mode="queued", state=state)
    assert await _restore(hall, "plc_a", -1, 0) == Restored()


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(_restore(nowhere, "plc_a", -1, 0)) == Shut("lost")


async def test_nobody_is_put_into_a_lobby_that_has_closed(hall: Hall) -> None:
    await hall.build("." * 4)
    await hall.set(state="lobby")
    await hall.set(state="open")
    assert await hall.queue.restore(hall.event, "plc_a", 3, -1) == Known()
    assert await hall.queue.place(hall.event, "plc_a") == Unknown()
