"""The line's pure rules: the draw, where a number stands on a curve, how long it will take."""

import hashlib
import math
from bisect import bisect_left
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from usher.clock import iso_ms
from usher.queue.scripts import Curve

DRAW_ROUNDS: Final = 10


class LineView(msgspec.Struct):
    """The line for everybody. `curve` is (number, how many are ahead) at growing numbers."""

    state: str
    mode: str
    waiting: int
    admitted_per_minute: int | None
    shopping: int
    left: int
    paused: bool
    notice: str | None
    curve: list[list[int]]


class WaitView(msgspec.Struct):
    """A wait in seconds: one in two comes in before `p50`, nine in ten before `p90`."""

    p50: int
    p90: int


class PlaceView(msgspec.Struct, kw_only=True):
    """Where a fan stands; `state` is lobby, waiting, called, admitted, lapsed, left or closed.

    In the lobby `opens_at` is told where it is known, and `drawing` is true from the opening until
    this place has drawn its number. `admitted_per_minute` is the speed of the line, while it is
    known; it and the seats `left` are for who waits.
    """

    state: str
    number: int | None
    ahead: int | None
    wait_s: WaitView | None
    poll_after_s: int
    due: datetime | UnsetType = UNSET
    expires_in_s: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    left: int | UnsetType = UNSET
    waiting: int | UnsetType = UNSET
    notice: str | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    opens_at: datetime | UnsetType = UNSET
    opens_in_s: int | UnsetType = UNSET
    drawing: bool | UnsetType = UNSET
    admitted_per_minute: int | UnsetType = UNSET


class AdmissionView(msgspec.Struct, kw_only=True):
    """The right to shop until `due`."""

    admission_token: str
    due: datetime
    expires_in_s: int


class JoinView(msgspec.Struct, kw_only=True):
    """A place; `fan_token` is for who is new here."""

    place_token: str
    place: PlaceView
    fan_token: str | UnsetType = UNSET


class AdmittedView(AdmissionView, kw_only=True):
    """A place whose fan may shop at once."""

    place_token: str
    place: PlaceView
    fan_token: str | UnsetType = UNSET


