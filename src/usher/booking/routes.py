"""Bookings over HTTP."""

import re
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import by_program, token_from
from usher.account.service import AccountService
from usher.booking.model import LANGUAGE, BookingPage, BookingRequest, BookingView
from usher.booking.service import BookingService
from usher.errors import HoldLapsed, Unauthenticated
from usher.payment.model import StartedPayment
from usher.plumbing.answer import answer, shaped
from usher.plumbing.cursor import Cursor, cursor_after, read_cursor
from usher.plumbing.express import EXPRESS
from usher.seat.guards import admissions_in, reader_of
from usher.seat.service import SeatService

_PATH: Final = "/api/v1/bookings"
AnyRequest = Request[Any, Any, Any]


async def _book(
    data: BookingRequest, request: AnyRequest, bookings: BookingService, seats: SeatService
) -> dict[str, Any]:
    if by_program(request.scope):
        token = token_from(request, "")
        return await bookings.create(seats.admission_of(None, token), data)
    # A browser may hold admissions to several events; the hold belongs to one of them.
    lapsed: HoldLapsed | None = None
    for admission in admissions_in(request.scope, seats):
        try:
            return await bookings.create(admission, data)
        except HoldLapsed as refusal:
            lapsed = refusal
    raise lapsed or Unauthenticated("an admission token is needed: stand in line first")


def booking_handlers(
    bookings: BookingService, accounts: AccountService, seats: SeatService
) -> list[HTTPRouteHandler]:
    """The routes, bound to their services."""

    @post(_PATH, status_code=202, responses=shaped(BookingView, 202), opt=EXPRESS)
    async def create_booking(
        data: JSONBody[BookingRequest],
        request: AnyRequest,
    ) -> ASGIResponse:
        """Book a hold: 202, the seats are yours to pay for until `due`."""
        if not data.language:
            said = request.headers.get("accept-language", "")
            if len(said) <= limits.language_chars_max and re.match(LANGUAGE, said):
                data = msgspec.structs.replace(data, language=said)
        booking = await _book(data, request, bookings, seats)
        return answer(booking, 202, headers=[("location", f"{_PATH}/{booking['booking_id']}")])

    @get(_PATH, responses=shaped(BookingPage))
    async def list_bookings(
        request: AnyRequest,
        limit: Annotated[int, QueryParameter(ge=1, le=limits.page_rows_max)] = 50,
        cursor: Cursor = "",
    ) -> ASGIResponse:
        """Your bookings, newest first: those of the fan you are, and with an access token those of
        every fan you have been where you logged in."""
        reader, _ = reader_of(request.scope, accounts, seats)
        rows = await bookings.mine(reader, read_cursor(cursor, "booking"), limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        body = {
            "bookings": await bookings.views(rows[:limit]),
            "cursor": cursor_after(last.created_at, last.id) if last else None,
        }
        return answer(body)

    @get(_PATH + "/{booking:str}", responses=shaped(BookingView), opt=EXPRESS)
    async def show_booking(
        booking: FromPath[str],
        request: AnyRequest,
    ) -> ASGIResponse:
        """One of your bookings, with its tickets once it is confirmed."""
        return answer(await bookings.read(booking, *reader_of(request.scope, accounts, seats)))

    @post(
        _PATH + "/{booking:str}/payment",
        status_code=201,
        responses=shaped(StartedPayment, 201),
        opt=EXPRESS,
    )
    async def pay_booking(
        booking: FromPath[str],
        request: AnyRequest,
    ) -> ASGIResponse:
        """Begin to pay. Asked again while an attempt is open, it is the same attempt."""
        reader, _ = reader_of(request.scope, accounts, seats)
        return answer(await bookings.pay(booking, reader), 201)

    return [create_booking, list_bookings, show_booking, pay_booking]
