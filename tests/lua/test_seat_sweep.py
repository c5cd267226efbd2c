import pytest

from tests.lua.hall import Hall
from usher import limits
from usher.seat.scripts import Gone, Swept

pytestmark = pytest.mark.anyio


async def test_what_has_lapsed_is_freed_and_what_lives_is_left(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    await hall.hold("plc_a", 0)
    await hall.set(hold_s=0)
    await hall.hold("plc_a", 1, 2)
    lapsed = await hall.hold("plc_b", 3)
    assert await hall.seat.sweep(hall.event, 100) == Swept(2, 0)
    assert await hall.states() == "h........."
    assert await hall.fan("plc_a") == 1
    assert await hall.fan("plc_b") == 0
    # The tombstones stay until their time.
    assert await hall.refused(hall.seat.sweep(hall.event, 100)) == Swept(0, 0)
    assert await hall.refused(hall.seat.hold(hall.event, lapsed, "plc_b", "print", 3)) == Gone()


async def test_a_sweep_does_no_more_than_it_may(hall: Hall) -> None:
    await hall.open(hold_s=0)
    await hall.admit("plc_a")
    for seat in range(5):
        await hall.hold("plc_a", seat)
    assert await hall.refused(hall.seat.sweep(hall.event, 0)) == Swept(0, 0)
    assert await hall.seat.sweep(hall.event, 1) == Swept(1, 0)
    assert await hall.seat.sweep(hall.event, 3) == Swept(3, 0)
    assert await hall.seat.sweep(hall.event, 3) == Swept(1, 0)
    assert await hall.seat.sweep(hall.event, 3) == Swept(0, 0)


async def test_bookings_never_lapse_here(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    booked = await hall.book("plc_a", 0)
    assert await hall.command("ZSCORE", hall.keys.hold_due, booked) is None
    assert await hall.refused(hall.seat.sweep(hall.event, 100)) == Swept(0, 0)


async def test_old_tombstones_are_forgotten(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    freed = await hall.hold("plc_a", 0)
    await hall.seat.free(hall.event, freed, "plc_a")
    sold = await hall.book("plc_b", 1)
    await hall.settle(sold, "plc_b", "s", 1)
    for hold_id in (freed, sold):
        assert await hall.command("ZSCORE", hall.keys.hold_due, hold_id) is not None
        await hall.command("ZADD", hall.keys.hold_due, 1, hold_id)  # ten minutes have passed
    before = await hall.states()
    assert await hall.seat.sweep(hall.event, 100) == Swept(0, 2)
    assert await hall.states() == before == ".s........"
    assert await hall.command("EXISTS", hall.keys.hold_due) == 0
    # A hold that became a booking keeps its id for good: a key used twice must meet it.
    assert await hall.command("HKEYS", hall.keys.hold) == [sold]
    assert await hall.fan("plc_b") == 1, "what was bought still counts"
    assert await hall.refused(hall.seat.sweep(hall.event, 100)) == Swept(0, 0)


async def test_a_due_without_a_hold_is_forgotten(hall: Hall) -> None:
    await hall.open()
    await hall.command("ZADD", hall.keys.hold_due, 1, "hld_stray")
    assert await hall.seat.sweep(hall.event, 100) == Swept(0, 1)
    assert await hall.command("EXISTS", hall.keys.hold_due) == 0


async def test_a_sold_seat_survives_the_lapse_of_a_hold_that_had_it(hall: Hall) -> None:
    await hall.open(4, hold_s=0)
    await hall.admit("plc_a")
    await hall.hold("plc_a", 0, 1)
    await hall.settle("hld_lost", "plc_z", "s", 1)
    assert await hall.seat.sweep(hall.event, 100) == Swept(1, 0)
    assert await hall.states() == ".s.."


async def test_the_feed_is_trimmed_here_and_only_when_it_is_long(hall: Hall) -> None:
    await hall.open(2)
    most = limits.feed_entries_max
    pipe = hall.raw.pipeline(transaction=False)
    for n in range(most + 500):
        pipe.xadd(hall.keys.feed, {"notice": n})
    await pipe.execute()
    await hall.seat.sweep(hall.event, 100)
    length = await hall.command("XLEN", hall.keys.feed)
    assert most <= length < most + 200
    assert (await hall.entries("feed"))[-1] == {"notice": str(most + 499)}
    await hall.refused(hall.seat.sweep(hall.event, 100))
