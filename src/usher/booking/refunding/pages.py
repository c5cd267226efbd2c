"""Giving back as pages: a press on the booking's page, by its fan or for its organiser."""

import contextlib
from typing import Any, Final

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.guards import actor_of, own_event, page_for
from usher.account.model import Reader, Role
from usher.booking.refunding.model import CancellationRequest, EventCancellationRequest
from usher.booking.refunding.routes import Desk
from usher.booking.refunding.service import Refunds
from usher.booking.service import BookingService
from usher.errors import BadInput, BookingState, Conflict, NotFound
from usher.event.service import EventService
from usher.plumbing.form import Form, read_form
from usher.plumbing.page import Pages, see_other

AnyRequest = Request[Any, Any, Any]
_ORGANISER: Final = "/organiser/events/{event:str}"
_MAY_TURN: Final = [page_for(Role.ORGANISER), own_event]


def refunding_pages(
    pages: Pages, refunds: Refunds, bookings: BookingService, events: EventService, desk: Desk
) -> list[HTTPRouteHandler]:
    """The pages, bound to their services."""

    @post("/bookings/{booking:str}/cancel")
    async def cancel_on_page(booking: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Cancels what is not paid yet, or gives the ticked tickets back; its page says what came
        of it. Pressed twice, or too late, it is as it was."""
        form = await read_form(request)
        if _nothing(form):
            return see_other(f"/bookings/{booking}?choose=1#give-back")
        asked = _asked(form)
        with contextlib.suppress(BookingState, Conflict):
            await refunds.cancel(booking, asked, desk.reader(request))
        return see_other(f"/bookings/{booking}")

    async def show_one(
        request: AnyRequest, event: str, booking: str, status: int = 200, refused: str = ""
    ) -> ASGIResponse:
        showing = await events.showing(event)
        if await refunds.event_of(booking) != event:
            raise NotFound("the event has no such booking")
        return pages.show(
            request,
            "organiser_booking.html",
            status,
            event=showing.event,
            booking=await bookings.shown(booking),
            refused=refused,
            tab="sales",
        )

    @get(_ORGANISER + "/bookings/{booking:str}", guards=[page_for(Role.STAFF), own_event])
    async def show_organiser_booking(
        event: FromPath[str], booking: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """A booking as its event's organiser sees it."""
        return await show_one(request, event, booking)

    @post(_ORGANISER + "/bookings/{booking:str}/cancel", guards=_MAY_TURN)
    async def cancel_as_organiser(
        event: FromPath[str], booking: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """Gives the ticked tickets back, whatever the deadline for fans."""
        form = await read_form(request)
        if await refunds.event_of(booking) != event:
            raise NotFound("the event has no such booking")
        if _nothing(form):
            say = pages.language(request)
            what = say.gettext("Tick the tickets that you give back.")
            return await show_one(request, event, booking, 422, what)
        try:
            await refunds.cancel(booking, _asked(form), Reader(), actor_of(request).account_id)
        except Conflict as refusal:
            return await show_one(request, event, booking, refusal.status, refusal.detail)
        return see_other(f"/organiser/events/{event}/bookings/{booking}")

    async def show_end(
        request: AnyRequest, event: str, form: Form, status: int = 200, refused: str = ""
    ) -> ASGIResponse:
        showing = await events.showing(event)
        left = (
            (await refunds.left_of(event))["bookings_left"]
            if showing.event.state == "cancelled"
            else await refunds.to_give_back(event)
        )
        return pages.show(
            request,
            "organiser_cancel.html",
            status,
            event=showing.event,
            left=left,
            form=form,
            refused=refused,
            tab="cancel",
        )

    @get(_ORGANISER + "/cancel", guards=_MAY_TURN)
    async def show_event_cancellation(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """What cancelling the event would mean, or how far it has come."""
        return await show_end(request, event, Form())

    @post(_ORGANISER + "/cancel", guards=_MAY_TURN)
    async def cancel_event_on_page(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Cancels the event, once the box is ticked that says so."""
        form = await read_form(request)
        say = pages.language(request)
        if form["sure"] != "yes":
            form.fault("sure", say.gettext("Tick this box: it cannot be undone."))
            return await show_end(request, event, form, 422)
        try:
            asked = msgspec.convert({"reason": form["reason"]}, EventCancellationRequest)
        except msgspec.ValidationError:
            form.fault("reason", say.gettext("One line of at most 200 letters, please."))
            return await show_end(request, event, form, 422)
        try:
            await refunds.cancel_event(event, actor_of(request).account_id, asked.reason)
        except Conflict as refusal:
            return await show_end(request, event, form, refusal.status, refusal.detail)
        return see_other(f"/organiser/events/{event}/cancel")

    return [
        cancel_on_page,
        show_organiser_booking,
        cancel_as_organiser,
        show_event_cancellation,
        cancel_event_on_page,
    ]


def _nothing(form: Form) -> bool:
    """Whether tickets were to be ticked and none was: that is not all of them."""
    return form["part"] == "tickets" and not form.lists.get("tickets")


def _asked(form: Form) -> CancellationRequest:
    wish = {"tickets": form.lists.get("tickets", []), "reason": form["reason"]}
    try:
        return msgspec.convert(wish, CancellationRequest)
    except msgspec.ValidationError:
        raise BadInput("this is nothing a booking can be asked") from None
