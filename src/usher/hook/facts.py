"""What a fact says to those outside: as it stands when the message is written."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from usher.booking import queries as booking_queries
from usher.booking.model import Booking, read_ticket_id, ticket_id
from usher.clock import iso
from usher.errors import NotFound
from usher.event.model import Showing
from usher.event.service import EventService
from usher.hook import queries
from usher.payment import queries as payment_queries
from usher.plumbing.postgres import Database
from usher.seat.model import seat_view

_SEAT: Final = ("guid", "zone", "row", "number", "category")


class About(msgspec.Struct, frozen=True):
    """The event that a fact is about, and the fact in words of the API."""

    event_id: str
    data: dict[str, Any]


class Facts:
    def __init__(self, database: Database, events: EventService) -> None:
        self._database = database
        self._events = events

    async def read(self, fact: str, subjects: Sequence[str]) -> dict[str, About]:
        """What there is to say of each of these subjects; those that are not there are left
        out."""
        match fact:
            case "booking.confirmed" | "booking.cancelled" | "booking.expired":
                return await self._bookings(subjects)
            case "booking.refunded":
                return await self._refunds(subjects)
            case "ticket.transferred":
                return await self._transfers(subjects)
            case "ticket.used":
                return await self._scans(subjects)
            case "event.cancelled":
                return await self._cancelled(subjects)
        return {}

    async def _bookings(self, ids: Sequence[str]) -> dict[str, About]:
        found = await booking_queries.find_many(self._database, ids)
        tickets = await booking_queries.tickets_of(self._database, list(found))
        told = {}
        for booking in found.values():
            showing = await self._events.showing(booking.event_id)
            # An unpaid one has them too, but nobody has been given them.
            given = booking.state == "confirmed"
            live = {each.seat for each in tickets[booking.id]} if given else set()
            told[booking.id] = About(booking.event_id, _booking(showing, booking, live))
        return told

    async def _refunds(self, ids: Sequence[str]) -> dict[str, About]:
        refunds = await payment_queries.refunds(self._database, ids)
        bookings = await booking_queries.find_many(
            self._database, [each.booking_id for each in refunds.values()]
        )
        told = {}
        for refund in refunds.values():
            showing = await self._events.showing(refund.event_id)
            booking = bookings[refund.booking_id]
            data = {
                "refund_id": refund.id,
                "booking_id": refund.booking_id,
                "event_id": refund.event_id,
                "state": refund.state,
                "reason": refund.reason,
                "amount": {"amount": refund.amount, "currency": refund.currency},
                "tickets": _seats(showing, booking, refund.seats, ticketed=refund.seats),
            }
            told[refund.id] = About(refund.event_id, data)
        return told

    async def _transfers(self, subjects: Sequence[str]) -> dict[str, About]:
        """Of `<ticket id>.<new serial>`. Who has it now is the fans' own."""
        named: dict[str, tuple[str, int, int]] = {}
        for subject in subjects:
            ticket, _, serial = subject.rpartition(".")
            if (parts := read_ticket_id(ticket)) and serial.isdigit():
                named[subject] = (parts[0], parts[1], int(serial))
        bookings = await booking_queries.find_many(
            self._database, [booking for booking, _, _ in named.values()]
        )
        told: dict[str, About] = {}
        for subject, (booking_id, seat, number) in named.items():
            booking = bookings.get(booking_id)
            if booking is not None and seat in booking.seats:
                ticket_now = await self._ticket(booking, seat) | {"serial": number}
                told[subject] = About(booking.event_id, ticket_now)
        return told

    async def _scans(self, ids: Sequence[str]) -> dict[str, About]:
        scans = await queries.scans(self._database, ids)
        bookings = await booking_queries.find_many(
            self._database, [scan.booking_id for scan in scans]
        )
        told: dict[str, About] = {}
        for scan in scans:
            if scan.booking_id in bookings:
                data = await self._ticket(bookings[scan.booking_id], scan.seat)
                data |= {
                    "scan_id": scan.id,
                    "entrance": scan.entrance,
                    "used_at": iso(scan.used_at),
                }
                told[scan.id] = About(scan.event_id, data)
        return told

    async def _ticket(self, booking: Booking, seat: int) -> dict[str, Any]:
        showing = await self._events.showing(booking.event_id)
        (told,) = _seats(showing, booking, [seat], ticketed=[seat])
        return told | {"booking_id": booking.id, "event_id": booking.event_id}

    async def _cancelled(self, ids: Sequence[str]) -> dict[str, About]:
        told = {}
        for event_id in ids:
            try:
                event = (await self._events.showing(event_id)).event
            except NotFound:
                continue
            data = {
                "event_id": event.id,
                "title": event.title,
                "venue": event.venue,
                "city": event.city,
                "hall": event.hall,
                "timezone": event.timezone,
                "starts_at": iso(event.starts_at),
            }
            told[event_id] = About(event_id, data)
        return told


def _booking(showing: Showing, booking: Booking, live: Iterable[int]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "booking_id": booking.id,
        "event_id": booking.event_id,
        "state": booking.state,
        "name": booking.name,
        "email": booking.email,
        "seats": _seats(showing, booking, booking.seats, ticketed=live),
        "total": {"amount": booking.total, "currency": booking.currency},
        "created_at": iso(booking.created_at),
    }
    if booking.confirmed_at:
        told["confirmed_at"] = iso(booking.confirmed_at)
    if booking.reason:
        told["reason"] = booking.reason
    return told


def _seats(
    showing: Showing, booking: Booking, seats: Iterable[int], ticketed: Iterable[int]
) -> list[dict[str, Any]]:
    """Seats of a booking at the price that was paid, with the id of the ticket where there is
    one."""
    prices = dict(zip(booking.seats, booking.prices, strict=True))
    has_ticket = set(ticketed)
    told = []
    for seat in seats:
        view = seat_view(showing, seat)
        words: dict[str, Any] = {name: view[name] for name in _SEAT}
        words["price"] = {"amount": prices.get(seat, 0), "currency": booking.currency}
        if seat in has_ticket:
            words["ticket_id"] = ticket_id(booking.id, seat)
        told.append(words)
    return told
