"""A plan as a picture, and seats named by row and number."""

from xml.etree import ElementTree

from usher.event.editing.drawing import drawing
from usher.seat.blocking.model import named_seats, rows_of
from usher.venue.generate import rows_by_columns
from usher.venue.layout import compile_layout
from usher.venue.svg import import_svg

HALL = compile_layout(rows_by_columns(2, 5))
EVIL = """<svg xmlns="http://www.w3.org/2000/svg">
<text x="1" y="1">&lt;/svg&gt;&lt;script&gt;</text>
<g data-row="A"><circle data-seat="1" cx="9" cy="9"/></g>
<rect data-capacity="40" x="0" y="50" width="80" height="30" id="pit"/></svg>"""


def test_every_seat_is_a_dot_and_a_blocked_one_a_cross() -> None:
    told = drawing(HALL, {"VIP": "#7C3AED", "Normal": "#2563EB"}, {3})
    ElementTree.fromstring(told)
    assert told.count("h0") == 9
    assert 'stroke="#7C3AED"' in told


def test_names_in_a_plan_are_drawn_and_never_markup() -> None:
    layout = compile_layout(import_svg(EVIL.encode()).plan)
    told = drawing(layout, {"Normal": '"><script>'})
    assert "<script" not in told
    ElementTree.fromstring(told)
    assert told.count("h0") == 1  # those who stand are an area, not dots


def test_seats_are_named_as_one_walks_along_a_row() -> None:
    def numbers(row: str, start: str = "", end: str = "") -> list[str]:
        return [HALL.guid[i] for i in named_seats(HALL, 0, row, start, end)]

    assert numbers("A") == ["A-1", "A-2", "A-3", "A-4", "A-5"]
    assert numbers("A", "2", "4") == numbers("A", "4", "2") == ["A-2", "A-3", "A-4"]
    assert numbers("B", "5") == ["B-5"]
    assert numbers("B", "6") == numbers("C") == []


def test_a_row_tells_what_its_seats_do() -> None:
    states = ["."] * len(HALL)
    states[HALL.index_of["A-2"]] = "x"
    states[HALL.index_of["A-3"]] = "s"
    first, second = rows_of(HALL, 0, "".join(states))
    assert (first.free, first.blocked, first.taken, first.blocked_numbers) == (3, 1, 1, "2")
    assert (second.free, second.seats) == (5, 5)
