"""The side document: what pretix's format has no room for, given next to a plan.

  {"areas": [{"name", "category", "capacity", "x", "y", "width", "height", "zone"?, "guid"?}],
   "accessible": [guid...],
   "focal": {"x", "y"},
   "prices": {"VIP": 4500, ...},
   "currency": "EUR"}

Every member is optional; unknown members are refused, for a misspelt one would be silently lost.
Positions are absolute, in plan units; prices are minor units.
"""

import re
from typing import Any, Final

import msgspec

from usher import limits
from usher.venue.check import Faults, quoted
from usher.venue.document import read_as, read_object
from usher.venue.guids import AreaGuids, Repair
from usher.venue.model import Area, Zone, plan_unit

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_AREAS_MAX: Final = 1_000
_AREA_GUID_CHARS: Final = 80  # of an area's name; leaves room for an ordinal and a number


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A spot in plan units."""

    x: float
    y: float


class SideArea(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """General admission for `capacity`. Without `zone` the area is a zone of its own name;
    without `guid` its seats' guids start with its name."""

    name: str
    category: str
    capacity: int
    x: float
    y: float
    width: float
    height: float
    zone: str = ""
    guid: str = ""


class SideDocument(msgspec.Struct, frozen=True):
    """A side document that was read; its references to a plan are checked by the import."""

    areas: tuple[SideArea, ...] = ()
    accessible: tuple[str, ...] = ()
    focal: Point | None = None
    prices: dict[str, int] = {}
    currency: str = "EUR"


class _Members(msgspec.Struct, forbid_unknown_fields=True):
    areas: list[Any] = []
    accessible: list[Any] = []
    focal: Any = None
    prices: dict[str, Any] = {}
    currency: str = "EUR"


def parse_side(raw: bytes) -> SideDocument:
    """The side document in `raw`; BadPlan names up to limits.plan_errors_max faults."""
    faults = Faults("side document")
    members = read_as(read_object(raw, "side document"), _Members, "side", faults)
    faults.settle()
    assert members is not None
    if len(members.areas) > _AREAS_MAX:
        faults.add("side.areas", f"are {len(members.areas):,}; {_AREAS_MAX:,} is the most")
        faults.settle()
    areas = []
    for n, each in enumerate(members.areas):
        area = read_as(each, SideArea, f"side.areas[{n}]", faults)
        if area is not None:
            _check_area(area, f"side.areas[{n}]", faults)
            areas.append(area)
    for n, guid in enumerate(members.accessible):
        if not isinstance(guid, str):
            faults.add(f"side.accessible[{n}]", "is no guid")
    focal = None
    if members.focal is not None:
        focal = read_as(members.focal, Point, "side.focal", faults)
    if focal is not None:
        faults.coordinate("side.focal.x", focal.x)
        faults.coordinate("side.focal.y", focal.y)
    for name, price in members.prices.items():
        if type(price) is not int or not 0 <= price <= limits.price_max:
            what = f"must be a whole number of minor units from 0 to {limits.price_max:,}"
            faults.add("side.prices", f"{quoted(name)} {what}")
    if not _CURRENCY.fullmatch(members.currency):
        faults.add("side.currency", "must be three capital letters, e.g. EUR")
    faults.settle()
    return SideDocument(
        tuple(areas), tuple(members.accessible), focal, members.prices, members.currency
    )


def _check_area(area: SideArea, where: str, faults: Faults) -> None:
    most = limits.name_chars_max
    faults.text(f"{where}.name", area.name, most=most, empty=False)
    faults.text(f"{where}.category", area.category, most=most, empty=False)
    faults.text(f"{where}.zone", area.zone, most=most)
    faults.text(f"{where}.guid", area.guid, most=limits.guid_chars_max - 20)
    if not 1 <= area.capacity <= limits.plan_seats_max:
        faults.add(f"{where}.capacity", f"must be from 1 to {limits.plan_seats_max:,}")
    for name in ("x", "y", "width", "height"):
        faults.coordinate(f"{where}.{name}", getattr(area, name))
    for name in ("width", "height"):
        if not getattr(area, name) > 0:
            faults.add(f"{where}.{name}", "must be above 0")


def place_areas(
    side: SideDocument,
    zones: list[Zone],
    seat_guids: list[str],
    categories: set[str],
    faults: Faults,
) -> tuple[list[Zone], list[Repair]]:
    """`zones` with the areas of `side` in them, and the guids that had to change for it."""
    zones = list(zones)
    known = {zone.name: z for z, zone in reversed(list(enumerate(zones)))}
    guids, repairs = AreaGuids(seat_guids), []
    for n, given in enumerate(side.areas):
        where = f"side.areas[{n}]"
        if given.category not in categories:
            faults.add(where, f"names the unknown category {quoted(given.category)}")
        wish = given.guid or given.name[:_AREA_GUID_CHARS]
        guid = guids.take(wish)
        if guid != wish:
            repairs.append(Repair(where, wish, guid))
        area = Area(
            guid,
            given.name,
            given.category,
            given.capacity,
            plan_unit(given.x),
            plan_unit(given.y),
            plan_unit(given.width),
            plan_unit(given.height),
        )
        if not given.zone:
            zones.append(Zone(given.name, area.x, area.y, (), (area,)))
        elif given.zone in known:
            zone = zones[known[given.zone]]
            zones[known[given.zone]] = msgspec.structs.replace(zone, areas=(*zone.areas, area))
        else:
            faults.add(where, f"no zone has the name {quoted(given.zone)}")
    return zones, repairs
