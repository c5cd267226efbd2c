"""A worker taken apart: one whole round of its work in this process, in which every effect on
Redis or PostgreSQL is a place to die at, or to be overtaken at."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from usher.booking.jobs import Ledger, expire
from usher.booking.refunding.jobs import wind_up
from usher.keys import Keys
from usher.plumbing.postgres import Connection
from usher.plumbing.stream import Entry
from usher.wiring import House

READS: Final = frozenset(
    (
        *("seat/read", "queue/curve", "queue/place", "feed/snapshot", "feed/pull", "sale/set"),
        "waitlist/look",
    )
)


class Death(BaseException):
    """kill -9: nothing catches it."""


class Fate:
    """Comes after every effect of a house: a script that writes, a COMMIT, a single statement.

    What dies *before* an effect has died after the one before it, so this is every moment there is.
    """

    def __init__(self, house: House) -> None:
        self.effects: list[str] = []
        self._deadly = 0
        self._risk = 0.0
        self._random: random.Random | None = None
        run, connection = house.runner.script, house.database.connection

        async def script(name: str, event: str, *argv: Any) -> Any:
            reply = await run(name, event, *argv)
            if name not in READS:
                await self._after(name)
            return reply

        @asynccontextmanager
        async def statement() -> AsyncIterator[Connection]:
            async with connection() as link:
                yield link
            await self._after("statement")

        @asynccontextmanager
        async def commit() -> AsyncIterator[Connection]:
            async with connection() as link, link.transaction():
                yield link
            await self._after("commit")

        vars(house.runner)["script"] = script
        vars(house.database)["connection"] = statement
        vars(house.database)["transaction"] = commit

    def die_at(self, effect: int) -> None:
        """From now on the `effect`-th effect (1 is the first) is the last one; 0: live on."""
        self.effects, self._deadly, self._random = [], effect, None

    def overtake(self, seed: int, risk: float = 0) -> None:
        """From now on whoever has made an effect may be overtaken by everybody else, and dies
        with probability `risk`."""
        self.effects, self._deadly, self._random = [], 0, random.Random(seed)
        self._risk = risk

    def rest(self) -> None:
        """Nothing happens any more."""
        self.die_at(0)

    async def _after(self, effect: str) -> None:
        self.effects.append(effect)
        if len(self.effects) == self._deadly:
            raise Death(f"after {', '.join(self.effects)}")
        if self._random is not None:
            if self._random.random() < self._risk:
                raise Death(f"after {', '.join(self.effects)}")
            for _ in range(self._random.choice((0, 0, 1, 5, 20))):
                await asyncio.sleep(0)
            if self._random.random() < 0.3:
                await asyncio.sleep(self._random.random() * 0.02)


class Shift:
    """A worker's work on one event, a round at a time."""

    def __init__(self, house: House, event: str) -> None:
        self.house = house
        self._event = event
        self.key = Keys(event).named(("ledger",))[0]

        async def wake() -> None:
            pass

        self.ledger = Ledger(event, house.database, house.seat_scripts, house.metrics, wake)

    async def entries(self) -> list[Entry]:
        """What is on the ledger and not acknowledged."""
        rows = await self.house.runner.command("XRANGE", self.key, "-", "+")
        return [Entry(entry, dict(zip(flat[::2], flat[1::2], strict=True))) for entry, flat in rows]

    async def commit(self) -> None:
        """Handles the ledger and acknowledges it."""
        if entries := await self.entries():
            await self.ledger.handle(entries)
            await self.house.runner.command("XDEL", self.key, *(e.id for e in entries))

    async def scatter(self, seed: int) -> None:
        """Handles the ledger in batches cut at random, in any order; a colleague, who has been
        given the same, acknowledges it."""
        entries, chance = await self.entries(), random.Random(seed)
        chance.shuffle(entries)
        while entries:
            size = chance.randint(1, len(entries))
            batch, entries = entries[:size], entries[size:]
            await self.ledger.handle(batch)

    async def round(self) -> None:
        """Ledger, expiry, events that were cancelled, outbox."""
        await self.commit()
        await expire(self.house.database)
        await wind_up(self.house.database)
        await self.house.outbox.relay()

    async def finish(self) -> None:
        """Rounds until nothing is left; letters taken by the dead are due again at once."""
        for _ in range(20):
            async with self.house.database.connection() as connection:
                # Not those that a relay which outlived its worker's death has in hand.
                await connection.execute(
                    "UPDATE outbox SET due = now() WHERE id IN (SELECT id FROM outbox"
                    " WHERE state = 'pending' ORDER BY id FOR UPDATE SKIP LOCKED)"
                )
            await self.round()
            async with self.house.database.connection() as connection:
                left = await connection.fetch(
                    "SELECT kind, subject, attempts, fault FROM outbox WHERE state = 'pending'"
                )
            if not left and not await self.entries():
                return
            # A relay that was killed with another kind's may have a mail on its way yet.
            await asyncio.sleep(0.05)
        raise AssertionError(f"the worker never gets done: {[dict(each) for each in left]}")
