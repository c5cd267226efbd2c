"""seat/offer, and what a list that is called does to everybody else."""

import asyncio

import pytest

from tests.lua.hall import Hall, row
from usher.queue.scripts import Curve, Idle, Shut, StillWaiting, Waiting
from usher.seat.scripts import Closed, Few, Gone, Held, Mismatch, OverLimit

pytestmark = pytest.mark.anyio


async def _offer(
    hall: Hall, want: int, *, name: str = "h", place: str = "plc_w", digest: str = "offer"
) -> object:
    count = len(await hall.states())
    return await hall.seat.offer(hall.event, name, place, digest, 0, 0, count, want, 0, 3_600)


async def test_the_best_seats_without_an_admission(hall: Hall) -> None:
    await hall.build("." * 12, row(0, 12, focus=6))
    await hall.set()
    held = await hall.twice(lambda: _offer(hall, 3))
    assert isinstance(held, Held)
    assert held.seats == [5, 6, 7]
    assert 3_590_000 < held.left_ms <= 3_600_000
    assert await hall.fan("plc_w") == 3
    assert await hall.count("held") == 3


async def test_it_cannot_be_extended(hall: Hall) -> None:
    await hall.open()
    held = await _offer(hall, 2)
    assert isinstance(held, Held)
    assert held.cap_ms == held.due_ms
    again = await hall.refused(hall.seat.extend(hall.event, "h", "plc_w"))
    assert isinstance(again, Held)
    assert again.due_ms == held.due_ms


async def test_seats_kept_for_the_list_are_offered(hall: Hall) -> None:
    await hall.open()
    await hall.waitlist.call(hall.event)
    assert isinstance(await _offer(hall, 2), Held)


async def test_only_while_the_sale_goes_on(hall: Hall) -> None:
    await hall.open()
    for state in ("paused", "closed"):
        await hall.set(state=state)
        assert await hall.refused(_offer(hall, 1)) == Closed(state)
    # What was offered before stands.
    await hall.set(state="open")
    held = await _offer(hall, 1)
    assert isinstance(held, Held)
    await hall.set(state="closed")
    again = await hall.refused(_offer(hall, 1))
    assert isinstance(again, Held)
    assert again.seats == held.seats


async def test_who_does_not_fit_is_told_what_would(hall: Hall) -> None:
    await hall.build("..s...s", row(0, 7))
    await hall.set()
    assert await hall.refused(_offer(hall, 4)) == Few(3)
    assert await hall.refused(_offer(hall, 0)) == Few(0)


async def test_no_more_than_a_fan_may_have(hall: Hall) -> None:
    await hall.open(seats_max=2)
    assert await hall.refused(_offer(hall, 3)) == OverLimit(0, 2)


async def test_an_offer_that_was_let_go_is_not_made_again(hall: Hall) -> None:
    await hall.open()
    await _offer(hall, 1)
    assert await hall.refused(_offer(hall, 1, place="plc_other")) == Mismatch()
    assert await hall.refused(_offer(hall, 1, digest="other")) == Mismatch()
    await hall.seat.free(hall.event, "h", "plc_w")
    assert await hall.refused(_offer(hall, 1)) == Gone()


# --- the list, and everybody else


async def _mask(hall: Hall, listed: str) -> None:
    """A queued sale with one who is called, one inside, some who wait; then the list is called."""
    await hall.open(mode="queued", rate=60, capacity=10)
    for name in ("plc_called", "plc_late"):
        await hall.queue.join(hall.event, name)
    await hall.queue.release(hall.event, 1, 10)
    await hall.admit("plc_in")
    if listed != "1":
        seq = (await hall.waitlist.look(hall.event)).seq  # type: ignore[union-attr]
        await hall.waitlist.set(hall.event, "0", seq)
    if listed != "0":
        await hall.waitlist.call(hall.event)
    assert await hall.gate("listed") == listed


async def _hold(hall: Hall) -> object:
    return await hall.seat.hold(hall.event, "h1", "plc_in", "print", 0)


async def _best(hall: Hall) -> object:
    return await hall.seat.best(hall.event, "h2", "plc_in", "print", 0, 0, 10, 1, 0)


