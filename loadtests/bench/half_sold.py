"""An arena that is half sold as people buy it: parties of one to six, some by what is best, some
by pointing at seats."""

import asyncio
import random
from collections.abc import Coroutine, Sequence
from typing import Any, Final, NamedTuple

from usher.event.model import Showing
from usher.ids import new_id
from usher.queue.scripts import QueueScripts
from usher.venue.model import unpack_segments
from usher.wiring import House

PARTIES: Final = {1: 15, 2: 45, 3: 12, 4: 20, 5: 4, 6: 4}  # of a hundred parties
POINTING: Final = 0.5  # the share of parties who choose on the map
WAVE: Final = 100  # parties at once
FAN_PARTIES: Final = 8  # of six at most: under the fifty seats that a fan may have


class Want(NamedTuple):
    """One party: seats it points at, or else how many it wants of what is best."""

    category: int
    size: int
    seats: range | None


class Bought(NamedTuple):
    """A hold, whose it is, and what the script said."""

    hold: str
    fan: str
    reply: Any


class Arena:
    """An event on sale and its fans, each of whom buys for several parties."""

    def __init__(self, house: House, showing: Showing, event: str, seed: int) -> None:
        self.event = event
        self.categories = showing.layout.categories
        self.chance = random.Random(seed)
        self._house = house
        self.segments = [unpack_segments(each.segments) for each in self.categories]

    async def states(self) -> str:
        """One character per seat."""
        found = await self._house.seat_states(self.event)
        assert found is not None
        return found

    async def fans(self, count: int) -> list[str]:
        """`count` fans who may shop."""
        places = [new_id("place") for _ in range(count)]
        queue = QueueScripts(self._house.runner)
        await asyncio.gather(*(queue.join(self.event, place) for place in places))
        return places

    async def sell_half(self) -> None:
        """Holds seats until half of each category is gone."""
        for c, category in enumerate(self.categories):
            while True:
                states = await self.states()
                free = states.count(".", category.first, category.first + category.count)
                left = free - category.count // 2
                if left <= 0:
                    break
                wants = [self._party(c, states) for _ in range(min(WAVE, 1 + left // 4))]
                await self.buy(wants, await self.fans(-(-len(wants) // FAN_PARTIES)))

    async def buy(self, wants: Sequence[Want], fans: Sequence[str]) -> list[Bought]:
        """All of them at once."""
        scripts, event = self._house.seat_scripts, self.event
        holds, calls = list[tuple[str, str]](), list[Coroutine[Any, Any, Any]]()
        for i, (c, size, seats) in enumerate(wants):
            hold, fan = new_id("hold"), fans[i // FAN_PARTIES]
            holds.append((hold, fan))
            if seats is not None:
                calls.append(scripts.hold(event, hold, fan, "d", *seats))
            else:
                first, count = self.categories[c].first, self.categories[c].auto_count
                calls.append(scripts.best(event, hold, fan, "d", c, first, count, size, 0))
        replies = await asyncio.gather(*calls)
        return [Bought(*hold, reply) for hold, reply in zip(holds, replies, strict=True)]

    async def give_back(self, bought: Sequence[Bought]) -> None:
        """What was held is free again."""
        scripts = self._house.seat_scripts
        await asyncio.gather(*(scripts.free(self.event, hold, fan) for hold, fan, _ in bought))

    async def leave_free(self, c: int, seats: set[int]) -> None:
        """Of a category nothing but `seats` is for sale any more; nothing of it may be held."""
        category = self.categories[c]
        every = range(category.first, category.first + category.count)
        shut = [seat for seat in every if seat not in seats]
        free = sorted(seats)
        await self._house.seat_scripts.block(self.event, 1, len(shut), *shut, *free)

    def _party(self, c: int, states: str) -> Want:
        size = self.chance.choices(list(PARTIES), list(PARTIES.values()))[0]
        seats = self.pointed(c, states, size) if self.chance.random() < POINTING else None
        return Want(c, size, seats)

    def pointed(self, c: int, states: str, size: int) -> range | None:
        """Free neighbours that somebody may point at: in any row, but rather in a good one."""
        segments = self.segments[c]
        for _ in range(50):
            segment = segments[int(len(segments) * self.chance.random() ** 2)]
            places = [
                first
                for first in range(segment.first, segment.first + segment.length - size + 1)
                if states.startswith("." * size, first)
            ]
            if places:
                first = self.chance.choice(places)
                return range(first, first + size)
        return None
