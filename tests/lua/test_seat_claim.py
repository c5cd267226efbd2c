import pytest

from tests.lua.hall import Hall
from usher.seat.scripts import Claimed, Full, Gone, Mismatch

pytestmark = pytest.mark.anyio


async def _claim(
    hall: Hall, hold_id: str, place: str, *, digest: str = "p", most: int = 10
) -> object:
    return await hall.seat.claim(
        hall.event, hold_id, place, digest, "bkg_1", 900, most, '{"email": "a b|c"}'
    )


async def test_a_hold_becomes_a_booking_on_the_ledger(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 4, 2)
    reply = await hall.twice(lambda: _claim(hall, held, "plc_a"))
    assert isinstance(reply, Claimed)
    assert reply.seats == [4, 2]
    assert await hall.states() == "..c.c....."
    assert (await hall.entries("feed"))[-1] == {"c": "2,4"}
    (entry,) = await hall.entries("ledger")
    at = entry.pop("at")
    assert reply.due_ms == int(at) + 900_000
    assert entry == {
        "kind": "claim",
        "hold": held,
        "booking": "bkg_1",
        "due": str(reply.due_ms),
        "seats": "4,2",
        "data": '{"email": "a b|c"}',
    }
    assert await hall.command("ZCARD", hall.keys.hold_due) == 0
    assert await hall.fan("plc_a") == 2


async def test_only_the_owner_claims_what_is_still_held(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    held = await hall.hold("plc_a", 1)
    assert await hall.refused(_claim(hall, "hld_unknown", "plc_a")) == Gone()
    assert await hall.refused(_claim(hall, held, "plc_b")) == Gone()
    await hall.seat.free(hall.event, held, "plc_a")
    assert await hall.refused(_claim(hall, held, "plc_a")) == Gone()
    await hall.set(hold_s=0)
    lapsed = await hall.hold("plc_a", 2)
    assert await hall.refused(_claim(hall, lapsed, "plc_a")) == Gone()


async def test_a_hold_that_lost_a_seat_is_gone(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1, 2, 3)
    await hall.seat.amend(hall.event, 2, "s")
    assert await hall.refused(_claim(hall, held, "plc_a")) == Gone()


async def test_a_second_request_is_not_the_first(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1)
    assert isinstance(await _claim(hall, held, "plc_a", digest="p"), Claimed)
    assert await hall.refused(_claim(hall, held, "plc_a", digest="q")) == Mismatch()
    assert await hall.refused(_claim(hall, held, "plc_b", digest="p")) == Gone()


async def test_a_full_ledger_refuses_and_loses_nothing(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    first, second = await hall.hold("plc_a", 1), await hall.hold("plc_a", 2)
    assert await hall.refused(_claim(hall, first, "plc_a", most=0)) == Full()
    assert isinstance(await _claim(hall, first, "plc_a", most=1), Claimed)
    assert await hall.refused(_claim(hall, second, "plc_a", most=1)) == Full()
    # A replay needs no room.
    assert isinstance(await hall.refused(_claim(hall, first, "plc_a", most=1)), Claimed)
    assert isinstance(await _claim(hall, second, "plc_a", most=2), Claimed)


async def test_a_replay_after_the_sale_finds_its_booking(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1)
    first = await _claim(hall, held, "plc_a")
    assert isinstance(first, Claimed)
    await hall.settle(held, "plc_a", "s", 1)
    again = await hall.refused(_claim(hall, held, "plc_a"))
    assert isinstance(again, Claimed)
    assert (again.due_ms, again.seats) == (first.due_ms, [1])


async def test_a_booking_that_lapsed_is_gone(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    booked = await hall.book("plc_a", 1)
    await hall.settle(booked, "plc_a", "f", 1)
    assert await hall.refused(_claim(hall, booked, "plc_a", digest="paper")) == Gone()


async def test_claiming_needs_no_admission(hall: Hall) -> None:
    # Whoever holds seats may finish, though the time to shop ran out while they typed.
    await hall.open(mode="queued")
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1)
    await hall.queue.leave(hall.event, "plc_a")
    assert isinstance(await _claim(hall, held, "plc_a"), Claimed)
