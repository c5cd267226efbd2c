"""A plan from one number: an arena, tiers of blocks in rings around a pitch."""

from collections.abc import Iterator
from math import ceil, cos, pi, sin, sqrt
from typing import Final, NamedTuple

from usher import limits
from usher.errors import BadInput
from usher.venue.generate import COLORS, row_label
from usher.venue.model import Category, Plan, Row, Seat, Shape, Zone, plan_unit

SEAT_PITCH: Final = 20.0
ROW_PITCH: Final = 30.0
AISLE: Final = 34.0  # between blocks, along a row
CONCOURSE: Final = 75.0  # between tiers, on top of a row's pitch
BLOCK_SEATS: Final = 22  # about as many in the middle row of a block
_ASPECT: Final = 1.35  # length of the pitch's ellipse by its width
_RADIUS_MIN: Final = 60.0
_MARGIN: Final = 60.0

# Share of an arena's rows per tier, inside to outside, and what its seats are called.
_TIERS: Final = {
    1: (("Normal", 1.0),),
    2: (("VIP", 0.4), ("Normal", 0.6)),
    3: (("VVIP", 0.2), ("VIP", 0.35), ("Normal", 0.45)),
}


class _Ring(NamedTuple):
    """One row all around: an ellipse that is `out` beyond the innermost one."""

    tier: int
    row: int
    out: float


class _Block(NamedTuple):
    tier: int
    start: float  # ellipse parameter, radians; 0 is right, pi/2 is down
    end: float


def bowl(seats: int, *, name: str = "Arena") -> Plan:
    """An arena of exactly `seats` seats, 1 to limits.plan_seats_max; BadInput otherwise.

    Small arenas have one tier of Normal seats, larger ones two or three, the better inside.
    Everybody looks at the middle of the pitch. Zones are blocks 101, 102 ... in the lower
    tier, 201 ... above it; guids are ``<block>-<row>-<number>``. The same number gives the
    same plan.
    """
    if not 1 <= seats <= limits.plan_seats_max:
        raise BadInput(f"an arena has 1 to {limits.plan_seats_max:,} seats")
    rings = _rings(seats)
    blocks, inner = _fitted(rings, seats)
    least = inner - _RADIUS_MIN < 1
    full = {key: count for key, count in _capacity(rings, blocks, inner) if count}
    counts = _trimmed(full, seats, evenly=not least)
    half_x, half_y = (radius + rings[-1].out + _MARGIN for radius in _radii(inner))
    tiers = _tiers(rings)
    zones = []
    for b, block in enumerate(blocks):
        rows = []
        for ring in rings:
            count = counts.get((ring, b), 0)
            if count:
                spots = _spots(ring, block, inner, count)
                label = row_label(ring.row)
                laid = [(plan_unit(half_x + x), plan_unit(half_y + y)) for x, y in spots]
                rows.append((label, laid))
        if rows:
            title = f"{block.tier + 1}{_number_in_tier(blocks, b):02d}"
            zones.append(_zone(title, tiers[block.tier][0], rows))
    used = dict.fromkeys(zone.rows[0].seats[0].category for zone in zones)
    return Plan(
        name=name,
        width=plan_unit(2 * half_x),
        height=plan_unit(2 * half_y),
        focal_x=plan_unit(half_x),
        focal_y=plan_unit(half_y),
        categories=tuple(Category(each, COLORS[each]) for each in used),
        zones=tuple(zones),
        shapes=_pitch(half_x, half_y, inner),
    )


def _zone(title: str, category: str, rows: list[tuple[str, list[tuple[float, float]]]]) -> Zone:
    first = rows[0][1][0]
    return Zone(
        f"Block {title}",
        *first,
        tuple(
            Row(
                label,
                *spots[0],
                tuple(
                    Seat(f"{title}-{label}-{n}", str(n), category, x, y)
                    for n, (x, y) in enumerate(spots, 1)
                ),
            )
            for label, spots in rows
        ),
    )


def _number_in_tier(blocks: list[_Block], b: int) -> int:
    return b - next(n for n, each in enumerate(blocks) if each.tier == blocks[b].tier) + 1


def _tiers(rings: list[_Ring]) -> tuple[tuple[str, float], ...]:
    return _TIERS[rings[-1].tier + 1]


def _rings(seats: int) -> list[_Ring]:
    # Real halls grow in depth with the root of their size: 1,000 seats have about 10 rows,
    # 20,000 have 42, 80,000 have 85.
    depth = max(1, round(0.3 * sqrt(seats)))
    tiers = _TIERS[1 if depth <= 6 else 2 if depth <= 24 else 3]
    rings: list[_Ring] = []
    out, reached, done = 0.0, 0.0, 0
    for t, (_, share) in enumerate(tiers):
        reached += share
        end = depth if t == len(tiers) - 1 else round(depth * reached)
        for row in range(end - done):
            rings.append(_Ring(t, row, out))
            out += ROW_PITCH
        out += CONCOURSE
        done = end
    return rings


