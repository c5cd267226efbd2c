"""Places that are known to wait: whoever asks about theirs again costs Redis nothing.

What a process asks Redis does not grow with the fans who poll it (design invariant 7): a place is
looked up when it is first asked about, and told from the curve from then on, until a signal names
it. Signals are read once a tick by whoever `follows`; where nobody does, nothing is remembered.
"""

import math
import time
from collections.abc import Iterable
from typing import Final

# Answers from memory need signals no older than this; a tick is 0.2 s.
FRESH_S: Final = 1.0
# An event that nobody has asked about for so long is not followed any more.
KEPT_S: Final = 60.0
PLACES_MAX: Final = 500_000  # in all; one is about 150 B
IN_LOBBY: Final = -1
OVER: Final = -2  # looked up when the sale was over, which is all that was said


class _Line:
    __slots__ = ("asked_at", "heard", "heard_at", "numbers")

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.heard = 0
        self.heard_at = -math.inf
        self.asked_at = 0.0


class Watch:
    """What this process remembers of the lines whose fans poll it."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._places = 0

    # --- for who answers

    def number_of(self, event: str, place_id: str) -> int | None:
        """The number of a place that waits, IN_LOBBY of one in the lobby, OVER of one that was told
        the end; None where not known."""
        line = self._lines.get(event)
        now = time.monotonic()
        if line is None:
            line = self._lines[event] = _Line()
        line.asked_at = now
        return line.numbers.get(place_id) if now - line.heard_at < FRESH_S else None

    def mark(self, event: str) -> int:
        """Taken before a place is looked up: what was heard meanwhile may have been of it."""
        line = self._lines.get(event)
        return line.heard if line is not None else -1

    def remember(self, event: str, place_id: str, number: int, mark: int) -> None:
        """Notes that a place, looked up since `mark`, waits with `number`; see `number_of`."""
        line = self._lines.get(event)
        if line is None or line.heard != mark or time.monotonic() - line.heard_at >= FRESH_S:
            return
        if place_id not in line.numbers:
            if self._places >= PLACES_MAX:
                for each in self._lines:
                    self.begin(each)
                return
            self._places += 1
        line.numbers[place_id] = number

    def forget(self, event: str, *places: str) -> None:
        """Something has happened to `places`: they are looked up again."""
        line = self._lines.get(event)
        if line is not None:
            line.heard += 1
            for place_id in places:
                if line.numbers.pop(place_id, None) is not None:
                    self._places -= 1

    # --- for who reads the signals

    def wanted(self) -> Iterable[str]:
        """The events to follow."""
        now = time.monotonic()
        for event in [e for e, line in self._lines.items() if now - line.asked_at > KEPT_S]:
            self.begin(event)
            del self._lines[event]
        return list(self._lines)

    def begin(self, event: str) -> None:
        """The signals are read from a new start, or Redis was lost: what was known is not."""
        line = self._lines.get(event)
        if line is not None:
            self._places -= len(line.numbers)
            line.numbers.clear()
            line.heard += 1
            line.heard_at = -math.inf

    def heard(self, event: str) -> None:
        """Every signal up to now has been told to `forget`."""
        line = self._lines.get(event)
        if line is not None:
            line.heard_at = time.monotonic()
