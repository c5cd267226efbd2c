import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import Claimed, Hold, Recalled, Settled, Swept

pytestmark = pytest.mark.anyio

DUE = 9_999_999_999_999
CLAIMED = ("hld_c", "plc_a", "c", DUE, "paper", "1,2")
SOLD = ("hld_s", "plc_a", "s", DUE, "paper", "4")


async def test_owners_come_back(hall: Hall) -> None:
    await hall.build(".cc.s.")
    assert await hall.seat.recall(hall.event, *CLAIMED, *SOLD) == Recalled(2)
    assert await hall.fan("plc_a") == 3
    hold = await hall.seat.read(hall.event, "hld_c")
    assert isinstance(hold, Hold)
    assert (hold.state, hold.owner, hold.due_ms, hold.seats) == ("c", "plc_a", DUE, [1, 2])
    assert await hall.refused(hall.seat.recall(hall.event, *SOLD, *CLAIMED)) == Recalled(0)
    assert await hall.refused(hall.seat.recall(hall.event)) == Recalled(0)


async def test_what_came_back_goes_on_as_if_nothing_had_been_lost(hall: Hall) -> None:
    await hall.build(".cc.s.")
    await hall.seat.recall(hall.event, *CLAIMED)
    await hall.set()
    assert isinstance(await hall.refused(hall.claim("hld_c", "plc_a")), Claimed)
    assert await hall.settle("hld_c", "plc_a", "f", 1, 2) == Settled(1)
    assert await hall.states() == "....s."
    assert await hall.fan("plc_a") == 0


async def test_seats_that_redis_had_wrong_are_put_right(hall: Hall) -> None:
    await hall.open(6)
    assert await hall.seat.recall(hall.event, *CLAIMED, *SOLD) == Recalled(1)
    assert await hall.states() == ".cc.s."
    assert await hall.fan("plc_a") == 2
    await hall.seat.amend(hall.event, 1, ".", 4, ".")
    assert await hall.seat.recall(hall.event, *CLAIMED, *SOLD) == Recalled(0)
    assert await hall.states() == ".cc.s."
    assert await hall.fan("plc_a") == 2


async def test_what_was_sold_and_forgotten_is_not_counted_twice(hall: Hall) -> None:
    await hall.open(6, hold_s=0)
    await hall.admit("plc_a")
    await hall.seat.recall(hall.event, "hld_s", "plc_a", "c", 1, "paper", "4")
    await hall.settle("hld_s", "plc_a", "s", 4)
    await hall.command("HDEL", hall.keys.hold, "hld_s")  # as seat/sweep does in time
    assert await hall.refused(hall.seat.recall(hall.event, *SOLD)) == Recalled(0)
    assert await hall.fan("plc_a") == 1


async def test_what_redis_has_heard_since_stands(hall: Hall) -> None:
    await hall.open(6)
    await hall.admit("plc_a")
    sold, freed = await hall.book("plc_a", 1, 2), await hall.book("plc_a", 3)
    await hall.settle(sold, "plc_a", "s", 1, 2)
    await hall.settle(freed, "plc_a", "f", 3)
    rows = (sold, "plc_a", "c", DUE, "paper", "1,2", freed, "plc_a", "c", DUE, "paper", "3")
    assert await hall.refused(hall.seat.recall(hall.event, *rows)) == Recalled(0)


async def test_a_claim_that_redis_has_lost_is_one_again(hall: Hall) -> None:
    """A server that comes back a second older than it went may know a booking as a hold."""
    await hall.open(6)
    await hall.admit("plc_a")
    await hall.hold("plc_a", 1, 2, name="hld_c")
    assert await hall.seat.recall(hall.event, *CLAIMED) == Recalled(1)
    assert await hall.states() == ".cc..."
    assert await hall.fan("plc_a") == 2
    assert await hall.command("ZCARD", hall.keys.hold_due) == 0
    assert isinstance(await hall.refused(hall.claim("hld_c", "plc_a")), Claimed)


async def test_what_was_sold_and_what_is_claimed_are_remembered(hall: Hall) -> None:
    await hall.build(".cc.s.")
    past = ("hld_p", "plc_b", "s", 1, "paper", "4")
    await hall.seat.recall(hall.event, *CLAIMED, *past)
    assert await hall.seat.sweep(hall.event, 10) == Swept(0, 1)
    # Neither is: a booking's hold keeps its id for good, only its due is done with.
    assert await hall.command("ZCARD", hall.keys.hold_due) == 0
    assert await hall.states() == ".cc.s."
    assert await hall.fan("plc_b") == 1
