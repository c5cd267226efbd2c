"""Rows of a zone as an organiser looks at them, and seats named by row and number."""

import msgspec

from usher.venue.model import Layout

ROWS_MAX = 300


class RowState(msgspec.Struct, frozen=True):
    """A row (or an area, by its name) with what its seats are doing."""

    number: str
    seats: int
    free: int
    blocked: int
    taken: int
    blocked_numbers: str


def rows_of(layout: Layout, zone: int, states: str) -> list[RowState]:
    """The rows and areas of a zone, at most ROWS_MAX."""
    plan = layout.plan.zones[zone]
    lines = [
        *zip((row.number for row in plan.rows), layout.row_runs[zone], strict=True),
        *zip((area.name for area in plan.areas), layout.area_runs[zone], strict=True),
    ]
    return [_state(layout, number, seats_in(runs), states) for number, runs in lines[:ROWS_MAX]]


def seats_in(runs: tuple[tuple[int, int], ...]) -> list[int]:
    """Seat indices in the order one walks along them."""
    return [index for first, count in runs for index in range(first, first + count)]


def _state(layout: Layout, number: str, seats: list[int], states: str) -> RowState:
    told = "".join(states[index] for index in seats)
    free, blocked = told.count("."), told.count("x")
    shut = [layout.number[index] for index in seats if states[index] == "x"]
    numbers = ", ".join(shut[:30]) + (" ..." if len(shut) > 30 else "")
    return RowState(number, len(seats), free, blocked, len(seats) - free - blocked, numbers)


def named_seats(layout: Layout, zone: int, row: str, start: str, end: str) -> list[int]:
    """The seats of a row from one number to another, as one walks along it; without numbers all of
    it. [] where there is no such row or number."""
    plan = layout.plan.zones[zone]
    found: list[int] = []
    for each, runs in zip(plan.rows, layout.row_runs[zone], strict=True):
        if each.number == row:
            found += seats_in(runs)
    for area, runs in zip(plan.areas, layout.area_runs[zone], strict=True):
        if area.name == row:
            found += seats_in(runs)
    if not start and not end:
        return found
    numbers = [layout.number[index] for index in found]
    start, end = start or end, end or start
    if start not in numbers or end not in numbers:
        return []
    first, last = sorted((numbers.index(start), numbers.index(end)))
    return found[first : last + 1]
