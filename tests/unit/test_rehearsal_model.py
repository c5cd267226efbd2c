"""What a demo refuses, by name, before anything is started; and the hall it makes."""

import json
from pathlib import Path
from typing import Any

import pytest

from usher.errors import BadInput, BadPlan
from usher.rehearsal.model import FANS_MAX, DemoOptions, check, hall_of
from usher.sale.model import check as check_sale


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"fans": 0}, "--fans"),
        ({"fans": -5}, "--fans"),
        ({"fans": FANS_MAX + 1}, "--fans"),
        ({"rows": 0}, "--rows"),
        ({"columns": 0}, "--columns"),
        ({"rows": 1_000, "columns": 1_000}, "--rows"),
        ({"rows": 80_000}, "--rows"),
        ({"bowl": 0}, "--bowl"),
        ({"bowl": 80_001}, "--bowl"),
        ({"rate_per_min": 0}, "--rate-per-min"),
        ({"capacity": 0}, "--capacity"),
        ({"seed": -1}, "--seed"),
        ({"plan": Path("x"), "bowl": 5}, "--plan"),
        ({"plan": Path("x"), "rows": 5}, "--plan"),
        ({"bowl": 5, "columns": 5}, "--bowl"),
        ({"side": Path("x")}, "--side"),
        ({"mode": "simple", "capacity": 5}, "--capacity"),
        ({"mode": "simple", "rate_per_min": 5}, "--rate-per-min"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check(DemoOptions(**given))
    assert named in refusal.value.detail


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(BadInput) as refusal:
        check(DemoOptions(fans=0, seed=-1))
    assert "--fans" in refusal.value.detail
    assert "--seed" in refusal.value.detail


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"mode": "simple"},
        {"rows": 1, "columns": 1, "fans": 1},
        {"bowl": 80_000},
        {"rate_per_min": 1, "capacity": 1},
    ],
)
def test_what_can_be_is_taken(given: dict[str, Any]) -> None:
    check(DemoOptions(**given))


def test_the_usual_hall_has_a_thousand_seats() -> None:
    hall = hall_of(DemoOptions())
    assert hall.plan.seat_count == 1_000
    assert set(hall.prices) == {each.name for each in hall.plan.categories}


def test_an_arena_has_the_seats_that_were_asked_for() -> None:
    assert hall_of(DemoOptions(bowl=321)).plan.seat_count == 321


def plan_file(folder: Path, guids: list[str]) -> Path:
    seats = [
        {"seat_guid": guid, "seat_number": str(n), "category": "A", "position": {"x": n, "y": 0}}
        for n, guid in enumerate(guids)
    ]
    path = folder / "plan.json"
    rows = [{"row_number": "1", "position": {"x": 0, "y": 0}, "seats": seats}]
    path.write_text(
        json.dumps(
            {
                "name": "Plan",
                "categories": [{"name": "A", "color": "#fff"}],
                "zones": [{"name": "Z", "position": {"x": 0, "y": 0}, "rows": rows}],
                "size": {"width": 100, "height": 100},
            }
        )
    )
    return path


def test_a_plan_says_how_many_guids_were_repaired(tmp_path: Path) -> None:
    hall = hall_of(DemoOptions(plan=plan_file(tmp_path, ["a", "a", "b", "b"])))
    assert hall.repairs == 2
    assert "2 guids repaired" in hall.said


def test_a_side_document_brings_prices(tmp_path: Path) -> None:
    side = tmp_path / "side.json"
    side.write_text('{"prices": {"A": 1234}, "currency": "CHF"}')
    hall = hall_of(DemoOptions(plan=plan_file(tmp_path, ["a"]), side=side))
    assert (hall.prices, hall.currency) == ({"A": 1234}, "CHF")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--plan .*nowhere.json"):
        hall_of(DemoOptions(plan=tmp_path / "nowhere.json"))
    with pytest.raises(BadInput, match=r"--plan"):
        hall_of(DemoOptions(plan=tmp_path))
    plan = plan_file(tmp_path, ["a"])
    with pytest.raises(BadInput, match=r"--side .*nowhere.json"):
        hall_of(DemoOptions(plan=plan, side=tmp_path / "nowhere.json"))


def test_a_file_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b"\x00\xff not a plan")
    with pytest.raises(BadPlan):
        hall_of(DemoOptions(plan=path))


def test_the_gate_suits_the_hall_unless_told_otherwise() -> None:
    assert DemoOptions().gate(60) == (4_800, 20)
    assert DemoOptions().gate(500) == (4_800, 150)
    assert DemoOptions().gate(80_000) == (4_800, 300)
    assert DemoOptions(rate_per_min=60, capacity=7).gate(500) == (60, 7)


def test_a_larger_sale_is_given_more_time() -> None:
    options = DemoOptions()
    assert options.crowd(10_000).deadline_s > options.crowd(100).deadline_s
    slow = DemoOptions(rate_per_min=60)
    assert slow.crowd(1_000).deadline_s > options.crowd(1_000).deadline_s


def test_without_a_line_nobody_waits_for_the_opening() -> None:
    assert DemoOptions(mode="simple").crowd(100).lobby_share == 1.0


@pytest.mark.parametrize("mode", ["queued", "simple"])
@pytest.mark.parametrize("fans", [1, 3_000, FANS_MAX])
@pytest.mark.parametrize("seats", [1, 80_000])
def test_every_demo_is_a_sale_that_can_be(mode: Any, fans: int, seats: int) -> None:
    check_sale(DemoOptions(mode=mode, fans=fans).sale(seats))


def test_a_storm_without_a_line_is_given_longer_to_pay() -> None:
    calm, storm = DemoOptions(fans=3_000), DemoOptions(fans=3_000, mode="simple")
    assert storm.sale(100).payment_s > calm.sale(100).payment_s
