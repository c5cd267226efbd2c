"""The hub where a server fails it in the middle, on the real servers."""

import asyncio
from typing import Any

import pytest

from tests.sale import put_on_sale
from usher.errors import Unavailable
from usher.feed import positions, service
from usher.feed.scripts import Lost, Snapshot
from usher.feed.streams import BookingStream, PlaceStream, Room, SeatStream
from usher.ids import new_id
from usher.keys import Keys
from usher.plumbing.sse import GOODBYE, Chunk, Stream
from usher.sale.model import SaleChange
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is pushed to streams that have no connection; the last of one that was ended."""
    told: list[bytes] = []

    def push(_: Stream, news: Chunk) -> bool:
        told.append(news)
        return True

    def end(stream: Stream, last: Chunk) -> None:
        told.append(last)
        stream.open = False

    monkeypatch.setattr(Stream, "push", push)
    monkeypatch.setattr(Stream, "end", end)
    return told


@pytest.fixture
async def room(house: House) -> tuple[str, Room]:
    """An event's id, and its room, which has heard everything."""
    event = await put_on_sale(house, rows_by_columns(1, 4), gate_state="paused")
    room = house.hub._room(event)
    room.feed_id, _ = await house.hub.seat_messages(event, "")
    return event, room


async def watching(house: House, event: str) -> SeatStream:
    stream = SeatStream()
    stream.open = True
    at, _ = await house.hub.seat_messages(event, "")
    await house.hub.add_seats(event, stream, at)
    return stream


async def lay_out_anew(house: House, event: str) -> None:
    """As the feed says it after a loss of Redis."""
    await house.runner.command("XADD", Keys(event).named(("feed",))[0], "*", "reset", "1")


async def test_a_snapshot_that_could_not_be_had_is_told_at_the_next_tick(
    house: House, room: tuple[str, Room], told: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    event, there = room
    await watching(house, event)
    await lay_out_anew(house, event)
    snapshot, away = house.feed_scripts.snapshot, [True]

    async def refused_once(event: str) -> Snapshot | Lost:
        if away.pop() if away else False:
            raise Unavailable("Redis did not answer")
        return await snapshot(event)

    monkeypatch.setattr(house.feed_scripts, "snapshot", refused_once)
    with pytest.raises(Unavailable):
        await house.hub._tick(event, there)
    assert not told
    await house.hub._tick(event, there)
    assert len(told) == 1
    assert b"event: snapshot" in told[0]
    await house.hub._tick(event, there)
    assert len(told) == 1


async def test_seats_laid_out_anew_while_a_stream_begins_send_it_back(
    house: House, room: tuple[str, Room], told: list[bytes]
) -> None:
    event, there = room
    at, _ = await house.hub.seat_messages(event, "")
    await lay_out_anew(house, event)
    await house.hub._tick(event, there)
    stream = SeatStream()
    stream.open = True
    await house.hub.add_seats(event, stream, at)
    assert told == [GOODBYE]
    assert not there.seats


async def test_a_place_that_has_left_is_not_told_that_it_waits(
    house: House, room: tuple[str, Room], told: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the look-up after the signal is refused: nobody signals it again."""
    event, there = room
    await house.queue.join(event, new_id("fan"))
    joined = await house.queue.join(event, new_id("fan"))
    place = house.queue.place_of(event, joined.place_token)
    away = False

    async def refresh() -> dict[str, Any]:
        if away:
            raise Unavailable("Redis did not answer")
        return await house.queue.place(place)

    stream = PlaceStream(place.place_id, refresh)
    await house.hub.add_place(event, stream)
    await house.hub._tick(event, there)
    assert stream.state == "waiting"
    monkeypatch.setattr(service, "STILL_S", 0.0)
    away = True
    await house.queue.leave(place)
    told.clear()
    await house.hub._tick(event, there)
    await asyncio.sleep(0.1)
    away = False
    for _ in range(50):
        there.curve_at = 0.0
        await house.hub._tick(event, there)
        if stream.state == "left":
            break
        await asyncio.sleep(0.05)
    assert [b'"left"' in news for news in told] == [True]


async def test_who_comes_when_it_is_over_is_looked_up_once(
    house: House, room: tuple[str, Room], told: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And told the end again and again at no price (invariant 7); also that it was none."""
    event, there = room
    monkeypatch.setattr(positions, "OVER_S", 0.0)
    joined = await house.queue.join(event, new_id("fan"))
    place = house.queue.place_of(event, joined.place_token)
    await house.sales.change(event, "test", SaleChange(state="closed"))
    await house.curves.of(event, fresh_s=0)
    asked = 0

    async def refresh() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return await house.queue.place(place)

    stream = PlaceStream(place.place_id, refresh)
    await house.hub.add_place(event, stream)
    for _ in range(5):
        there.curve_at = 0.0
        await house.hub._tick(event, there)
        await asyncio.sleep(0.02)
    assert len(told) == 6
    assert all(b'"reason":"closed"' in news for news in told)
    assert asked == 1
    await house.sales.change(event, "test", SaleChange(state="open"))
    for _ in range(50):
        there.curve_at = 0.0
        await house.hub._tick(event, there)
        if stream.state == "waiting":
            break
        await asyncio.sleep(0.05)
    assert asked == 2


async def test_a_booking_is_told_once_its_database_answers(
    house: House, room: tuple[str, Room], told: list[bytes]
) -> None:
    event, there = room
    state = "awaiting_payment"
    away = False

    async def refresh() -> dict[str, Any]:
        if away:
            raise Unavailable("PostgreSQL did not answer")
        return {"state": state}

    stream = BookingStream("bkg_1", refresh)
    await house.hub.add_booking(event, stream)
    await house.hub._tick(event, there)
    away, state = True, "confirmed"
    house.hub._hear(event, there, [("1-0", ["booking", "bkg_1"])])
    await asyncio.sleep(0.05)
    assert len(told) == 1
    away = False
    for _ in range(50):
        await house.hub._tick(event, there)
        if stream.state == "confirmed":
            break
        await asyncio.sleep(0.02)
    assert len(told) == 2
    assert b"confirmed" in told[1]


async def test_a_place_is_due_once() -> None:
    async def refresh() -> dict[str, Any]:
        return {}

    there, stream = Room(), PlaceStream("plc_a", refresh)
    for at in (10.0, 12.0, 10.0):
        there.wake(stream, at)
    assert there.due(9.9) == []
    assert there.due(11.0) == [stream]
    assert there.due(13.0) == []
