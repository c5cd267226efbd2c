"""A ticket on the wire."""

from datetime import datetime

import msgspec

from usher.seat.model import SeatView


class TicketView(SeatView, msgspec.Struct, kw_only=True):
    """A seat that is paid for, and who holds it."""

    ticket_id: str
    booking_id: str
    event_id: str
    event: str
    venue: str
    starts_at: datetime
    holder: str
    state: str
