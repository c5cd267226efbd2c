import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import AlreadyClaimed, Freed, Gone

pytestmark = pytest.mark.anyio


async def test_the_seats_are_on_sale_again_at_once(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    held = await hall.hold("plc_a", 4, 5)
    await hall.hold("plc_a", 6)
    assert await hall.twice(lambda: hall.seat.free(hall.event, held, "plc_a")) == Freed()
    assert await hall.states() == "......h..."
    assert (await hall.entries("feed"))[-1] == {".": "4,5"}
    assert await hall.fan("plc_a") == 1
    await hall.hold("plc_b", 4, 5)
    # A replay must not touch what somebody else holds by now.
    assert await hall.refused(hall.seat.free(hall.event, held, "plc_a")) == Freed()


async def test_a_fan_with_nothing_left_is_forgotten(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 0)
    await hall.seat.free(hall.event, held, "plc_a")
    assert await hall.command("EXISTS", hall.keys.fan) == 0


async def test_only_the_owner_frees(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    held = await hall.hold("plc_a", 0)
    assert await hall.refused(hall.seat.free(hall.event, held, "plc_b")) == Gone()
    assert await hall.refused(hall.seat.free(hall.event, "hld_unknown", "plc_a")) == Gone()


async def test_a_booking_is_cancelled_not_freed(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    booked = await hall.book("plc_a", 0)
    assert await hall.refused(hall.seat.free(hall.event, booked, "plc_a")) == AlreadyClaimed()
    await hall.settle(booked, "plc_a", "s", 0)
    assert await hall.refused(hall.seat.free(hall.event, booked, "plc_a")) == AlreadyClaimed()


async def test_a_lapsed_hold_may_still_be_freed_before_the_sweep(hall: Hall) -> None:
    await hall.open(hold_s=0)
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 0)
    assert await hall.twice(lambda: hall.seat.free(hall.event, held, "plc_a")) == Freed()
    assert await hall.states() == ".........."


@pytest.mark.parametrize("state", ["s", "x"])
async def test_a_seat_that_postgresql_took_out_of_the_hold_stays_taken(
    hall: Hall, state: str
) -> None:
    await hall.open(4)
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 0, 1)
    await hall.seat.amend(hall.event, 1, state)
    assert await hall.twice(lambda: hall.seat.free(hall.event, held, "plc_a")) == Freed()
    assert await hall.states() == f".{state}.."
    assert await hall.fan("plc_a") == 0
