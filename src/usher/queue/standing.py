"""What who waits is told of their place, made once per curve but for what is each one's own."""

import math

import msgspec

from usher.queue.curves import KnownCurve
from usher.queue.model import ahead_of, place_view, poll_after_s, wait_s


class Standing:
    """The places of a line at one moment: bytes equal to `place_view("waiting", ...)` as JSON, at
    a tenth of its cost, for a process tells some thousands a second."""

    def __init__(self, known: KnownCurve) -> None:
        self._curve = known.curve
        # Whether the line moves, and how fast, is the same for all of it; see `wait_s`.
        moves = wait_s(known.curve, 0, known.per_min) is not None
        speed = known.per_min if known.per_min else float(known.curve.rate)
        self._speed = min(speed, known.curve.rate) if moves else 0.0
        common = msgspec.json.encode(
            place_view("waiting", ahead=0, curve=known.curve, per_min=known.per_min)
        )
        # What follows the one number that is its fan's own.
        self._tail = common.partition(b'"poll_after_s":')[2].lstrip(b"0123456789")

    def ahead_of(self, number: int) -> int | None:
        """How many wait before `number`; None where it stands in front of the whole line: that is
        nobody's who waits, a call was missed or the place was lost with Redis's last second."""
        points = self._curve.points
        return ahead_of(self._curve, number) if points and number >= points[0][0] else None

    def view(self, number: int, ahead: int) -> bytes:
        """The place with `number`, as JSON."""
        poll = poll_after_s(ahead, self._curve.claim_s)
        if not self._speed:
            return (
                b'{"state":"waiting","number":%d,"ahead":%d,"wait_s":null,"poll_after_s":%d%b'
                % (
                    number,
                    ahead,
                    poll,
                    self._tail,
                )
            )
        p50 = (ahead + 1) * 60 / self._speed
        return (
            b'{"state":"waiting","number":%d,"ahead":%d,"wait_s":{"p50":%d,"p90":%d},'
            b'"poll_after_s":%d%b'
        ) % (number, ahead, math.ceil(p50), math.ceil(p50 * 1.5) + 2, poll, self._tail)
