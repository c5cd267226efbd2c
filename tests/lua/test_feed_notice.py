import pytest

from tests.lua.hall import Hall
from usher.feed.scripts import Lost, Noticed
from usher.queue.scripts import Curve

pytestmark = pytest.mark.anyio


async def test_an_event_that_was_lost_says_so(nowhere: Hall) -> None:
    assert await nowhere.refused(nowhere.feed.notice(nowhere.event, "hello")) == Lost()


async def test_those_who_are_here_hear_it_and_those_who_come_find_it(hall: Hall) -> None:
    await hall.open()
    text = "Doors at 7 | « grüße » 'quoted'"
    reply = await hall.twice(lambda: hall.feed.notice(hall.event, text))
    assert isinstance(reply, Noticed)
    entries = await hall.feed.pull(hall.event, "0-0", "0-0", 10)
    assert entries.feed_entries[-1] == (reply.feed_id, ["notice", text])
    curve = await hall.queue.curve(hall.event)
    assert isinstance(curve, Curve)
    assert curve.notice == text


async def test_a_notice_can_be_changed_taken_back_and_said_again(hall: Hall) -> None:
    await hall.open()
    ids = []
    for text in ("one", "two", "", "one"):
        reply = await hall.feed.notice(hall.event, text)
        assert isinstance(reply, Noticed)
        ids.append(reply.feed_id)
        assert await hall.gate("notice") == text
    assert len(set(ids)) == 4
    told = [entry["notice"] for entry in await hall.entries("feed") if "notice" in entry]
    assert told == ["one", "two", "", "one"]
