"""The page behind the link at the foot of every message, and a booking's tickets sent again."""

import contextlib
from typing import Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.service import AccountService
from usher.booking.service import BookingService
from usher.errors import BookingState, NotFound, TooMany, Unauthenticated
from usher.notice.service import MessageService
from usher.plumbing.answer import PRIVATE, Answer
from usher.plumbing.form import read_form
from usher.plumbing.page import Pages, see_other
from usher.seat.guards import reader_of
from usher.seat.service import SeatService

AnyRequest = Request[Any, Any, Any]
_PATH: Final = "/messages/{token:str}"


def message_pages(
    pages: Pages,
    messages: MessageService,
    bookings: BookingService,
    accounts: AccountService,
    seats: SeatService,
) -> list[HTTPRouteHandler]:
    """The pages, bound to their services."""

    @get(_PATH)
    async def show_choice(token: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Which messages somebody gets. To look changes nothing: programs look at links, too."""
        try:
            choice = await messages.choice(token)
        except (Unauthenticated, NotFound) as refusal:
            return pages.show(request, "messages_unknown.html", refusal.status)
        return pages.show(request, "messages.html", choice=choice, token=token)

    @post(_PATH)
    async def choose(token: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Declines reminders, or wants them again. A mail program that was asked to unsubscribe
        sends what RFC 8058 says, without cookies, and follows no redirect."""
        form = await read_form(request)
        at_once = form["List-Unsubscribe"] == "One-Click"
        try:
            await messages.choose(token, declined=at_once or form["reminders"] != "on")
        except (Unauthenticated, NotFound) as refusal:
            if at_once:
                raise
            return pages.show(request, "messages_unknown.html", refusal.status)
        if at_once:
            return Answer(
                b"done",
                200,
                [
                    (b"content-type", b"text/plain"),
                    (b"content-length", b"4"),
                    (b"cache-control", PRIVATE.encode()),
                ],
            )
        return see_other(f"/messages/{token}")

    @post("/bookings/{booking:str}/messages")
    async def send_tickets_again(booking: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Sends a booking's tickets once more, to the address it was made with; asked for too soon,
        its page says when they were sent."""
        reader, _ = reader_of(request.scope, accounts, seats)
        await bookings.read(booking, reader)
        with contextlib.suppress(BookingState, TooMany):
            await messages.send_again(booking)
        return see_other(f"/bookings/{booking}")

    return [show_choice, choose, send_tickets_again]
