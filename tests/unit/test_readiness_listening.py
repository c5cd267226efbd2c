"""Listening to a stream: news that comes at once, late, never; beats; an end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from usher.rehearsal.readiness.front import StreamFacts
from usher.rehearsal.readiness.listening import Listener

pytestmark = pytest.mark.anyio

EVENT = "evt_1"
Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Feed:
    """A feed that is told news by the test, and passes it on as its `hold` says."""

    def __init__(self, hold: int = 0) -> None:
        self.hold = hold  # bytes that are kept back until there are so many
        self.said: asyncio.Queue[bytes] = asyncio.Queue()

    async def say(self, text: str) -> None:
        await self.said.put(b'id: 1\nevent: notice\ndata: {"text":"%b"}\n\n' % text.encode())

    async def answer(self, request: web.Request) -> web.StreamResponse:
        head = {"content-type": "text/event-stream", "cache-control": "no-store"}
        response = web.StreamResponse(headers=head)
        await response.prepare(request)
        held = b""
        while message := await self.said.get():
            held += message
            if len(held) >= self.hold:
                await response.write(held)
                held = b""
        return response


@asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get(f"/api/v1/events/{EVENT}/feed", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def heard(feed: Feed, *more: bytes, news_s: float = 5.0) -> StreamFacts:
    """What is heard of a feed that says `more` when the news is through."""
    async with serving(feed.answer) as url:
        listener = Listener(url, EVENT, news_s, pause_s=0.02)
        listening = asyncio.create_task(listener.run())
        await listener.tell(feed.say)
        for message in more:
            await feed.said.put(message)
        if b"" in more:
            await listening
        else:
            await asyncio.sleep(0.1)
        facts = listener.facts()
        listening.cancel()
        await asyncio.wait({listening})
        await feed.said.put(b"")
    return facts


async def test_news_that_comes_at_once() -> None:
    facts = await heard(Feed(), b": beat\n\n", b": beat\n\n")
    assert facts.fault == ""
    assert facts.content_type == "text/event-stream"
    assert facts.cache == "no-store"
    assert len(facts.delays_s) == 5
    assert None not in facts.delays_s
    assert facts.silence_s < facts.watched_s
    assert facts.cut_s is None


async def test_news_that_is_held_back() -> None:
    facts = await heard(Feed(hold=200), news_s=0.2)
    told = [each for each in facts.delays_s if each is not None]
    assert 0 < len(told) < 5
    # What comes together has waited for the last of it, the first of it the longest.
    assert told == sorted(told, reverse=True)
    assert facts.delays_s[-1] is None


async def test_a_stream_that_is_cut() -> None:
    assert (await heard(Feed(), b"")).cut_s is not None


async def test_a_stream_that_says_goodbye_was_not_cut() -> None:
    assert (await heard(Feed(), b"event: reconnect\ndata: {}\n\n", b"")).cut_s is None


async def test_a_stream_that_is_refused() -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.Response(status=502)

    async with serving(refuse) as url:
        listener = Listener(url, EVENT)
        listening = asyncio.create_task(listener.run())
        await listener.tell(Feed().say)
        await listening
    assert "502" in listener.facts().fault


async def test_nobody_is_there() -> None:
    listener = Listener("http://127.0.0.1:9", EVENT)
    listening = asyncio.create_task(listener.run())
    await listener.tell(Feed().say)
    await listening
    assert "does not open" in listener.facts().fault
