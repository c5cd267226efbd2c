"""The side document: read strictly, for it is ours."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usher import limits
from usher.errors import BadPlan
from usher.venue.side import Point, SideArea, SideDocument, parse_side

AREA = {
    "name": "Pit",
    "category": "Stalls",
    "capacity": 400,
    "x": 1,
    "y": 2.5,
    "width": 30,
    "height": 40,
}


def parsed(document: Any) -> SideDocument:
    return parse_side(json.dumps(document).encode())


def places(document: Any) -> list[str]:
    with pytest.raises(BadPlan) as caught:
        parsed(document)
    return [each["where"] for each in caught.value.members["errors"]]


def test_every_member_is_read() -> None:
    assert parsed(
        {
            "areas": [AREA, {**AREA, "zone": "Ground", "guid": "p"}],
            "accessible": ["A-1", "A-2"],
            "focal": {"x": 3, "y": 4},
            "prices": {"Stalls": 4500, "Free": 0},
            "currency": "CHF",
        }
    ) == SideDocument(
        (
            SideArea("Pit", "Stalls", 400, 1.0, 2.5, 30.0, 40.0),
            SideArea("Pit", "Stalls", 400, 1.0, 2.5, 30.0, 40.0, "Ground", "p"),
        ),
        ("A-1", "A-2"),
        Point(3.0, 4.0),
        {"Stalls": 4500, "Free": 0},
        "CHF",
    )


def test_every_member_is_optional() -> None:
    assert parsed({}) == SideDocument()
    assert SideDocument().currency == "EUR"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ([], "side document"),
        ({"area": []}, "side"),
        ({"areas": {}}, "side.areas"),
        ({"areas": [1]}, "side.areas[0]"),
        ({"areas": [AREA] * 1_001}, "side.areas"),
        ({"areas": [AREA, {"name": "x"}]}, "side.areas[1]"),
        ({"areas": [{**AREA, "color": "red"}]}, "side.areas[0]"),
        ({"areas": [1, {**AREA, "name": ""}]}, "side.areas[1].name"),
        ({"areas": [{**AREA, "name": "a\tb"}]}, "side.areas[0].name"),
        ({"areas": [{**AREA, "category": "x" * 201}]}, "side.areas[0].category"),
        ({"areas": [{**AREA, "zone": "x" * 201}]}, "side.areas[0].zone"),
        ({"areas": [{**AREA, "guid": "x" * 101}]}, "side.areas[0].guid"),
        ({"areas": [{**AREA, "capacity": 0}]}, "side.areas[0].capacity"),
        ({"areas": [{**AREA, "capacity": 80_001}]}, "side.areas[0].capacity"),
        ({"areas": [{**AREA, "capacity": 1.5}]}, "side.areas[0].capacity"),
        ({"areas": [{**AREA, "capacity": True}]}, "side.areas[0].capacity"),
        ({"areas": [{**AREA, "x": 1e9}]}, "side.areas[0].x"),
        ({"areas": [{**AREA, "width": 0}]}, "side.areas[0].width"),
        ({"areas": [{**AREA, "height": -1}]}, "side.areas[0].height"),
        ({"accessible": "A-1"}, "side.accessible"),
        ({"accessible": ["A-1", 2]}, "side.accessible[1]"),
        ({"focal": {"x": 1}}, "side.focal"),
        ({"focal": {"x": 1, "y": -1e8}}, "side.focal.y"),
        ({"prices": []}, "side.prices"),
        ({"prices": {"A": -1}}, "side.prices"),
        ({"prices": {"A": 45.5}}, "side.prices"),
        ({"prices": {"A": True}}, "side.prices"),
        ({"prices": {"A": limits.price_max + 1}}, "side.prices"),
        ({"currency": "eur"}, "side.currency"),
        ({"currency": "EUR\n"}, "side.currency"),
    ],
)
def test_every_fault_is_named_with_its_place(document: Any, where: str) -> None:
    assert places(document) == [where] or where in places(document)


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[" * 100_000, b'{"focal":{"x":NaN,"y":0}}'])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(BadPlan, match="The side document is n"):
        parse_side(raw)


@given(st.text(min_size=1))
@example("x" * 10_000)
@example("a\nb")
def test_a_misspelt_member_is_quoted_in_one_short_line(name: str) -> None:
    if name in {"areas", "accessible", "focal", "prices", "currency"}:
        return
    with pytest.raises(BadPlan) as caught:
        parsed({name: 1})
    assert "unknown field" in caught.value.detail
    assert len(caught.value.detail) < 300
    assert not set(caught.value.detail) & set("\r\n\0\x7f\x85\u2028")
