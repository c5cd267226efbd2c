"""Listening to one stream through the public address: how long news takes, how it is kept alive."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from usher.rehearsal.readiness.front import StreamFacts

_NEWS: Final = 5
PAUSE_S: Final = 0.3
# News that has not come by then will not come in time for anybody.
NEWS_S: Final = 6.0
_OPEN_S: Final = 10.0


class Listener:
    """One stream of an event. `run` listens until it is cancelled; meanwhile `tell` has news sent
    and waits for it, `news_s` at most; between two there are `pause_s`."""

    def __init__(
        self, url: str, event: str, news_s: float = NEWS_S, pause_s: float = PAUSE_S
    ) -> None:
        self._news_s = news_s
        self._pause_s = pause_s
        self._url = f"{url.rstrip('/')}/api/v1/events/{event}/feed"
        self._opened = asyncio.Event()
        self._waiting: dict[bytes, asyncio.Future[float]] = {}
        self._text = b""
        self._fault = ""
        self._head = ("", "", "")
        self._delays: list[float | None] = []
        self._heard = 0.0
        self._silence = 0.0
        self._began = 0.0
        self._cut: float | None = None
        self._goodbye = False

    async def run(self) -> None:
        """Listens; returns where the stream ends."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_OPEN_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session,
                session.get(self._url, headers={"Accept": "text/event-stream"}) as response,
            ):
                if response.status != 200:
                    self._fault = f"the stream is answered {response.status}"
                    return
                self._head = (
                    response.headers.get("content-type", ""),
                    response.headers.get("content-encoding", ""),
                    response.headers.get("cache-control", ""),
                )
                self._began = self._heard = time.monotonic()
                self._opened.set()
                async for chunk in response.content.iter_any():
                    self._take(chunk, time.monotonic())
            self._cut = time.monotonic() - self._began
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            if self._began:
                self._cut = time.monotonic() - self._began
            else:
                self._fault = f"the stream does not open: {fault or type(fault).__name__}"
        finally:
            self._opened.set()

    def _take(self, chunk: bytes, now: float) -> None:
        self._silence = max(self._silence, now - self._heard)
        self._heard = now
        self._text += chunk
        while (end := self._text.find(b"\n\n")) >= 0:
            message, self._text = self._text[:end], self._text[end + 2 :]
            self._goodbye = self._goodbye or message.startswith(b"event: reconnect")
            for mark, heard in self._waiting.items():
                if mark in message and not heard.done():
                    heard.set_result(now)

    async def tell(self, say: Callable[[str], Awaitable[object]]) -> None:
        """Has `say` put news on the event's feed, some times, and notes how long each took."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._opened.wait(), _OPEN_S)
        if not self._began:
            self._fault = self._fault or f"the stream does not open within {_OPEN_S:.0f} s"
            return
        sent: list[tuple[float, asyncio.Future[float]]] = []
        for number in range(_NEWS):
            await asyncio.sleep(self._pause_s)
            heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
            # Words that nothing else on the stream can hold.
            text = f"rehearsal {number} {time.monotonic_ns()}"
            self._waiting[text.encode()] = heard
            began = time.monotonic()
            await say(text)
            sent.append((began, heard))
        await asyncio.wait([heard for _, heard in sent], timeout=self._news_s)
        self._delays = [heard.result() - began if heard.done() else None for began, heard in sent]
        self._waiting.clear()

    def facts(self) -> StreamFacts:
        """What has been heard so far."""
        now = time.monotonic()
        watched = now - self._began if self._began else 0.0
        content_type, encoding, cache = self._head
        return StreamFacts(
            fault=self._fault,
            content_type=content_type,
            encoding=encoding,
            cache=cache,
            delays_s=self._delays,
            silence_s=max(self._silence, now - self._heard) if self._began else 0.0,
            watched_s=self._cut or watched,
            # An API process that is stopped says so: that is no fault of what stands between.
            cut_s=None if self._goodbye else self._cut,
        )
