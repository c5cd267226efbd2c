"""What a fan may ask of seats, and what a hold looks like on the wire."""

import hashlib
import random
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from usher import limits
from usher.clock import iso_ms, to_ms
from usher.errors import BadInput
from usher.event.model import Showing
from usher.plumbing.answer import Money

Guid = Annotated[str, Meta(min_length=1, max_length=limits.guid_chars_max)]


class HoldRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Either named `seats`, or a `category` and a `quantity` for the best available.

    `adjacent=False` says that sitting apart is fine where no adjacent seats are left.
    """

    seats: Annotated[list[Guid], Meta(max_length=limits.hold_seats_max)] | None = None
    category: Annotated[str, Meta(min_length=1, max_length=limits.name_chars_max)] | None = None
    quantity: Annotated[int, Meta(ge=1, le=limits.hold_seats_max)] | None = None
    adjacent: bool = True

    def digest(self) -> str:
        """A fingerprint of what is asked: a replay must ask the same."""
        said = msgspec.json.encode((self.seats, self.category, self.quantity, self.adjacent))
        return hashlib.blake2b(said, digest_size=6).hexdigest()


class Owner(msgspec.Struct, frozen=True):
    """A booking whose seats are its own, as PostgreSQL has it; `state` is that of the booking."""

    event_id: str
    hold_id: str
    place_id: str
    state: str
    due: datetime
    digest: str
    seats: list[int]

    @property
    def letter(self) -> str:
        """What its seats are: 's' sold, 'c' claimed."""
        return "s" if self.state == "confirmed" else "c"

    def row(self) -> list[str | int]:
        """Six words for seat/recall."""
        seats = ",".join(str(index) for index in self.seats)
        return [self.hold_id, self.place_id, self.letter, to_ms(self.due), self.digest, seats]


class HoldChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of PATCH .../holds/{hold}."""

    extend: bool = False


class SeatView(msgspec.Struct):
    """A seat with its price."""

    guid: str
    index: int
    zone: str
    row: str
    number: str
    category: str
    price: Money


class HoldView(msgspec.Struct, kw_only=True):
    """A hold on the wire; `state` (held, claimed, sold) is told to who reads it."""

    hold_id: str
    seats: list[SeatView]
    total: Money
    due: datetime
    expires_in_s: int
    extendable_until: datetime
    state: str | UnsetType = UNSET


def seat_view(showing: Showing, index: int) -> dict[str, Any]:
    """One seat in words, with its price."""
    seat = showing.layout.seat(index)
    return {
        "guid": seat.guid,
        "index": index,
        "zone": seat.zone,
        "row": seat.row,
        "number": seat.number,
        "category": seat.category,
        "price": {"amount": showing.price_of(index), "currency": showing.event.currency},
    }


def total_view(showing: Showing, seats: list[int]) -> dict[str, Any]:
    """The sum of the seats' prices."""
    amount = sum(showing.price_of(index) for index in seats)
    return {"amount": amount, "currency": showing.event.currency}


def hold_view(
    showing: Showing, hold_id: str, seats: list[int], due_ms: int, left_ms: int, cap_ms: int
) -> dict[str, Any]:
    """A hold on the wire. `extendable_until` is the cap that no extension passes."""
    return {
        "hold_id": hold_id,
        "seats": [seat_view(showing, index) for index in seats],
        "total": total_view(showing, seats),
        "due": iso_ms(due_ms),
        "expires_in_s": max(0, left_ms // 1000),
        "extendable_until": iso_ms(cap_ms),
    }


def section_view(showing: Showing, states: str, zone: int) -> dict[str, Any]:
    """A zone for reading out: its rows of seats, its areas, what is free of each. Without
    `states` nothing is."""
    layout = showing.layout
    accessible = set(layout.accessible)
    prices = [
        {"amount": each.price, "currency": showing.event.currency} for each in showing.categories
    ]

    def seat(index: int) -> dict[str, Any]:
        category = layout.category[index]
        return {
            "guid": layout.guid[index],
            "number": layout.number[index],
            "category": layout.categories[category].name,
            "price": prices[category],
            "accessible": index in accessible,
            "free": states[index : index + 1] == ".",
        }

    home = layout.plan.zones[zone]
    rows = [
        {
            "number": row.number,
            "seats": [seat(index) for run in runs for index in range(run[0], run[0] + run[1])],
        }
        for row, runs in zip(home.rows, layout.row_runs[zone], strict=True)
    ]
    areas = [
        {
            "field": f"area-{zone}-{a}",
            "name": area.name,
            "category": area.category,
            "price": prices[layout.category[runs[0][0]]],
            "free": sum(states.count(".", first, first + count) for first, count in runs),
        }
        for a, (area, runs) in enumerate(zip(home.areas, layout.area_runs[zone], strict=True))
    ]
    return {"zone": zone, "name": home.name, "rows": rows, "areas": areas}


def free_in_area(showing: Showing, states: str, name: str, count: int) -> list[str]:
    """`count` free seats (fewer where there are not so many) of the area "zone-number", not the
    first ones: who asks at the same moment should not get the same. BadInput where there is no
    such area."""
    zone, _, number = name.partition("-")
    try:
        runs = showing.layout.area_runs[int(zone)][int(number)]
    except (ValueError, IndexError):
        raise BadInput("there is no such area") from None
    free = [i for first, n in runs for i in range(first, first + n) if states[i : i + 1] == "."]
    start = random.randrange(max(1, len(free) - count + 1))  # noqa: S311 - no secret
    return [showing.layout.guid[index] for index in free[start : start + count]]