async def test_seats_of_the_list_are_nobody_elses(hall: Hall) -> None:
    await _mask(hall, "1")
    shut = Shut("sold_out")
    assert await hall.refused(_hold(hall)) == Closed("sold_out")
    assert await hall.refused(_best(hall)) == Closed("sold_out")
    assert await hall.refused(hall.queue.join(hall.event, "plc_new")) == shut
    assert await hall.refused(hall.queue.claim(hall.event, "plc_called")) == shut
    assert await hall.refused(hall.queue.place(hall.event, "plc_late")) == shut
    idle = await hall.refused(hall.queue.release(hall.event, 10, 10))
    assert isinstance(idle, Idle)
    assert idle.reason == "sold_out"
    curve = await hall.queue.curve(hall.event)
    assert isinstance(curve, Curve)
    assert (curve.state, curve.listed, curve.free) == ("sold_out", "1", 10)


async def test_until_the_list_has_been_looked_through_nothing_is_held(hall: Hall) -> None:
    """The line is told nothing: in a moment these seats may be on public sale."""
    await _mask(hall, "2")
    assert await hall.refused(_hold(hall)) == Closed("sold_out")
    assert await hall.refused(_best(hall)) == Closed("sold_out")
    assert isinstance(await hall.queue.join(hall.event, "plc_new"), Waiting)
    assert isinstance(await hall.refused(hall.queue.place(hall.event, "plc_late")), StillWaiting)
    late = await hall.refused(hall.queue.claim(hall.event, "plc_late"))
    assert isinstance(late, StillWaiting)
    curve = await hall.queue.curve(hall.event)
    assert isinstance(curve, Curve)
    assert (curve.state, curve.listed) == ("open", "2")


async def test_what_nobody_on_the_list_wants_is_on_public_sale(hall: Hall) -> None:
    await _mask(hall, "0")
    assert isinstance(await _hold(hall), Held)
    assert isinstance(await _best(hall), Held)
    curve = await hall.queue.curve(hall.event)
    assert isinstance(curve, Curve)
    assert (curve.state, curve.listed) == ("open", "0")


async def test_every_way_back_of_a_seat_calls_the_list(hall: Hall) -> None:
    await hall.open(20, seats_max=20)
    await hall.admit("plc_a")
    let_go = await hall.hold("plc_a", 0)
    unpaid = await hall.book("plc_a", 1)
    await hall.hold("plc_a", 2)
    await hall.seat.block(hall.event, 0, 1, 3)
    await hall.seat.amend(hall.event, 4, "x")

    async def again() -> int:
        """Looked through: what is left is on public sale."""
        look = await hall.waitlist.look(hall.event)
        await hall.waitlist.set(hall.event, "0", look.seq)  # type: ignore[union-attr]
        return int(look.seq)  # type: ignore[union-attr]

    async def called(seq: int) -> None:
        assert await hall.gate("listed") == "2"
        assert await hall.count("list_seq") > seq

    seq = await again()
    await hall.seat.free(hall.event, let_go, "plc_a")
    await called(seq)
    seq = await again()
    await hall.settle(unpaid, "plc_a", ".", 1)
    await called(seq)
    seq = await again()
    sold = await hall.book("plc_a", 8)
    await hall.settle(sold, "plc_a", "s", 8)
    await hall.seat.unsell(hall.event, sold, f"bkg_{sold}", "refunded", "plc_a", 8)
    await called(seq)
    seq = await again()
    await hall.seat.block(hall.event, 0, 0, 3)
    await called(seq)
    seq = await again()
    await hall.seat.amend(hall.event, 4, ".")
    await called(seq)
    seq = await again()
    await hall.set(hold_s=0)
    await hall.admit("plc_b")
    assert isinstance(await hall.seat.hold(hall.event, "short", "plc_b", "print", 5), Held)
    await asyncio.sleep(0.01)
    await hall.seat.sweep(hall.event, 10)
    await called(seq)
    # Without a list nothing is called, and nothing counted.
    look = await hall.waitlist.look(hall.event)
    await hall.waitlist.set(hall.event, "", look.seq)  # type: ignore[union-attr]
    other = await hall.hold("plc_b", 7)
    await hall.seat.free(hall.event, other, "plc_b")
    assert await hall.gate("listed") is None
    assert await hall.count("list_seq") == look.seq  # type: ignore[union-attr]
