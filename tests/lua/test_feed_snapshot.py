import pytest

from tests.lua.hall import COUNTERS, Hall
from usher.feed.scripts import Lost, Snapshot

pytestmark = pytest.mark.anyio


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(nowhere.feed.snapshot(nowhere.event)) == Lost()


async def test_every_seat_and_the_id_it_is_the_state_at(hall: Hall) -> None:
    await hall.open(4)
    await hall.admit("plc_a")
    await hall.hold("plc_a", 1)
    reply = await hall.refused(hall.feed.snapshot(hall.event))
    (last,) = await hall.command("XREVRANGE", hall.keys.feed, "+", "-", "COUNT", 1)
    assert reply == Snapshot(last[0], ".h..")


async def test_a_feed_that_was_emptied_is_at_its_beginning(hall: Hall) -> None:
    await hall.open(2)
    await hall.command("DEL", hall.keys.feed)
    assert await hall.refused(hall.feed.snapshot(hall.event)) == Snapshot("0-0", "..")


async def test_a_snapshot_and_later_changes_are_any_later_snapshot(hall: Hall) -> None:
    await hall.open(6, seats_max=6)
    await hall.admit("plc_a")
    first = await hall.feed.snapshot(hall.event)
    assert isinstance(first, Snapshot)
    held = await hall.hold("plc_a", 0, 1)
    await hall.book("plc_a", 2)
    await hall.seat.free(hall.event, held, "plc_a")
    await hall.seat.amend(hall.event, 5, "x")
    await hall.feed.notice(hall.event, "hello")
    pulled = await hall.feed.pull(hall.event, first.feed_id, "0-0", 100)
    seats = list(first.states)
    for _, (word, value) in pulled.feed_entries:
        if word in COUNTERS:
            for index in value.split(","):
                seats[int(index)] = word
    last = await hall.feed.snapshot(hall.event)
    assert isinstance(last, Snapshot)
    assert "".join(seats) == last.states == "..c..x"
    assert pulled.feed_entries[-1][0] == last.feed_id
