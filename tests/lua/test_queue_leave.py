import pytest

from tests.lua.hall import Hall
from usher.queue.scripts import Gone, Left, Shut, StillWaiting

pytestmark = pytest.mark.anyio


async def test_leaving_an_event_redis_does_not_know_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(nowhere.queue.leave(nowhere.event, "plc_a")) == Shut("lost")


async def test_who_was_never_there_has_left(hall: Hall) -> None:
    await hall.open(mode="queued")
    assert await hall.refused(hall.queue.leave(hall.event, "plc_a")) == Gone()


@pytest.mark.parametrize("where", ["lobby", "waiting", "called", "admitted", "lapsed"])
async def test_leaving_from_anywhere_is_leaving_once(hall: Hall, where: str) -> None:
    await hall.open(mode="queued", state="lobby" if where == "lobby" else "open")
    await hall.queue.join(hall.event, "plc_first")
    await hall.queue.join(hall.event, "plc_a")
    if where == "lapsed":
        await hall.set(claim_s=0)
    if where in ("called", "admitted", "lapsed"):
        await hall.queue.release(hall.event, 2, 10)
    if where == "admitted":
        await hall.queue.claim(hall.event, "plc_a")
    if where == "lapsed":
        await hall.queue.release(hall.event, 2, 10)
        assert await hall.record("plc_a") == "l"
    assert await hall.twice(lambda: hall.queue.leave(hall.event, "plc_a")) == Gone()
    number = 0 if where == "lobby" else 1
    assert await hall.queue.place(hall.event, "plc_a") == Left(number)
    assert await hall.count("left") == 1
    for key in (hall.keys.lobby, hall.keys.queue, hall.keys.admission):
        assert await hall.command("ZSCORE", key, "plc_a") is None
    assert await hall.record("plc_first") != "g"


async def test_a_slot_is_free_at_once(hall: Hall) -> None:
    await hall.open(mode="queued", capacity=1)
    for place in ("plc_a", "plc_b"):
        await hall.queue.join(hall.event, place)
    await hall.queue.release(hall.event, 10, 10)
    assert await hall.queue.place(hall.event, "plc_b") == StillWaiting(1)
    await hall.queue.leave(hall.event, "plc_a")
    released = await hall.queue.release(hall.event, 10, 10)
    assert getattr(released, "places", []) == ["plc_b"]
