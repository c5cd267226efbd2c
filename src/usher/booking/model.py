"""Bookings: what a fan asks for, what travels on the ledger, what may follow what."""

import hashlib
import re
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from usher import limits
from usher.plumbing.answer import Money
from usher.seat.model import SeatView

# "pending" is a booking accepted by Redis and not yet committed: no row has that state.
State = Literal["awaiting_payment", "confirmed", "expired", "conflict", "cancelled", "refunded"]

# From each state, the states a booking may go to. Every move is a conditional UPDATE.
TRANSITIONS: Final[dict[State, tuple[State, ...]]] = {
    "awaiting_payment": ("confirmed", "expired", "cancelled"),
    # money that came late takes its seats again where they are still free
    "expired": ("confirmed",),
    # "cancelled": nothing was paid, or the money could not be collected
    "confirmed": ("refunded", "cancelled"),
    "conflict": (),
    "cancelled": (),
    "refunded": ("cancelled",),  # the money that was to go back could never be had
}

# What a booking's state means for its seats: 's' sold, '.' on sale again, '' as they are.
SEATS_BECOME: Final[dict[str, str]] = {
    "awaiting_payment": "",
    "confirmed": "s",
    "expired": ".",
    "conflict": ".",
    "cancelled": ".",
    "refunded": ".",
}

# One @ with something on both sides and a dot behind it; whether it exists, only mail can tell.
# `$` alone would let a last line break pass, and with it a header into the mail.
EMAIL: Final = r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f]+$(?!\n)"
# International, as E.164 has it; '' is none.
PHONE: Final = r"^(\+[1-9][0-9]{6,14})?$(?!\n)"
LANGUAGE: Final = r"^[A-Za-z0-9*,;=. -]*$(?!\n)"
NAME: Final = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$(?!\n)"


class BookingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /api/v1/bookings."""

    hold_id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(max_length=limits.person_name_chars_max, pattern=NAME)]
    email: Annotated[str, Meta(max_length=limits.email_chars_max, pattern=EMAIL)]
    # Where a short message reaches the fan, if they want one.
    phone: Annotated[str, Meta(max_length=limits.phone_chars_max, pattern=PHONE)] = ""
    # How they are written to: a tag, or several as an Accept-Language header has them.
    language: Annotated[str, Meta(max_length=limits.language_chars_max, pattern=LANGUAGE)] = ""

    def digest(self) -> str:
        """A fingerprint: the same hold booked again must be booked by the same person."""
        said = msgspec.json.encode((self.name, self.email))
        return hashlib.blake2b(said, digest_size=6).hexdigest()


class Claim(msgspec.Struct, frozen=True):
    """The payload of a claim on the ledger: what the API knew and the script does not."""

    fan_id: str
    place_id: str
    digest: str
    name: str
    email: str
    currency: str
    prices: list[int]
    language: str = ""
    phone: str = ""


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """A booking as PostgreSQL has it. `prices` stand in the order of `seats`, minor units;
    `returned` are those of its seats that were given back after it was confirmed, `refunded` the
    money that goes, or went, back for them."""

    id: str
    event_id: str
    hold_id: str
    place_id: str
    fan_id: str
    digest: str
    name: str
    email: str
    state: State
    total: int
    currency: str
    seats: list[int]
    prices: list[int]
    reason: str = ""
    due: datetime
    created_at: datetime
    confirmed_at: datetime | None = None
    language: str = ""
    phone: str = ""
    returned: list[int] = []
    refunded: int = 0

    @property
    def kept(self) -> list[int]:
        """Its seats, less those that were given back."""
        return [seat for seat in self.seats if seat not in self.returned]


_TICKET: Final = re.compile(r"tkt_([0-9a-f]{20})_(0|[1-9][0-9]{0,5})")


class RefundView(msgspec.Struct):
    """Tickets given back, and their money: on its way (`pending`), `done`, refused by the provider
    (`failed`), or needless because it was never taken (`dropped`)."""

    refund_id: str
    state: Literal["pending", "done", "failed", "dropped"]
    amount: Money
    seats: list[int]
    reason: str
    created_at: datetime


class BookedTicket(msgspec.Struct):
    """A ticket of a booking; `transferred_to` where its fan has handed it on."""

    ticket_id: str
    guid: str
    zone: str
    row: str
    number: str
    category: str
    transferred_to: str | UnsetType = UNSET


class PaymentView(msgspec.Struct, kw_only=True):
    """The last attempt to pay; `reason` where it was declined or given back."""

    payment_id: str
    state: str
    reason: str | UnsetType = UNSET


class BookingView(msgspec.Struct, kw_only=True):
    """A booking on the wire: pending (with less to tell), then as PostgreSQL has it."""

    booking_id: str
    event_id: str
    state: str
    total: Money
    due: datetime
    expires_in_s: int
    tickets: list[BookedTicket]
    name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    seats: list[SeatView] | UnsetType = UNSET
    created_at: datetime | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    payment: PaymentView | UnsetType = UNSET
    # until when its fan may give tickets back; not there where only the organiser may
    cancellable_until: datetime | UnsetType = UNSET
    refunds: list[RefundView] | UnsetType = UNSET


class BookingPage(msgspec.Struct):
    """A page of bookings; `cursor` is null on the last one."""

    bookings: list[BookingView]
    cursor: str | None


def ticket_id(booking_id: str, seat: int) -> str:
    """The id of the ticket for `seat` of a booking: the same on every replay."""
    return f"tkt_{booking_id[4:]}_{seat}"


def read_ticket_id(text: str) -> tuple[str, int] | None:
    """The booking's id and the seat that a ticket's id names; None where it is none."""
    match = _TICKET.fullmatch(text)
    return (f"bkg_{match[1]}", int(match[2])) if match else None
