"""The checkout as pages: from seats that are held to a booking.

What a hold is worth is asked of the server each time a page is shown; a press of a button that
comes twice, or late, ends where the first one did.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import admission_cookie, place_cookie, token_from
from usher.account.service import AccountService
from usher.booking.model import EMAIL, NAME, PHONE, BookingRequest
from usher.booking.service import BookingService
from usher.errors import (
    BookingState,
    HoldLapsed,
    IdempotencyMismatch,
    Unauthenticated,
    Unavailable,
    UsherError,
)
from usher.event.service import EventService
from usher.ids import sibling_id
from usher.plumbing.form import Form, read_form
from usher.plumbing.language import Language
from usher.plumbing.page import Pages, see_other
from usher.queue.service import QueueService
from usher.seat.guards import reader_of
from usher.seat.service import Admission, SeatService

AnyRequest = Request[Any, Any, Any]
# The name and the email of whoever is logged in, "" and "" for guests.
Buyer = Callable[[AnyRequest], Awaitable[tuple[str, str]]]

_PATH: Final = "/events/{event:str}/checkout/{hold:str}"


def checkout_pages(
    pages: Pages,
    seats: SeatService,
    queue: QueueService,
    bookings: BookingService,
    events: EventService,
    accounts: AccountService,
    buyer: Buyer,
    *,
    short_messages: bool = False,
) -> list[HTTPRouteHandler]:
    """The pages, bound to their services. A number is asked for where `short_messages` are sent."""

    def shopper(request: AnyRequest, event: str) -> Admission:
        """Who holds here. A hold may outlast the time to shop, and with it the admission's token:
        the place that came in owns it still, and says so by a token of its own."""
        try:
            return seats.admission_of(event, token_from(request, admission_cookie(event)))
        except Unauthenticated:
            place = queue.place_of(event, token_from(request, place_cookie(event)))
            return Admission(place.event, place.place_id, place.fan_id)

    async def show(
        request: AnyRequest,
        event: str,
        hold: str,
        form: Form,
        status: int = 200,
        busy: bool = False,
    ) -> ASGIResponse:
        showing = await events.shown(event)
        try:
            held = await seats.read(shopper(request, event), hold)
        except (HoldLapsed, Unauthenticated) as refusal:
            return await gone(request, event, hold, refusal)
        if held["state"] != "held":
            return see_other(_booking(hold))
        return pages.show(
            request,
            "checkout.html",
            status,
            script="checkout.js",
            event=showing.event,
            hold=held,
            form=form,
            busy=busy,
            short_messages=short_messages,
        )

    async def gone(request: AnyRequest, event: str, hold: str, refusal: UsherError) -> ASGIResponse:
        """There is nothing held: it became a booking long ago, or it has lapsed."""
        showing = await events.shown(event)
        booking = sibling_id("booking", hold)
        try:
            await bookings.read(booking, *reader_of(request.scope, accounts, seats))
        except UsherError:
            return pages.show(
                request,
                "checkout_gone.html",
                refusal.status,
                event=showing.event,
                known=not isinstance(refusal, Unauthenticated),
            )
        return see_other(_booking(hold))

    @get(_PATH)
    async def show_checkout(
        event: FromPath[str], hold: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """What is held, for how long, and who is buying it."""
        name, email = await buyer(request)
        return await show(request, event, hold, Form({"name": name, "email": email}))

    @post(_PATH)
    async def book_hold(
        event: FromPath[str], hold: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """Books the hold. The hold is the key: sent twice it is one booking, and what was said
        first stands."""
        form = await read_form(request)
        _check(form, pages.language(request))
        if not form.good:
            return await show(request, event, hold, form, 422)
        asked = BookingRequest(
            hold_id=hold,
            name=form["name"],
            email=form["email"],
            phone=re.sub(r"[\s()/.-]", "", form["phone"]),
            language=pages.language(request).code,
        )
        try:
            await bookings.create(shopper(request, event), asked)
        except (HoldLapsed, Unauthenticated) as refusal:
            return await gone(request, event, hold, refusal)
        except Unavailable as refusal:
            return await show(request, event, hold, form, refusal.status, busy=True)
        except IdempotencyMismatch:
            pass
        return see_other(_booking(hold))

    @post(_PATH + "/extend")
    async def extend_checkout(
        event: FromPath[str], hold: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """More time, as far as the cap allows; what was typed meanwhile stays typed."""
        form = await read_form(request)
        try:
            await seats.extend(shopper(request, event), hold)
        except BookingState:
            return see_other(_booking(hold))
        except (HoldLapsed, Unauthenticated) as refusal:
            return await gone(request, event, hold, refusal)
        if form["name"] or form["email"]:
            return await show(request, event, hold, form)
        return see_other(f"/events/{event}/checkout/{hold}")

    @get(_PATH + "/extend")
    async def after_extending(event: FromPath[str], hold: FromPath[str]) -> ASGIResponse:
        """Who comes back to the address of the form: the checkout is one step up."""
        return see_other(f"/events/{event}/checkout/{hold}")

    @post(_PATH + "/release")
    async def release_checkout(
        event: FromPath[str], hold: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """The seats go back on sale at once; their fan chooses others."""
        try:
            await seats.free(shopper(request, event), hold)
        except BookingState:
            return see_other(_booking(hold))
        except HoldLapsed:
            pass  # they are back on sale already
        return see_other(f"/events/{event}/seats")

    return [
        show_checkout,
        book_hold,
        extend_checkout,
        after_extending,
        release_checkout,
    ]


def _booking(hold: str) -> str:
    return f"/bookings/{sibling_id('booking', hold)}"


def _check(form: Form, say: Language) -> None:
    """Notes what is wrong with a buyer's details, as booking.model.BookingRequest has them."""
    name, email = form["name"], form["email"]
    if not name:
        form.fault("name", say.gettext("Please tell us your name; it stands on the tickets."))
    elif len(name) > limits.person_name_chars_max:
        form.fault("name", say.gettext("This name is too long to be printed on a ticket."))
    elif not re.match(NAME, name):
        form.fault("name", say.gettext("This name holds characters that cannot be printed."))
    if not email:
        form.fault("email", say.gettext("Please tell us your email address."))
    elif len(email) > limits.email_chars_max or not re.match(EMAIL, email):
        form.fault(
            "email", say.gettext("This is no email address. It should look like ann@example.org.")
        )
    if not re.match(PHONE, re.sub(r"[\s()/.-]", "", form["phone"])):
        form.fault("phone", say.gettext("A number with its country, please: +43 660 1234567."))
