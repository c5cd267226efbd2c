"""The consumer's connection is cut in the middle of an acknowledgement, byte for byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from usher.embedded import Embedded
from usher.keys import Keys
from usher.plumbing.lua import Runner, connect
from usher.plumbing.stream import Consumer, Entry

pytestmark = pytest.mark.anyio


class Wire:
    """Between a client and a server; cut once, where the client first says `word`."""

    def __init__(self, url: str, word: bytes) -> None:
        self._url = urlsplit(url)
        self._word = word
        self.cut = False
        self.port = 0

    @property
    def url(self) -> str:
        """The server's address, by way of this wire."""
        return self._url._replace(netloc=f":{self._url.password}@127.0.0.1:{self.port}").geturl()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._url.hostname, self._url.port)
        answers = asyncio.create_task(self._pass_on(there, writer))
        try:
            while said := await reader.read(65_536):
                before, found, _ = said.partition(self._word)
                if found and not self.cut:
                    self.cut = True
                    back.write(before)
                    await back.drain()
                    await asyncio.sleep(0.05)  # the server reads what came before
                    return
                back.write(said)
                await back.drain()
        finally:
            answers.cancel()
            back.close()
            writer.close()

    async def _pass_on(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await there.read(65_536):
            writer.write(said)
            await writer.drain()


@asynccontextmanager
async def wire(url: str, word: bytes) -> AsyncIterator[Wire]:
    """A wire that carries as long as the `async with` lasts."""
    found = Wire(url, word)
    server = await asyncio.start_server(found.carry, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()


@pytest.mark.parametrize("word", [b"XACK", b"XDEL", b"EXEC"])
async def test_an_entry_is_acknowledged_and_deleted_or_neither(
    servers: Embedded, runner: Runner, event: str, word: bytes
) -> None:
    key = Keys(event).named(("ledger",))[0]
    handled: list[str] = []

    async def handle(entries: list[Entry]) -> None:
        handled.extend(entry.id for entry in entries)

    async def bury(entry: Entry, fault: str) -> None:
        raise AssertionError(f"{entry.id} was buried: {fault}")

    for n in range(3):
        await runner.command("XADD", key, "*", "n", n)
    async with wire(servers.redis_url, word) as between:
        consumer = Consumer(connect(between.url, 2), key, handle, bury, batch_max=10)
        consumer.start()
        try:
            for _ in range(60):
                if between.cut and not await runner.command("XLEN", key):
                    break
                await asyncio.sleep(0.05)
        finally:
            await consumer.stop()
    assert between.cut
    assert len(set(handled)) == 3
    assert await runner.command("XLEN", key) == 0
