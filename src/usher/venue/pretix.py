"""Import of pretix's seating-plan JSON, with an optional side document.

Liberal in what is optional there (colours, sizes, uuids, labels' positions, radii, unknown
members), strict in what decides which seat is which. In pretix's format a seat's position is
relative to its row, a row's to its zone and a zone's to the plan; here all are absolute.
"""

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from usher import limits
from usher.venue.check import Faults, check_plan, quoted
from usher.venue.decoration import read_shape, safe_color
from usher.venue.document import read_as, read_object
from usher.venue.guids import Claim, Repair, repair_guids
from usher.venue.model import Category, Plan, Row, Seat, Shape, Zone, plan_unit
from usher.venue.side import SideDocument, place_areas

_MARGIN = 20.0
_SHAPES_MAX = 5_000


class Imported(msgspec.Struct, frozen=True):
    """A plan that passed every check, and what was done to make it pass.

    `left_out` names decorations that could not be read; `alike` counts the seats whose zone,
    row and number are also another seat's, so that people cannot tell them apart.
    """

    plan: Plan
    side: SideDocument
    repairs: tuple[Repair, ...]
    left_out: tuple[str, ...]
    alike: int

    def summary(self) -> str:
        """One line for people: ``738 seats, 420 guids repaired``."""
        parts = [_count(self.plan.seat_count, "seat")]
        if self.repairs:
            parts.append(f"{_count(len(self.repairs), 'guid')} repaired")
        if self.left_out:
            parts.append(f"{_count(len(self.left_out), 'decoration')} left out")
        if self.alike:
            parts.append(f"{_count(self.alike, 'seat')} with a label that is not unique")
        return ", ".join(parts)


class _Position(msgspec.Struct):
    x: float
    y: float


class _Seat(msgspec.Struct, gc=False):
    seat_number: str | int
    category: str
    position: _Position
    seat_guid: str | int | None = None


class _Row(msgspec.Struct):
    seats: list[Any]
    row_number: str | int | None = None
    position: _Position | None = None


class _Zone(msgspec.Struct):
    name: str | None = None
    position: _Position | None = None
    rows: list[Any] | None = None
    areas: list[Any] | None = None


class _Category(msgspec.Struct):
    name: str
    color: Any = None


class _Size(msgspec.Struct):
    width: float
    height: float


class _Document(msgspec.Struct):
    name: str
    categories: list[Any]
    zones: list[Any]
    size: _Size | None = None


class _Draft(NamedTuple):
    """A seat with its place in the document, before guids are settled."""

    zone: int
    row: int
    claim: Claim
    category: str
    x: float
    y: float


def import_pretix(raw: bytes, side: SideDocument | None = None) -> Imported:
    """Read a pretix seating plan; the same bytes always give the same plan and repairs.

    Raises BadPlan with the places and faults, at most limits.plan_errors_max: first what is
    not readable at all, then what has the wrong shape, then what makes no sense.
    """
    side = side or SideDocument()
    faults = Faults()
    document = read_as(read_object(raw, "plan"), _Document, "", faults)
    faults.settle()
    assert document is not None
    _bound("categories", document.categories, limits.categories_max, faults)
    _bound("zones", document.zones, limits.plan_seats_max, faults)
    categories = tuple(
        Category(each.name, safe_color(each.color))
        for c, item in enumerate(document.categories)
        if (each := read_as(item, _Category, f"categories[{c}]", faults))
    )
    reading = _Reading(faults)
    for z, item in enumerate(document.zones):
        reading.zone(z, item)
    faults.settle()

    claims = [draft.claim for draft in reading.drafts]
    guids, repairs = repair_guids(claims)
    _check_accessible(side, guids, faults)
    zones = _zones(reading, guids, frozenset(side.accessible))
    names = {category.name for category in categories}
    zones, area_repairs = place_areas(side, zones, guids, names, faults)
    for name in side.prices:
        if name not in names:
            faults.add("side.prices", f"has the unknown category {quoted(name)}")
    faults.settle()
    plan = _plan(document, categories, zones, tuple(reading.shapes), side)
    check_plan(plan)
    return Imported(
        plan=plan,
        side=side,
        repairs=tuple(repairs + area_repairs),
        left_out=tuple(reading.left_out),
        alike=_alike(claims),
    )


def _bound(where: str, items: list[Any], most: int, faults: Faults) -> None:
    """End here if a list is too long: before it is walked, and its faults listed."""
    if len(items) > most:
        faults.add(where, f"has {len(items):,} entries; {most:,} is the most")
        faults.settle()


