"""The hub: everything a process pushes to browsers.

Per event one script every TICK_S (what happened: public changes, calls, bookings) and one curve a
second, however many streams there are (invariant 7). News is encoded once and pushed to all.
"""

import asyncio
import random
import time
from collections.abc import Coroutine
from typing import Any, Final

import msgspec
import structlog

from usher.errors import Unavailable, UsherError
from usher.feed.model import Change, fold, just_before, later
from usher.feed.news import change_messages, news, notice_messages, snapshot_message
from usher.feed.positions import ASKED_PER_S, STILL_S, push_positions
from usher.feed.scripts import FeedScripts, Lost, RawEntry
from usher.feed.streams import (
    GONE,
    BookingStream,
    PlaceStream,
    Room,
    SeatStream,
    Turns,
    discard,
)
from usher.plumbing.metric import Metrics
from usher.plumbing.sse import GOODBYE, Chunk, Stream, chunk, encode
from usher.queue.curves import Curves
from usher.queue.model import push_every_s
from usher.queue.watch import Watch

log = structlog.get_logger("usher.feed")

TICK_S: Final = 0.2
CURVE_S: Final = 1.0
# A stream that was sent nothing for three of these is sent a beat: every 15 s at the latest.
BEAT_S: Final = 5.0
BEATS: Final = 3
PULL_MAX: Final = 5_000
# Behind any entry there will ever be: for who asks for one of the two streams only.
_NOTHING: Final = "99999999999999-0"


