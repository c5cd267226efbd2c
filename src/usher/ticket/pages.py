"""A ticket as a page: to be shown at the door, printed, or handed on."""

import re
from typing import Any, Final

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.service import AccountService
from usher.booking.model import EMAIL, NAME
from usher.errors import Conflict, Forbidden, Gone, Transferred, Unauthenticated
from usher.event.service import EventService
from usher.plumbing.form import Form, read_form
from usher.plumbing.language import Language
from usher.plumbing.page import Pages, see_other
from usher.seat.guards import reader_of
from usher.seat.service import SeatService
from usher.ticket.model import TransferRequest
from usher.ticket.service import Asker, TicketService

_PATH: Final = "/tickets/{ticket:str}"
AnyRequest = Request[Any, Any, Any]


def ticket_pages(
    pages: Pages,
    tickets: TicketService,
    accounts: AccountService,
    seats: SeatService,
    events: EventService,
) -> list[HTTPRouteHandler]:
    """The pages, bound to their services."""

    def asker(request: AnyRequest) -> Asker:
        if token := str(request.query_params.get("t", "")):
            return tickets.grant_of(token)
        return reader_of(request.scope, accounts, seats)[0]

    async def show(
        request: AnyRequest, ticket: str, form: Form | None = None, status: int = 200
    ) -> ASGIResponse:
        try:
            view = await tickets.read(ticket, asker(request))
        except (Forbidden, Unauthenticated) as refusal:
            shown = "ticket_elsewhere.html" if _link(request) else "booking_elsewhere.html"
            return pages.show(request, shown, refusal.status)
        showing = await events.showing(view["event_id"])
        return pages.show(
            request,
            "ticket.html",
            status,
            script="ticket.js",
            ticket=view,
            event=showing.event,
            link=_link(request),
            form=form or Form(),
        )

    @get(_PATH)
    async def show_ticket_page(ticket: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """A ticket of the fan who asks, or of who has its link."""
        return await show(request, ticket)

    @post(_PATH + "/transfer")
    async def transfer_on_page(ticket: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Hands the ticket on; its page says to whom. Pressed twice, it is once."""
        form = await read_form(request)
        _check(form, pages.language(request))
        if not form.good:
            return await show(request, ticket, form, 422)
        try:
            wish = TransferRequest(name=form["name"], email=form["email"])
            await tickets.transfer(ticket, asker(request), wish)
        except (Transferred, Gone, Conflict):
            pass  # its page says what it is now
        except (Forbidden, Unauthenticated):
            return await show(request, ticket)
        return see_other(f"/tickets/{ticket}{_link(request)}")

    @get(_PATH + "/transfer")
    async def after_transfer(ticket: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """Who comes back to the address of the form: the ticket is one step up."""
        return see_other(f"/tickets/{ticket}{_link(request)}")

    return [show_ticket_page, transfer_on_page, after_transfer]


def _link(request: AnyRequest) -> str:
    """What stands behind the addresses of a ticket for who came by its link; "" for all others."""
    token = str(request.query_params.get("t", ""))
    return f"?t={token}" if re.fullmatch(r"[\w.-]+", token, re.ASCII) else ""


def _check(form: Form, say: Language) -> None:
    """Notes what is wrong with a new holder, as ticket.model.TransferRequest has them."""
    name, email = form["name"], form["email"]
    if not name:
        form.fault("name", say.gettext("Please tell us who is to have the ticket."))
    elif len(name) > limits.person_name_chars_max:
        form.fault("name", say.gettext("This name is too long to be printed on a ticket."))
    elif not re.match(NAME, name):
        form.fault("name", say.gettext("This name holds characters that cannot be printed."))
    if not email:
        form.fault("email", say.gettext("Please tell us where the ticket is to be sent."))
    elif len(email) > limits.email_chars_max or not re.match(EMAIL, email):
        form.fault(
            "email", say.gettext("This is no email address. It should look like ann@example.org.")
        )
