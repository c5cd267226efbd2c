import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import Settled

pytestmark = pytest.mark.anyio


async def test_confirmed_is_sold_and_the_fan_is_done(hall: Hall) -> None:
    await hall.open(mode="queued")
    await hall.admit("plc_a")
    booked = await hall.book("plc_a", 1, 2)
    assert await hall.settle(booked, "plc_a", "s", 1, 2) == Settled(1)
    assert await hall.states() == ".ss......."
    assert (await hall.entries("feed"))[-1] == {"s": "1,2"}
    assert await hall.entries("signal") == [{"booking": f"bkg_{booked}", "state": "confirmed"}]
    assert await hall.record("plc_a") == "g"
    assert await hall.command("ZCARD", hall.keys.admission) == 0
    assert await hall.count("ended") == 1
    assert await hall.fan("plc_a") == 2
    async with hall.untouched():
        for outcome in ("s", "f"):  # PostgreSQL's last word on a booking comes once
            assert await hall.settle(booked, "plc_a", outcome, 1, 2) == Settled(0)


async def test_expired_is_free_again(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    booked = await hall.book("plc_a", 1, 2)
    assert await hall.settle(booked, "plc_a", "f", 1, 2) == Settled(1)
    assert await hall.states() == ".........."
    assert await hall.entries("signal") == [{"booking": f"bkg_{booked}", "state": "expired"}]
    assert await hall.fan("plc_a") == 0
    assert await hall.record("plc_a") == "a", "who could not pay may shop on"
    await hall.hold("plc_b", 1, 2)
    async with hall.untouched():
        assert await hall.settle(booked, "plc_a", "f", 1, 2) == Settled(0)


async def test_without_an_outcome_its_fan_is_told_and_nothing_changes(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    booked = await hall.book("plc_a", 1, 2)
    feed, record = await hall.entries("feed"), await hall.command("HGETALL", hall.keys.hold)
    assert await hall.settle(booked, "plc_a", "", 1, 2) == Settled(0)
    assert await hall.states() == ".cc......."
    assert await hall.entries("feed") == feed
    assert await hall.command("HGETALL", hall.keys.hold) == record
    assert len(await hall.entries("signal")) == 1


async def test_a_hold_that_never_became_a_booking_is_not_freed_by_one(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1)
    assert await hall.refused(hall.settle(held, "plc_a", "f", 1)) == Settled(0)


async def test_what_redis_forgot_is_sold_all_the_same(hall: Hall) -> None:
    await hall.open()
    assert await hall.settle("hld_lost", "plc_a", "s", 3, 4) == Settled(1)
    assert await hall.states() == "...ss....."
    feed = await hall.entries("feed")
    # Redis cannot know whether its fan was told: only the private signal is repeated.
    await hall.settle("hld_lost", "plc_a", "s", 3, 4)
    assert await hall.entries("feed") == feed
    assert len(await hall.entries("signal")) == 2


async def test_what_redis_forgot_and_nobody_bought_is_only_told(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_b")
    await hall.hold("plc_b", 3)
    states = await hall.states()
    assert await hall.settle("hld_lost", "plc_a", "f", 3, 4) == Settled(0)
    assert await hall.states() == states, "the seats may be somebody else's by now"
    assert await hall.entries("signal") == [{"booking": "bkg_hld_lost", "state": "expired"}]


async def test_postgresql_decides_over_what_redis_believed(hall: Hall) -> None:
    await hall.open(5)
    await hall.admit("plc_a", "plc_b")
    await hall.hold("plc_b", 0)
    other = await hall.book("plc_b", 1)
    await hall.seat.amend(hall.event, 2, "x")
    assert await hall.settle("hld_lost", "plc_a", "s", 0, 1, 2, 3, 99) == Settled(1)
    assert await hall.states() == "ssss."
    assert (await hall.entries("feed"))[-1] == {"s": "0,1,2,3"}
    # The booking that lost its seat is settled too, and gives back nothing that is sold.
    assert await hall.settle(other, "plc_b", "f", 1) == Settled(1)
    assert await hall.states() == "ssss."


async def test_a_freed_hold_that_was_bought_after_all_counts_for_its_fan(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    freed = await hall.hold("plc_a", 1, 2)
    await hall.seat.free(hall.event, freed, "plc_a")
    assert await hall.settle(freed, "plc_a", "s", 1, 2) == Settled(1)
    assert await hall.states() == ".ss......."
    assert await hall.fan("plc_a") == 2
    assert await hall.refused(hall.settle(freed, "plc_a", "s", 1, 2)) == Settled(0)


async def test_a_booking_without_seats_changes_no_seat(hall: Hall) -> None:
    await hall.open()
    booked = await hall.settle("hld_lost", "plc_a", "s")
    assert booked == Settled(1)
    assert await hall.states() == "." * 10


@pytest.mark.parametrize("standing", ["called", "left", "unknown"])
async def test_only_an_admitted_place_is_ended_by_a_purchase(hall: Hall, standing: str) -> None:
    await hall.open(mode="queued")
    await hall.admit("plc_a")
    booked = await hall.book("plc_a", 1)
    await hall.queue.leave(hall.event, "plc_a")
    if standing == "called":
        await hall.queue.join(hall.event, "plc_a")
        await hall.queue.release(hall.event, 10, 10)
    elif standing == "unknown":
        await hall.command("HDEL", hall.keys.place, "plc_a")
    before = await hall.record("plc_a")
    shopping = await hall.command("ZCARD", hall.keys.admission)
    await hall.settle(booked, "plc_a", "s", 1)
    assert await hall.record("plc_a") == before
    assert await hall.command("ZCARD", hall.keys.admission) == shopping
    assert await hall.count("ended") == 0
