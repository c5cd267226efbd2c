import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import AlreadyClaimed, Gone, Held, Hold

pytestmark = pytest.mark.anyio


async def _due(hall: Hall, held: str) -> tuple[int, int]:
    hold = await hall.seat.read(hall.event, held)
    assert isinstance(hold, Hold)
    return hold.due_ms, hold.cap_ms


async def test_a_hold_is_extended_up_to_its_cap_and_there_it_stays(hall: Hall) -> None:
    await hall.open(hold_s=100, hold_cap_s=200)
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1, 2)
    due, cap = await _due(hall, held)
    await hall.set(hold_s=150)
    reply = await hall.seat.extend(hall.event, held, "plc_a")
    assert isinstance(reply, Held)
    assert due < reply.due_ms < cap
    assert reply.seats == [1, 2]
    assert await _due(hall, held) == (reply.due_ms, cap)
    await hall.set(hold_s=5_000, hold_cap_s=9_000)
    reply = await hall.twice(lambda: hall.seat.extend(hall.event, held, "plc_a"))
    assert isinstance(reply, Held)
    assert reply.due_ms == reply.cap_ms == cap
    assert float(await hall.command("ZSCORE", hall.keys.hold_due, held)) == cap


async def test_an_extension_never_shortens(hall: Hall) -> None:
    await hall.open(hold_s=100)
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1)
    due, _ = await _due(hall, held)
    await hall.set(hold_s=5)
    reply = await hall.twice(lambda: hall.seat.extend(hall.event, held, "plc_a"))
    assert isinstance(reply, Held)
    assert reply.due_ms == due


async def test_what_is_gone_cannot_be_extended(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    held = await hall.hold("plc_a", 1)

    async def extend(hold_id: str, place: str) -> object:
        return await hall.refused(hall.seat.extend(hall.event, hold_id, place))

    assert await extend("hld_unknown", "plc_a") == Gone()
    assert await extend(held, "plc_b") == Gone(), "another fan's"
    await hall.seat.free(hall.event, held, "plc_a")
    assert await extend(held, "plc_a") == Gone()
    await hall.set(hold_s=0)
    lapsed = await hall.hold("plc_a", 2)
    await hall.set(hold_s=600)
    assert await extend(lapsed, "plc_a") == Gone(), "lapsed, though nobody has swept it yet"


async def test_a_booking_is_not_extended(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    booked = await hall.book("plc_a", 1)
    assert await hall.refused(hall.seat.extend(hall.event, booked, "plc_a")) == AlreadyClaimed()
    await hall.settle(booked, "plc_a", "s", 1)
    assert await hall.refused(hall.seat.extend(hall.event, booked, "plc_a")) == AlreadyClaimed()
