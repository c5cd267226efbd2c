"""Tickets over HTTP."""

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.service import AccountService
from usher.plumbing.answer import answer
from usher.seat.guards import reader_of
from usher.seat.service import SeatService
from usher.ticket.service import TicketService


@get("/api/v1/tickets/{ticket:str}")
async def show_ticket(
    ticket: FromPath[str],
    request: Request[Any, Any, Any],
    tickets: NamedDependency[TicketService],
    accounts: NamedDependency[AccountService],
    seats: NamedDependency[SeatService],
) -> ASGIResponse:
    """A ticket of yours."""
    fan_id, _ = reader_of(request.scope, accounts, seats)
    return answer(await tickets.read(ticket, fan_id))


handlers = [show_ticket]
