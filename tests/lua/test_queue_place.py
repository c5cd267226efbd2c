import pytest

from tests.lua.hall import Hall
from usher.queue.scripts import Admitted, Called, InLobby, Lapsed, Left, Shut, StillWaiting, Unknown

pytestmark = pytest.mark.anyio


async def _place(hall: Hall, place: str) -> object:
    return await hall.refused(hall.queue.place(hall.event, place))


async def test_a_place_from_the_lobby_to_the_end(hall: Hall) -> None:
    await hall.open(mode="queued", state="lobby")
    assert await _place(hall, "plc_b") == Unknown()
    await hall.queue.join(hall.event, "plc_a")
    await hall.queue.join(hall.event, "plc_b")
    assert await _place(hall, "plc_b") == InLobby(1)
    await hall.set(state="open")
    assert await _place(hall, "plc_b") == InLobby(1)
    await hall.queue.draw(hall.event, 0, 0, 1)
    assert await _place(hall, "plc_b") == StillWaiting(1)
    await hall.queue.release(hall.event, 1, 10)
    assert await _place(hall, "plc_b") == StillWaiting(1)
    await hall.queue.release(hall.event, 1, 10)
    called = await _place(hall, "plc_b")
    assert isinstance(called, Called)
    assert (called.number, called.left_ms > 0) == (1, True)
    await hall.queue.claim(hall.event, "plc_b")
    admitted = await _place(hall, "plc_b")
    assert isinstance(admitted, Admitted)
    assert admitted.due_ms > called.due_ms - 600_000
    await hall.queue.leave(hall.event, "plc_b")
    assert await _place(hall, "plc_b") == Left(1)


async def test_a_window_that_is_over_is_over_before_the_gate_has_seen_it(hall: Hall) -> None:
    await hall.open(mode="queued", claim_s=0)
    await hall.queue.join(hall.event, "plc_a")
    await hall.queue.release(hall.event, 1, 10)
    assert await _place(hall, "plc_a") == Lapsed(0)
    await hall.set(state="paused")
    await hall.queue.release(hall.event, 1, 10)
    assert await hall.record("plc_a") == "l"
    assert await _place(hall, "plc_a") == Lapsed(0)
    await hall.set(mode="simple", state="open", shop_s=0)
    await hall.queue.join(hall.event, "plc_b")
    assert await _place(hall, "plc_b") == Left(1)


@pytest.mark.parametrize("end", ["closed", "sold_out"])
async def test_who_waits_is_told_of_the_end_and_who_is_in_is_not(hall: Hall, end: str) -> None:
    await hall.open(1, mode="queued")
    for place in ("plc_in", "plc_a", "plc_b"):
        await hall.queue.join(hall.event, place)
    await hall.queue.release(hall.event, 2, 10)
    await hall.queue.claim(hall.event, "plc_in")
    if end == "closed":
        await hall.set(state="closed")
    else:
        await hall.seat.amend(hall.event, 0, "s")
    assert await _place(hall, "plc_b") == Shut(end)
    # A call to a sale that is over leads nowhere; an admission goes on.
    assert await _place(hall, "plc_a") == Shut(end)
    assert isinstance(await _place(hall, "plc_in"), Admitted)
    assert await _place(hall, "plc_c") == Unknown()


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await _place(nowhere, "plc_a") == Shut("lost")
