"""The waiting list of an event that is sold out: who is on it, and what they are offered."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from usher import limits
from usher.booking.model import EMAIL, LANGUAGE
from usher.clock import iso, to_ms, utc_now
from usher.event.model import Showing
from usher.ids import derived_id
from usher.plumbing.answer import Money
from usher.seat.model import SeatView, seat_view, total_view

State = Literal["waiting", "offered", "booked", "lapsed", "declined", "left"]

# What an entry may become; every move is a conditional UPDATE.
TRANSITIONS: Final[dict[State, tuple[State, ...]]] = {
    # waiting again: its seats could not be held after Redis was lost, or were somebody else's
    "offered": ("booked", "lapsed", "declined", "waiting"),
    "waiting": ("offered", "left"),
    "booked": (),
    "lapsed": (),
    "declined": (),
    "left": (),
}
# Empty, or a name as bookings have it.
NAME: Final = r"^[^\x00-\x1f\x7f]*$(?!\n)"
Category = Annotated[str, Meta(min_length=1, max_length=limits.name_chars_max)]


class WaitRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST .../waitlist. Without `categories` any will do; the seats offered are side
    by side."""

    email: Annotated[str, Meta(max_length=limits.email_chars_max, pattern=EMAIL)]
    quantity: Annotated[int, Meta(ge=1, le=limits.hold_seats_max)]
    categories: Annotated[list[Category], Meta(max_length=limits.categories_max)] = []
    name: Annotated[str, Meta(max_length=limits.person_name_chars_max, pattern=NAME)] = ""
    # How they are written to: a tag, or several as an Accept-Language header has them.
    language: Annotated[str, Meta(max_length=limits.language_chars_max, pattern=LANGUAGE)] = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on a waiting list, as PostgreSQL has it. `attempt` counts the offers made;
    `hold_id`, `seats` and `due` are those of the last."""

    id: str
    event_id: str
    turn: int
    fan_id: str
    name: str
    email: str
    language: str
    quantity: int
    categories: list[str]
    state: State
    attempt: int
    hold_id: str
    seats: list[int]
    offered_at: datetime | None
    due: datetime | None
    created_at: datetime

    @property
    def asks(self) -> tuple[str, int, list[str]]:
        """What makes two requests the same."""
        return self.email.lower(), self.quantity, self.categories


def hold_of(entry_id: str, attempt: int) -> str:
    """The hold of an offer: made again after a kill, it is the same one."""
    return derived_id("hold", entry_id, str(attempt))


def place_of(entry_id: str, attempt: int) -> str:
    """The place that owns it; it stands in no line."""
    return derived_id("place", entry_id, str(attempt))


class EntryView(msgspec.Struct, kw_only=True):
    """An entry as its fan sees it. `ahead` is how many wait before it; `offer_token` opens the
    offer, while there is one."""

    entry_id: str
    event_id: str
    state: str
    quantity: int
    categories: list[str]
    name: str
    email: str
    ahead: int | None
    created_at: datetime
    due: datetime | UnsetType = UNSET
    expires_in_s: int | UnsetType = UNSET
    offer_token: str | UnsetType = UNSET


class JoinedView(EntryView, kw_only=True):
    """An entry that has just been made; `fan_token` is for who is new here."""

    entry_token: str
    fan_token: str | UnsetType = UNSET


class OfferView(msgspec.Struct, kw_only=True):
    """Seats kept for somebody who waited; `state` is offered, booked, lapsed or declined."""

    entry_id: str
    event_id: str
    state: str
    hold_id: str
    seats: list[SeatView]
    total: Money
    due: datetime
    expires_in_s: int


class AcceptedView(msgspec.Struct, kw_only=True):
    """What books the seats: an admission of their own place. `fan_token` is for who is new here."""

    hold_id: str
    admission_token: str
    due: datetime
    expires_in_s: int
    fan_token: str | UnsetType = UNSET


class EntryRow(msgspec.Struct, kw_only=True):
    """An entry as its organiser sees it."""

    entry_id: str
    turn: int
    state: str
    name: str
    email: str
    quantity: int
    categories: list[str]
    created_at: datetime
    due: datetime | None


class ListView(msgspec.Struct, kw_only=True):
    """A waiting list; `seats` are those asked for by who waits. `cursor` is null on the last
    page."""

    waiting: int
    seats: int
    offered: int
    booked: int
    entries: list[EntryRow]
    cursor: str | None


class OfferFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a message about an offer says. `link` opens it; `leave_link` leaves the list."""

    entry_id: str
    attempt: int
    event_id: str
    name: str
    email: str
    language: str
    seats: list[int]
    total: int
    currency: str
    due: datetime
    link: str
    leave_link: str


def left_s(due: datetime | None) -> int:
    """Seconds until `due` by this host's clock: for showing only."""
    return max(0, int((due - utc_now()).total_seconds())) if due else 0


def entry_view(entry: Entry, ahead: int | None) -> dict[str, Any]:
    """An entry on the wire, for its fan."""
    view: dict[str, Any] = {
        "entry_id": entry.id,
        "event_id": entry.event_id,
        "state": entry.state,
        "quantity": entry.quantity,
        "categories": entry.categories,
        "name": entry.name,
        "email": entry.email,
        "ahead": ahead,
        "created_at": iso(entry.created_at),
    }
    if entry.state == "offered" and entry.due is not None:
        view |= {"due": iso(entry.due), "expires_in_s": left_s(entry.due)}
    return view


def row_view(entry: Entry) -> dict[str, Any]:
    """An entry on the wire, for its organiser."""
    return {
        "entry_id": entry.id,
        "turn": entry.turn,
        "state": entry.state,
        "name": entry.name,
        "email": entry.email,
        "quantity": entry.quantity,
        "categories": entry.categories,
        "created_at": iso(entry.created_at),
        "due": iso(entry.due) if entry.state == "offered" and entry.due else None,
    }


def offer_view(showing: Showing, entry: Entry, state: str) -> dict[str, Any]:
    """An offer on the wire."""
    assert entry.due is not None  # waitlist_offer_whole: it has been offered
    return {
        "entry_id": entry.id,
        "event_id": entry.event_id,
        "state": state,
        "hold_id": entry.hold_id,
        "seats": [seat_view(showing, index) for index in entry.seats],
        "total": total_view(showing, entry.seats),
        "due": iso(entry.due),
        "expires_in_s": left_s(entry.due) if state == "offered" else 0,
    }


def offer_s(showing: Showing, now_ms: int) -> int:
    """How long an offer made now may stand: no longer than the sale goes on, nor into the event. 0
    or less where none may be made."""
    event = showing.event
    if event.waitlist == "off" or event.state != "published":
        return 0
    ends = [event.starts_at, *([event.closes_at] if event.closes_at else [])]
    left = min((to_ms(moment) - now_ms) // 1000 for moment in ends)
    return min(event.offer_s, left) if left >= limits.offer_s_min else 0
