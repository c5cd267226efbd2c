"""One small event on a real Redis: what a test starts from, and what must hold when it ends."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import msgspec

from usher.feed.scripts import FeedScripts
from usher.ids import new_id
from usher.keys import KEYS, Keys
from usher.payment.scripts import PaymentScripts
from usher.plumbing.lua import Runner
from usher.queue.scripts import QueueScripts
from usher.sale.scripts import SaleScripts
from usher.seat.scripts import Claimed, Held, SeatScripts
from usher.venue.model import Segment
from usher.venue.stretch import STRETCH_SEATS, segment_fields
from usher.waitlist.scripts import WaitlistScripts

R = TypeVar("R")

# The counter of each character of `seat`.
COUNTERS: Final = {".": "free", "h": "held", "c": "claimed", "s": "sold", "x": "blocked"}

# Wide open: a test narrows what it is about.
SETTINGS: Final[dict[str, str | int]] = {
    "mode": "simple",
    "state": "open",
    "gate_state": "open",
    "rate": 600_000,
    "capacity": 1_000,
    "throttle": "on",
    "floor_pct": 10,
    "claim_s": 600,
    "shop_s": 600,
    "hold_s": 600,
    "hold_cap_s": 1_200,
    "payment_s": 900,
    "seats_max": 6,
    "opens_ms": 0,
}


def row(first: int, length: int, focus: int = 0, *, accessible: bool = False) -> Segment:
    """Adjacent seats between two aisles."""
    return Segment(first, length, False, accessible, focus)


def area(first: int, length: int) -> Segment:
    """Standing room."""
    return Segment(first, length, True, False, 0)


class Hall:
    """The scripts of one event and what its keys hold. A window of 0 seconds lapses at once."""

    def __init__(self, runner: Runner, raw: Any, event: str) -> None:
        self.runner = runner
        self.raw = raw  # a client that does not decode, for DUMP
        self.event = event
        self.keys = Keys(event)
        self.seat = SeatScripts(runner)
        self.queue = QueueScripts(runner)
        self.sale = SaleScripts(runner)
        self.feed = FeedScripts(runner)
        self.payment = PaymentScripts(runner)
        self.waitlist = WaitlistScripts(runner)
        self.settings = dict(SETTINGS)
        self.version = 0
        self.built_as: str | None = None
        self._holds = itertools.count(1)

    def elsewhere(self) -> "Hall":
        """Another event, unbuilt, on the same Redis."""
        return Hall(self.runner, self.raw, new_id("event"))

    # --- setting up

    async def build(self, states: str, *segments: Segment, stretch: int = STRETCH_SEATS) -> "Hall":
        """Seats of one category, number 0; without segments they are one row."""
        runs = segments or (row(0, max(1, len(states))),)
        packed = b"".join(segment.packed() for segment in runs)
        await self.seat.build(self.event, states, *segment_fields(0, packed, stretch))
        self.built_as = states
        return self

    async def open(self, seats: int = 10, **settings: str | int) -> "Hall":
        """A row of free seats on sale."""
        await self.build("." * seats)
        await self.set(floor=0, lobby_size=-1, **settings)
        return self

    async def set(self, *, floor: int = 0, lobby_size: int = -1, **settings: str | int) -> Any:
        """The next version of the sale, with some settings changed."""
        self.settings |= settings
        self.version += 1
        words = [word for pair in self.settings.items() for word in pair]
        return await self.sale.set(self.event, self.version, floor, lobby_size, *words)

    async def admit(self, *places: str) -> None:
        """Lets fans shop; the sale must be open. In a queued sale they pass by the gate."""
        for place in places:
            if self.settings["mode"] == "simple":
                await self.queue.join(self.event, place)
            else:
                due = await self.runner.time_ms() + 600_000
                await self.command("HSET", self.keys.place, place, f"a 0 {due}")
                await self.command("ZADD", self.keys.admission, due, place)

    async def hold(self, place: str, *seats: int, name: str = "") -> str:
        """A hold that must succeed; its id."""
        hold_id = name or f"hld_auto{next(self._holds)}"
        reply = await self.seat.hold(self.event, hold_id, place, "print", *seats)
        assert isinstance(reply, Held), reply
        return hold_id

    async def claim(self, hold_id: str, place: str) -> Any:
        """The hold becomes a booking named after it."""
        return await self.seat.claim(
            self.event, hold_id, place, "paper", f"bkg_{hold_id}", 900, 1_000, "{}"
        )

    async def book(self, place: str, *seats: int) -> str:
        """A hold that has become a booking; the hold's id."""
        hold_id = await self.hold(place, *seats)
        assert isinstance(await self.claim(hold_id, place), Claimed)
        return hold_id

    async def settle(self, hold_id: str, place: str, outcome: str, *seats: int) -> Any:
        """What PostgreSQL decided: "s" sold, "" nothing yet, anything else free."""
        word = "confirmed" if outcome == "s" else "expired"
        return await self.seat.settle(
            self.event, hold_id, f"bkg_{hold_id}", word, outcome, place, *seats
        )

    # --- looking

    async def command(self, *words: Any) -> Any:
        return await self.runner.command(*words)

    async def states(self) -> str:
        """One character per seat."""
        return str(await self.command("GET", self.keys.seat) or "")

    async def gate(self, name: str) -> str | None:
        """One field of the gate."""
        found = await self.command("HGET", self.keys.gate, name)
        return None if found is None else str(found)

    async def count(self, name: str) -> int:
        """One counter of the gate; 0 where it was never written."""
        return int(await self.gate(name) or 0)

    async def record(self, place: str) -> str:
        """The state of a place past the gate ("c", "a", "l", "g"), or ""."""
        return str(await self.command("HGET", self.keys.place, place) or "").partition(" ")[0]

    async def fan(self, place: str) -> int:
        """Seats counted for a fan."""
        return int(await self.command("HGET", self.keys.fan, place) or 0)

    async def entries(self, key: str) -> list[dict[str, str]]:
        """The fields of every entry of a stream of the event ("feed", "signal", "ledger")."""
        rows = await self.command("XRANGE", getattr(self.keys, key), "-", "+")
        return [dict(zip(flat[::2], flat[1::2], strict=True)) for _, flat in rows]

    async def dump(self) -> dict[str, Any]:
        """Every key of the event, byte for byte; of the gate its fields: the server keeps it as a
        table (see seat/build), which even a reader may have it lay out anew as it grows."""
        pipe = self.raw.pipeline(transaction=False)
        for key in KEYS:
            full = getattr(self.keys, key)
            _ = pipe.hgetall(full) if key == "gate" else pipe.dump(full)
        return dict(zip(KEYS, await pipe.execute(), strict=True))

    # --- what must hold

    @asynccontextmanager
    async def untouched(self) -> AsyncIterator[None]:
        """What is awaited inside changes no byte of any key of the event."""
        before = await self.dump()
        yield
        after = await self.dump()
        assert [key for key in KEYS if before[key] != after[key]] == []

    async def refused(self, call: Awaitable[R]) -> R:
        """The reply of a call that must leave everything as it was."""
        async with self.untouched():
            return await call

    async def twice(self, call: Callable[[], Awaitable[R]]) -> R:
        """The reply of a call which, made again, must answer the same and change nothing."""
        first = await call()
        async with self.untouched():
            again = await call()
        assert without_left(again) == without_left(first)
        assert getattr(again, "left_ms", 0) <= getattr(first, "left_ms", 0)
        assert (getattr(again, "left_ms", 0) > 0) == (getattr(first, "left_ms", 0) > 0)
        return first

    async def check(self) -> None:
        """Counters are the characters of `seat`, and the feed tells how they came to be."""
        states = await self.states()
        told = {char: await self.count(name) for char, name in COUNTERS.items()}
        assert told == {char: states.count(char) for char in COUNTERS}
        assert await self.count("seats") == len(states)
        assert await self.replayed() == states

    async def replayed(self) -> str:
        """The seats as somebody knows them who has only heard the feed."""
        assert self.built_as is not None
        seats = list(self.built_as)
        for entry in await self.entries("feed"):
            ((word, value),) = entry.items()
            if word in COUNTERS:
                for index in value.split(","):
                    assert seats[int(index)] != word, f"told twice that {index} is {word}"
                    seats[int(index)] = word
        return "".join(seats)


def without_left(reply: Any) -> Any:
    """A reply without the time that is left, the one thing in it that passes."""
    if hasattr(reply, "left_ms"):
        return msgspec.structs.replace(reply, left_ms=0)
    return reply
