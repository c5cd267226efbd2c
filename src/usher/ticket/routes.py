"""Tickets over HTTP."""

from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.service import AccountService
from usher.plumbing.answer import answer, shaped
from usher.seat.guards import reader_of
from usher.seat.service import SeatService
from usher.ticket.model import TicketView
from usher.ticket.service import TicketService


def ticket_handlers(
    tickets: TicketService, accounts: AccountService, seats: SeatService
) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @get("/api/v1/tickets/{ticket:str}", responses=shaped(TicketView))
    async def show_ticket(
        ticket: FromPath[str],
        request: Request[Any, Any, Any],
    ) -> ASGIResponse:
        """A ticket of yours."""
        reader, _ = reader_of(request.scope, accounts, seats)
        return answer(await tickets.read(ticket, reader))

    return [show_ticket]
