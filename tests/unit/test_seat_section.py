"""A section read out, and places of an area, for those who choose without scripts."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from usher.errors import BadInput
from usher.event.model import EventRow, PriceClass, Showing
from usher.seat.model import free_in_area, section_view
from usher.venue.generate import rows_by_columns
from usher.venue.layout import compile_layout
from usher.venue.model import Area, Category, Plan, Zone


def hall() -> Showing:
    """Zone 0: two rows of three; zone 1: standing room for five."""
    seats = rows_by_columns(2, 3, shares={"VIP": 1}).zones[0]
    floor = Area("F", "Floor", "Normal", 5, 0, 200, 100, 100)
    plan = Plan(
        name="Club",
        width=300,
        height=300,
        focal_x=0,
        focal_y=0,
        categories=(Category("VIP"), Category("Normal")),
        zones=(seats, Zone("Floor", 0, 200, (), (floor,))),
    )
    layout = compile_layout(plan)
    blank: dict[str, Any] = {
        field.name: {"seats": 11, "built": True, "currency": "EUR"}.get(field.name, "")
        for field in msgspec.structs.fields(EventRow)
    }
    now = datetime.now(UTC)
    row = EventRow(**{**blank, "starts_at": now, "hold_s": 1, "payment_s": 1, "seats_max": 4})
    prices = tuple(
        PriceClass(rank, each.name, "", 100 * (rank + 1), each.first, each.count, each.auto_count)
        for rank, each in enumerate(layout.categories)
    )
    return Showing(event=row, categories=prices, layout=layout, geometry=b"", zipped=b"", etag="")


def test_a_section_is_read_out_in_the_order_of_its_rows() -> None:
    showing = hall()
    taken = showing.layout.index_of["B-2"]
    states = "".join("h" if i == taken else "." for i in range(len(showing.layout)))
    view = section_view(showing, states, 0)
    assert [row["number"] for row in view["rows"]] == ["A", "B"]
    assert [seat["guid"] for seat in view["rows"][1]["seats"]] == ["B-1", "B-2", "B-3"]
    assert [seat["free"] for seat in view["rows"][1]["seats"]] == [True, False, True]
    assert view["rows"][0]["seats"][0]["price"] == {"amount": 100, "currency": "EUR"}


def test_nothing_is_free_where_nobody_knows() -> None:
    view = section_view(hall(), "", 0)
    assert not any(seat["free"] for row in view["rows"] for seat in row["seats"])


def test_places_of_an_area_are_free_ones() -> None:
    showing = hall()
    states = ["."] * len(showing.layout)
    for guid in ("F-1", "F-4"):
        states[showing.layout.index_of[guid]] = "s"
    known = "".join(states)
    assert section_view(showing, known, 1)["areas"][0]["free"] == 3
    assert sorted(free_in_area(showing, known, "1-0", 3)) == ["F-2", "F-3", "F-5"]
    assert sorted(free_in_area(showing, known, "1-0", 9)) == ["F-2", "F-3", "F-5"]
    assert len(free_in_area(showing, known, "1-0", 1)) == 1
    assert free_in_area(showing, "", "1-0", 2) == []


@pytest.mark.parametrize("name", ["", "x", "1", "1-9", "9-0", "1-x"])
def test_there_is_no_such_area(name: str) -> None:
    with pytest.raises(BadInput):
        free_in_area(hall(), ".", name, 1)
