"""The snapshot, and the three event streams, as raw ASGI (see plumbing/sse.py)."""

from collections.abc import Awaitable, Callable

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send

from usher import limits
from usher.account.guards import place_cookie, require_role, token_in
from usher.account.service import AccountService
from usher.booking.service import BookingService
from usher.errors import BadInput, NotFound, Unavailable
from usher.event.service import EventService
from usher.feed.scripts import FeedScripts, Lost, Noticed
from usher.feed.service import BookingStream, Hub, PlaceStream, SeatStream
from usher.plumbing.answer import answer
from usher.plumbing.sse import header
from usher.queue.service import QueueService
from usher.seat.guards import reader_of
from usher.seat.service import SeatService

_EVENT = "/api/v1/events/{event:str}"


class NewNotice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST .../notice."""

    text: str


def stream_handlers(
    hub: Hub,
    events: EventService,
    queue: QueueService,
    accounts: AccountService,
    seats: SeatService,
    bookings: BookingService,
) -> list[HTTPRouteHandler]:
    """The streams, bound to the services they ask."""

    async def feed_stream(scope: Scope, receive: Receive, send: Send) -> None:
        """SSE: `snapshot`, then `change` and `notice`; ids resume after a lost connection."""
        event = scope["path_params"]["event"]
        _room_for_one(hub)
        await events.shown(event)
        at, first = await hub.seat_messages(event, header(scope, b"last-event-id"))
        stream = SeatStream()
        await stream.begin(send, first)
        await _hold_open(
            stream.until_gone,
            receive,
            lambda: hub.add_seats(event, stream, at),
            lambda: hub.remove_seats(event, stream),
        )

    async def place_stream(scope: Scope, receive: Receive, send: Send) -> None:
        """SSE: `place` and `called` for one place, `notice`, `reconnect`."""
        event = scope["path_params"]["event"]
        _room_for_one(hub)
        place = queue.place_of(event, token_in(scope, place_cookie(event)))
        await queue.place(place)  # what is wrong with it is said as a problem, not on a stream
        stream = PlaceStream(place.place_id, lambda: queue.place(place))
        await stream.begin(send)
        await _hold_open(
            stream.until_gone,
            receive,
            lambda: hub.add_place(event, stream),
            lambda: hub.remove_place(event, stream),
        )

    async def booking_stream(scope: Scope, receive: Receive, send: Send) -> None:
        """SSE: `booking` whenever its state has changed."""
        booking_id = scope["path_params"]["booking"]
        _room_for_one(hub)
        fan_id, admission = reader_of(scope, accounts, seats)
        view = await bookings.read(booking_id, fan_id, admission)
        event = view["event_id"]
        stream = BookingStream(booking_id, lambda: bookings.read(booking_id, fan_id, admission))
        await stream.begin(send)
        await _hold_open(
            stream.until_gone,
            receive,
            lambda: hub.add_booking(event, stream),
            lambda: hub.remove_booking(event, stream),
        )

    return [
        _streaming(_EVENT + "/feed", feed_stream),
        _streaming(_EVENT + "/queue/stream", place_stream),
        _streaming("/api/v1/bookings/{booking:str}/stream", booking_stream),
    ]


def _streaming(path: str, app: ASGIApp) -> HTTPRouteHandler:
    # Not @asgi: Litestar 2.25 looks up such a handler's path parameters by the request's method,
    # where they are not, and answers 500.
    @get(path, include_in_schema=False)
    async def stream() -> ASGIApp:
        return app

    return stream


def _room_for_one(hub: Hub) -> None:
    if hub.draining or hub.streams >= limits.sse_streams_max:
        raise Unavailable("no room for another stream here", retry_after_s=2)


async def _hold_open(
    until_gone: Callable[[Receive], Awaitable[None]],
    receive: Receive,
    add: Callable[[], Awaitable[None]],
    remove: Callable[[], None],
) -> None:
    try:
        await add()
        await until_gone(receive)
    finally:
        remove()


def feed_handlers(feed: FeedScripts, events: EventService) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get(_EVENT + "/seats")
    async def show_seats(event: FromPath[str]) -> ASGIResponse:
        """Every seat's state, one character per seat index, and the feed id it is the state at."""
        await events.shown(event)
        snapshot = await feed.snapshot(event)
        if isinstance(snapshot, Lost):
            raise Unavailable("the event is being prepared", retry_after_s=2)
        # Written by hand: states hold no character that JSON escapes, and 80 kB need no scan.
        body = f'{{"feed_id":"{snapshot.feed_id}","states":"{snapshot.states}"}}'.encode()
        return answer(body, cache="public, max-age=1")

    @post(_EVENT + "/notice", status_code=200, guards=[require_role("organiser", "admin")])
    async def post_notice(
        event: FromPath[str],
        data: JSONBody[NewNotice],
    ) -> ASGIResponse:
        """Tell everyone who waits or looks; an empty text takes the notice down."""
        if len(data.text) > 500:
            raise BadInput("a notice has at most 500 characters")
        await events.showing(event)
        reply = await feed.notice(event, data.text)
        if not isinstance(reply, Noticed):
            raise NotFound(f"there is no event {event[:40]!r} on sale")
        return answer({"feed_id": reply.feed_id})

    return [show_seats, post_notice]
