import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import Claimed, Hold, Recalled, Settled, Swept

pytestmark = pytest.mark.anyio

DUE = 9_999_999_999_999
CLAIMED = ("hld_c", "plc_a", "c", DUE, "paper", "1,2")
SOLD = ("hld_s", "plc_a", "s", DUE, "paper", "4")


async def _lost(hall: Hall) -> None:
    """Redis as it is rebuilt: the seats are known, who owns them is not."""
    await hall.build(".cc.s.")
    await hall.set()


async def test_owners_come_back(hall: Hall) -> None:
    await _lost(hall)
    assert await hall.seat.recall(hall.event, *CLAIMED, *SOLD) == Recalled(2)
    assert await hall.fan("plc_a") == 3
    hold = await hall.seat.read(hall.event, "hld_c")
    assert isinstance(hold, Hold)
    assert (hold.state, hold.owner, hold.due_ms, hold.seats) == ("c", "plc_a", DUE, [1, 2])
    assert await hall.refused(hall.seat.recall(hall.event, *SOLD, *CLAIMED)) == Recalled(0)
    assert await hall.refused(hall.seat.recall(hall.event)) == Recalled(0)


async def test_what_came_back_goes_on_as_if_nothing_had_been_lost(hall: Hall) -> None:
    await _lost(hall)
    await hall.seat.recall(hall.event, *CLAIMED)
    assert isinstance(await hall.refused(hall.claim("hld_c", "plc_a")), Claimed)
    assert await hall.settle("hld_c", "plc_a", "f", 1, 2) == Settled(1)
    assert await hall.states() == "....s."
    assert await hall.fan("plc_a") == 0


async def test_a_hold_that_redis_knows_is_left_alone(hall: Hall) -> None:
    await hall.open(6)
    await hall.admit("plc_a")
    booked = await hall.book("plc_a", 1, 2)
    row = (booked, "plc_other", "s", DUE, "other", "1,2,3")
    assert await hall.refused(hall.seat.recall(hall.event, *row)) == Recalled(0)
    assert await hall.seat.recall(hall.event, *row, *SOLD[:-1], "4") == Recalled(1)
    assert await hall.fan("plc_a") == 3


async def test_what_was_sold_is_forgotten_when_due_and_what_is_claimed_is_not(hall: Hall) -> None:
    await _lost(hall)
    past = ("hld_p", "plc_b", "s", 1, "paper", "4")
    await hall.seat.recall(hall.event, *CLAIMED, *past)
    assert await hall.seat.sweep(hall.event, 10) == Swept(0, 1)
    assert await hall.command("HKEYS", hall.keys.hold) == ["hld_c"]
    assert await hall.states() == ".cc.s."
    assert await hall.fan("plc_b") == 1