class Hub:
    def __init__(
        self, scripts: FeedScripts, curves: Curves, watch: Watch, metrics: Metrics
    ) -> None:
        self._scripts = scripts
        self._curves = curves
        self._watch = watch
        self._metrics = metrics
        self._rooms: dict[str, Room] = {}
        self._task: asyncio.Task[None] | None = None
        self._refreshing: set[asyncio.Task[None]] = set()
        self.draining = False
        self.streams = 0

    # --- opening and closing

    def start(self) -> None:
        """Begins to tick; again is harmless."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="hub")

    async def drain(self) -> None:
        """Ends every stream with `event: reconnect`: clients come back to another process. The
        server would wait for open streams for ever."""
        self.draining = True
        for room in self._rooms.values():
            for stream in room.all():
                stream.end(GOODBYE)
        if self._task is not None:
            self._task.cancel()
            self._task = None
        for task in self._refreshing:
            task.cancel()

    def _room(self, event: str) -> Room:
        room = self._rooms.get(event)
        if room is None:
            room = self._rooms[event] = Room()
            self._watch.begin(event)
        return room

    # --- seats

    async def seat_messages(self, event: str, last_id: str) -> tuple[str, Chunk]:
        """What a new seat stream is sent first: the news after `last_id` where all of it is
        still there, else a snapshot. Gives the feed id it is then at, too."""
        if before := just_before(last_id):
            entries = (await self._scripts.pull(event, before, _NOTHING, PULL_MAX)).feed_entries
            # Only what still stands on the feed was surely given by it: an id that was trimmed,
            # lost with Redis or made up says nothing of what its sender knows.
            change = fold(entries[1:])
            known = bool(entries) and entries[0][0] == last_id and len(entries) < PULL_MAX
            if known and not change.reset:
                return entries[-1][0], news(change, entries[-1][0])
        snapshot = await self._scripts.snapshot(event)
        if isinstance(snapshot, Lost):
            raise Unavailable("the event is being prepared", retry_after_s=2)
        return snapshot.feed_id, chunk(snapshot_message(snapshot))

    async def add_seats(self, event: str, stream: SeatStream, at: str) -> None:
        """Takes a stream that was sent everything up to feed id `at`."""
        self._opened("seats")
        room = self._room(event)
        # The room may have read past `at` while the first messages were on their way. It must not
        # push to this stream before the gap is closed: old states would come after new ones. A
        # room that stands behind `at` may: states told twice, and in order, are harmless.
        while room.feed_id and later(room.feed_id, at):
            entries = (await self._scripts.pull(event, at, _NOTHING, PULL_MAX)).feed_entries
            room = self._room(event)
            if not entries:
                break
            change = fold(entries)
            if change.reset:  # laid out anew meanwhile: it comes back, and is sent a snapshot
                stream.end(GOODBYE)
                return
            if not stream.push(news(change, entries[-1][0])):
                return
            at = entries[-1][0]
        room.feed_id = room.feed_id or at
        if stream.open:
            room.seats.add(stream)

    def remove_seats(self, event: str, stream: SeatStream) -> None:
        room = self._rooms.get(event)
        if room is not None:
            room.seats.discard(stream)
        self._closed("seats", stream)

    # --- places and bookings

    async def add_place(self, event: str, stream: PlaceStream) -> None:
        """Takes a stream; it hears at once where it stands, and then whatever changes."""
        room = self._room(event)
        room.places.setdefault(stream.place_id, []).append(stream)
        room.wake(stream, time.monotonic() + STILL_S)
        self._opened("place")
        await self._tell_place(room, stream)

    def remove_place(self, event: str, stream: PlaceStream) -> None:
        room = self._rooms.get(event)
        if room is not None:
            discard(room.places, stream.place_id, stream)
        stream.due = GONE
        self._closed("place", stream)

    async def add_booking(self, event: str, stream: BookingStream) -> None:
        room = self._room(event)
        room.bookings.setdefault(stream.booking_id, []).append(stream)
        self._opened("booking")
        await self._tell_booking(stream)

    def remove_booking(self, event: str, stream: BookingStream) -> None:
        room = self._rooms.get(event)
        if room is not None:
            discard(room.bookings, stream.booking_id, stream)
        self._closed("booking", stream)

    def _opened(self, kind: str) -> None:
        self.streams += 1
        self._metrics.streams.labels(kind).inc()

    def _closed(self, kind: str, stream: Stream) -> None:
        self.streams -= 1
        if stream.dropped:
            self._metrics.dropped.inc()
        self._metrics.streams.labels(kind).dec()

    async def _tell_place(self, room: Room, stream: PlaceStream) -> None:
        view = await stream.refresh()
        stream.state = view["state"]
        # Who waited when the sale was over waits on, should it go on.
        if view["state"] != "closed":
            stream.number = view["number"] if view["state"] == "waiting" else -1
        after_s: float = STILL_S
        if stream.state == "waiting":
            after_s = push_every_s(view["ahead"] or 0)
        elif stream.state in ("called", "admitted"):
            # Looked at again when its window has passed: nobody signals a lapse.
            after_s = view["expires_in_s"] + 1
        room.wake(stream, time.monotonic() + after_s)
        event = "called" if stream.state == "called" else "place"
        self._push(stream, chunk(encode(event, msgspec.json.encode(view))))

    async def _tell_booking(self, stream: BookingStream) -> None:
        stream.asking = True
        try:
            view = await stream.refresh()
        except Unavailable:
            stream.state = "pending"  # what became of it is not known: it is asked again
            raise
        finally:
            stream.asking = False
        payment = view.get("payment", {}).get("state", "")
        if (view["state"], payment) != (stream.state, stream.payment):
            stream.state, stream.payment = view["state"], payment
            self._push(stream, chunk(encode("booking", msgspec.json.encode(view))))

    def _push(self, stream: Stream, news: Chunk) -> None:
        if stream.push(news):
            self._metrics.pushes.inc()

    # --- ticks

    async def _run(self) -> None:
        beat_at = time.monotonic() + BEAT_S
        while True:
            began = time.monotonic()
            polled = {event: self._room(event) for event in self._watch.wanted()}
            self._rooms = {e: room for e, room in self._rooms.items() if not room.empty} | polled
            rooms = list(self._rooms.items())
            results = await asyncio.gather(
                *(self._tick(event, room) for event, room in rooms), return_exceptions=True
            )
            for (event, _), fault in zip(rooms, results, strict=True):
                if isinstance(fault, UsherError):
                    log.warning("tick refused", event_id=event, fault=fault.detail)
                elif isinstance(fault, Exception):
                    log.error("tick failed", event_id=event, exc_info=fault)
            if began >= beat_at:
                beat_at = began + BEAT_S
                for _, room in rooms:
                    await Turns(self._metrics).beat(room.all(), BEATS)
            await asyncio.sleep(max(0.01, TICK_S - (time.monotonic() - began)))

    async def _tick(self, event: str, room: Room) -> None:
        if not room.signal_id:
            # Ids are the server's milliseconds: begin a moment ago, so that nothing falls between.
            room.signal_id = f"{await self._scripts.runner.time_ms() - 2_000}-0"
        feed_from = room.feed_id or room.signal_id
        pulled = await self._scripts.pull(event, feed_from, room.signal_id, PULL_MAX)
        if pulled.signal_entries:
            room.signal_id = pulled.signal_entries[-1][0]
            self._hear(event, room, pulled.signal_entries)
        if len(pulled.signal_entries) < PULL_MAX:
            self._watch.heard(event)
        if pulled.feed_entries:
            room.feed_id = pulled.feed_entries[-1][0]
            try:
                await self._push_news(event, room, fold(pulled.feed_entries))
            except UsherError:  # nobody has been told: the next tick tells them
                room.feed_id = feed_from
                raise
        elif not room.feed_id:
            room.feed_id = feed_from
        # Nobody signals a commit, and between two ticks nearly every booking is committed.
        for booking in [each for streams in room.bookings.values() for each in streams]:
            if booking.state == "pending" and not booking.asking:
                self._soon(self._tell_booking(booking))
        now = time.monotonic()
        if room.places and now - room.curve_at >= CURVE_S:
            room.curve_at = now
            known = await self._curves.of(event)
            if known is not None:
                unknown = await push_positions(room, known, now, Turns(self._metrics))
                if unknown:
                    self._soon(self._ask_about(room, unknown))

    async def _push_news(self, event: str, room: Room, change: Change) -> None:
        if change.reset:
            self._watch.begin(event)
            # Redis was lost and laid out again: every place here is asked about, and with that put
            # back where its token says it stood. Spread over two seconds.
            for place in room.all_places():
                place.state = ""
                room.wake(place, time.monotonic() + 2 * random.random())  # noqa: S311
        messages = change_messages(change, room.feed_id) if room.seats else b""
        if change.reset and room.seats:
            snapshot = await self._scripts.snapshot(event)
            if isinstance(snapshot, Lost):
                return
            room.feed_id = snapshot.feed_id
            messages = notice_messages(change.notices) + snapshot_message(snapshot)
        # Who comes from here on is brought up to the room's feed id, and is not among these.
        turns, seats = Turns(self._metrics), list(room.seats)
        others = room.all(seats=False) if change.notices else []
        if messages:
            await turns.over(seats, chunk(messages))
        if others:
            await turns.over(others, chunk(notice_messages(change.notices)))

    def _hear(self, event: str, room: Room, entries: list[RawEntry]) -> None:
        """Private news: who was called, which bookings moved. Only the streams named are asked
        about, so the work follows the calls, not the number of fans."""
        for _, words in entries:
            fields = dict(zip(words[::2], words[1::2], strict=True))
            places = fields.get("called", "").split() + fields.get("place", "").split()
            self._watch.forget(event, *places)
            for place_id in places:
                for stream in room.places.get(place_id, ()):
                    # The curve says nothing of it any more; should this fail, it is asked again.
                    stream.state = ""
                    room.wake(stream, time.monotonic() + STILL_S)
                    self._soon(self._tell_place(room, stream))
            for booking in room.bookings.get(fields.get("booking", ""), ()):
                self._soon(self._tell_booking(booking))

    async def _ask_about(self, room: Room, streams: list[PlaceStream]) -> None:
        for start in range(0, len(streams), ASKED_PER_S // 10):
            for stream in streams[start : start + ASKED_PER_S // 10]:
                self._soon(self._tell_place(room, stream))
            await asyncio.sleep(0.1)

    def _soon(self, telling: Coroutine[Any, Any, None]) -> None:
        async def tell() -> None:
            try:
                await telling
            except UsherError as refusal:
                log.info("not told", fault=refusal.detail)

        task = asyncio.create_task(tell())
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)
