"""Layouts: the order of seat indices, segments, and what is promised about both."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usher.errors import BadPlan
from usher.venue.layout import compile_layout
from usher.venue.model import (
    SEGMENT_BYTES,
    SEGMENT_RECORD,
    Area,
    Category,
    Layout,
    Plan,
    Row,
    Seat,
    Shape,
    Zone,
    unpack_segments,
)

CATEGORIES = ("Gold", "Silver", "Bronze")


def seat(guid: str, x: float, y: float = 0.0, category: str = "Gold", **more: Any) -> Seat:
    return Seat(guid, guid, category, x, y, **more)


def row(xs: Sequence[float], y: float = 0.0, name: str = "r", category: str = "Gold") -> Row:
    seats = [seat(f"{name}{n}", x, y, category) for n, x in enumerate(xs)]
    return Row(name, 0.0, y, tuple(seats))


def plan(*zones: Zone, focal: tuple[float, float] = (0.0, -100.0)) -> Plan:
    return Plan(
        name="Hall",
        width=1000.0,
        height=1000.0,
        focal_x=focal[0],
        focal_y=focal[1],
        categories=tuple(Category(name) for name in CATEGORIES),
        zones=zones,
    )


def zone(*rows: Row, areas: tuple[Area, ...] = (), name: str = "Z") -> Zone:
    return Zone(name, 0.0, 0.0, rows, areas)


def guids(layout: Layout) -> list[list[str]]:
    """The guids of every segment, best first."""
    return [list(layout.guid[s.first : s.first + s.length]) for s in layout.segments]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    zones, y, taken = [], 0, 0
    for z in range(draw(st.integers(1, 3))):
        rows = []
        for r in range(draw(st.integers(0, 4))):
            y += draw(st.integers(20, 60))
            x = draw(st.integers(-200, 200))
            seats = []
            for s in range(draw(st.integers(0, 9))):
                x += draw(st.sampled_from((20, 20, 20, 50)))
                category = draw(st.sampled_from(CATEGORIES[: 1 + s % 3]))
                accessible = draw(st.sampled_from((False, False, False, True)))
                seats.append(Seat(f"{z}/{r}/{s}", str(s), category, float(x), float(y), accessible))
            if draw(st.booleans()):
                seats = draw(st.permutations(seats))
            rows.append(Row(str(r), 0.0, float(y), tuple(seats)))
        areas = [
            Area(f"{z}+{a}", f"Area {a}", draw(st.sampled_from(CATEGORIES)), n, 5.0, 5.0, 9.0, 9.0)
            for a, n in enumerate(draw(st.lists(st.integers(1, 9), max_size=2)))
        ]
        taken += sum(len(each.seats) for each in rows) + len(areas)
        zones.append(Zone(f"zone {z}", 0.0, 0.0, tuple(rows), tuple(areas)))
    if not taken:
        zones.append(Zone("more", 0.0, 0.0, (row([0.0]),)))
    focal = (float(draw(st.integers(-300, 300))), float(draw(st.integers(-300, 300))))
    return plan(*zones, focal=focal)


@given(plans())
@settings(max_examples=200, deadline=None)
def test_indices_are_a_bijection_with_the_seats_of_the_plan(source: Plan) -> None:
    layout = compile_layout(source)
    expected = {
        each.guid: (z, each.number, each.category, each.x, each.y)
        for z, home in enumerate(source.zones)
        for line in home.rows
        for each in line.seats
    }
    for z, home in enumerate(source.zones):
        for area in home.areas:
            middle = (area.x + area.width / 2, area.y + area.height / 2)
            for n in range(1, area.capacity + 1):
                expected[f"{area.guid}-{n}"] = (z, str(n), area.category, *middle)
    got = {
        guid: (
            layout.zone[i],
            layout.number[i],
            layout.categories[layout.category[i]].name,
            layout.x[i],
            layout.y[i],
        )
        for i, guid in enumerate(layout.guid)
    }
    assert got == expected
    assert len(layout) == len(expected) == source.seat_count
    assert [layout.index_of[guid] for guid in layout.guid] == list(range(len(layout)))


@given(plans())
@settings(max_examples=200, deadline=None)
def test_categories_are_ranges_and_segments_partition_them(source: Plan) -> None:
    layout = compile_layout(source)
    at = 0
    for c, each in enumerate(layout.categories):
        assert each.first == at
        assert set(layout.category[at : at + each.count]) <= {c}
        records = unpack_segments(each.segments)
        assert len(each.segments) == len(records) * SEGMENT_BYTES
        assert [r.first for r in records] == [
            each.first + sum(r.length for r in records[:n]) for n in range(len(records))
        ]
        assert sum(r.length for r in records) == each.count
        assert each.auto_count == sum(r.length for r in records if not r.accessible)
        # accessible segments last, so that best-available never meets them
        assert [r.accessible for r in records] == sorted(r.accessible for r in records)
        at += each.count
    assert at == len(layout)
    assert b"".join(s.packed() for s in layout.segments) == b"".join(
        each.segments for each in layout.categories
    )


@given(plans())
@settings(max_examples=200, deadline=None)
def test_segments_are_adjacent_seats_and_the_better_come_first(source: Plan) -> None:
    layout = compile_layout(source)
    focal = (source.focal_x, source.focal_y)
    home = {
        each.guid: (z, r, each.accessible)
        for z, part in enumerate(source.zones)
        for r, line in enumerate(part.rows)
        for each in line.seats
    }
    before: tuple[int, bool, float] = (-1, False, 0.0)
    for n, segment in enumerate(layout.segments):
        indices = range(segment.first, segment.first + segment.length)
        spots = [(layout.x[i], layout.y[i]) for i in indices]
        assert {layout.segment[i] for i in indices} == {n}
        centre = (
            sum(x for x, _ in spots) / len(spots),
            sum(y for _, y in spots) / len(spots),
        )
        quality = (layout.category[segment.first], segment.accessible, math.dist(centre, focal))
        assert before[:2] < quality[:2] or (
            before[:2] == quality[:2] and before[2] <= quality[2] + 0.01
        )
        before = quality
        assert segment.focus < segment.length
        if segment.area:
            continue
        assert len({home[layout.guid[i]] for i in indices}) == 1
        assert {i in layout.accessible for i in indices} == {segment.accessible}
        steps = [abs(b[0] - a[0]) for a, b in pairwise(spots)]
        assert max(steps, default=0) < 1.6 * 50
        nearest = min(math.dist(spot, focal) for spot in spots)
        assert math.dist(spots[segment.focus], focal) == pytest.approx(nearest)


@given(plans())
@settings(max_examples=100, deadline=None)
def test_geometry_tells_every_seat_once_and_rows_in_walking_order(source: Plan) -> None:
    layout = compile_layout(source)
    document = msgspec.json.decode(layout.geometry_json())
    told: list[int] = []
    for z, part in enumerate(document["zones"]):
        assert part["name"] == source.zones[z].name
        for line in part["rows"]:
            indices = [i for first, count in line["seats"] for i in range(first, first + count)]
            assert {document["seats"]["row"][i] for i in indices} <= {line["number"]}
            xs = [document["seats"]["x"][i] for i in indices]
            assert xs == sorted(xs) or xs == sorted(xs, reverse=True)
            told += indices
    for area in document["areas"]:
        for first, count in area["seats"]:
            told += range(first, first + count)
            assert set(document["seats"]["category"][first : first + count]) == {area["category"]}
    assert sorted(told) == list(range(len(layout)))
    columns = document["seats"]
    names = ("guid", "x", "y", "category", "number", "row", "zone")
    assert {len(columns[name]) for name in names} == {len(layout)}


@given(plans())
@settings(max_examples=100, deadline=None)
def test_a_stored_plan_compiles_to_the_same_layout(source: Plan) -> None:
    stored = source.to_json()
    again = Plan.from_json(stored)
    assert again == source
    assert again.to_json() == stored
    one, two = compile_layout(source), compile_layout(again)
    assert one.guid == two.guid
    assert one.segments == two.segments
    assert one.digest() == two.digest()


@given(plans(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_seats_in_a_straight_row_of_the_file_does_not_matter(
    source: Plan, chance: random.Random
) -> None:
    def shuffled(line: Row) -> Row:
        seats = list(line.seats)
        chance.shuffle(seats)
        return msgspec.structs.replace(line, seats=tuple(seats))

    zones = [
        msgspec.structs.replace(part, rows=tuple(shuffled(line) for line in part.rows))
        for part in source.zones
    ]
    other = msgspec.structs.replace(source, zones=tuple(zones))
    assert {frozenset(run) for run in guids(compile_layout(source))} == {
        frozenset(run) for run in guids(compile_layout(other))
    }


@pytest.mark.parametrize(
    ("xs", "lengths"),
    [
        ([0, 25, 50, 75], [4]),
        ([0, 25, 50, 90, 115, 140], [6]),  # 40 is exactly 1.6 times 25: not yet an aisle
        ([0, 25, 50, 91, 116, 141], [3, 3]),
        ([0, 20, 60, 80, 120, 140], [2, 2, 2]),  # a row of pairs: most gaps are aisles
        ([0, 60, 80, 140], [1, 2, 1]),
        ([0, 500, 1000, 1500], [4]),  # evenly wide is a row, not four aisles
        ([0, 24, 50, 73, 99, 125], [6]),  # drawn by hand
        ([0], [1]),
    ],
)
def test_aisles_cut_rows(xs: list[int], lengths: list[int]) -> None:
    # far in front, so that segments of a row come in the row's own order at equal quality
    layout = compile_layout(plan(zone(row(xs)), focal=(-10_000.0, 0.0)))
    assert [each.length for each in layout.segments] == lengths


def test_short_rows_ask_their_zone_what_an_aisle_is() -> None:
    long = row([0, 20, 40, 60, 80], y=100.0, name="long")
    split = row([0, 300], name="split")
    assert ["split0", "split1"] in guids(compile_layout(plan(zone(split))))
    assert ["split0"] in guids(compile_layout(plan(zone(split, long))))
    apart = (zone(split), zone(long, name="other"))
    assert ["split0", "split1"] in guids(compile_layout(plan(*apart)))


def test_a_change_of_category_cuts_a_row() -> None:
    seats = tuple(
        seat(f"s{n}", n * 20.0, category=c) for n, c in enumerate(("Gold", "Gold", "Silver"))
    )
    layout = compile_layout(plan(zone(Row("A", 0.0, 0.0, seats))))
    assert guids(layout) == [["s0", "s1"], ["s2"]]
    assert [(c.first, c.count) for c in layout.categories] == [(0, 2), (2, 1), (3, 0)]
    assert layout.row_runs == ((((0, 2), (2, 1)),),)


def test_accessible_seats_are_segments_at_the_end_of_their_category() -> None:
    seats = tuple(seat(f"s{n}", n * 20.0, accessible=n in (1, 2)) for n in range(5))
    back = row([0, 20], y=900.0, name="b")
    layout = compile_layout(plan(zone(Row("A", 0.0, 0.0, seats), back)))
    assert guids(layout)[-1] == ["s1", "s2"]
    assert sorted(guids(layout)[:-1]) == [["b0", "b1"], ["s0"], ["s3", "s4"]]
    gold = layout.categories[0]
    assert (gold.count, gold.auto_count) == (7, 5)
    assert layout.accessible == (5, 6)
    assert [s.accessible for s in layout.segments] == [False, False, False, True]


def test_rows_interleave_by_distance_whatever_their_zone() -> None:
    near, middle, far = (row([0, 20], y=y, name=n) for n, y in (("n", 0), ("m", 50), ("f", 90)))
    layout = compile_layout(plan(zone(far, near), zone(middle, name="balcony")))
    assert [run[0][0] for run in guids(layout)] == ["n", "m", "f"]


def test_equally_good_segments_stand_in_the_order_of_the_document() -> None:
    left, right = row([-40, -20], name="l"), row([20, 40], name="r")
    for first, second in ((left, right), (right, left)):
        layout = compile_layout(plan(zone(first, second)))
        assert guids(layout) == [
            [each.guid for each in first.seats],
            [each.guid for each in second.seats],
        ]


def test_a_horseshoe_is_walked_along_its_arms() -> None:
    arm = [(0.0, 60.0), (0.0, 40.0), (0.0, 20.0)]
    spots = [*arm, (20.0, 5.0), (40.0, 5.0), *((60.0, y) for _, y in reversed(arm))]
    seats = tuple(seat(f"s{n}", x, y) for n, (x, y) in enumerate(spots))
    layout = compile_layout(plan(zone(Row("U", 0.0, 0.0, seats))))
    assert guids(layout) == [[f"s{n}" for n in range(8)]]


def test_odd_numbers_then_even_ones_are_put_side_by_side() -> None:
    seats = [seat(f"s{n}", n * 20.0) for n in range(8)]
    zigzag = tuple(seats[::2] + seats[1::2])
    layout = compile_layout(plan(zone(Row("A", 0.0, 0.0, zigzag))))
    assert guids(layout) == [[f"s{n}" for n in range(8)]]


@pytest.mark.parametrize(("focal_x", "focus"), [(-500.0, 0), (38.0, 2), (500.0, 4), (30.0, 1)])
def test_the_focus_is_the_seat_nearest_the_focal_point(focal_x: float, focus: int) -> None:
    layout = compile_layout(plan(zone(row([0, 20, 40, 60, 80])), focal=(focal_x, -100.0)))
    assert layout.segments[0].focus == focus  # the first of two equally near ones


def test_an_area_is_one_segment_of_numbered_seats_at_its_centre() -> None:
    area = Area("floor", "Floor", "Silver", 3, 100.0, 200.0, 50.0, 20.0)
    layout = compile_layout(plan(zone(row([0, 20]), areas=(area,))))
    assert layout.guid[2:] == ("floor-1", "floor-2", "floor-3")
    assert layout.number[2:] == ("1", "2", "3")
    assert layout.row[2:] == ("Floor",) * 3
    assert (layout.x[2], layout.y[2]) == (125.0, 210.0)
    (segment,) = unpack_segments(layout.categories[1].segments)
    assert (segment.first, segment.length, segment.area) == (2, 3, True)
    assert layout.geometry()["areas"] == [
        {
            "name": "Floor",
            "zone": 0,
            "category": 1,
            "x": 100,
            "y": 200,
            "width": 50,
            "height": 20,
            "seats": ((2, 3),),
        }
    ]
    assert layout.seat(3) == msgspec.structs.replace(
        layout.seat(2), index=3, guid="floor-2", number="2"
    )


def test_an_area_longer_than_a_record_can_say_is_split() -> None:
    area = Area("floor", "Floor", "Gold", 70_000, 0.0, 0.0, 50.0, 20.0)
    layout = compile_layout(plan(zone(areas=(area,))))
    records = unpack_segments(layout.categories[0].segments)
    assert [(r.first, r.length) for r in records] == [(0, 65_535), (65_535, 4_465)]
    assert layout.guid[65_535] == "floor-65536"
    assert layout.area_runs == ((((0, 65_535), (65_535, 4_465)),),)


def test_a_row_longer_than_a_record_can_say_is_split_in_order() -> None:
    seats = row([n * 20 for n in range(65_540)])
    tail = seat("tail", 65_540 * 20 + 100.0)
    layout = compile_layout(
        plan(zone(msgspec.structs.replace(seats, seats=(*seats.seats, tail))), focal=(-1.0, 0.0))
    )
    assert [s.length for s in layout.segments] == [65_535, 5, 1]
    assert layout.row_runs[0][0] == ((0, 65_535), (65_535, 5), (65_540, 1))


def test_the_record_is_what_scripts_unpack() -> None:
    layout = compile_layout(plan(zone(row([0, 20, 40])), focal=(40.0, -9.0)))
    packed = layout.categories[0].segments
    assert packed.hex() == "000000000003000000020000"
    assert SEGMENT_RECORD.size == SEGMENT_BYTES == 12
    flagged = Area("a", "A", "Gold", 2, 0.0, 0.0, 1.0, 1.0)
    area = compile_layout(plan(zone(areas=(flagged,)))).categories[0].segments
    assert area.hex() == "000000000002000100000000"
    lone = Row("A", 0.0, 0.0, (seat("w", 0.0, accessible=True),))
    accessible = compile_layout(plan(zone(lone))).categories[0].segments
    assert accessible.hex() == "000000000001000200000000"


def test_a_seat_is_told_in_words() -> None:
    layout = compile_layout(plan(zone(row([0, 20], name="q"))))
    told = layout.seat(1)
    assert (told.index, told.guid, told.zone, told.row, told.number, told.category) == (
        1,
        "q1",
        "Z",
        "q",
        "q1",
        "Gold",
    )
    for outside in (-1, 2):
        with pytest.raises(IndexError):
            layout.seat(outside)
    assert layout.category_named("Silver") is layout.categories[1]
    assert layout.category_named("Lead") is None


def test_the_digest_follows_what_is_served() -> None:
    source = plan(zone(row([0, 20])))
    digest = compile_layout(source).digest()
    renamed = msgspec.structs.replace(source, name="Other")
    moved = plan(zone(row([0, 21])))
    assert len({digest, compile_layout(renamed).digest(), compile_layout(moved).digest()}) == 3


def test_coordinates_travel_as_tenths_and_the_box_holds_everything() -> None:
    area = Area("a", "A", "Gold", 1, -40.0, 300.0, 10.0, 30.0)
    document = compile_layout(plan(zone(row([0.04, 20.06]), areas=(area,)))).geometry()
    assert sorted(document["seats"]["x"]) == [-35, 0, 20.1]
    assert document["box"] == [-40, 0, 20.1, 330]


def test_the_box_holds_what_is_only_drawn() -> None:
    shapes = (
        Shape("ellipse", 0.0, 0.0, width=100.0, height=60.0),
        Shape("rectangle", 200.0, 10.0, width=30.0, height=90.0),
        Shape("polygon", 10.0, 20.0, points=((-90.0, 0.0), (0.0, 300.0), (0.0, 1.0))),
    )
    source = msgspec.structs.replace(plan(zone(row([0, 20]))), shapes=shapes)
    document = compile_layout(source).geometry()
    assert document["box"] == [-80, -30, 230, 320]
    assert document["shapes"][2]["points"] == ((-90.0, 0.0), (0.0, 300.0), (0.0, 1.0))


def test_an_unsound_plan_does_not_compile() -> None:
    with pytest.raises(BadPlan, match="no seats"):
        compile_layout(plan(zone()))


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"name":1}', b"\xff", b'{"name":"\xff"}', b"[" * 200_000]
)
def test_bytes_that_are_no_stored_plan_are_a_bad_plan(raw: bytes) -> None:
    with pytest.raises(BadPlan, match="not a stored plan"):
        Plan.from_json(raw)
