"""Giving back over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.guards import actor_of, own_event, require_role, visitor_of
from usher.account.model import Reader, Role
from usher.account.service import AccountService
from usher.booking.model import BookingView
from usher.booking.refunding.model import (
    CancellationRequest,
    EventCancellationRequest,
    WoundUp,
)
from usher.booking.refunding.service import Refunds
from usher.errors import Unauthenticated
from usher.plumbing.answer import answer, shaped
from usher.plumbing.request import read_json
from usher.plumbing.signing import Signer
from usher.seat.guards import reader_of
from usher.seat.service import SeatService

AnyRequest = Request[Any, Any, Any]
_CANCELLATION: Final = "/api/v1/events/{event:str}/cancellation"


class Desk:
    """Who asks at the desk: a fan for what is theirs, or whoever acts for the event's organiser."""

    def __init__(
        self,
        signer: Signer,
        accounts: AccountService,
        seats: SeatService,
        owner_of: Callable[[str], Awaitable[str | None]],
    ) -> None:
        self._signer = signer
        self._accounts = accounts
        self._seats = seats
        self._owner_of = owner_of

    async def organiser(self, request: AnyRequest, event: str) -> str:
        """The account that is logged in, where it may act for the organiser of `event`; else ""."""
        actor = visitor_of(request, self._signer)
        if actor is None or not actor.role.covers(Role.ORGANISER):
            return ""
        owner = await self._owner_of(event)
        own = actor.role is Role.ADMIN or owner in (None, actor.account_id)
        return actor.account_id if own else ""

    def reader(self, request: AnyRequest) -> Reader:
        """Whose bookings who asks may see; nobody's where nobody is logged in or in line."""
        try:
            return reader_of(request.scope, self._accounts, self._seats)[0]
        except Unauthenticated:
            return Reader()


def refunding_handlers(refunds: Refunds, desk: Desk) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @post(
        "/api/v1/bookings/{booking:str}/cancellation",
        status_code=200,
        responses=shaped(BookingView),
    )
    async def cancel_booking(booking: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Cancel an unpaid booking, or give tickets of a confirmed one back: those that are named,
        or all. A fan may within the event's deadline, its organiser at any time."""
        asked = read_json(await request.body() or b"{}", CancellationRequest)
        reader = desk.reader(request)
        organiser = await desk.organiser(request, await refunds.event_of(booking))
        if not organiser and reader == Reader():
            raise Unauthenticated("whose booking is it? Log in, or come with the fan's token")
        return answer(await refunds.cancel(booking, asked, reader, organiser))

    @post(
        _CANCELLATION,
        status_code=202,
        guards=[require_role(Role.ORGANISER), own_event],
        responses=shaped(WoundUp, 202),
    )
    async def cancel_event(event: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Cancel an event: every booking is given back, within minutes; asked again it tells how
        many are left."""
        asked = read_json(await request.body() or b"{}", EventCancellationRequest)
        actor = actor_of(request).account_id
        return answer(await refunds.cancel_event(event, actor, asked.reason), 202)

    @get(
        _CANCELLATION,
        guards=[require_role(Role.STAFF), own_event],
        responses=shaped(WoundUp),
    )
    async def show_cancellation(event: FromPath[str]) -> ASGIResponse:
        """How far a cancelled event has been given back."""
        return answer(await refunds.left_of(event))

    return [cancel_booking, cancel_event, show_cancellation]
