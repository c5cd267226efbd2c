"""The hall as a fan sees it: picking neighbours, taking what is left, following the feed."""

import msgspec
import pytest

from usher.rehearsal.hall import Board, Hall, PlanView
from usher.venue.generate import rows_by_columns
from usher.venue.layout import compile_layout


@pytest.fixture
def hall() -> Hall:
    """Three rows of four, a category each: the seats of a row are neighbours, no others."""
    layout = compile_layout(
        rows_by_columns(3, 4, shares={"Dear": 0.33, "Fair": 0.33, "Cheap": 0.34})
    )
    return Hall(msgspec.json.decode(layout.geometry_json(), type=PlanView))


def board(states: str) -> bytearray:
    it = Board()
    it.reset(states)
    return it.states


def test_categories_stand_in_the_plans_order(hall: Hall) -> None:
    assert hall.categories == ["Dear", "Fair", "Cheap"]


def test_free_counts_the_seats_of_one_category(hall: Hall) -> None:
    assert hall.free(board(".h.s" + "cccc" + "...."), "Dear") == 2
    assert hall.free(board(".h.s" + "cccc" + "...."), "Fair") == 0


def test_neighbours_are_of_one_row_and_all_free(hall: Hall) -> None:
    seats = hall.together(board("hh.." + "...." + "...."), "Dear", 2, 0)
    assert {guid.partition("-")[0] for guid in seats} == {"A"}
    assert len(seats) == 2


def test_neighbours_are_not_found_across_rows() -> None:
    layout = compile_layout(rows_by_columns(2, 2, shares={"One": 1.0}))
    hall = Hall(msgspec.json.decode(layout.geometry_json(), type=PlanView))
    assert hall.together(board("...."), "One", 2, 0)
    assert hall.together(board("h..h"), "One", 2, 0) == []


def test_skipping_goes_past_the_popular_ones_and_no_further_than_there_are(hall: Hall) -> None:
    states = board("....")
    first = hall.together(board("...." + "h" * 8), "Dear", 2, 0)
    second = hall.together(board("...." + "h" * 8), "Dear", 2, 1)
    assert set(first) & set(second) == set()
    assert hall.together(board("...." + "h" * 8), "Dear", 2, 9) == second
    assert len(states) == 4


def test_where_nothing_is_free_nothing_is_found(hall: Hall) -> None:
    assert hall.together(board("h" * 12), "Dear", 1, 0) == []
    assert hall.anything(board("h" * 12), 2, 0) == []


def test_anything_takes_what_is_left_apart_and_fewer(hall: Hall) -> None:
    states = board(".hhh" + "hh.h" + "hhhh")
    assert len(hall.anything(states, 2, 0)) == 2
    assert len(hall.anything(states, 4, 3)) == 2


def test_a_board_takes_changes_and_passes_over_what_it_does_not_have() -> None:
    it = Board()
    it.reset("....")
    it.change([(1, "h"), (3, "s"), (4, "s"), (-1, "s")])
    assert it.states == b".h.s"


def test_a_board_knows_how_far_it_is_from_a_snapshot() -> None:
    it = Board()
    it.reset(".h.s")
    assert it.differs(".h.s") == 0
    assert it.differs("..hs") == 2
    assert it.differs(".h.sx") == 1
