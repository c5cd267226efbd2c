"""A receiver of webhooks: a real HTTP server that answers as it is told and keeps what it got."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any, NamedTuple

from aiohttp import web
from standardwebhooks import Webhook


class Post(NamedTuple):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def read(self, secret: str) -> dict[str, Any]:
        """The message, its signature verified by the library that receivers use."""
        told: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        assert told == json.loads(self.body)
        return told


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """`answers` are given one after the other, then `otherwise` for ever."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[Post] = []
        self.open = self.most_open = 0
        self.answers: list[Answer] = []
        self.otherwise: Answer = says(200)

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Post(request.path_qs, headers, await request.read()))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await (self.answers.pop(0) if self.answers else self.otherwise)(request)
        finally:
            self.open -= 1

    async def until(self, number: int) -> list[Post]:
        """What came, as soon as it is so many."""
        for _ in range(1_500):
            if len(self.got) >= number:
                return self.got
            await asyncio.sleep(0.02)
        raise AssertionError(f"{len(self.got)} of {number} came")


def says(status: int, text: str = "thanks", **headers: str) -> Answer:
    """Answers at once."""

    async def answer(_: web.Request) -> web.StreamResponse:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=told)

    return answer


async def hangs(_: web.Request) -> web.StreamResponse:
    """Says nothing until who asks has had enough."""
    await asyncio.sleep(3_600)
    raise AssertionError("nobody waits so long")


async def babbles(request: web.Request) -> web.StreamResponse:
    """200, and then never stops."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b"\x00<script>\xff" * 10_000)


@asynccontextmanager
async def receiving(tls: SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine; over TLS where it has a certificate."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
