"""A ticket: who holds it, what they may do with it, how it stands on the wire."""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from usher import limits
from usher.booking.model import EMAIL, NAME, ticket_id
from usher.errors import Forbidden, NotFound
from usher.seat.model import SeatView

# What a ticket is to who asks: good, not theirs any more, or nobody's.
Standing = Literal["live", "transferred", "cancelled"]
# Why a ticket that is good cannot be handed on.
Obstacle = Literal["used", "begun", "not_published"]
REFUSALS: Final[dict[Obstacle, str]] = {
    "used": "somebody has come in with this ticket",
    "begun": "the event has begun",
    "not_published": "the event is not to take place",
}


class Grant(msgspec.Struct, frozen=True):
    """The right to a ticket as it was issued for the `serial`-th time: what a link holds."""

    ticket_id: str
    serial: int


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket as PostgreSQL has it, with what its booking and its event say of it. `holder` is ""
    while it is with whoever booked it."""

    booking_id: str
    event_id: str
    seat: int
    price: int
    currency: str
    state: str
    serial: int
    holder: str
    holder_email: str
    name: str
    fan_id: str
    language: str
    created_at: datetime
    booking_state: str
    confirmed: bool
    event_state: str
    begun: bool
    used: bool

    @property
    def id(self) -> str:
        return ticket_id(self.booking_id, self.seat)

    @property
    def good(self) -> bool:
        return self.state == "live" and self.booking_state == "confirmed"

    @property
    def obstacle(self) -> Obstacle | None:
        """Why it cannot be handed on, None where it can."""
        if self.used:
            return "used"
        if self.begun:
            return "begun"
        return None if self.event_state == "published" else "not_published"

    def standing(self, grant: Grant | None) -> Standing:
        """What it is to its booking's fan, or to who has a `grant`. NotFound where it never was a
        ticket; Forbidden for a grant that was never given."""
        if not self.confirmed:
            raise NotFound("there is no such ticket")
        if grant is not None and (grant.ticket_id != self.id or grant.serial > self.serial):
            raise Forbidden("this link is of another ticket")
        if self.holder if grant is None else grant.serial < self.serial:
            return "transferred"
        return "live" if self.good else "cancelled"


class TransferRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /api/v1/tickets/{ticket}/transfer: who is to have the ticket."""

    name: Annotated[str, Meta(max_length=limits.person_name_chars_max, pattern=NAME)]
    email: Annotated[str, Meta(max_length=limits.email_chars_max, pattern=EMAIL)]


class Transfer(msgspec.Struct, frozen=True):
    """A ticket that has changed hands: `serial` is what its new holder's has."""

    serial: int
    holder: str
    holder_email: str


class TicketView(SeatView, msgspec.Struct, kw_only=True):
    """A seat that is paid for, and who holds it. `state` is what it is to who asks: `live` with the
    `code` that opens the door, `transferred` (to `transferred_to`) or `cancelled`."""

    ticket_id: str
    booking_id: str
    event_id: str
    event: str
    venue: str
    starts_at: datetime
    holder: str
    state: str
    serial: int | UnsetType = UNSET
    code: str | UnsetType = UNSET
    transferable: bool = False
    transferred_to: str | UnsetType = UNSET


class TicketKey(msgspec.Struct):
    """A JSON Web Key (RFC 8037) that verifies codes."""

    kid: str
    kty: str
    crv: str
    x: str
    use: str
    alg: str


class TicketKeySet(msgspec.Struct):
    """A JWK Set (RFC 7517)."""

    keys: list[TicketKey]
