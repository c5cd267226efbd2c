"""Plans and layouts. Positions are absolute, in plan units, x to the right and y down."""

import hashlib
import struct
from typing import Any, Final

import msgspec

from usher.errors import BadPlan
from usher.venue.geometry import geometry

# --- the segment record, read by lua/seat: 12 bytes, big-endian
#   uint32 first    seat index of the segment's first seat
#   uint16 length   seats in it, 1..65535; larger areas are split
#   uint16 flags    bit 0 area, bit 1 accessible (never auto-assigned)
#   uint16 focus    offset of the segment's best seat, 0..length-1
#   uint16 zero     reserved
# A category's records stand best first, and their `first` ascends.
SEGMENT_RECORD: Final = struct.Struct(">IHHHH")
SEGMENT_BYTES: Final = SEGMENT_RECORD.size
SEGMENT_AREA: Final = 1
SEGMENT_ACCESSIBLE: Final = 2
SEGMENT_LENGTH_MAX: Final = 0xFFFF

SHAPE_KINDS: Final = ("rectangle", "ellipse", "polygon", "text")

assert SEGMENT_BYTES == 12


def plan_unit(value: float) -> float:
    """A coordinate as plans keep it: rounded to 0.001, and never -0.0."""
    return round(value, 3) + 0.0


class Category(msgspec.Struct, frozen=True):
    """A price class. `color` is "" or a CSS colour that is safe inside an attribute."""

    name: str
    color: str = ""


class Seat(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One numbered seat; `category` is a category's name."""

    guid: str
    number: str
    category: str
    x: float
    y: float
    accessible: bool = False


class Row(msgspec.Struct, frozen=True):
    """Seats of one row label, in the order of the document; x and y are its origin."""

    number: str
    x: float
    y: float
    seats: tuple[Seat, ...]


class Area(msgspec.Struct, frozen=True):
    """General admission: `capacity` seats with guids ``<guid>-1`` .. ``<guid>-<capacity>``.

    x and y are the top left corner.
    """

    guid: str
    name: str
    category: str
    capacity: int
    x: float
    y: float
    width: float
    height: float


class Shape(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to draw and not to sell: a stage, a wall, a word.

    `kind` is rectangle (x, y = top left corner), ellipse (x, y = centre, width and height =
    diameters), polygon (`points` relative to x, y) or text. `rotation` is in degrees,
    clockwise, about x, y. `text` stands at `text_x`, `text_y` relative to x, y.
    """

    kind: str
    x: float
    y: float
    width: float = 0.0
    height: float = 0.0
    rotation: float = 0.0
    points: tuple[tuple[float, float], ...] = ()
    color: str = ""
    border_color: str = ""
    text: str = ""
    text_color: str = ""
    text_x: float = 0.0
    text_y: float = 0.0


class Zone(msgspec.Struct, frozen=True):
    """A part of the hall that people know by name: stalls, balcony, block 101."""

    name: str
    x: float
    y: float
    rows: tuple[Row, ...] = ()
    areas: tuple[Area, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A hall as its organiser knows it. `focal_x`, `focal_y` is what everybody looks at."""

    name: str
    width: float
    height: float
    focal_x: float
    focal_y: float
    categories: tuple[Category, ...]
    zones: tuple[Zone, ...]
    shapes: tuple[Shape, ...] = ()

    @property
    def seat_count(self) -> int:
        """Seats for sale, those of areas included."""
        return sum(
            sum(len(row.seats) for row in zone.rows) + sum(area.capacity for area in zone.areas)
            for zone in self.zones
        )

    def to_json(self) -> bytes:
        """The canonical form: equal plans give equal bytes."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Plan":
        """The plan that `to_json` wrote; BadPlan if `raw` has not its shape.

        What the plan *says* is checked by `compile_layout`.
        """
        try:
            return msgspec.json.decode(raw, type=cls)
        except (ValueError, RecursionError) as fault:
            what = str(fault) if isinstance(fault, msgspec.MsgspecError) else "not readable"
            raise BadPlan(
                f"This is not a stored plan: {what}", errors=[{"where": "plan", "what": what}]
            ) from None


class Segment(msgspec.Struct, frozen=True, gc=False):
    """Adjacent seats of one row and one category: indices first .. first + length - 1."""

    first: int
    length: int
    area: bool
    accessible: bool
    focus: int

    def packed(self) -> bytes:
        """The record above."""
        flags = self.area * SEGMENT_AREA | self.accessible * SEGMENT_ACCESSIBLE
        return SEGMENT_RECORD.pack(self.first, self.length, flags, self.focus, 0)


def unpack_segments(packed: bytes) -> list[Segment]:
    """The segments of one category, best first."""
    return [
        Segment(first, length, bool(flags & SEGMENT_AREA), bool(flags & SEGMENT_ACCESSIBLE), focus)
        for first, length, flags, focus, _ in SEGMENT_RECORD.iter_unpack(packed)
    ]


class CategoryRange(msgspec.Struct, frozen=True):
    """A category's seats are the indices first .. first + count - 1.

    The leading `auto_count` of them may be assigned by best-available. `segments` holds the
    category's segment records.
    """

    name: str
    color: str
    first: int
    count: int
    auto_count: int
    segments: bytes


class LaidSeat(msgspec.Struct, frozen=True, gc=False):
    """One seat of a layout, in words."""

    index: int
    guid: str
    zone: str
    row: str
    number: str
    category: str


class Layout(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A plan compiled to seat indices 0 .. len(layout) - 1: one column entry per seat.

    Each category is one range of indices; in it the best segment comes first and seats of
    accessible segments last; in a segment neighbours have consecutive indices. The same plan
    gives the same layout on every host, so an index may be stored.
    """

    plan: Plan
    categories: tuple[CategoryRange, ...]
    segments: tuple[Segment, ...]
    guid: tuple[str, ...]
    number: tuple[str, ...]
    row: tuple[str, ...]
    zone: tuple[int, ...]
    category: tuple[int, ...]
    segment: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    accessible: tuple[int, ...]
    index_of: dict[str, int]
    # per zone, per row (then per area): its runs (first, count) in physical order
    row_runs: tuple[tuple[tuple[tuple[int, int], ...], ...], ...]
    area_runs: tuple[tuple[tuple[tuple[int, int], ...], ...], ...]

    def __len__(self) -> int:
        return len(self.guid)

    def seat(self, index: int) -> LaidSeat:
        """The seat at `index`; IndexError outside 0 .. len - 1."""
        if index < 0:
            raise IndexError(index)
        return LaidSeat(
            index,
            self.guid[index],
            self.plan.zones[self.zone[index]].name,
            self.row[index],
            self.number[index],
            self.categories[self.category[index]].name,
        )

    def category_named(self, name: str) -> CategoryRange | None:
        """The range of the category of that name."""
        return next((each for each in self.categories if each.name == name), None)

    def geometry(self) -> dict[str, Any]:
        """All a browser needs to draw the plan and to read it out; see geometry.py."""
        return geometry(self)

    def geometry_json(self) -> bytes:
        """`geometry` as the immutable bytes to store and serve."""
        return msgspec.json.encode(geometry(self))

    def digest(self) -> str:
        """32 hexadecimal characters that change when `geometry_json` does: an ETag."""
        return hashlib.blake2b(self.geometry_json(), digest_size=16).hexdigest()
