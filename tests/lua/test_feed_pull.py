import pytest

from tests.lua.hall import Hall
from usher.feed.scripts import Pulled

pytestmark = pytest.mark.anyio


async def test_an_event_without_news(nowhere: Hall) -> None:
    reply = await nowhere.refused(nowhere.feed.pull(nowhere.event, "0-0", "0-0", 10))
    assert reply == Pulled([], [])


async def test_what_happened_since_public_and_private(hall: Hall) -> None:
    await hall.open(4, mode="queued")
    await hall.queue.join(hall.event, "plc_a")
    await hall.queue.release(hall.event, 1, 1)
    await hall.settle("hld_lost", "plc_b", "s", 2)
    everything = await hall.refused(hall.feed.pull(hall.event, "0-0", "0-0", 10))
    assert [fields[0] for _, fields in everything.feed_entries] == ["reset", "state", "s"]
    assert [fields[0] for _, fields in everything.signal_entries] == ["called", "booking"]
    feed_at, signal_at = everything.feed_entries[1][0], everything.signal_entries[1][0]
    since = await hall.feed.pull(hall.event, feed_at, signal_at, 10)
    assert since.feed_entries == everything.feed_entries[2:]
    assert since.signal_entries == []


async def test_a_pull_gives_no_more_than_it_may(hall: Hall) -> None:
    await hall.open(6)
    await hall.seat.amend(hall.event, 0, "x")
    for n in range(3):
        await hall.settle(f"hld_{n}", "plc_a", "s", n)
    one = await hall.feed.pull(hall.event, "0-0", "0-0", 2)
    assert (len(one.feed_entries), len(one.signal_entries)) == (2, 2)
    seen_feed, seen_signal = [], []
    at, by = "0-0", "0-0"
    while (reply := await hall.feed.pull(hall.event, at, by, 1)).feed_entries:
        seen_feed += reply.feed_entries
        at = reply.feed_entries[-1][0]
        if reply.signal_entries:
            seen_signal += reply.signal_entries
            by = reply.signal_entries[-1][0]
    assert len({feed_id for feed_id, _ in seen_feed}) == len(seen_feed) == 6
    assert len(seen_signal) == 3
