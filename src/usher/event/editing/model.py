"""An event as its organiser sees it, and what may be changed of it."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from usher import limits
from usher.errors import BadInput
from usher.event.model import NewEvent
from usher.sale.model import Mode
from usher.venue.bowl import bowl
from usher.venue.generate import rows_by_columns
from usher.venue.model import Plan
from usher.venue.pretix import import_pretix
from usher.venue.report import Found, Report, found_in_pretix
from usher.venue.svg import import_svg

Text = Annotated[str, Meta(max_length=limits.name_chars_max)]
Title = Annotated[str, Meta(min_length=1, max_length=limits.name_chars_max)]
Description = Annotated[str, Meta(max_length=limits.description_chars_max)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Price = Annotated[int, Meta(ge=0, le=limits.price_max)]
Count = Annotated[int, Meta(ge=1, le=limits.plan_seats_max)]
CancelBefore = Annotated[int, Meta(ge=0, le=limits.cancel_before_s_max)]
Colour = Annotated[str, Meta(pattern="^#[0-9A-Fa-f]{6}$")]


class MyEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the organiser's list; `sold` seats are paid for, `blocked` ones not for sale."""

    id: str
    title: str
    state: str
    starts_at: datetime
    timezone: str
    venue: str
    city: str
    mode: str
    sale_state: str
    seats: int
    sold: int
    blocked: int


class PricedCategory(msgspec.Struct, frozen=True):
    """A category with its colour and its price in minor units."""

    rank: int
    name: str
    color: str
    price: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be edited of an event but its sale, and what says whether it may be."""

    id: str
    title: str
    starts_at: datetime
    production: str
    kind: str
    description: str
    venue: str
    city: str
    timezone: str
    hall: str
    currency: str
    organiser_id: str | None
    cancel_before_s: int | None
    state: str
    sale_state: str
    seats: int
    plan_id: str
    plan_name: str
    booked: bool
    report: Report
    categories: list[PricedCategory]

    @property
    def prices_fixed(self) -> bool:
        """Whether somebody may have seen a price that binds us: fans shop, or have shopped."""
        return self.booked or self.sale_state not in ("draft", "lobby")

    def as_new(self, **instead: Any) -> NewEvent:
        """What would make this event, with some of it changed."""
        given = {name: getattr(self, name) for name in TEXTS} | {
            "prices": {each.name: each.price for each in self.categories},
            "organiser_id": self.organiser_id,
        }
        return NewEvent(**{**given, **instead})


# What an organiser writes of an event, by the names of NewEvent and of Facts.
TEXTS = (
    *("title", "starts_at", "production", "kind", "description"),
    *("venue", "city", "timezone", "hall", "currency", "cancel_before_s"),
)


class EventChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of PATCH of an event: only what is given changes. Prices are minor units and
    colours #rrggbb, by category; both and the currency only until fans shop."""

    title: Title | UnsetType = UNSET
    starts_at: datetime | UnsetType = UNSET
    production: Text | UnsetType = UNSET
    kind: Text | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    venue: Text | UnsetType = UNSET
    city: Text | UnsetType = UNSET
    timezone: Text | UnsetType = UNSET
    hall: Text | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    # seconds before the start until which fans may give tickets back; null: not at all
    cancel_before_s: CancelBefore | UnsetType | None = UNSET
    prices: dict[str, Price] | UnsetType = UNSET
    colors: dict[str, Colour] | UnsetType = UNSET


class PlanWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a plan comes from: `rows` and `columns`, or `bowl` (seats), or a `pretix` document,
    or an `svg` as text."""

    rows: Count | None = None
    columns: Count | None = None
    bowl: Count | None = None
    pretix: dict[str, Any] | None = None
    svg: str | None = None

    def read(self) -> Found:
        """The plan, checked; BadPlan and BadInput. Seconds for a large one: not on the loop."""
        rows = self.rows is not None or self.columns is not None
        sources = [rows, self.bowl is not None, self.pretix is not None, self.svg is not None]
        if sum(sources) != 1:
            what = "needs rows and columns, or bowl, or pretix, or svg"
            raise BadInput(f"plan {what}", errors=[{"where": "plan", "what": what}])
        if self.pretix is not None:
            return found_in_pretix(import_pretix(msgspec.json.encode(self.pretix)))
        if self.svg is not None:
            return import_svg(self.svg.encode("utf-8", "replace"))
        if self.bowl is not None:
            return Found(bowl(self.bowl), Report("bowl"))
        if self.rows is None or self.columns is None:
            what = "needs both rows and columns"
            raise BadInput(f"plan {what}", errors=[{"where": "plan", "what": what}])
        return Found(rows_by_columns(self.rows, self.columns), Report("rows"))


class EventRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST of an event. Categories without a price get one to start from."""

    title: Title
    starts_at: datetime
    plan: PlanWish
    production: Text = ""
    kind: Text = "concert"
    description: Description = ""
    venue: Text = ""
    city: Text = ""
    timezone: Text = "UTC"
    hall: Text = "Main hall"
    currency: Currency = "EUR"
    cancel_before_s: CancelBefore | None = None
    prices: dict[str, Price] = {}
    mode: Mode = "queued"


class EditedCategory(msgspec.Struct):
    """A category as an organiser sees it; `price` in minor units."""

    rank: int
    name: str
    color: str
    price: int


class EventFacts(msgspec.Struct, kw_only=True):
    """An event as its organiser sees it."""

    id: str
    title: str
    starts_at: datetime
    production: str
    kind: str
    description: str
    venue: str
    city: str
    timezone: str
    hall: str
    currency: str
    cancel_before_s: int | None
    state: Literal["draft", "published", "cancelled"]
    seats: int
    categories: list[EditedCategory]
    report: Report


def read_upload(name: str, raw: bytes) -> Found:
    """The plan in an uploaded file, a drawing or JSON, told by how it begins; BadPlan."""
    begin = raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if begin == b"<":
        stem = "".join(c for c in name.rpartition(".")[0] if c.isprintable())
        return import_svg(raw, stem[: limits.name_chars_max])
    return found_in_pretix(import_pretix(raw))


def plan_summary(plan: Plan) -> list[tuple[str, int]]:
    """Zones with their seats, in the order of the plan."""
    return [
        (zone.name, sum(len(row.seats) for row in zone.rows) + sum(a.capacity for a in zone.areas))
        for zone in plan.zones
    ]
