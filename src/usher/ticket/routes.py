"""Tickets over HTTP: a holder's own, and what everybody needs who checks them."""

from typing import Annotated, Any, Final

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.service import AccountService
from usher.errors import NotFound
from usher.plumbing.answer import PRIVATE, Answer, answer, shaped
from usher.plumbing.language import LANGUAGE_COOKIE, Language, Languages
from usher.seat.guards import reader_of
from usher.seat.service import SeatService
from usher.ticket.keybook import KeyBook
from usher.ticket.model import TicketKeySet, TicketView, TransferRequest
from usher.ticket.revocation import Revocations
from usher.ticket.service import Asker, TicketService
from usher.ticket.signing import jwks

_PATH: Final = "/api/v1/tickets/{ticket:str}"
_KEYS: Final = "/.well-known/usher-ticket-keys.json"
_READABLE: Final = ("access-control-allow-origin", "*")
AnyRequest = Request[Any, Any, Any]

Token = Annotated[
    str,
    QueryParameter(
        name="t",
        max_length=limits.token_chars_max,
        description="Of a ticket's link: opens that ticket, without any other token.",
    ),
]


def ticket_handlers(
    tickets: TicketService, accounts: AccountService, seats: SeatService, languages: Languages
) -> list[HTTPRouteHandler]:
    """The routes of holders, bound to their services."""

    def asker(request: AnyRequest, token: str) -> Asker:
        if token:
            return tickets.grant_of(token)
        return reader_of(request.scope, accounts, seats)[0]

    def language(request: AnyRequest) -> Language:
        said = request.headers.get("accept-language", "")
        return languages.choose(request.cookies.get(LANGUAGE_COOKIE), said)

    @get(_PATH, responses=shaped(TicketView))
    async def show_ticket(
        ticket: FromPath[str], request: AnyRequest, token: Token = ""
    ) -> ASGIResponse:
        """A ticket of yours; with `.svg` behind its id, its QR code as a picture, with `.pdf` the
        whole ticket to print."""
        who = asker(request, token)
        named, dot, form = ticket.partition(".")
        match form if dot else None:
            case None:
                return answer(await tickets.read(ticket, who))
            case "svg":
                return _file(await tickets.picture(named, who), "image/svg+xml")
            case "pdf":
                printed = await tickets.printed(named, who, language(request))
                return _file(printed, "application/pdf", f"{named}.pdf")
        raise NotFound("a ticket comes as JSON, or as .svg or .pdf")

    @post(f"{_PATH}/transfer", status_code=200, responses=shaped(TicketView))
    async def transfer_ticket(
        ticket: FromPath[str],
        data: JSONBody[TransferRequest],
        request: AnyRequest,
        token: Token = "",
    ) -> ASGIResponse:
        """Hand a ticket of yours on to somebody else: they are sent a link, and what you have of it
        is good no more. The same again changes nothing."""
        return answer(await tickets.transfer(ticket, asker(request, token), data))

    @get(
        "/api/v1/bookings/{booking:str}/tickets.pdf",
        responses=shaped(bytes, 200, "To print.", "application/pdf"),
    )
    async def print_booking(booking: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """All tickets of a booking of yours, one a page, but for those you handed on."""
        reader = reader_of(request.scope, accounts, seats)[0]
        printed = await tickets.printed_all(booking, reader, language(request))
        return _file(printed, "application/pdf", f"{booking}.pdf")

    return [show_ticket, transfer_ticket, print_booking]


def door_handlers(keys: KeyBook, revocations: Revocations) -> list[HTTPRouteHandler]:
    """What is published so that codes can be checked anywhere, without asking here each time."""

    @get(_KEYS, responses=shaped(TicketKeySet))
    async def show_ticket_keys() -> ASGIResponse:
        """The keys that verify tickets' codes and revocation lists (a JWK Set, Ed25519)."""
        cache = f"public, max-age={limits.ticket_keys_fresh_s}"
        return answer(jwks(await keys.trusted()), cache=cache, headers=[_READABLE])

    @get(
        "/api/v1/events/{event:str}/tickets/revoked",
        responses=shaped(str, 200, "A compact JWS (EdDSA).", "application/jose")
        | shaped(None, 304, "As you have it."),
    )
    async def show_revoked(event: FromPath[str], request: AnyRequest) -> Response[bytes]:
        """The codes of an event's tickets that are good no more, signed. Its claims: `event`,
        `iat`, and `bookings`: booking (without its prefix), seat, and the lowest serial that is
        good, or null."""
        told = await revocations.of(event)
        headers = {
            "etag": told.etag,
            "cache-control": f"public, max-age={limits.revoked_fresh_s}",
            _READABLE[0]: _READABLE[1],
            "x-content-type-options": "nosniff",
        }
        known = request.headers.get("if-none-match", "")
        if "*" in known or told.etag in known:
            return Response(content=b"", status_code=304, headers=headers)
        return Response(content=told.body, media_type="application/jose", headers=headers)

    return [show_ticket_keys, show_revoked]


def _file(body: bytes, media_type: str, name: str = "") -> ASGIResponse:
    head = [
        (b"content-type", media_type.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", PRIVATE.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    if name:  # only ids get as far as here
        head.append((b"content-disposition", b'inline; filename="%s"' % name.encode()))
    else:  # a picture may hold scripts; a browser's own viewer of paper is one
        head.append((b"content-security-policy", b"default-src 'none'"))
    return Answer(body, 200, head)
