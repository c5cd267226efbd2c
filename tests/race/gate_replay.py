"""What a race at the gate left behind, replayed: was it ever above its rate or its capacity?

Times are the server's. Where something happened between two readings of its clock, the reading
is taken that accuses nobody falsely.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

# Calls are counted whole and times in milliseconds: less than this is arithmetic.
_EPSILON: Final = 0.01


@dataclass(frozen=True)
class Call:
    """One entry of `signal`: who was called, and the gate's settings as the script saw them."""

    at_ms: int
    due_ms: int
    places: tuple[str, ...]
    shopping: int
    rate: int
    capacity: int

    @classmethod
    def read(cls, entry_id: str, flat: list[str]) -> "Call":
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        call = cls(
            at_ms=int(entry_id.partition("-")[0]),
            due_ms=int(fields["due"]),
            places=tuple(fields["called"].split(" ")),
            shopping=int(fields["shopping"]),
            rate=int(fields["rate"]),
            capacity=int(fields["capacity"]),
        )
        assert len(call.places) == int(fields["count"])
        return call


@dataclass(frozen=True)
class Knob:
    """The operator set a rate somewhen between two readings of the clock."""

    before_ms: int
    after_ms: int
    rate: int


@dataclass
class Record:
    """Everything a race wrote down. `until` is how long a place surely had its slot."""

    calls: list[Call] = field(default_factory=list)
    knobs: list[Knob] = field(default_factory=list)
    until: dict[str, int] = field(default_factory=dict)
    shopping_seen: int = 0  # the largest size of `admission` that anybody read
    capacity_max: int = 0


def violations(record: Record) -> dict[str, str]:
    """What went wrong, by the name of the rule; empty when nothing did."""
    found: dict[str, str] = {}
    called = [place for call in record.calls for place in call.places]
    if len(set(called)) != len(called):
        found["twice"] = "a place was called twice"
    for call in record.calls:
        if call.shopping > call.capacity:
            found["capacity told"] = f"{call.shopping} of {call.capacity} at {call.at_ms}"
    if record.shopping_seen > record.capacity_max:
        found["capacity seen"] = f"{record.shopping_seen} of {record.capacity_max}"
    if over := _over_capacity(record):
        found["capacity replayed"] = over
    for _, phase in groupby(record.calls, key=lambda call: call.rate):
        calls = list(phase)
        if over := _over_rate(calls, [Knob(0, 0, calls[0].rate)]):
            found["rate of a phase"] = over
    if over := _over_rate(record.calls, record.knobs):
        found["rate of the whole"] = over
    return found


def _over_capacity(record: Record) -> str:
    """At each call: those who surely still had a slot, and those called, are not too many."""
    live: list[int] = []  # until when, of those called so far
    for call in record.calls:
        live = [until for until in live if until > call.at_ms]
        live += [record.until.get(place, call.due_ms) for place in call.places]
        if len(live) > call.capacity:
            nearest = sorted(until - call.at_ms for until in live)[:3]
            return f"{len(live)} of {call.capacity} at {call.at_ms}, the first for {nearest} ms"
    return ""


def _over_rate(calls: list[Call], knobs: list[Knob]) -> str:
    """No window between two calls holds more than its rate and one burst allow."""
    burst = max(max(1.0, knob.rate / 60) for knob in knobs)
    allowed = _Allowed(knobs)
    total = 0
    # The window that is worst so far begins where calls were fewest beside what was allowed.
    least = float("inf")
    for call in calls:
        least = min(least, total - allowed.until(call.at_ms))
        total += len(call.places)
        over = total - allowed.until(call.at_ms + 1) - least - burst
        if over > _EPSILON:
            return f"{over:.1f} more than allowed at {call.at_ms}"
    return ""


class _Allowed:
    """Calls allowed since the first knob was turned, burst aside: the rate's integral."""

    def __init__(self, knobs: list[Knob]) -> None:
        self._times = [knobs[0].before_ms]
        self._rates = [knobs[0].rate]
        for knob in knobs[1:]:
            # A higher rate may hold as soon as it was sent, a lower one once it was answered.
            up = knob.rate > self._rates[-1]
            self._times.append(knob.before_ms if up else knob.after_ms)
            self._rates.append(knob.rate)
        self._sums = [0.0]
        for start, end, rate in zip(self._times, self._times[1:], self._rates, strict=False):
            self._sums.append(self._sums[-1] + (end - start) * rate / 60_000)

    def until(self, at_ms: int) -> float:
        step = max(0, bisect_right(self._times, at_ms) - 1)
        return self._sums[step] + (at_ms - self._times[step]) * self._rates[step] / 60_000


def sorted_calls(entries: Iterable[tuple[str, list[str]]]) -> list[Call]:
    """The calls among the entries of `signal`, which stand in order."""
    return [Call.read(entry_id, flat) for entry_id, flat in entries if flat[0] == "called"]
