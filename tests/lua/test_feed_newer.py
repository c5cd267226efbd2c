import pytest

from tests.lua.hall import Hall
from usher.feed.scripts import Lost, Same, Snapshot

pytestmark = pytest.mark.anyio


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(nowhere.feed.newer(nowhere.event, "1-1")) == Lost()


async def test_what_is_known_is_not_sent_again(hall: Hall) -> None:
    await hall.open(4)
    await hall.admit("plc_a")
    first = await hall.refused(hall.feed.newer(hall.event, ""))
    assert isinstance(first, Snapshot)
    assert first.states == "...."
    assert await hall.refused(hall.feed.newer(hall.event, first.feed_id)) == Same()
    await hall.hold("plc_a", 1)
    second = await hall.refused(hall.feed.newer(hall.event, first.feed_id))
    assert second == await hall.feed.snapshot(hall.event)
    assert isinstance(second, Snapshot)
    assert second.states == ".h.."
    assert await hall.refused(hall.feed.newer(hall.event, second.feed_id)) == Same()


async def test_a_feed_that_was_emptied_is_never_known(hall: Hall) -> None:
    """Its next id says nothing of what was there before."""
    await hall.open(2)
    await hall.command("DEL", hall.keys.feed)
    assert await hall.refused(hall.feed.newer(hall.event, "0-0")) == Snapshot("0-0", "..")
