import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import Blocked, Taken, Unbuilt

pytestmark = pytest.mark.anyio


async def test_free_seats_are_blocked_and_blocked_ones_freed(hall: Hall) -> None:
    await hall.build("..x..")
    await hall.set()
    assert await hall.seat.block(hall.event, 0, 2, 0, 4, 2) == Blocked(3)
    assert await hall.states() == "x...x"
    assert await hall.count("blocked") == 2
    again = await hall.refused(hall.seat.block(hall.event, 0, 2, 0, 4, 2))
    assert again == Blocked(0)


async def test_what_a_fan_has_is_neither_blocked_nor_freed(hall: Hall) -> None:
    await hall.open(5)
    await hall.admit("plc_a")
    await hall.hold("plc_a", 1)
    await hall.book("plc_a", 2)
    refused = await hall.refused(hall.seat.block(hall.event, 0, 3, 0, 1, 2))
    assert refused == Taken([1, 2])
    assert await hall.refused(hall.seat.block(hall.event, 0, 0, 1, 2)) == Blocked(0)


async def test_partly_blocks_what_it_can(hall: Hall) -> None:
    await hall.open(3)
    await hall.admit("plc_a")
    await hall.hold("plc_a", 1)
    assert await hall.seat.block(hall.event, 1, 3, 0, 1, 2) == Blocked(2)
    assert await hall.states() == "xhx"


async def test_seats_that_are_not_laid_out_are_left_to_who_does(hall: Hall) -> None:
    assert await hall.seat.block(hall.event, 0, 1, 0) == Unbuilt()
    await hall.build("...")
    assert await hall.seat.block(hall.event, 0, 1, 0) == Unbuilt()


async def test_a_seat_beyond_the_end_is_nobodys(hall: Hall) -> None:
    await hall.open(3)
    assert await hall.refused(hall.seat.block(hall.event, 0, 1, 3, 80_000)) == Blocked(0)
