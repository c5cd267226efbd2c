"""What no plan may be, whoever made it: the importer, a generator, or a database."""

from typing import Any

import msgspec
import pytest

from usher import limits
from usher.errors import BadPlan
from usher.venue.check import Faults, check_plan
from usher.venue.generate import rows_by_columns
from usher.venue.model import Area, Category, Plan, Row, Seat, Shape, Zone


def places(plan: Plan) -> list[str]:
    with pytest.raises(BadPlan) as caught:
        check_plan(plan)
    return [each["where"] for each in caught.value.members["errors"]]


def with_seat(**changes: Any) -> Plan:
    plan = rows_by_columns(2, 3)
    zone = plan.zones[0]
    row = zone.rows[1]
    seats = (row.seats[0], msgspec.structs.replace(row.seats[1], **changes), row.seats[2])
    rows = (zone.rows[0], msgspec.structs.replace(row, seats=seats))
    return msgspec.structs.replace(plan, zones=(msgspec.structs.replace(zone, rows=rows),))


def with_area(**changes: Any) -> Plan:
    plan = rows_by_columns(1, 1)
    area = Area("pit", "Pit", "Normal", 3, 0.0, 0.0, 10.0, 10.0)
    zone = Zone("Pit", 0.0, 0.0, (), (msgspec.structs.replace(area, **changes),))
    return msgspec.structs.replace(plan, zones=(*plan.zones, zone))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1.1e7])
@pytest.mark.parametrize("axis", ["x", "y"])
def test_coordinates_are_finite_and_of_this_world(bad: float, axis: str) -> None:
    assert places(with_seat(**{axis: bad})) == [f"zones[0].rows[1].seats[1].position.{axis}"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"guid": ""}, ".seat_guid"),
        ({"guid": "g" * 121}, ".seat_guid"),
        ({"guid": "A-1"}, ""),
        ({"category": "Royal"}, ""),
        ({"number": "\x7f"}, ".seat_number"),
    ],
)
def test_seats_are_checked(changes: dict[str, Any], where: str) -> None:
    assert places(with_seat(**changes)) == [f"zones[0].rows[1].seats[1]{where}"]


@pytest.mark.parametrize("name", ["4\u00a0b", "Зал", "座席", "👩‍🦽", "g" * 120])
def test_names_of_every_script_are_welcome(name: str) -> None:
    check_plan(with_seat(guid=name, number=name))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"guid": "p" * 119}, ".guid"),
        ({"guid": "A"}, ""),  # its first seat would be A-1
        ({"name": ""}, ".name"),
        ({"category": "Royal"}, ""),
        ({"capacity": 0}, ".capacity"),
        ({"x": float("nan")}, ".x"),
        ({"width": -1.0}, ".width"),
        ({"height": float("inf")}, ".height"),
    ],
)
def test_areas_are_checked(changes: dict[str, Any], where: str) -> None:
    check_plan(with_area())
    assert places(with_area(**changes)) == [f"zones[1].areas[0]{where}"]


@pytest.mark.parametrize(
    ("dx", "dy", "one_spot"),
    [
        (0.0, 0.0, True),
        (0.01, 0.01, True),
        (-0.01, 0.01, True),
        (0.01, -0.01, True),
        (0.0, 0.01, True),
        (0.01, 0.0, True),
        (0.011, 0.0, False),
        (0.0, -0.011, False),
        (0.02, 0.02, False),
    ],
)
@pytest.mark.parametrize("base", [0.0, 0.004, 0.009, -0.005, 333.337])
def test_one_spot_is_a_hundredth_in_both_directions(
    dx: float, dy: float, one_spot: bool, base: float
) -> None:
    pair = (Seat("a", "1", "N", base, base), Seat("b", "2", "N", base + dx, base + dy))
    for seats in (pair, pair[::-1]):
        plan = Plan(
            name="n",
            width=1.0,
            height=1.0,
            focal_x=0.0,
            focal_y=0.0,
            categories=(Category("N"),),
            zones=(Zone("z", 0.0, 0.0, (Row("r", 0.0, 0.0, seats),)),),
        )
        if one_spot:
            assert places(plan) == ["zones[0].rows[0].seats[1]"]
        else:
            check_plan(plan)


def test_a_hall_on_one_spot_is_refused_after_a_few_faults() -> None:
    zone = rows_by_columns(100, 100).zones[0]
    rows = tuple(
        msgspec.structs.replace(
            row, seats=tuple(msgspec.structs.replace(s, x=1.0, y=1.0) for s in row.seats)
        )
        for row in zone.rows
    )
    plan = msgspec.structs.replace(
        rows_by_columns(100, 100), zones=(msgspec.structs.replace(zone, rows=rows),)
    )
    assert len(places(plan)) == limits.plan_errors_max


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"kind": "<script>"}, "shapes[0].kind"),
        ({"x": float("nan")}, "shapes[0].x"),
        ({"points": ((0.0, float("inf")),)}, "shapes[0].points"),
        ({"text": "a\x00"}, "shapes[0].text"),
    ],
)
def test_shapes_are_checked(changes: dict[str, Any], where: str) -> None:
    shape = msgspec.structs.replace(Shape("text", 0.0, 0.0, text="Bar"), **changes)
    assert places(msgspec.structs.replace(rows_by_columns(1, 1), shapes=(shape,))) == [where]


@pytest.mark.parametrize("what", ["zones", "rows"])
def test_empty_zones_and_rows_are_bounded_too(what: str) -> None:
    plan = rows_by_columns(1, 1)
    empty = Row("", 0.0, 0.0, ())
    zones = {
        "zones": (*plan.zones, *[Zone("", 0.0, 0.0)] * limits.plan_seats_max),
        "rows": (*plan.zones, Zone("", 0.0, 0.0, (empty,) * limits.plan_seats_max)),
    }[what]
    with pytest.raises(BadPlan, match=f"80,001 {what}"):
        check_plan(msgspec.structs.replace(plan, zones=zones))


def test_a_sentence_for_one_fault_for_some_and_for_very_many() -> None:
    one, two, many = Faults("thing"), Faults("thing"), Faults("thing")
    one.settle()  # nothing found, nothing raised
    one.add("thing", "is odd")
    with pytest.raises(BadPlan) as caught:
        one.settle()
    assert caught.value.detail == "The thing is odd"
    two.add("a", "is odd")
    two.add("b", "is odder")
    with pytest.raises(BadPlan) as caught:
        two.settle()
    assert caught.value.detail == "The thing has 2 faults, first: a is odd"
    for n in range(limits.plan_errors_max - 1):
        many.add(str(n), "is odd")
    with pytest.raises(BadPlan, match="has at least 20 faults, first: 0 is odd"):
        many.add("last", "is odd")
