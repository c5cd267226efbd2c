"""Compile a plan to a layout: segments, their quality, and the order of seat indices.

All arithmetic is in whole thousandths of a plan unit. Floating sums differ between Python
versions in their last bit, and a last bit would reorder two equally good segments: two hosts
would then disagree about which seat an index is.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import isqrt
from operator import attrgetter
from typing import NamedTuple

from usher.venue.check import check_plan, milli
from usher.venue.model import (
    SEGMENT_LENGTH_MAX,
    CategoryRange,
    Layout,
    Plan,
    Segment,
    Zone,
)

Spot = tuple[int, int]
# A gap this much wider than the row's usual spacing is an aisle: 1.6, squared, as a fraction.
_AISLE_SQUARED = (256, 100)
# Rows with fewer gaps cannot tell an aisle from their spacing; their zone's rows are asked.
_TELLING_GAPS = 3


class _Run(NamedTuple):
    """A segment to be; its fields stand in the order in which segments are sorted."""

    category: int
    accessible: bool
    distance: int  # squared, thousandths
    zone: int
    area: bool
    row: int
    part: int
    focus: int
    seats: Sequence[int]  # places in the row's (or area's) own order


def compile_layout(plan: Plan) -> Layout:
    """The layout of `plan`, the same on every host; BadPlan if the plan cannot be sold.

    A segment's quality is the distance of its centre from the plan's focal point, so rows of a
    category interleave by distance whatever zone they are in.
    """
    check_plan(plan)
    number_of = {category.name: c for c, category in enumerate(plan.categories)}
    focal = (milli(plan.focal_x), milli(plan.focal_y))
    runs: list[_Run] = []
    for z, zone in enumerate(plan.zones):
        runs += _row_runs(zone, z, number_of, focal)
        runs += _area_runs(zone, z, number_of, focal)
    runs.sort()
    return _assemble(plan, runs)


def _row_runs(zone: Zone, z: int, number_of: dict[str, int], focal: Spot) -> list[_Run]:
    spots = [[(milli(seat.x), milli(seat.y)) for seat in row.seats] for row in zone.rows]
    orders = [_physical_order(each) for each in spots]
    gaps = [
        [_squared(row[a], row[b]) for a, b in pairwise(order)]
        for row, order in zip(spots, orders, strict=True)
    ]
    usual = sorted(_usual(each) for each in gaps if len(each) >= _TELLING_GAPS)
    typical = usual[(len(usual) - 1) // 2] if usual else None
    runs: list[_Run] = []
    for r, row in enumerate(zone.rows):
        parts = [
            run[start : start + SEGMENT_LENGTH_MAX]
            for run in _cut(row.seats, orders[r], gaps[r], typical)
            for start in range(0, len(run), SEGMENT_LENGTH_MAX)
        ]
        for part, seats in enumerate(parts):
            first, places = row.seats[seats[0]], [spots[r][s] for s in seats]
            runs.append(
                _Run(
                    number_of[first.category],
                    first.accessible,
                    _squared(_centre(places), focal),
                    z,
                    False,
                    r,
                    part,
                    _nearest(places, focal),
                    seats,
                )
            )
    return runs


def _area_runs(zone: Zone, z: int, number_of: dict[str, int], focal: Spot) -> list[_Run]:
    return [
        _Run(
            number_of[area.category],
            False,
            _squared((milli(area.x + area.width / 2), milli(area.y + area.height / 2)), focal),
            z,
            True,
            a,
            start,
            0,
            range(start, min(start + SEGMENT_LENGTH_MAX, area.capacity)),
        )
        for a, area in enumerate(zone.areas)
        for start in range(0, area.capacity, SEGMENT_LENGTH_MAX)
    ]


def _squared(one: Spot, two: Spot) -> int:
    return (one[0] - two[0]) ** 2 + (one[1] - two[1]) ** 2


def _centre(spots: list[Spot]) -> Spot:
    count = len(spots)
    return sum(x for x, _ in spots) // count, sum(y for _, y in spots) // count


def _nearest(spots: list[Spot], focal: Spot) -> int:
    distances = [_squared(spot, focal) for spot in spots]
    return distances.index(min(distances))


def _usual(gaps: list[int]) -> int:
    # The lower quartile, not the median: aisles only ever widen gaps, and in a row of pairs
    # every second gap is an aisle.
    return sorted(gaps)[(len(gaps) - 1) // 4]


def _physical_order(spots: list[Spot]) -> list[int]:
    """Places in the row as one walks along it: the document's order unless it zigzags."""
    given = list(range(len(spots)))
    if len(spots) < 3 or _ascends(spots, spots[0], spots[-1]):
        return given
    # The axis between the two seats furthest apart, found in two steps.
    one = max(given, key=lambda s: _squared(spots[0], spots[s]))
    two = max(given, key=lambda s: _squared(spots[one], spots[s]))
    along = _projections(spots, spots[one], spots[two])
    if along[0] > along[-1]:
        along = [-each for each in along]
    sorted_ = sorted(given, key=along.__getitem__)
    # Horseshoe rows double back on any axis: there the document's walk is the shorter one.
    return sorted_ if _walk(spots, sorted_) < _walk(spots, given) else given


