"""An event as fans see it, and what it takes to make one."""

from datetime import datetime

import msgspec

from usher.plumbing.answer import Money
from usher.venue.model import Layout


class PriceClass(msgspec.Struct, frozen=True):
    """A category of an event with its price; `first`, `count` and `auto_count` as in a layout."""

    rank: int
    name: str
    color: str
    price: int
    first: int
    count: int
    auto_count: int


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event as PostgreSQL has it, joined with the names fans look for."""

    id: str
    title: str
    production: str
    kind: str
    description: str
    venue: str
    city: str
    hall: str
    timezone: str
    plan_id: str
    currency: str
    starts_at: datetime
    state: str
    built: bool
    mode: str
    sale_state: str
    lobby_at: datetime | None
    opens_at: datetime | None
    closes_at: datetime | None
    hold_s: int
    payment_s: int
    seats_max: int
    access: str
    waitlist: str
    offer_s: int
    seats: int
    organiser_id: str | None = None
    cancel_before_s: int | None = None  # fans may cancel until then; None: the organiser only
    shadow: bool = False  # a copy that a sale is rehearsed on: see rehearsal/shadow


class SaleTimes(msgspec.Struct):
    """How an event is sold, as fans need it."""

    mode: str
    state: str
    lobby_at: datetime | None
    opens_at: datetime | None
    closes_at: datetime | None
    seats_max: int
    access: str
    waitlist: str


class EventView(msgspec.Struct, kw_only=True):
    """An event on the wire."""

    id: str
    title: str
    production: str
    kind: str
    venue: str
    city: str
    hall: str
    timezone: str
    starts_at: datetime
    currency: str
    seats: int
    sale: SaleTimes
    cancel_before_s: int | None


class EventPage(msgspec.Struct):
    """A page of events; `cursor` is null on the last one."""

    events: list[EventView]
    cursor: str | None


class CategoryView(msgspec.Struct):
    """A category with its price and its number of seats."""

    name: str
    color: str
    price: Money
    seats: int


class EventDetails(EventView, kw_only=True):
    """An event with its prices."""

    description: str
    categories: list[CategoryView]


class Showing(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Everything a process needs to serve an event: facts, prices, layout, geometry bytes (and
    the same compressed, `zipped`)."""

    event: EventRow
    categories: tuple[PriceClass, ...]
    layout: Layout
    geometry: bytes
    zipped: bytes
    etag: str

    def price_of(self, index: int) -> int:
        """The price of a seat in minor units."""
        return self.categories[self.layout.category[index]].price


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What `EventService.create` is given besides a plan. Prices are minor units by category."""

    title: str
    starts_at: datetime
    production: str = ""
    kind: str = "concert"
    description: str = ""
    venue: str = "Demo Arena"
    city: str = ""
    timezone: str = "UTC"
    hall: str = "Main hall"
    currency: str = "EUR"
    prices: dict[str, int]
    organiser_id: str | None = None
    cancel_before_s: int | None = None  # as of EventRow
