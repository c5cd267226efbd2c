"""The waiting room's pure parts: words for places, ranges of minutes, how far one has come."""

from typing import Any

import pytest

from usher.queue.model import in_minutes, place_view, shown_as, walked
from usher.queue.scripts import Curve


def curve(**given: Any) -> Curve:
    """A curve of an empty, open line."""
    fields: dict[str, Any] = dict.fromkeys(Curve.__struct_fields__, 0)
    words = {"state": "open", "mode": "queued", "gate_state": "open", "notice": "", "points": []}
    return Curve(**(fields | words | given))


@pytest.mark.parametrize(
    ("view", "word"),
    [
        ({"state": "lobby"}, "lobby"),
        ({"state": "lobby", "drawing": True}, "drawing"),
        ({"state": "waiting"}, "waiting"),
        ({"state": "lapsed"}, "lapsed"),
        ({"state": "closed", "reason": "sold_out"}, "sold_out"),
        ({"state": "closed", "reason": "closed"}, "closed"),
        ({"state": "closed"}, "closed"),
    ],
)
def test_a_page_has_one_word_for_a_place(view: dict[str, Any], word: str) -> None:
    assert shown_as(view) == word


@pytest.mark.parametrize(
    ("p50", "p90", "minutes"),
    [
        (0, 2, (0, 1)),
        (59, 60, (0, 1)),
        (59, 61, (0, 2)),
        (60, 92, (1, 2)),
        (7200, 10802, (120, 181)),
    ],
)
def test_minutes_are_no_narrower_than_the_wait(
    p50: int, p90: int, minutes: tuple[int, int]
) -> None:
    assert in_minutes({"p50": p50, "p90": p90}) == minutes


def test_no_wait_is_no_range() -> None:
    assert in_minutes(None) is None


@pytest.mark.parametrize(
    ("first", "ahead", "percent"),
    [(100, 100, 0), (100, 25, 75), (100, 0, 100), (0, 0, 100), (10, 20, 0)],
)
def test_how_far_a_fan_has_come(first: int, ahead: int, percent: int) -> None:
    assert walked(first, ahead) == percent


def test_a_place_in_the_lobby_says_when_it_opens() -> None:
    opens = {"opens_ms": 90_500, "now_ms": 30_000}
    view = place_view("lobby", curve=curve(state="lobby", **opens))
    assert view["opens_at"] == "1970-01-01T00:01:30.500Z"
    assert view["opens_in_s"] == 60
    assert "drawing" not in view
    late = place_view("lobby", curve=curve(state="lobby", opens_ms=1, now_ms=5_000))
    assert late["opens_in_s"] == 0
    assert "opens_at" not in place_view("lobby", curve=curve(state="lobby"))


@pytest.mark.parametrize("state", ["open", "paused"])
def test_a_place_in_the_lobby_of_an_open_sale_is_being_drawn(state: str) -> None:
    view = place_view("lobby", curve=curve(state=state, opens_ms=1, now_ms=2))
    assert view["drawing"] is True
    assert "opens_at" not in view


def test_a_place_in_line_says_how_fast_it_moves_once_that_is_known() -> None:
    def waits(per_min: float | None) -> dict[str, Any]:
        return place_view("waiting", number=3, ahead=2, curve=curve(), per_min=per_min)

    assert waits(12.6)["admitted_per_minute"] == 13
    assert waits(0.0)["admitted_per_minute"] == 0
    assert "admitted_per_minute" not in waits(None)