def _projections(spots: list[Spot], start: Spot, end: Spot) -> list[int]:
    dx, dy = end[0] - start[0], end[1] - start[1]
    return [x * dx + y * dy for x, y in spots]


def _ascends(spots: list[Spot], start: Spot, end: Spot) -> bool:
    along = _projections(spots, start, end)
    return all(a < b for a, b in pairwise(along))


def _walk(spots: list[Spot], order: list[int]) -> int:
    return sum(isqrt(_squared(spots[a], spots[b])) for a, b in pairwise(order))


_kind = attrgetter("category", "accessible")


def _cut(
    seats: Sequence[object], order: list[int], gaps: list[int], typical: int | None
) -> list[list[int]]:
    """Split a row at aisles and wherever the category or accessibility changes."""
    if not order:
        return []
    usual = _usual(gaps) if gaps else 0
    if typical is not None and len(gaps) < _TELLING_GAPS:
        usual = min(usual, typical)
    over, under = _AISLE_SQUARED
    widest = usual * over
    runs = [[order[0]]]
    before = _kind(seats[order[0]])
    for gap, s in zip(gaps, order[1:], strict=True):
        kind = _kind(seats[s])
        if gap * under > widest or kind != before:
            runs.append([])
            before = kind
        runs[-1].append(s)
    return runs


def _assemble(plan: Plan, runs: list[_Run]) -> Layout:
    guid: list[str] = []
    number: list[str] = []
    row: list[str] = []
    zone: list[int] = []
    category: list[int] = []
    segment: list[int] = []
    x: list[float] = []
    y: list[float] = []
    accessible: list[int] = []
    segments: list[Segment] = []
    row_parts: dict[tuple[int, bool, int], list[tuple[int, int, int]]] = {}
    for n, run in enumerate(runs):
        first, length = len(guid), len(run.seats)
        home = plan.zones[run.zone]
        if run.area:
            area = home.areas[run.row]
            numbers = [str(s + 1) for s in run.seats]
            guid += [f"{area.guid}-{each}" for each in numbers]
            number += numbers
            label = area.name
            # an area's seats have no spot of their own; they stand at its centre
            x += [round(area.x + area.width / 2, 3)] * length
            y += [round(area.y + area.height / 2, 3)] * length
        else:
            source = home.rows[run.row]
            seats = [source.seats[s] for s in run.seats]
            guid += [seat.guid for seat in seats]
            number += [seat.number for seat in seats]
            label = source.number
            x += [seat.x for seat in seats]
            y += [seat.y for seat in seats]
        row += [label] * length
        zone += [run.zone] * length
        category += [run.category] * length
        segment += [n] * length
        if run.accessible:
            accessible += range(first, first + length)
        segments.append(Segment(first, length, run.area, run.accessible, run.focus))
        row_parts.setdefault((run.zone, run.area, run.row), []).append((run.part, first, length))

    def in_order(z: int, area: bool, r: int) -> tuple[tuple[int, int], ...]:
        return tuple(part[1:] for part in sorted(row_parts.get((z, area, r), ())))

    return Layout(
        plan=plan,
        categories=_ranges(plan, runs, segments),
        segments=tuple(segments),
        guid=tuple(guid),
        number=tuple(number),
        row=tuple(row),
        zone=tuple(zone),
        category=tuple(category),
        segment=tuple(segment),
        x=tuple(x),
        y=tuple(y),
        accessible=tuple(accessible),
        index_of={each: index for index, each in enumerate(guid)},
        row_runs=tuple(
            tuple(in_order(z, False, r) for r in range(len(each.rows)))
            for z, each in enumerate(plan.zones)
        ),
        area_runs=tuple(
            tuple(in_order(z, True, a) for a in range(len(each.areas)))
            for z, each in enumerate(plan.zones)
        ),
    )


def _ranges(plan: Plan, runs: list[_Run], segments: list[Segment]) -> tuple[CategoryRange, ...]:
    mine: list[list[Segment]] = [[] for _ in plan.categories]
    for run, segment in zip(runs, segments, strict=True):
        mine[run.category].append(segment)
    ranges, first = [], 0
    for category, each in zip(plan.categories, mine, strict=True):
        count = sum(segment.length for segment in each)
        ranges.append(
            CategoryRange(
                name=category.name,
                color=category.color,
                first=first,
                count=count,
                auto_count=count - sum(s.length for s in each if s.accessible),
                segments=b"".join(segment.packed() for segment in each),
            )
        )
        first += count
    return tuple(ranges)
