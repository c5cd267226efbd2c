"""A ticket as a page: to be shown at the door, or printed."""

from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.service import AccountService
from usher.errors import Forbidden, Unauthenticated
from usher.event.service import EventService
from usher.plumbing.page import Pages
from usher.seat.guards import reader_of
from usher.seat.service import SeatService
from usher.ticket.service import TicketService

AnyRequest = Request[Any, Any, Any]


def ticket_pages(
    pages: Pages,
    tickets: TicketService,
    accounts: AccountService,
    seats: SeatService,
    events: EventService,
) -> list[HTTPRouteHandler]:
    """The page, bound to its services."""

    @get("/tickets/{ticket:str}")
    async def show_ticket_page(ticket: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """A ticket of the fan who asks."""
        try:
            reader, _ = reader_of(request.scope, accounts, seats)
            view = await tickets.read(ticket, reader)
        except (Forbidden, Unauthenticated) as refusal:
            return pages.show(request, "booking_elsewhere.html", refusal.status)
        showing = await events.showing(view["event_id"])
        return pages.show(
            request, "ticket.html", script="ticket.js", ticket=view, event=showing.event
        )

    return [show_ticket_page]
