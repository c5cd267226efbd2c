"""What a line is told at once is what each would have been told alone."""

import random
from typing import Any

import msgspec
import pytest

from usher.queue.curves import KnownCurve
from usher.queue.model import ahead_of, place_view
from usher.queue.scripts import Curve
from usher.queue.standing import Standing, from_curve, waiting_view
from usher.queue.watch import IN_LOBBY, OVER


def curve(**changed: Any) -> Curve:
    """A line of 5,000 whose first 300 numbers have been called."""
    given: dict[str, Any] = dict.fromkeys(Curve.__struct_fields__, 0)
    given |= {"state": "open", "mode": "queued", "gate_state": "open"}
    given |= {name: 600 for name in given if name.startswith("rate")}
    given |= {"notice": "", "listed": "", "claim_s": 120, "waiting": 5_000, "free": 77}
    given["points"] = [(300 + 2 * rank, rank) for rank in (*range(25), 60, 400, 4_999)]
    return Curve(**(given | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"state": "paused", "gate_state": "paused"},
        {"gate_state": "paused"},
        {"state": "sold_out", "free": 0},
        {"notice": 'Doors at 7, "poll_after_s":3, \\ grüße', "claim_s": 6},
        {"rate": 7, "mode": "simple"},
    ],
)
@pytest.mark.parametrize("per_min", [None, 0.0, 37.4, 12_345.6])
def test_the_same_bytes_as_the_view_of_one(changed: dict[str, Any], per_min: float | None) -> None:
    known = KnownCurve(curve(**changed), per_min, b"")
    standing = Standing(known)
    dice = random.Random(0)
    for number in (300, 301, 348, *(dice.randrange(300, 12_000) for _ in range(50))):
        ahead = ahead_of(known.curve, number)
        assert standing.ahead_of(number) == ahead
        view = waiting_view(known, number, ahead)
        assert standing.view(number, ahead) == msgspec.json.encode(view)


def test_a_number_in_front_of_the_line_is_nobodys_who_waits() -> None:
    standing = Standing(KnownCurve(curve(), None, b""))
    assert standing.ahead_of(299) is None
    assert standing.ahead_of(300) == 0
    assert Standing(KnownCurve(curve(points=[]), None, b"")).ahead_of(300) is None


def test_what_the_curve_does_not_say() -> None:
    line = KnownCurve(curve(), None, b"")
    last = line.curve.points[-1][0]
    assert from_curve(line, 300) == waiting_view(line, 300, 0)
    assert from_curve(line, last) == waiting_view(line, last, 4_999)
    assert from_curve(line, 299) is None  # in front of the whole line: a call was missed
    assert from_curve(line, last + 1) is None  # came after the curve was drawn
    assert from_curve(KnownCurve(curve(state="draft"), None, b""), 300) is None
    assert from_curve(KnownCurve(curve(points=[]), None, b""), 300) is None


def test_the_lobby_and_the_end_are_the_same_for_all() -> None:
    drawing = KnownCurve(curve(drawn=0), None, b"")
    assert from_curve(drawing, IN_LOBBY) == place_view("lobby", curve=drawing.curve)
    assert from_curve(KnownCurve(curve(drawn=1), None, b""), IN_LOBBY) is None
    for state in ("closed", "sold_out"):
        over = KnownCurve(curve(state=state), None, b"")
        assert from_curve(over, 300) == place_view("closed", reason=state)
        assert from_curve(over, IN_LOBBY) is None
        assert from_curve(over, OVER) == place_view("closed", reason=state)
    for state in ("open", "paused", "lobby", "draft"):
        assert from_curve(KnownCurve(curve(state=state), None, b""), OVER) is None
