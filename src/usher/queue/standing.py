"""What who waits is told of their place from the curve alone."""

from typing import Any

import msgspec

from usher.queue.curves import KnownCurve
from usher.queue.model import ahead_of, place_view, poll_after_s, range_s, speed_of, wait_s
from usher.queue.watch import IN_LOBBY, OVER


def waiting_view(known: KnownCurve, number: int, ahead: int) -> dict[str, Any]:
    """The place of one who waits behind `ahead` others."""
    return place_view(
        "waiting",
        number=number,
        ahead=ahead,
        wait=wait_s(known.curve, ahead, known.per_min),
        curve=known.curve,
        per_min=known.per_min,
    )


def from_curve(known: KnownCurve, number: int) -> dict[str, Any] | None:
    """The place of one who is known to wait with `number`, or IN_LOBBY, or OVER; None where the
    curve does not say. The draw has been done; or the sale goes on again; or the number was given
    after the curve was drawn; or it stands in front of the whole line, where nobody waits: a call
    was missed, or the place was lost with Redis's last second."""
    curve = known.curve
    if number == IN_LOBBY:
        drawing = not curve.drawn and curve.state in ("lobby", "open", "paused")
        return place_view("lobby", curve=curve) if drawing else None
    if curve.state in ("closed", "sold_out"):
        return place_view("closed", reason=curve.state)
    if curve.state not in ("open", "paused") or not curve.points or number == OVER:
        return None
    if not curve.points[0][0] <= number <= curve.points[-1][0]:
        return None
    return waiting_view(known, number, ahead_of(curve, number))


class Standing:
    """The places of a line at one moment: bytes equal to `waiting_view` as JSON at a tenth of its
    cost, for a process tells some thousands a second. Made once per curve."""

    def __init__(self, known: KnownCurve) -> None:
        self._curve = known.curve
        self._speed = speed_of(known.curve, known.per_min)
        common = msgspec.json.encode(waiting_view(known, 0, 0))
        # What follows the one number that is its fan's own.
        self._tail = common.partition(b'"poll_after_s":')[2].lstrip(b"0123456789")

    def ahead_of(self, number: int) -> int | None:
        """How many wait before `number`; None where it stands in front of the whole line."""
        points = self._curve.points
        return ahead_of(self._curve, number) if points and number >= points[0][0] else None

    def view(self, number: int, ahead: int) -> bytes:
        """The place with `number`, as JSON."""
        poll = poll_after_s(ahead, self._curve.claim_s)
        if self._speed is None:
            return (
                b'{"state":"waiting","number":%d,"ahead":%d,"wait_s":null,"poll_after_s":%d%b'
                % (
                    number,
                    ahead,
                    poll,
                    self._tail,
                )
            )
        return (
            b'{"state":"waiting","number":%d,"ahead":%d,"wait_s":{"p50":%d,"p90":%d},'
            b'"poll_after_s":%d%b'
        ) % (number, ahead, *range_s(ahead, self._speed), poll, self._tail)
