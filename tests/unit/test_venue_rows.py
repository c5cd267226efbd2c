"""Straight rows: what the generator promises."""

import pytest

from usher import limits
from usher.errors import BadInput
from usher.venue.generate import row_label, rows_by_columns
from usher.venue.layout import compile_layout


@pytest.mark.parametrize(
    ("number", "label"),
    [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")],
)
def test_row_labels_count_like_a_spreadsheet(number: int, label: str) -> None:
    assert row_label(number) == label


def test_thirds_front_to_back() -> None:
    plan = rows_by_columns(20, 10)
    per_row = [row.seats[0].category for row in plan.zones[0].rows]
    assert per_row == ["VVIP"] * 2 + ["VIP"] * 6 + ["Normal"] * 12
    assert [category.name for category in plan.categories] == ["VVIP", "VIP", "Normal"]
    assert plan.seat_count == 200


@pytest.mark.parametrize(
    ("rows", "names"),
    [(1, ["Normal"]), (2, ["VIP", "Normal"]), (3, ["VVIP", "VIP", "Normal"])],
)
def test_few_rows_keep_the_cheaper_categories(rows: int, names: list[str]) -> None:
    plan = rows_by_columns(rows, 4)
    assert [category.name for category in plan.categories] == names
    assert [row.seats[0].category for row in plan.zones[0].rows] == names


@pytest.mark.parametrize(
    ("columns", "lengths"), [(20, [20]), (21, [11, 10]), (40, [20, 20]), (61, [16, 15, 15, 15])]
)
def test_wide_rows_are_cut_by_aisles(columns: int, lengths: list[int]) -> None:
    layout = compile_layout(rows_by_columns(1, columns))
    (runs,) = layout.row_runs[0]
    assert [count for _, count in runs] == lengths


@pytest.mark.parametrize(("rows", "columns"), [(1, limits.plan_seats_max), (400, 200)])
def test_the_largest_plans_can_be_sold(rows: int, columns: int) -> None:
    assert len(compile_layout(rows_by_columns(rows, columns))) == limits.plan_seats_max


@pytest.mark.parametrize(("rows", "columns"), [(0, 5), (5, 0), (-1, -1), (401, 200), (1, 80_001)])
def test_impossible_numbers_are_refused_in_words(rows: int, columns: int) -> None:
    with pytest.raises(BadInput, match=r"must be 1 or more|at most 80,000"):
        rows_by_columns(rows, columns)


@pytest.mark.parametrize("shares", [{}, {"A": 0.0}, {"A": -1.0}, {"A": float("nan")}])
def test_shares_must_be_shares(shares: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="share"):
        rows_by_columns(5, 5, shares=shares)


def test_the_middle_of_the_front_row_is_the_best_seat() -> None:
    layout = compile_layout(rows_by_columns(10, 11))
    best = layout.segments[0]
    assert layout.guid[best.first + best.focus] == "A-6"
