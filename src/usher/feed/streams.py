"""The streams of a process: what each watches, and who is in an event's room."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from usher.plumbing.metric import Metrics
from usher.plumbing.sse import Chunk, Stream

# Pushed in one turn of the loop: 256 are about 2 ms, and others are served between two turns.
TURN: Final = 256
# When a place is due that is due at no time, and one that has no stream any more.
ASLEEP: Final = -1
GONE: Final = -2

View = dict[str, Any]


class SeatStream(Stream):
    """Watches the seats of an event."""

    __slots__ = ()


class PlaceStream(Stream):
    """Watches one place. `number` is -1 while it waits in the lobby or has been called."""

    __slots__ = ("due", "number", "place_id", "refresh", "state")

    def __init__(self, place_id: str, refresh: Callable[[], Awaitable[View]]) -> None:
        super().__init__()
        self.place_id = place_id
        self.refresh = refresh
        self.state = ""
        self.number = -1
        self.due = ASLEEP  # see Room.wake


class BookingStream(Stream):
    """Watches one booking. `asking` keeps a slow database from being asked again and again."""

    __slots__ = ("asking", "booking_id", "payment", "refresh", "state")

    def __init__(self, booking_id: str, refresh: Callable[[], Awaitable[View]]) -> None:
        super().__init__()
        self.booking_id = booking_id
        self.refresh = refresh
        self.state = self.payment = ""
        self.asking = False


class Room:
    """The streams of one event in this process, and how far it has read."""

    def __init__(self) -> None:
        self.seats: set[SeatStream] = set()
        # Nearly every place has one stream: a list of one is a third of a set of one.
        self.places: dict[str, list[PlaceStream]] = {}
        self.bookings: dict[str, list[BookingStream]] = {}
        self.feed_id = ""
        self.signal_id = ""
        self.curve_at = 0.0
        self.sale: tuple[str, int] = ("", 0)
        self._due: dict[int, list[PlaceStream]] = {}

    @property
    def empty(self) -> bool:
        return not (self.seats or self.places or self.bookings)

    def all(self, *, seats: bool = True) -> list[Stream]:
        """Every stream here, or those of places and bookings only."""
        streams: list[Stream] = list(self.seats) if seats else []
        for places in self.places.values():
            streams += places
        for bookings in self.bookings.values():
            streams += bookings
        return streams

    def wake(self, stream: PlaceStream, at: float) -> None:
        """Has a place looked at when `at` has come (monotonic, in seconds; the second is enough),
        and no more when it was to be before: so that a tick touches those only who are due."""
        second = int(at)
        if stream.due not in (second, GONE):
            stream.due = second
            self._due.setdefault(second, []).append(stream)

    def due(self, now: float) -> list[PlaceStream]:
        """The places whose second has come; each is to be woken again."""
        found = []
        for second in [each for each in self._due if each <= now]:
            for stream in self._due.pop(second):
                if stream.due == second:  # once, though it may have been put here twice
                    stream.due = ASLEEP
                    found.append(stream)
        return found

    def all_places(self) -> list[PlaceStream]:
        """The same for every place, due or not."""
        self._due.clear()
        found = [stream for streams in self.places.values() for stream in streams]
        for each in found:
            each.due = ASLEEP
        return found


def discard(by_id: dict[str, list[Any]], key: str, stream: Stream) -> None:
    """Takes a stream off the list under `key`; again is harmless."""
    streams = by_id.get(key, [])
    if stream in streams:
        streams.remove(stream)
        if not streams:
            del by_id[key]


class Turns:
    """Pushing to many, a turn of the loop at a time."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._sent = 0

    def push(self, stream: Stream, news: Chunk) -> bool:
        """Whether enough has been pushed in this turn: time for `next`."""
        self._sent += stream.push(news)
        return self._sent >= TURN

    async def over(self, streams: Iterable[Stream], news: Chunk) -> None:
        """Pushes `news` to all of `streams`."""
        for stream in streams:
            if self.push(stream, news):
                await self.next()
        self.count()

    async def beat(self, streams: Iterable[Stream], most: int) -> None:
        """Lets all of `streams` beat; see Stream.beat."""
        for stream in streams:
            self._sent += stream.beat(most)
            if self._sent >= TURN:
                await self.next()
        self.count()

    async def next(self) -> None:
        """Lets others work."""
        self.count()
        await asyncio.sleep(0)

    def count(self) -> None:
        """Tells the metrics what was pushed: a counter of theirs has a lock."""
        self._metrics.pushes.inc(self._sent)
        self._sent = 0