class Draw:
    """The lot: a keyed permutation of 0 .. size - 1, from arrival index to number.

    An unbalanced Feistel network over a grid of a x b >= size cells (a = ceil(sqrt(size)),
    b = ceil(size / a)), walking on where it lands outside; the round functions are BLAKE2b keyed
    with the sale's `draw_key`, tabulated once: 10 x (a + b) / 2 hashes, then ten look-ups an
    index. (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002: the cycle-walking
    and generalised-Feistel constructions; NIST SP 800-38G takes ten rounds.)
    """

    def __init__(self, key: bytes, size: int) -> None:
        self.size = size
        self._a = max(1, math.isqrt(max(0, size - 1)) + 1)
        self._b = max(1, -(-size // self._a))
        self._tables = [
            [
                _word(key, size, turn, value) % (self._a if turn % 2 == 0 else self._b)
                for value in range(self._b if turn % 2 == 0 else self._a)
            ]
            for turn in range(DRAW_ROUNDS)
        ]

    def number(self, index: int) -> int:
        """The number that `index` drew; IndexError outside 0 .. size - 1."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        a, b = self._a, self._b
        cell = index
        while True:
            left, right = divmod(cell, b)
            for turn, table in enumerate(self._tables):
                if turn % 2 == 0:
                    left = (left + table[right]) % a
                else:
                    right = (right + table[left]) % b
            cell = left * b + right
            if cell < self.size:
                return cell


def _word(key: bytes, size: int, turn: int, value: int) -> int:
    message = b"usher draw %d %d %d" % (size, turn, value)
    return int.from_bytes(hashlib.blake2b(message, digest_size=8, key=key[:64]).digest())


def ahead_of(curve: Curve, number: int) -> int:
    """How many wait before `number`, by interpolation on the curve's points.

    Exact near the front, where the curve has every place; within its 4 % step further back. Who
    has joined since the curve was read stands behind all of it and those who joined before them.
    """
    points = curve.points
    at = bisect_left(points, (number, 0))
    if at == len(points):
        return curve.waiting + max(0, number - curve.next)
    if at == 0:
        return 0
    low_number, low_ahead = points[at - 1]
    high_number, high_ahead = points[at]
    if high_number == number:
        return high_ahead
    # `low` itself stands ahead too, hence the + 1.
    share = (number - low_number) / (high_number - low_number)
    return min(high_ahead, low_ahead + max(1, round(share * (high_ahead - low_ahead))))


class Speed:
    """How fast a line has moved lately, from the calls counted on its curves."""

    SPAN_MS: Final = 60_000

    def __init__(self) -> None:
        self._seen: list[tuple[int, int]] = []

    def note(self, curve: Curve) -> None:
        """Takes a curve's count of calls at its time."""
        self._seen.append((curve.now_ms, curve.called))
        while len(self._seen) > 2 and self._seen[1][0] < curve.now_ms - self.SPAN_MS:
            self._seen.pop(0)

    def per_min(self) -> float | None:
        """Calls per minute over the last minute; None before five seconds have been seen."""
        if len(self._seen) < 2:
            return None
        (from_ms, before), (to_ms, after) = self._seen[0], self._seen[-1]
        if to_ms - from_ms < 5_000:
            return None
        return max(0, after - before) * 60_000 / (to_ms - from_ms)


class Sample(NamedTuple):
    """A line at one moment; `called` and `admitted` have been counted since the sale began."""

    at_ms: int
    waiting: int
    shopping: int
    held: int
    claimed: int
    sold: int
    called: int
    admitted: int


class Trail:
    """The last ten minutes of a line, a sample every five seconds: what charts begin with."""

    STEP_MS: Final = 5_000
    SPAN_MS: Final = 600_000

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def note(self, curve: Curve) -> None:
        """Takes a curve where the last one taken is a step old. A clock that stepped back (Redis
        failed over) begins the trail anew."""
        if self.samples and curve.now_ms < self.samples[-1].at_ms:
            self.samples.clear()
        if self.samples and curve.now_ms - self.samples[-1].at_ms < self.STEP_MS:
            return
        self.samples.append(
            Sample(
                curve.now_ms,
                curve.waiting + curve.in_lobby,
                curve.shopping,
                curve.held,
                curve.claimed,
                curve.sold,
                curve.called,
                curve.admitted,
            )
        )
        while self.samples[0].at_ms < curve.now_ms - self.SPAN_MS:
            self.samples.pop(0)


def speed_of(curve: Curve, per_min: float | None) -> float | None:
    """How many a line lets in each minute as far as one can say; None while it does not move."""
    if curve.state not in ("open", "sold_out") or (
        curve.gate_state != "open" and curve.mode == "queued"
    ):
        return None
    speed = per_min if per_min else float(curve.rate_now)
    return min(speed, curve.rate_now)


def range_s(ahead: int, speed: float) -> tuple[int, int]:
    """The range of the wait behind `ahead` others in seconds, p50 and p90.

    p50 takes the speed of the last minute, p90 two thirds of it: in a line the speed of the next
    minutes is that of the last give or take lapses and the shoppers' pace. A first estimate,
    until the coverage is measured (feature A5).
    """
    p50 = (ahead + 1) * 60 / speed
    return math.ceil(p50), math.ceil(p50 * 1.5) + 2


def wait_s(curve: Curve, ahead: int, per_min: float | None) -> dict[str, int] | None:
    """The range of the wait in seconds, None while the line does not move."""
    speed = speed_of(curve, per_min)
    if speed is None:
        return None
    p50, p90 = range_s(ahead, speed)
    return {"p50": p50, "p90": p90}


def poll_after_s(ahead: int, claim_s: int = 120) -> int:
    """When to ask again: often near the front, rarely far back, and never so rarely that a call
    could come and lapse in between."""
    calm = 2 if ahead < 100 else 5 if ahead < 2_000 else 10 if ahead < 20_000 else 20
    return max(1, min(calm, claim_s // 2))


def lobby_poll_after_s(curve: Curve | None) -> int:
    """When to ask again in the lobby, where nothing happens before the opening: at 20,000 fans
    polls every two seconds were most of the load."""
    if curve is None or curve.state != "lobby":
        return 2
    if not curve.opens_ms:
        return 10
    return max(2, min(15, (curve.opens_ms - curve.now_ms) // 2_000))


def push_every_s(ahead: int) -> int:
    """How often a position is pushed; a second is the curve's own step."""
    return 1 if ahead < 100 else 3 if ahead < 2_000 else 10


def place_view(
    state: str,
    *,
    number: int | None = None,
    ahead: int | None = None,
    wait: dict[str, int] | None = None,
    due_ms: int | None = None,
    left_ms: int | None = None,
    reason: str = "",
    curve: Curve | None = None,
    per_min: float | None = None,
) -> dict[str, Any]:
    """A place on the wire. Positions only while waiting, deadlines only once called."""
    view: dict[str, Any] = {"state": state, "number": number, "ahead": ahead, "wait_s": wait}
    if state == "lobby":
        view["poll_after_s"] = lobby_poll_after_s(curve)
    elif state == "waiting" and curve is not None:
        view["poll_after_s"] = poll_after_s(ahead or 0, curve.claim_s)
    else:
        view["poll_after_s"] = 2
    if due_ms is not None and left_ms is not None:
        view["due"] = iso_ms(due_ms)
        view["expires_in_s"] = max(0, left_ms // 1000)
    if reason:
        view["reason"] = reason
    if curve is not None:
        view["left"] = curve.free
        view["waiting"] = curve.waiting + curve.in_lobby
        if curve.notice:
            view["notice"] = curve.notice
        if curve.state == "paused" or (curve.gate_state == "paused" and curve.mode == "queued"):
            view["paused"] = True
        if state == "lobby":
            view |= _opening(curve)
        elif per_min is not None:
            view["admitted_per_minute"] = round(per_min)
    return view


def _opening(curve: Curve) -> dict[str, Any]:
    """What who is in the lobby waits for: the opening, and after it the draw."""
    if curve.state in ("open", "paused"):
        return {"drawing": True}
    if not curve.opens_ms:
        return {}
    return {
        "opens_at": iso_ms(curve.opens_ms),
        "opens_in_s": max(0, (curve.opens_ms - curve.now_ms) // 1000),
    }


def shown_as(view: dict[str, Any]) -> str:
    """The one word a page has for a place: its state, or "drawing", or why there is no way in."""
    if view["state"] == "closed":
        return "sold_out" if view.get("reason") == "sold_out" else "closed"
    return "drawing" if view.get("drawing") else str(view["state"])


def in_minutes(wait: dict[str, int] | None) -> tuple[int, int] | None:
    """A wait as a range of whole minutes that is no narrower than it: (0, 1) is under a minute."""
    return (wait["p50"] // 60, max(1, -(-wait["p90"] // 60))) if wait else None


def walked(first: int, ahead: int) -> int:
    """How much of the line a fan has behind them, in percent, since `first` were ahead."""
    return max(0, min(100, round(100 * (first - ahead) / first))) if first > 0 else 100
