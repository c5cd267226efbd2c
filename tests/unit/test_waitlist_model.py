"""What an offer is named after, how long it stands, and how a list is told on the command line."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

import msgspec
import pytest

from usher import limits
from usher.clock import to_ms
from usher.event.model import EventRow, Showing
from usher.ids import is_id
from usher.waitlist.commands import lines
from usher.waitlist.model import TRANSITIONS, State, hold_of, offer_s, place_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def showing(**given: Any) -> Showing:
    """Only what the length of an offer depends on."""
    facts = {
        "waitlist": "on",
        "state": "published",
        "starts_at": NOW + timedelta(days=9),
        "closes_at": None,
        "offer_s": 3_600,
    }
    row = msgspec.defstruct("Row", list(facts))(**(facts | given))
    return Showing(
        event=cast(EventRow, row),
        categories=(),
        layout=cast(Any, None),
        geometry=b"",
        zipped=b"",
        etag="",
    )


def test_an_offer_made_again_is_the_same() -> None:
    assert hold_of("wtl_a", 1) == hold_of("wtl_a", 1)
    names = {hold_of(entry, n) for entry in ("wtl_a", "wtl_b") for n in (1, 2, 11)}
    assert len(names) == 6
    assert all(is_id("hold", name) for name in names)
    assert is_id("place", place_of("wtl_a", 1))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, 3_600),
        ({"waitlist": "off"}, 0),
        ({"state": "cancelled"}, 0),
        ({"starts_at": NOW + timedelta(minutes=10)}, 600),
        ({"closes_at": NOW + timedelta(minutes=5)}, 300),
        ({"closes_at": NOW + timedelta(seconds=limits.offer_s_min - 1)}, 0),
        ({"starts_at": NOW - timedelta(days=1)}, 0),
    ],
    ids=["as set", "no list", "cancelled", "not into it", "not after", "too short", "over"],
)
def test_how_long_an_offer_stands(given: dict[str, Any], wanted: int) -> None:
    assert offer_s(showing(**given), to_ms(NOW)) == wanted


def test_every_state_is_known_and_can_be_reached() -> None:
    states = set(get_args(State))
    assert set(TRANSITIONS) == states
    assert {after for each in TRANSITIONS.values() for after in each} == states


def test_a_list_for_people() -> None:
    entry = {
        "entry_id": "wtl_1",
        "state": "waiting",
        "quantity": 2,
        "categories": [],
        "name": "Ann",
        "email": "ann@example.org",
    }
    view = {"waiting": 1, "seats": 2, "offered": 0, "booked": 0, "entries": [entry]}
    first, second = lines(view)
    assert first == "1 waiting for 2 seats, 0 offered, 0 booked"
    assert second.split() == [
        *("wtl_1", "waiting", "2", "any", "category", "Ann", "<ann@example.org>")
    ]
