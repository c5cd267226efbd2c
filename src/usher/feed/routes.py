"""The snapshot, notices, and the three event streams (see plumbing/sse.py)."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import UNSET, Meta, UnsetType

from usher import limits
from usher.account.guards import actor_of, own_event, place_cookie, require_role, token_in
from usher.account.service import AccountService
from usher.booking.service import BookingService
from usher.errors import NotFound, Unavailable, UsherError
from usher.event.service import EventService
from usher.feed.scripts import FeedScripts, Noticed
from usher.feed.service import Hub
from usher.feed.snapshots import Snapshots
from usher.feed.streams import BookingStream, PlaceStream, SeatStream
from usher.plumbing.answer import PUBLIC_SECOND, answer, shaped
from usher.plumbing.etag import if_none_match, known
from usher.plumbing.sse import GOODBYE, Chunk, Stream
from usher.queue.service import QueueService
from usher.sale.service import SaleService
from usher.seat.guards import reader_of
from usher.seat.service import SeatService

_EVENT = "/api/v1/events/{event:str}"
AnyRequest = Request[Any, Any, Any]
LastEventId = Annotated[str, HeaderParameter(name="Last-Event-ID")]


class StreamEvent(msgspec.Struct):
    """An event of a stream; `data` is JSON."""

    event: str
    data: str
    id: str | UnsetType = UNSET


_SSE = shaped(StreamEvent, text="Events, while the connection lasts.", media="text/event-stream")


class NewNotice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST .../notice. Lines may break; other control characters are a mistake."""

    text: Annotated[
        str, Meta(max_length=limits.notice_chars_max, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")
    ]


class SeatStates(msgspec.Struct):
    """One character per seat index: . free, h held, c claimed, s sold, x not for sale."""

    feed_id: str
    states: str


class SaidNotice(msgspec.Struct):
    """Where on the feed the notice stands."""

    feed_id: str


def stream_handlers(
    hub: Hub,
    events: EventService,
    queue: QueueService,
    accounts: AccountService,
    seats: SeatService,
    bookings: BookingService,
) -> list[HTTPRouteHandler]:
    """The streams, bound to the services they ask."""

    @get(_EVENT + "/feed", responses=_SSE)
    async def watch_seats(event: FromPath[str], last_id: LastEventId = "") -> ASGIApp:
        """SSE: `snapshot`, then `change` and `notice`; ids resume after a lost connection."""
        _room_for_one(hub)
        await events.shown(event)
        at, first = await hub.seat_messages(event, last_id)
        stream = SeatStream()
        return _open(
            hub,
            stream,
            lambda: hub.add_seats(event, stream, at),
            lambda: hub.remove_seats(event, stream),
            first,
        )

    @get(_EVENT + "/queue/stream", responses=_SSE)
    async def watch_place(event: FromPath[str], request: AnyRequest) -> ASGIApp:
        """SSE: `place` and `called` for one place, `notice`, `reconnect`."""
        _room_for_one(hub)
        place = queue.place_of(event, token_in(request.scope, place_cookie(event)))
        await queue.polled(place)  # what is wrong with it is said as a problem, not on a stream
        stream = PlaceStream(place.place_id, lambda: queue.place(place))
        return _open(
            hub,
            stream,
            lambda: hub.add_place(event, stream),
            lambda: hub.remove_place(event, stream),
        )

    @get("/api/v1/bookings/{booking:str}/stream", responses=_SSE)
    async def watch_booking(booking: FromPath[str], request: AnyRequest) -> ASGIApp:
        """SSE: `booking` whenever its state, or that of its payment, has changed."""
        _room_for_one(hub)
        reader, admission = reader_of(request.scope, accounts, seats)
        event = (await bookings.read(booking, reader, admission))["event_id"]
        stream = BookingStream(booking, lambda: bookings.read(booking, reader, admission))
        return _open(
            hub,
            stream,
            lambda: hub.add_booking(event, stream),
            lambda: hub.remove_booking(event, stream),
        )

    return [watch_seats, watch_place, watch_booking]


def _room_for_one(hub: Hub) -> None:
    if hub.draining or hub.streams >= limits.sse_streams_max:
        raise Unavailable("no room for another stream here", retry_after_s=2)


def _open(
    hub: Hub,
    stream: Stream,
    add: Callable[[], Awaitable[None]],
    remove: Callable[[], None],
    first: Chunk | None = None,
) -> ASGIApp:
    """The answer that is a stream: begun, told of, and forgotten when its client has left. What
    goes on without a request needs none of this."""

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await stream.begin(receive, send, remove, first)
        if not stream.open:
            return
        try:
            await add()
        except UsherError:  # a server went away meanwhile: whoever listens comes back
            stream.end(GOODBYE)
        if hub.draining:  # since it was let in: those who drained did not know of it
            stream.end(GOODBYE)

    return app


def feed_handlers(
    feed: FeedScripts, events: EventService, sales: SaleService
) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    snapshots = Snapshots(feed)

    @get(
        _EVENT + "/seats",
        responses=shaped(SeatStates) | shaped(None, 304, "As you have it."),
    )
    async def show_seats(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Every seat's state, one character per seat index, and the feed id it is the state at."""
        await events.shown(event)
        shot = await snapshots.of(event)
        tag = [("etag", shot.etag)] if shot.etag else []
        if shot.etag and known(if_none_match(request.scope), shot.etag):
            return answer(b"", 304, cache=PUBLIC_SECOND, headers=tag)
        return answer(shot.body, cache=PUBLIC_SECOND, headers=tag)

    @post(
        _EVENT + "/notice",
        status_code=200,
        guards=[require_role("organiser", "admin"), own_event],
        responses=shaped(SaidNotice),
    )
    async def post_notice(
        event: FromPath[str],
        data: JSONBody[NewNotice],
        request: AnyRequest,
    ) -> ASGIResponse:
        """Tell everyone who waits or looks; an empty text takes the notice down."""
        await events.showing(event)
        reply = await feed.notice(event, data.text)
        if not isinstance(reply, Noticed):
            raise NotFound(f"there is no event {event[:40]!r} on sale")
        await sales.record_notice(event, actor_of(request).account_id, data.text)
        return answer({"feed_id": reply.feed_id})

    return [show_seats, post_notice]
