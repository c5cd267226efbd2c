"""A ledger to read from, and readers whose handlers do as a test says."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from usher.keys import Keys
from usher.plumbing.lua import Runner, connect
from usher.plumbing.stream import GROUP, Consumer, Entry


class Ledger:
    """The stream of one event, from the writing side."""

    def __init__(self, runner: Runner, url: str, event: str) -> None:
        self.runner = runner
        self.url = url
        self.key = Keys(event).ledger
        self.readers: list[Reader] = []

    def reader(self, name: str, **options: Any) -> "Reader":
        """A consumer of its own, not started."""
        reader = Reader(self, name, **options)
        self.readers.append(reader)
        return reader

    async def add(self, *words: str) -> list[str]:
        """One entry per word; their ids."""
        calls = (self.runner.command("XADD", self.key, "*", "word", word) for word in words)
        return list(await asyncio.gather(*calls))

    async def length(self) -> int:
        return int(await self.runner.command("XLEN", self.key))

    async def pending(self) -> int:
        """Entries given to somebody and not acknowledged."""
        return int((await self.runner.command("XPENDING", self.key, GROUP))[0])

    async def give(self, name: str, count: int) -> None:
        """What a worker does who reads and then dies."""
        await self.runner.command("XGROUP", "CREATE", self.key, GROUP, "0", "MKSTREAM")
        await self.runner.command(
            "XREADGROUP", "GROUP", GROUP, name, "COUNT", count, "STREAMS", self.key, ">"
        )

    async def reading(self) -> list[str]:
        """The ids of the connections on which readers of this ledger wait for entries."""
        clients = str(await self.runner.command("CLIENT", "LIST"))
        return [
            line.split()[0].removeprefix("id=")
            for line in clients.splitlines()
            if f"name={self.key} " in line and "cmd=xreadgroup" in line
        ]

    async def done(self) -> None:
        """Returns once nothing is left, neither new nor pending."""
        await until(self.empty)

    async def empty(self) -> bool:
        return await self.length() == 0 and await self.pending() == 0


class Reader:
    """A consumer whose handler notes what it is given, after doing what `task` says."""

    def __init__(
        self,
        ledger: Ledger,
        name: str,
        *,
        batch_max: int = 10,
        task: Callable[[list[str]], Awaitable[None]] | None = None,
        bury: Callable[[str], Awaitable[None]] | None = None,
        kind: type[Consumer] = Consumer,
    ) -> None:
        self.given: list[list[str]] = []  # batches as they came
        self.handled: list[str] = []  # words of batches that went through
        self.buried: list[tuple[str, str]] = []
        self._task = task
        self._grave = bury
        self.consumer = kind(
            connect(ledger.url, 2, client_name=ledger.key),
            ledger.key,
            self._handle,
            self._bury,
            batch_max=batch_max,
            name=name,
        )

    async def _handle(self, batch: list[Entry]) -> None:
        words = [entry.fields.get("word", "nothing") for entry in batch]
        self.given.append(words)
        if self._task is not None:
            await self._task(words)
        self.handled += words

    async def _bury(self, entry: Entry, why: str) -> None:
        if self._grave is not None:
            await self._grave(entry.fields["word"])
        self.buried.append((entry.fields["word"], why))


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Waits for what must come; a test that waits for ever has failed."""
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.01)
