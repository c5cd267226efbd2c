import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import Hold, Retaken, Swept, Taken

pytestmark = pytest.mark.anyio


async def _retake(hall: Hall, hold_id: str, place: str, *seats: int) -> object:
    due = 9_999_999_999_999
    return await hall.seat.retake(hall.event, hold_id, place, "paper", due, *seats)


async def _lapsed(hall: Hall, *seats: int) -> str:
    """A booking whose time to pay ran out."""
    await hall.admit("plc_a", "plc_b")
    booked = await hall.book("plc_a", *seats)
    await hall.settle(booked, "plc_a", "f", *seats)
    return booked


async def test_late_money_takes_the_seats_again(hall: Hall) -> None:
    await hall.open()
    booked = await _lapsed(hall, 1, 2)
    assert await hall.twice(lambda: _retake(hall, booked, "plc_a", 1, 2)) == Retaken()
    assert await hall.states() == ".cc......."
    assert (await hall.entries("feed"))[-1] == {"c": "1,2"}
    assert await hall.fan("plc_a") == 2
    hold = await hall.seat.read(hall.event, booked)
    assert isinstance(hold, Hold)
    assert (hold.state, hold.owner, hold.seats) == ("c", "plc_a", [1, 2])
    assert await hall.seat.sweep(hall.event, 10) == Swept(0, 0), "no tombstone is left"
    await hall.settle(booked, "plc_a", "s", 1, 2)
    assert await hall.refused(_retake(hall, booked, "plc_a", 1, 2)) == Retaken()


async def test_all_or_none(hall: Hall) -> None:
    await hall.open(6)
    booked = await _lapsed(hall, 1, 2, 3)
    await hall.hold("plc_b", 2)
    await hall.seat.amend(hall.event, 3, "x")
    assert await hall.refused(_retake(hall, booked, "plc_a", 1, 2, 3)) == Taken([2, 3])
    assert await hall.refused(_retake(hall, booked, "plc_a", 0, 6, 4_000)) == Taken([6, 4_000])


async def test_a_forgotten_hold_is_made_anew(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_b")
    assert await hall.twice(lambda: _retake(hall, "hld_lost", "plc_a", 4)) == Retaken()
    assert await hall.fan("plc_a") == 1
    assert await hall.settle("hld_lost", "plc_a", "f", 4)
    assert await hall.states() == "." * 10


async def test_a_booking_still_on_its_way_keeps_its_seats(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    booked = await hall.book("plc_a", 1)
    assert await hall.refused(_retake(hall, booked, "plc_a", 1)) == Retaken()