class _Reading:
    """Walks the zones and collects seats, rows and shapes at absolute positions."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.zones: list[tuple[str, float, float]] = []
        self.rows: list[list[tuple[str, float, float]]] = []
        self.drafts: list[_Draft] = []
        self.shapes: list[Shape] = []
        self.left_out: list[str] = []

    def zone(self, z: int, item: object) -> None:
        where = f"zones[{z}]"
        zone = read_as(item, _Zone, where, self.faults)
        if zone is None:
            return
        _bound(f"{where}.rows", zone.rows or [], limits.plan_seats_max, self.faults)
        _bound(f"{where}.areas", zone.areas or [], _SHAPES_MAX, self.faults)
        x, y = (zone.position.x, zone.position.y) if zone.position else (0.0, 0.0)
        self.zones.append((zone.name or "", x, y))
        self.rows.append([])
        for r, row in enumerate(zone.rows or ()):
            self._row(z, r, row, zone.name or "", x, y)
        for a, area in enumerate(zone.areas or ()):
            shape = read_shape(area, x, y) if len(self.shapes) < _SHAPES_MAX else None
            if shape is None:
                self.left_out.append(f"{where}.areas[{a}]")
            else:
                self.shapes.append(shape)

    def _row(self, z: int, r: int, item: object, zone: str, x: float, y: float) -> None:
        where = f"zones[{z}].rows[{r}]"
        row = read_as(item, _Row, where, self.faults)
        if row is None:
            return
        if row.position:
            x, y = x + row.position.x, y + row.position.y
        label = "" if row.row_number is None else str(row.row_number)
        self.rows[-1].append((label, x, y))
        if len(self.drafts) + len(row.seats) > limits.plan_seats_max:
            most = limits.plan_seats_max
            self.faults.add(where, f"brings the plan above {most:,} seats, which is the most")
            self.faults.settle()
        for s, each in enumerate(row.seats):
            at = f"{where}.seats[{s}]"
            seat = read_as(each, _Seat, at, self.faults)
            if seat is not None:
                guid = "" if seat.seat_guid is None else str(seat.seat_guid)
                claim = Claim(at, guid, zone, label, str(seat.seat_number))
                at_x, at_y = plan_unit(x + seat.position.x), plan_unit(y + seat.position.y)
                self.drafts.append(_Draft(z, r, claim, seat.category, at_x, at_y))


def _check_accessible(side: SideDocument, guids: list[str], faults: Faults) -> None:
    known = set(guids)
    for n, guid in enumerate(side.accessible):
        if guid not in known:
            faults.add(f"side.accessible[{n}]", f"no seat has the guid {quoted(guid)}")


def _zones(reading: _Reading, guids: list[str], accessible: frozenset[str]) -> list[Zone]:
    seats: list[list[list[Seat]]] = [[[] for _ in rows] for rows in reading.rows]
    for draft, guid in zip(reading.drafts, guids, strict=True):
        seats[draft.zone][draft.row].append(
            Seat(guid, draft.claim.number, draft.category, draft.x, draft.y, guid in accessible)
        )
    return [
        Zone(
            name,
            plan_unit(x),
            plan_unit(y),
            tuple(
                Row(label, plan_unit(row_x), plan_unit(row_y), tuple(seats[z][r]))
                for r, (label, row_x, row_y) in enumerate(reading.rows[z])
            ),
        )
        for z, (name, x, y) in enumerate(reading.zones)
    ]


def _plan(
    document: _Document,
    categories: tuple[Category, ...],
    zones: list[Zone],
    shapes: tuple[Shape, ...],
    side: SideDocument,
) -> Plan:
    seats = [seat for zone in zones for row in zone.rows for seat in row.seats]
    areas = [area for zone in zones for area in zone.areas]
    xs = [s.x for s in seats] + [a.x for a in areas] + [a.x + a.width for a in areas]
    ys = [s.y for s in seats] + [a.y for a in areas] + [a.y + a.height for a in areas]
    left, right = (min(xs), max(xs)) if xs else (0.0, 0.0)
    top, bottom = (min(ys), max(ys)) if ys else (0.0, 0.0)
    size = document.size
    if size is None or size.width <= 0 or size.height <= 0:
        size = _Size(right + _MARGIN, bottom + _MARGIN)
    # Where nobody says what everybody looks at, it is the middle of the top edge: there pretix
    # plans have their stage.
    focal = (side.focal.x, side.focal.y) if side.focal else ((left + right) / 2, top)
    return Plan(
        name=document.name,
        width=plan_unit(size.width),
        height=plan_unit(size.height),
        focal_x=plan_unit(focal[0]),
        focal_y=plan_unit(focal[1]),
        categories=categories,
        zones=tuple(zones),
        shapes=shapes,
    )


def _alike(claims: list[Claim]) -> int:
    labels = Counter((claim.zone, claim.row, claim.number) for claim in claims)
    return sum(count for count in labels.values() if count > 1)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
