"""Bookings as pages: mine, and one with all that can become of it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.model import Reader
from usher.account.service import AccountService
from usher.booking.calendar import booking_calendar
from usher.booking.service import BookingService
from usher.clock import utc_now
from usher.errors import BookingState, Forbidden, NotFound, Unauthenticated, Unavailable
from usher.event.service import EventService
from usher.ids import is_id
from usher.plumbing.answer import PRIVATE, Answer
from usher.plumbing.calendar import MEDIA_TYPE
from usher.plumbing.cursor import cursor_after, read_cursor
from usher.plumbing.page import Pages, see_other
from usher.seat.guards import admissions_in, reader_of
from usher.seat.service import Admission, SeatService

AnyRequest = Request[Any, Any, Any]
View = dict[str, Any]

_PATH: Final = "/bookings/{booking:str}"
_ROWS: Final = 20
# A booking is committed within milliseconds: a page that waits for that saves a look again.
_COMMIT_S: Final = (0.05, 0.1, 0.3, 0.0)


def booking_pages(
    pages: Pages,
    bookings: BookingService,
    accounts: AccountService,
    seats: SeatService,
    events: EventService,
    public_url: str,
    tickets_sent: Callable[[str], Awaitable[Any]],
) -> list[HTTPRouteHandler]:
    """The pages, bound to their services. `public_url` is where this site stands;
    `tickets_sent` knows of the mail that a booking's tickets came in."""
    site = public_url.rstrip("/")

    def reader(request: AnyRequest) -> Reader:
        return reader_of(request.scope, accounts, seats)[0]

    async def read(request: AnyRequest, booking: str) -> View:
        """The booking; one that is still on its way is waited for, for a moment."""
        who = reader(request)
        # A browser may shop at several events: which one this is of, only its admission can tell.
        shops: list[Admission | None] = [
            each for each in admissions_in(request.scope, seats) if each.fan_id in who.fans
        ]
        view: View | None = None
        for pause_s in _COMMIT_S if is_id("booking", booking) else ():
            for admission in shops or [None]:
                with contextlib.suppress(NotFound):
                    view = await bookings.read(booking, who, admission)
                    break
            if view is not None and view["state"] != "pending":
                break
            await asyncio.sleep(pause_s)
        if view is None:
            raise NotFound("there is no such booking")
        return view

    @get("/bookings")
    async def show_bookings(request: AnyRequest) -> ASGIResponse:
        """All that this fan or account has booked, newest first; a guest's are this browser's."""
        after = read_cursor(str(request.query_params.get("cursor", ""))[:200], "booking")
        try:
            rows = await bookings.mine(reader(request), after, _ROWS + 1)
        except Unauthenticated:
            rows = []  # has never joined anything here
        views = await bookings.views(rows[:_ROWS])
        last = rows[_ROWS - 1] if len(rows) > _ROWS else None
        more = f"/bookings?cursor={cursor_after(last.created_at, last.id)}" if last else ""
        found = [(view, (await events.showing(view["event_id"])).event) for view in views]
        return pages.show(request, "bookings.html", found=found, more=more)

    @get(_PATH)
    async def show_booking_page(booking: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """A booking: what is to be done, or what came of it; with its tickets once confirmed."""
        try:
            view = await read(request, booking)
        except (Forbidden, Unauthenticated) as refusal:
            return pages.show(request, "booking_elsewhere.html", refusal.status)
        showing = await events.showing(view["event_id"])
        return pages.show(
            request,
            "booking.html",
            script="booking.js",
            booking=view | _moments(view),
            choose="choose" in request.query_params,
            away="away" in request.query_params,
            payment=view.get("payment", {"state": ""}),
            event=showing.event,
            sent=await tickets_sent(booking) if view["state"] == "confirmed" else None,
        )

    @post(_PATH + "/pay")
    async def pay_on_page(booking: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """On to the provider's page. Pressed twice it is the same payment; pressed too late, the
        booking's page says what came of it."""
        try:
            started = await bookings.pay(booking, reader(request))
        except BookingState:
            return see_other(f"/bookings/{booking}")
        except Unavailable:
            return see_other(f"/bookings/{booking}?away=1")
        # Our own bank is visited under the name that this site was asked by: cookies belong to it,
        # and so does what a form may lead to.
        return see_other(started["url"].removeprefix(site))

    @get(_PATH + "/calendar.ics")
    async def download_calendar(booking: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """The event of a confirmed booking for a calendar."""
        view = await bookings.read(booking, reader(request))
        if view["state"] != "confirmed":
            raise BookingState(f"the booking is {view['state']}", state=view["state"])
        event = (await events.showing(view["event_id"])).event
        say = pages.language(request)
        stamp = datetime.fromisoformat(view["created_at"])
        body = booking_calendar(site, say, event, booking, view["seats"], stamp)
        head = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"content-disposition", b'attachment; filename="%s.ics"' % booking.encode()),
            (b"cache-control", PRIVATE.encode()),
            (b"x-content-type-options", b"nosniff"),
        ]
        return Answer(body, 200, head)

    return [
        show_bookings,
        show_booking_page,
        pay_on_page,
        download_calendar,
    ]


def _moments(view: View) -> View:
    """A booking's times as times, and whether its fan may give tickets back now."""
    until = view.get("cancellable_until")
    at = datetime.fromisoformat(until) if until else None
    return {
        "due_at": datetime.fromisoformat(view["due"]),
        "cancellable_at": at,
        "cancellable": at is not None and utc_now() < at,
    }
