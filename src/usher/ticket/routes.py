"""Tickets over HTTP."""

from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.service import AccountService
from usher.errors import NotFound
from usher.plumbing.answer import PRIVATE, Answer, answer, shaped
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
        """A ticket of yours; with `.svg` behind its id, its QR code as a picture."""
        reader, _ = reader_of(request.scope, accounts, seats)
        named, dot, form = ticket.partition(".")
        if not dot:
            return answer(await tickets.read(ticket, reader))
        if form != "svg":
            raise NotFound("a ticket comes as JSON, or as .svg")
        return _picture(await tickets.picture(named, reader))

    return [show_ticket]


def _picture(body: bytes) -> ASGIResponse:
    head = [
        (b"content-type", b"image/svg+xml"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", PRIVATE.encode()),
        (b"content-security-policy", b"default-src 'none'"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return Answer(body, 200, head)