def _fitted(rings: list[_Ring], seats: int) -> tuple[list[_Block], float]:
    """Blocks, and the smallest inner radius at which they hold all seats."""
    # How many blocks follows from a first guess without aisles; then they stay, so that the
    # number of seats only grows with the radius and can be searched by halving.
    mean_out = sum(ring.out for ring in rings) / len(rings)
    guess = seats * (SEAT_PITCH * 1.08) / len(rings) / (2 * pi) - mean_out
    inner = max(_RADIUS_MIN, guess)
    blocks = [
        block
        for tier in range(rings[-1].tier + 1)
        for block in _blocks_of(tier, [r.out for r in rings if r.tier == tier], inner)
    ]
    low, high = _RADIUS_MIN, inner
    while _total(rings, blocks, high) < seats:
        low, high = high, high * 1.2 + SEAT_PITCH
    for _ in range(24):
        middle = (low + high) / 2
        if _total(rings, blocks, middle) < seats:
            low = middle
        else:
            high = middle
    return blocks, high


def _blocks_of(tier: int, outs: list[float], inner: float) -> Iterator[_Block]:
    a, b = _radii(inner)
    a, b = a + outs[len(outs) // 2], b + outs[len(outs) // 2]
    around = _arc(a, b, 0, 2 * pi, 256)
    count = 4 * max(1, round(around / (BLOCK_SEATS * SEAT_PITCH + AISLE) / 4))
    # Equal lengths of arc, not of angle; the first block is centred on the right end.
    width = around / count
    first = _walk(a, b, 0.0, -width / 2)
    angle = first
    for _ in range(count - 1):
        end = _walk(a, b, angle, width)
        yield _Block(tier, angle, end)
        angle = end
    yield _Block(tier, angle, first + 2 * pi)


def _radii(inner: float) -> tuple[float, float]:
    return inner * sqrt(_ASPECT), inner / sqrt(_ASPECT)


def _speed(a: float, b: float, t: float) -> float:
    return sqrt((a * sin(t)) ** 2 + (b * cos(t)) ** 2)


def _arc(a: float, b: float, start: float, end: float, steps: int = 4) -> float:
    step = (end - start) / steps
    return step * sum(_speed(a, b, start + (n + 0.5) * step) for n in range(steps))


def _walk(a: float, b: float, angle: float, distance: float) -> float:
    """The angle after walking `distance` along the ellipse, in steps of about a seat."""
    steps = max(1, ceil(abs(distance) / SEAT_PITCH))
    step = distance / steps
    for _ in range(steps):
        half = angle + step / 2 / _speed(a, b, angle)
        angle += step / _speed(a, b, half)
    return angle


def _capacity(
    rings: list[_Ring], blocks: list[_Block], inner: float
) -> Iterator[tuple[tuple[_Ring, int], int]]:
    a, b = _radii(inner)
    for ring in rings:
        for n, block in enumerate(blocks):
            if block.tier == ring.tier:
                length = _arc(a + ring.out, b + ring.out, block.start, block.end)
                yield (ring, n), max(0, int((length - AISLE) / SEAT_PITCH) + 1)


def _total(rings: list[_Ring], blocks: list[_Block], inner: float) -> int:
    return sum(count for _, count in _capacity(rings, blocks, inner))


def _trimmed(
    counts: dict[tuple[_Ring, int], int], seats: int, evenly: bool
) -> dict[tuple[_Ring, int], int]:
    """Take what is too much from the back: a seat of each block of the last row, then again.

    Not `evenly`: the last block first, so that a handful of seats are neighbours.
    """
    excess = sum(counts.values()) - seats
    for ring in sorted({ring for ring, _ in counts}, reverse=True):
        mine = [key for key in counts if key[0] == ring]
        for key in reversed(mine):
            if not evenly:
                taken = min(excess, counts[key])
                counts[key] -= taken
                excess -= taken
        while excess and any(counts[key] for key in mine):
            for key in mine:
                if excess and counts[key]:
                    counts[key] -= 1
                    excess -= 1
    return counts


def _spots(ring: _Ring, block: _Block, inner: float, count: int) -> list[tuple[float, float]]:
    """`count` spots one pitch apart, in the middle of the block's piece of the ring."""
    a, b = (radius + ring.out for radius in _radii(inner))
    slack = _arc(a, b, block.start, block.end) - (count - 1) * SEAT_PITCH
    angle = _walk(a, b, block.start, slack / 2)
    spots = []
    for _ in range(count):
        spots.append((a * cos(angle), b * sin(angle)))
        angle = _walk(a, b, angle, SEAT_PITCH)
    return spots


def _pitch(x: float, y: float, inner: float) -> tuple[Shape, ...]:
    # the largest rectangle in an ellipse has its sides divided by the root of two
    width, height = (plan_unit(radius * sqrt(2) * 0.92) for radius in _radii(inner))
    return (
        Shape(
            "rectangle",
            plan_unit(x - width / 2),
            plan_unit(y - height / 2),
            width=width,
            height=height,
            color="#DCFCE7",
            border_color="#86EFAC",
            text="Pitch",
            text_color="#166534",
            text_x=plan_unit(width / 2),
            text_y=plan_unit(height / 2),
        ),
    )
