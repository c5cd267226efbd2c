import asyncio

import pytest

from tests.lua.hall import Hall
from usher import limits
from usher.seat.scripts import Closed, Gone, Held, Lapsed, Mismatch, OverLimit, Taken

pytestmark = pytest.mark.anyio


async def test_all_the_seats_are_held(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    reply = await hall.twice(lambda: hall.seat.hold(hall.event, "hld_1", "plc_a", "d", 3, 5, 4))
    assert isinstance(reply, Held)
    assert reply.seats == [3, 5, 4]
    assert reply.cap_ms > reply.due_ms > reply.left_ms
    assert await hall.states() == "...hhh...."
    assert (await hall.entries("feed"))[-1] == {"h": "3,5,4"}
    assert await hall.fan("plc_a") == 3
    due = await hall.command("ZSCORE", hall.keys.hold_due, "hld_1")
    assert float(due) == reply.due_ms


async def test_a_seat_named_twice_is_held_once(hall: Hall) -> None:
    await hall.open(seats_max=2)
    await hall.admit("plc_a")
    reply = await hall.twice(lambda: hall.seat.hold(hall.event, "hld_1", "plc_a", "d", 7, 7, 2, 7))
    assert isinstance(reply, Held)
    assert reply.seats == [7, 2]
    assert await hall.fan("plc_a") == 2


async def test_whatever_is_not_free_is_taken_and_named(hall: Hall) -> None:
    await hall.build("..x.s..c..")
    await hall.set()
    await hall.admit("plc_a", "plc_b")
    await hall.hold("plc_b", 3)
    reply = await hall.refused(hall.seat.hold(hall.event, "hld_1", "plc_a", "d", 0, 2, 3, 4, 7, 1))
    assert reply == Taken([2, 3, 4, 7])


@pytest.mark.parametrize("index", [10, 11, 4_000_000_000, -1, -10, -11])
async def test_a_seat_that_does_not_exist_is_taken(hall: Hall, index: int) -> None:
    await hall.open(10)
    await hall.admit("plc_a")
    reply = await hall.refused(hall.seat.hold(hall.event, "hld_1", "plc_a", "d", 0, index))
    assert reply == Taken([index])


async def test_no_seat_is_not_a_hold(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    assert await hall.refused(hall.seat.hold(hall.event, "hld_1", "plc_a", "d")) == Taken([])


async def test_a_fan_may_have_so_many_and_no_more(hall: Hall) -> None:
    await hall.open(seats_max=4)
    await hall.admit("plc_a")
    over = await hall.refused(hall.seat.hold(hall.event, "hld_0", "plc_a", "d", 0, 1, 2, 3, 4))
    assert over == OverLimit(0, 4)
    await hall.hold("plc_a", 0, 1, 2)
    over = await hall.refused(hall.seat.hold(hall.event, "hld_0", "plc_a", "d", 8, 9))
    assert over == OverLimit(3, 4)
    await hall.hold("plc_a", 9)
    assert await hall.fan("plc_a") == 4


async def test_the_limit_counts_what_was_claimed_and_bought(hall: Hall) -> None:
    await hall.open(seats_max=3)
    await hall.admit("plc_a")
    await hall.book("plc_a", 0)
    bought = await hall.book("plc_a", 1)
    await hall.settle(bought, "plc_a", "s", 1)
    await hall.admit("plc_a")  # again: who has bought is done shopping
    over = await hall.refused(hall.seat.hold(hall.event, "hld_9", "plc_a", "d", 5, 6))
    assert over == OverLimit(2, 3)


async def test_the_largest_hold(hall: Hall) -> None:
    most = limits.hold_seats_max
    await hall.open(most, seats_max=most)
    await hall.admit("plc_a")
    await hall.hold("plc_a", *range(most))
    assert await hall.states() == "h" * most


async def test_the_last_seat_and_then_none(hall: Hall) -> None:
    await hall.open(1)
    await hall.admit("plc_a", "plc_b")
    held = await hall.hold("plc_a", 0)
    late = await hall.refused(hall.seat.hold(hall.event, "hld_b", "plc_b", "d", 0))
    assert late == Taken([0])
    await hall.claim(held, "plc_a")
    await hall.settle(held, "plc_a", "s", 0)
    late = await hall.refused(hall.seat.hold(hall.event, "hld_b", "plc_b", "d", 0))
    assert late == Closed("sold_out")


async def test_only_who_is_admitted_may_hold(hall: Hall) -> None:
    await hall.open(mode="queued")

    async def hold(place: str) -> object:
        return await hall.refused(hall.seat.hold(hall.event, f"hld_{place}", place, "d", 0))

    assert await hold("plc_stranger") == Lapsed()
    await hall.queue.join(hall.event, "plc_a")
    assert await hold("plc_a") == Lapsed()
    await hall.queue.release(hall.event, 10, 10)
    assert await hold("plc_a") == Lapsed(), "called is not admitted"
    await hall.queue.claim(hall.event, "plc_a")
    await hall.hold("plc_a", 0)
    await hall.queue.leave(hall.event, "plc_a")
    assert await hold("plc_a") == Lapsed()


async def test_an_admission_that_is_over_admits_no_more(hall: Hall) -> None:
    await hall.open(shop_s=0)
    await hall.admit("plc_a")
    assert await hall.refused(hall.seat.hold(hall.event, "h", "plc_a", "d", 0)) == Lapsed()


@pytest.mark.parametrize("state", ["draft", "lobby", "paused", "closed"])
async def test_only_an_open_sale_gives_holds(hall: Hall, state: str) -> None:
    await hall.open()
    await hall.admit("plc_a")
    await hall.set(state=state)
    reply = await hall.refused(hall.seat.hold(hall.event, "hld_1", "plc_a", "d", 0))
    assert reply == Closed(state)


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    reply = await nowhere.refused(nowhere.seat.hold(nowhere.event, "hld_1", "plc_a", "d", 0))
    assert reply == Closed("lost")


async def test_a_replay_after_the_end_does_not_hold_anew(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1)
    await hall.seat.free(hall.event, held, "plc_a")
    assert await hall.refused(hall.seat.hold(hall.event, held, "plc_a", "print", 1)) == Gone()


async def test_a_replay_after_the_due_is_told_gone_before_any_sweep(hall: Hall) -> None:
    await hall.open(hold_s=0)
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1)
    assert await hall.states() == ".h........"
    assert await hall.refused(hall.seat.hold(hall.event, held, "plc_a", "print", 1)) == Gone()


async def test_a_replay_is_answered_whatever_became_of_the_sale(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    held = await hall.hold("plc_a", 1, 2)
    await hall.queue.leave(hall.event, "plc_a")
    await hall.set(state="closed")
    for _ in range(2):  # held, then claimed
        reply = await hall.refused(hall.seat.hold(hall.event, held, "plc_a", "print", 1, 2))
        assert isinstance(reply, Held)
        assert reply.seats == [1, 2]
        assert 0 < reply.left_ms < reply.due_ms
        await hall.claim(held, "plc_a")


async def test_one_id_two_requests(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    held = await hall.hold("plc_a", 1)
    other = await hall.refused(hall.seat.hold(hall.event, held, "plc_a", "other", 1))
    assert other == Mismatch()
    stolen = await hall.refused(hall.seat.hold(hall.event, held, "plc_b", "print", 1))
    assert stolen == Mismatch()


async def test_many_fans_one_seat(hall: Hall) -> None:
    await hall.open(3)
    fans = [f"plc_{n}" for n in range(50)]
    await hall.admit(*fans)
    replies = await asyncio.gather(
        *(hall.seat.hold(hall.event, f"hld_{fan}", fan, "d", 0, 1) for fan in fans)
    )
    assert sum(isinstance(reply, Held) for reply in replies) == 1
    assert replies.count(Taken([0, 1])) == len(fans) - 1
