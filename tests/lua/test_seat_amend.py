import pytest

from tests.lua.hall import Hall, row
from usher import limits
from usher.seat.scripts import Amended

pytestmark = pytest.mark.anyio


async def test_every_state_at_once(hall: Hall) -> None:
    await hall.build("....sxc.")
    await hall.set()
    pairs = (0, "s", 1, "x", 4, ".", 5, ".", 6, "s", 2, "s")
    assert await hall.twice(lambda: hall.seat.amend(hall.event, *pairs)) == Amended()
    assert await hall.states() == "sxs...s."
    told = [entry for entry in await hall.entries("feed") if "reset" not in entry]
    changes = {word: value for entry in told for word, value in entry.items() if word in ".sx"}
    assert changes == {"s": "0,2,6", "x": "1", ".": "4,5"}


async def test_what_is_right_is_not_told_again(hall: Hall) -> None:
    await hall.build("s.x")
    await hall.set()
    pairs = (0, "s", 1, ".", 2, "x")
    assert await hall.refused(hall.seat.amend(hall.event, *pairs)) == Amended()
    assert await hall.refused(hall.seat.amend(hall.event)) == Amended()


async def test_a_seat_beyond_the_end_is_nobodys(hall: Hall) -> None:
    await hall.open(3)
    assert await hall.refused(hall.seat.amend(hall.event, 3, "s", 80_000, "x")) == Amended()


async def test_the_last_free_seat_sold_elsewhere_ends_the_sale(hall: Hall) -> None:
    await hall.open(2)
    await hall.seat.amend(hall.event, 0, "s", 1, "x")
    shut = await hall.queue.join(hall.event, "plc_a")
    assert getattr(shut, "state", "") == "sold_out"


async def test_a_whole_hall_at_once(hall: Hall) -> None:
    seats = limits.plan_seats_max
    await hall.build("." * seats, row(0, seats // 2), row(seats // 2, seats // 2))
    pairs = [word for index in range(seats) for word in (index, "x")]
    assert await hall.twice(lambda: hall.seat.amend(hall.event, *pairs)) == Amended()
    assert await hall.count("blocked") == seats


async def test_a_seat_told_twice_counts_once(hall: Hall) -> None:
    await hall.open(4)
    assert await hall.seat.amend(hall.event, 2, "s", 2, "s", 1, "s") == Amended()
    assert await hall.states() == ".ss."
