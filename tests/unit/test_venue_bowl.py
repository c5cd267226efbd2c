"""Arenas: exactly as many seats as asked, all sellable, all around the middle."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usher import limits
from usher.errors import BadInput
from usher.venue.bowl import AISLE, CONCOURSE, ROW_PITCH, SEAT_PITCH, bowl
from usher.venue.layout import compile_layout
from usher.venue.model import Plan


def spots(plan: Plan) -> list[tuple[float, float]]:
    return [(s.x, s.y) for zone in plan.zones for row in zone.rows for s in row.seats]


@given(st.integers(1, 3_000))
@settings(max_examples=60, deadline=None)
def test_an_arena_has_exactly_the_seats_asked_for(seats: int) -> None:
    plan = bowl(seats)
    layout = compile_layout(plan)  # which checks guids and spots
    assert len(layout) == plan.seat_count == seats
    assert bowl(seats) == plan


@pytest.mark.parametrize("seats", [1, 2, 7, 20_000, 50_001, limits.plan_seats_max])
def test_small_and_large_arenas_can_be_sold(seats: int) -> None:
    assert len(compile_layout(bowl(seats))) == seats


@pytest.mark.parametrize("seats", [0, -1, limits.plan_seats_max + 1])
def test_impossible_arenas_are_refused(seats: int) -> None:
    with pytest.raises(BadInput, match="1 to 80,000"):
        bowl(seats)


@pytest.mark.parametrize(("seats", "names"), [(100, 1), (2_000, 2), (20_000, 3)])
def test_categories_follow_tiers_the_better_inside(seats: int, names: int) -> None:
    plan = bowl(seats)
    assert [c.name for c in plan.categories] == ["VVIP", "VIP", "Normal"][-names:]
    outer: dict[str, float] = {}
    inner: dict[str, float] = {}
    for zone in plan.zones:
        for row in zone.rows:
            for s in row.seats:
                # in the arena's own stretched measure all seats of a row are equally far
                far = math.hypot((s.x - plan.focal_x) / 1.35, s.y - plan.focal_y)
                outer[s.category] = max(far, outer.get(s.category, 0))
                inner[s.category] = min(far, inner.get(s.category, math.inf))
    order = [c.name for c in plan.categories]
    for better, worse in pairwise(order):
        assert inner[better] < inner[worse]
        assert outer[better] < outer[worse]


def test_seats_keep_their_distance_and_blocks_their_aisles() -> None:
    plan = bowl(4_000)
    everywhere = spots(plan)
    cells: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for x, y in everywhere:
        cells.setdefault((int(x // 20), int(y // 20)), []).append((x, y))
    closest = min(
        math.dist(here, there)
        for (cx, cy), mine in cells.items()
        for here in mine
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
        for there in cells.get((cx + dx, cy + dy), ())
        if here != there
    )
    assert closest > SEAT_PITCH * 0.95
    layout = compile_layout(plan)
    # a block's row is one run: no aisle inside a block, none missing between blocks
    assert len(layout.segments) == sum(len(zone.rows) for zone in plan.zones)
    ends = [
        (zone.rows[0].seats[-1], following.rows[0].seats[0])
        for zone, following in pairwise(plan.zones)
        if zone.name[:7] == following.name[:7]
    ]
    assert ends
    assert all(math.dist((a.x, a.y), (b.x, b.y)) > AISLE * 0.95 for a, b in ends)


def test_blocks_go_all_around_the_pitch_and_stay_on_the_plan() -> None:
    plan = bowl(20_000)
    quarters = [0, 0, 0, 0]
    for x, y in spots(plan):
        assert 0 < x < plan.width
        assert 0 < y < plan.height
        quarters[(x > plan.focal_x) + 2 * (y > plan.focal_y)] += 1
    assert max(quarters) - min(quarters) < 200
    (pitch,) = plan.shapes
    assert not any(
        pitch.x <= x <= pitch.x + pitch.width and pitch.y <= y <= pitch.y + pitch.height
        for x, y in spots(plan)
    )


def test_the_first_block_is_centred_on_the_right_end() -> None:
    plan = bowl(20_000)
    for row in plan.zones[0].rows:
        assert sum(s.y for s in row.seats) / len(row.seats) == pytest.approx(plan.focal_y, abs=1)


def test_tiers_are_parted_by_a_concourse() -> None:
    plan = bowl(20_000)
    # along the long axis, rows of the three blocks in the middle of the right end
    ends = [zone for zone in plan.zones if zone.name in ("Block 101", "Block 201", "Block 301")]
    outs = [max(s.x for s in row.seats) for zone in ends for row in zone.rows]
    gaps = [round(b - a) for a, b in pairwise(outs)]
    assert sorted(gaps)[-2:] == pytest.approx([ROW_PITCH + CONCOURSE] * 2, abs=2)
    assert sorted(gaps)[:-2] == pytest.approx([ROW_PITCH] * (len(gaps) - 2), abs=2)


@pytest.mark.parametrize("seats", [777, 5_000, 20_000])
def test_the_arena_is_no_larger_than_its_seats_need(seats: int) -> None:
    for zone in bowl(seats).zones:
        lengths = [len(row.seats) for row in zone.rows]
        # rows grow outwards; what the last one lacks is what was too much
        assert lengths[-1] >= lengths[-2] - 2


def test_a_handful_of_seats_are_neighbours() -> None:
    layout = compile_layout(bowl(4))
    assert [segment.length for segment in layout.segments] == [4]


def test_names_say_tier_block_row_and_number() -> None:
    plan = bowl(2_000)
    first, last = plan.zones[0], plan.zones[-1]
    assert first.name == "Block 101"
    assert first.rows[0].seats[0].guid == "101-A-1"
    assert last.name.startswith("Block 2")
    assert [row.number for row in first.rows][:2] == ["A", "B"]
