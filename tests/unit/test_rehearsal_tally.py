"""Counting: percentiles, answers by route and status, what is derived from both."""

import pytest

from usher.rehearsal.hall import Board
from usher.rehearsal.tally import Confirmed, Meter, Tally, percentile


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.99, 0.0),
        ([5.0], 0.99, 5.0),
        ([5.0], 0.0, 5.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 102)], 0.99, 100.0),
        ([1.0, 2.0], 1.0, 2.0),
    ],
)
def test_percentile_is_of_the_nearest_rank(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


def test_a_meter_keeps_routes_and_statuses_apart() -> None:
    meter = Meter()
    meter.note("hold", 201, 0.010)
    meter.note("hold", 409, 0.030)
    meter.note("join", 409, 0.002)
    meter.note("join", 503, 0.001)
    meter.note("book", 500, 0.001)
    assert meter.requests == 5
    assert meter.answers("hold", 409) == 1
    assert meter.conflicts() == 2
    assert meter.faults() == 1, "503 asks to come back"
    assert meter.percentile_ms("hold", 0.99) == 30.0
    assert meter.percentile_ms("never asked", 0.99) == 0.0


def test_seats_are_those_for_sale() -> None:
    board = Board()
    board.reset("..hcsx")
    tally = Tally(fans=1, board=board)
    assert tally.seats == 5
    assert [tally.seats_in(state) for state in ".hcsx"] == [2, 1, 1, 1, 1]


def test_checkouts_are_counted_from_the_opening_to_the_last() -> None:
    tally = Tally(fans=1)
    assert tally.checkouts_per_s == 0.0
    tally.opened_at, tally.confirmed_at = 10.0, 14.0
    tally.confirmed = {str(n): Confirmed("", ()) for n in range(10)}
    assert tally.checkouts_per_s == 2.5
