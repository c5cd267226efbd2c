"""Several readers of one ledger who die, lose their connections and choke: nothing is lost.

The same with a reader that acknowledges before it has handled must lose something.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from typing import Final

import pytest

from tests.lua.ledger import Ledger, Reader, until
from usher.embedded import Embedded
from usher.errors import Unavailable
from usher.plumbing import stream
from usher.plumbing.lua import Runner
from usher.plumbing.stream import Consumer, Entry

SECONDS: Final = float(os.environ.get("USHER_RACE_S", "4")) / 2
READERS: Final = 4
POISON: Final = "poison"


class Hasty(Consumer):
    """Acknowledges what it has not handled yet."""

    async def _process(self, batch: list[Entry]) -> None:
        await self._done([entry.id for entry in batch])
        await super()._process(batch)


class Chaos:
    """Readers on one ledger, and what becomes of them."""

    def __init__(self, ledger: Ledger, kind: type[Consumer]) -> None:
        self.ledger = ledger
        self.kind = kind
        self.committed: set[str] = set()
        self.written: set[str] = set()
        self.deaths = self.cuts = 0
        self._random = random.Random(11)
        self._names = 0
        self.alive = [self._start() for _ in range(READERS)]

    def _start(self, name: str = "") -> Reader:
        self._names += 1
        reader = self.ledger.reader(
            name or f"reader-{self._names}", batch_max=20, task=self._handle, kind=self.kind
        )
        reader.consumer.start()
        return reader

    async def _handle(self, words: list[str]) -> None:
        await asyncio.sleep(self._random.uniform(0, 0.01))
        if self._random.random() < 0.03:
            raise Unavailable("PostgreSQL is away")
        if any(word.startswith(POISON) for word in words):
            raise ValueError("cannot be read")
        self.committed |= set(words)  # from here on it is durable

    async def write(self) -> None:
        """A few entries at a time, now and then one that nobody can read."""
        while True:
            first = len(self.written)
            words = [f"{POISON if n % 400 == 399 else 'word'}-{n}" for n in range(first, first + 8)]
            self.written |= set(words)
            await asyncio.shield(self.ledger.add(*words))
            await asyncio.sleep(0.004)

    async def harm(self) -> None:
        """Kills a reader as a crash would; another comes, under its name or a new one."""
        while True:
            await asyncio.sleep(0.08)
            at = self._random.randrange(READERS)
            victim = self.alive[at].consumer
            victim.start().cancel()  # which is its task, as it has been started
            self.deaths += 1
            self.alive[at] = self._start(victim.name if self._random.random() < 0.5 else "")

    async def cut(self) -> None:
        """Cuts connections of readers, whether they wait or are just being answered."""
        while True:
            await asyncio.sleep(0.1)
            if reading := await self.ledger.reading():
                connection = self._random.choice(reading)
                await self.ledger.runner.command("CLIENT", "KILL", "ID", connection)
                self.cuts += 1

    async def _enough(self) -> bool:
        """Calm weather proves nothing, and on a busy machine less happens in the same time."""
        return len(self.written) > 500 and self.deaths > 5 and self.cuts > 3

    async def run(self) -> set[str]:
        """What was written and never committed, once the ledger is empty."""
        tasks = [asyncio.create_task(work) for work in (self.write(), self.harm(), self.cut())]
        await asyncio.sleep(SECONDS)
        await until(self._enough)
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
        await until(self.ledger.empty)
        return {word for word in self.written - self.committed if not word.startswith(POISON)}


@pytest.fixture
async def ledger(
    servers: Embedded, runner: Runner, event: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ledger]:
    monkeypatch.setattr(stream, "BLOCK_MS", 20)
    monkeypatch.setattr(stream, "IDLE_MS", 150)
    monkeypatch.setattr(stream, "LOOK_S", 0.05)
    monkeypatch.setattr(stream, "_PAUSE_S", (0.02,))
    ledger = Ledger(runner, servers.redis_url, event)
    yield ledger
    for reader in ledger.readers:
        await reader.consumer.stop()


@pytest.mark.anyio
async def test_nothing_written_is_lost_and_nothing_stays(ledger: Ledger) -> None:
    chaos = Chaos(ledger, Consumer)
    assert await chaos.run() == set()
    buried = {word for reader in ledger.readers for word, _ in reader.buried}
    poisoned = {word for word in chaos.written if word.startswith(POISON)}
    assert buried == poisoned != set()


@pytest.mark.anyio
async def test_who_acknowledges_first_loses_something(ledger: Ledger) -> None:
    assert await Chaos(ledger, Hasty).run() != set()
