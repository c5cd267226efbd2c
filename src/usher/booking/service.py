"""Booking a hold, reading bookings, paying for them, cancelling what is unpaid."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from usher import limits
from usher.account.model import Reader
from usher.account.service import AccountService
from usher.booking import queries
from usher.booking.model import Booking, BookingRequest, Claim, ticket_id
from usher.booking.queries import TicketView
from usher.booking.refunding.model import cancellable_until
from usher.booking.refunding.queries import refunds_of
from usher.clock import iso, iso_ms, to_ms, utc_now
from usher.errors import (
    BookingState,
    Forbidden,
    HoldLapsed,
    IdempotencyMismatch,
    NotFound,
    NotOpen,
    Unavailable,
)
from usher.event.service import EventService
from usher.ids import is_id, sibling_id
from usher.payment.model import REHEARSAL, Payment
from usher.payment.service import PaymentService
from usher.plumbing.postgres import Database, Gather
from usher.seat import scripts as s
from usher.seat.model import seat_view, total_view
from usher.seat.service import Admission, SeatService

# A booking is committed within milliseconds; who pays faster than that waits this long for it.
_COMMIT_WAIT_S: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)


class BookingService:
    def __init__(
        self,
        database: Database,
        events: EventService,
        seats: SeatService,
        scripts: s.SeatScripts,
        payments: PaymentService,
        accounts: AccountService,
    ) -> None:
        self._database = database
        self._events = events
        self._seats = seats
        self._scripts = scripts
        self._payments = payments
        self._accounts = accounts

        async def find(ids: Sequence[str]) -> list[Booking | None]:
            found = await queries.find_many(database, ids)
            return [found.get(each) for each in ids]

        async def tickets(bookings: Sequence[str]) -> list[list[TicketView]]:
            found = await queries.tickets_of(database, bookings)
            return [found[each] for each in bookings]

        self._find: Gather[str, Booking | None] = Gather(find)
        self._tickets: Gather[str, list[TicketView]] = Gather(tickets)

    async def create(self, admission: Admission, asked: BookingRequest) -> dict[str, Any]:
        """Claims a hold: from here on the seats are the fan's until `due`, paid or not.

        HoldLapsed where it is gone; the same request again is the same booking. "pending" is
        all that may be said before COMMIT (invariant 1).
        """
        try:
            hold = await self._seats.live(admission, asked.hold_id)
        except HoldLapsed:
            return await self._become(admission, asked)
        showing = await self._events.showing(admission.event)
        if showing.event.state != "published":
            raise NotOpen("the event is cancelled", state="closed")
        booking_id = sibling_id("booking", asked.hold_id)
        claim = Claim(
            fan_id=admission.fan_id,
            place_id=admission.place_id,
            digest=asked.digest(),
            name=asked.name.strip(),
            email=asked.email,
            currency=showing.event.currency,
            prices=[showing.price_of(index) for index in hold.seats],
            language=asked.language,
            phone=asked.phone,
        )
        reply = await self._scripts.claim(
            admission.event,
            asked.hold_id,
            admission.place_id,
            claim.digest,
            booking_id,
            showing.event.payment_s,
            limits.ledger_entries_max,
            msgspec.json.encode(claim).decode(),
        )
        match reply:
            case s.Claimed(due_ms, left_ms, seats):
                return {
                    "booking_id": booking_id,
                    "event_id": admission.event,
                    "state": "pending",
                    "total": total_view(showing, seats),
                    "due": iso_ms(due_ms),
                    "expires_in_s": left_ms // 1000,
                    "tickets": [],
                }
            case s.Mismatch():
                raise IdempotencyMismatch("this hold was booked under another name")
            case s.Full():
                raise Unavailable("too many bookings are on their way", retry_after_s=2)
            case s.Gone():
                raise HoldLapsed("this hold has lapsed, or is not yours")

    async def _become(self, admission: Admission, asked: BookingRequest) -> dict[str, Any]:
        """The booking that a hold became which is forgotten since: a lost answer, asked for again
        however late (invariant 5). HoldLapsed where it became none."""
        booking_id = sibling_id("booking", asked.hold_id)
        booking = await self._find(booking_id) if is_id("booking", booking_id) else None
        if booking is None or booking.place_id != admission.place_id:
            raise HoldLapsed("this hold has lapsed, or is not yours")
        if booking.digest != asked.digest():
            raise IdempotencyMismatch("this hold was booked under another name")
        return (await self._views([booking]))[0]

    async def read(
        self, booking_id: str, reader: Reader, admission: Admission | None = None
    ) -> dict[str, Any]:
        """A booking as PostgreSQL has it; "pending" while it is still on the ledger. NotFound
        for what is not there, Forbidden for somebody else's."""
        booking = await self._owned(booking_id, reader)
        if booking is None:
            return await self._pending(booking_id, admission)
        return (await self._views([booking]))[0]

    async def shown(self, booking_id: str) -> dict[str, Any]:
        """A booking for those who may see every booking of its event; NotFound."""
        booking = await self._find(booking_id) if is_id("booking", booking_id) else None
        if booking is None:
            raise NotFound("there is no such booking")
        return (await self._views([booking]))[0]

    async def _owned(self, booking_id: str, reader: Reader) -> Booking | None:
        if not is_id("booking", booking_id):
            raise NotFound("there is no such booking")
        booking = await self._find(booking_id)
        if booking is not None and not await self._accounts.may_read(reader, booking.fan_id):
            raise Forbidden("this booking is somebody else's")
        return booking

    async def _pending(self, booking_id: str, admission: Admission | None) -> dict[str, Any]:
        hold_id = sibling_id("hold", booking_id)
        reply = await self._scripts.read(admission.event, hold_id) if admission else s.Gone()
        if (
            admission is None
            or not isinstance(reply, s.Hold)
            or reply.owner != admission.place_id
            or reply.state == "h"
        ):
            raise NotFound("there is no such booking")
        showing = await self._events.showing(admission.event)
        return {
            "booking_id": booking_id,
            "event_id": admission.event,
            "state": "pending",
            "total": total_view(showing, reply.seats),
            "due": iso_ms(reply.due_ms),
            "expires_in_s": reply.left_ms // 1000,
            "tickets": [],
        }

    async def mine(self, reader: Reader, after: tuple[Any, str] | None, most: int) -> list[Booking]:
        """The bookings of a fan, or of every fan an account is or was, newest first."""
        fans = await self._accounts.fans_read_by(reader)
        return await queries.of_fans(self._database, fans, after, most)

    async def views(self, bookings: Sequence[Booking]) -> list[dict[str, Any]]:
        """Bookings on the wire, tickets included where they are confirmed."""
        return await self._views(bookings)

    async def _views(self, bookings: Sequence[Booking]) -> list[dict[str, Any]]:
        confirmed = [each.id for each in bookings if each.state == "confirmed"]
        live = await asyncio.gather(*(self._tickets(each) for each in confirmed))
        tickets = dict(zip(confirmed, live, strict=True))
        attempts = await asyncio.gather(*(self._payments.of_booking(each.id) for each in bookings))
        returned = [each.id for each in bookings if each.returned]
        refunds = await refunds_of(self._database, returned) if returned else []
        views = []
        for booking, payments in zip(bookings, attempts, strict=True):
            showing = await self._events.showing(booking.event_id)
            left_s = (booking.due - utc_now()).total_seconds()
            view = {
                "booking_id": booking.id,
                "event_id": booking.event_id,
                "state": booking.state,
                "name": booking.name,
                "email": booking.email,
                "seats": [
                    seat_view(showing, seat)
                    | {"price": {"amount": price, "currency": booking.currency}}
                    for seat, price in zip(booking.seats, booking.prices, strict=True)
                ],
                "total": {"amount": booking.total, "currency": booking.currency},
                "created_at": iso(booking.created_at),
                "due": iso(booking.due),
                "expires_in_s": max(0, int(left_s)) if booking.state == "awaiting_payment" else 0,
                "tickets": [
                    {
                        "ticket_id": ticket_id(booking.id, each.seat),
                        **_words(seat_view(showing, each.seat)),
                        **({"transferred_to": each.transferred_to} if each.transferred_to else {}),
                    }
                    for each in tickets.get(booking.id, ())
                ],
            }
            if booking.reason:
                view["reason"] = booking.reason
            if booking.state == "confirmed" and (until := cancellable_until(showing.event)):
                view["cancellable_until"] = iso(until)
            if booking.returned:
                own = [each for each in refunds if each["booking_id"] == booking.id]
                view["refunds"] = [_refund_view(each) for each in own]
            if payments:
                view["payment"] = _payment_view(payments[-1])
            views.append(view)
        return views

    async def pay(self, booking_id: str, reader: Reader) -> dict[str, Any]:
        """Begins a payment, or gives the one that is open. A booking still on the ledger is
        waited for: its fan has done nothing wrong by being fast."""
        booking = await self._owned(booking_id, reader)
        for pause_s in _COMMIT_WAIT_S:
            if booking is not None:
                break
            await asyncio.sleep(pause_s)
            booking = await self._owned(booking_id, reader)
        if booking is None:
            raise NotFound("there is no such booking (yet)")
        if booking.state != "awaiting_payment":
            raise BookingState(f"the booking is {booking.state}", state=booking.state)
        showing = await self._events.showing(booking.event_id)
        return await self._payments.start(
            booking_id=booking.id,
            event_id=booking.event_id,
            amount=booking.total,
            currency=booking.currency,
            due_ms=to_ms(booking.due),
            # Nobody pays for a rehearsal, whatever is set up here.
            provider=REHEARSAL if showing.event.shadow else "",
        )


def _payment_view(payment: Payment) -> dict[str, Any]:
    """What became of an attempt to pay; a fan whose money goes back is told why."""
    view = {"payment_id": payment.id, "state": payment.state}
    return view | ({"reason": payment.reason} if payment.reason else {})


def _refund_view(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "refund_id": row["id"],
        "state": row["state"],
        "amount": {"amount": row["amount"], "currency": row["currency"]},
        "seats": row["seats"],
        "reason": row["reason"],
        "created_at": iso(row["created_at"]),
    }


def _words(view: dict[str, Any]) -> dict[str, Any]:
    return {name: view[name] for name in ("guid", "zone", "row", "number", "category")}
