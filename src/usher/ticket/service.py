"""Tickets: one row per seat of a booking."""

from io import BytesIO
from typing import Any, Final

import segno

from usher.account.model import Reader
from usher.account.service import AccountService
from usher.booking.model import read_ticket_id
from usher.clock import iso
from usher.errors import Forbidden, NotFound
from usher.event.service import EventService
from usher.plumbing.postgres import Database
from usher.seat.model import seat_view
from usher.ticket import queries

_QUIET_ZONE: Final = 4  # modules around a code, as ISO/IEC 18004 asks for


class TicketService:
    def __init__(self, database: Database, events: EventService, accounts: AccountService) -> None:
        self._database = database
        self._events = events
        self._accounts = accounts

    async def read(self, ticket_id: str, reader: Reader) -> dict[str, Any]:
        """A ticket of `reader`: NotFound before its booking is confirmed, Forbidden for
        somebody else's."""
        named = read_ticket_id(ticket_id)
        row = await queries.find(self._database, *named) if named else None
        if row is None or row["booking_state"] != "confirmed" or row["state"] != "live":
            raise NotFound("there is no such ticket")
        if not await self._accounts.may_read(reader, row["fan_id"]):
            raise Forbidden("this ticket is somebody else's")
        showing = await self._events.showing(row["event_id"])
        return {
            "ticket_id": ticket_id,
            "booking_id": row["booking_id"],
            "event_id": row["event_id"],
            "event": showing.event.title,
            "venue": showing.event.venue,
            "starts_at": iso(showing.event.starts_at),
            "holder": row["name"],
            "state": row["state"],
            **seat_view(showing, row["seat"]),
            "price": {"amount": row["price"], "currency": row["currency"]},
        }

    async def picture(self, ticket_id: str, reader: Reader) -> bytes:
        """The ticket's QR code as SVG, black on white whatever it stands on; refused as `read`.

        It says the ticket's id. Who is at the door will want a signed one, which cannot be made
        up and can be checked offline.
        """
        ticket = await self.read(ticket_id, reader)
        code = segno.make(ticket["ticket_id"], error="m", micro=False)
        drawn = BytesIO()
        code.save(drawn, kind="svg", border=_QUIET_ZONE, light="#fff", omitsize=True)
        return drawn.getvalue()
