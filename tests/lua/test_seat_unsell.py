import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import Recalled, Settled, Taken, Unsold

pytestmark = pytest.mark.anyio


async def sold(hall: Hall, place: str, *seats: int) -> str:
    """A hold whose seats were paid for."""
    booked = await hall.book(place, *seats)
    await hall.settle(booked, place, "s", *seats)
    return booked


async def unsell(hall: Hall, hold: str, place: str, *seats: int) -> Unsold:
    return await hall.seat.unsell(hall.event, hold, f"bkg_{hold}", "confirmed", place, *seats)


async def test_what_was_given_back_is_on_sale_again(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    hold = await sold(hall, "plc_a", 1, 2, 3)
    assert await unsell(hall, hold, "plc_a", 2) == Unsold(1)
    assert await hall.states() == ".s.s......"
    assert (await hall.entries("feed"))[-1] == {".": "2"}
    assert (await hall.entries("signal"))[-1] == {"booking": f"bkg_{hold}", "state": "confirmed"}
    assert await hall.fan("plc_a") == 2
    async with hall.untouched():
        assert await unsell(hall, hold, "plc_a", 2) == Unsold(0)
    await sold(hall, "plc_b", 2)
    async with hall.untouched():  # a late second letter takes nothing from who has it now
        assert await unsell(hall, hold, "plc_a", 2) == Unsold(0)
    assert await unsell(hall, hold, "plc_a", 1, 2, 3) == Unsold(2)
    assert await hall.states() == "..s......."
    assert await hall.fan("plc_a") == 0
    async with hall.untouched():
        assert await unsell(hall, hold, "plc_a", 1, 3) == Unsold(0)


async def test_a_purchase_that_redis_has_not_heard_of_yet(hall: Hall) -> None:
    """Confirmed and given back before its seats were settled: they are claimed still."""
    await hall.open()
    await hall.admit("plc_a")
    hold = await hall.book("plc_a", 1, 2)
    assert await unsell(hall, hold, "plc_a", 2) == Unsold(1)
    await hall.settle(hold, "plc_a", "s", 1)
    assert await hall.states() == ".s........"
    assert await hall.fan("plc_a") == 1


async def test_what_redis_has_forgotten_is_taken_for_its_own(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    hold = await sold(hall, "plc_a", 1, 2)
    await hall.hold("plc_b", 4)
    await hall.command("HDEL", hall.keys.hold, hold)
    assert await unsell(hall, hold, "plc_a", 1, 2, 4, 5) == Unsold(2)
    assert await hall.states() == "....h....."
    assert await hall.fan("plc_a") == 0


async def test_settled_late_the_seats_that_were_given_back_stay_free(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    hold = await sold(hall, "plc_a", 1, 2)
    await unsell(hall, hold, "plc_a", 2)
    async with hall.untouched():
        await hall.settle(hold, "plc_a", "s", 1)


async def test_what_went_back_whole_is_never_sold_by_who_heard_of_it_late(hall: Hall) -> None:
    """A worker that was stopped between reading a booking and settling it."""
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    hold = await sold(hall, "plc_a", 1, 2)
    await unsell(hall, hold, "plc_a", 1, 2)
    await hall.hold("plc_b", 2)
    stale = (hold, "plc_a", "s", 9_999_999_999_999, "paper", "1,2")
    async with hall.untouched():
        assert await hall.settle(hold, "plc_a", "s", 1, 2) == Settled(0)
        assert await hall.seat.recall(hall.event, *stale) == Recalled(0)
        assert await hall.seat.retake(hall.event, hold, "plc_a", "paper", 1, 1) == Taken([])
    assert await hall.states() == "..h......."
    assert await hall.fan("plc_a") == 0


async def test_who_recalls_late_sells_nothing_that_went_back_in_part(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    hold = await sold(hall, "plc_a", 1, 2)
    await unsell(hall, hold, "plc_a", 2)
    stale = (hold, "plc_a", "s", 9_999_999_999_999, "paper", "1,2")
    async with hall.untouched():
        assert await hall.seat.recall(hall.event, *stale) == Recalled(0)
    assert await hall.states() == ".s........"
