"""What an audit finds: one figure per invariant, and whether it is what it must be."""

import msgspec

from usher.feed.scripts import RawEntry


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One invariant with its figure. `detail` names examples where it does not hold."""

    name: str
    promise: str
    figure: int
    holds: bool
    detail: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one event at one moment; `facts` are counts that promise nothing."""

    event_id: str
    at: str
    holds: bool
    checks: list[Check]
    facts: dict[str, int]

    def figure(self, name: str) -> int:
        """The figure of the check of that name."""
        return next(check.figure for check in self.checks if check.name == name)


def must_be_zero(name: str, promise: str, figure: int, detail: str = "") -> Check:
    """A check whose figure counts violations."""
    return Check(name=name, promise=promise, figure=figure, holds=figure == 0, detail=detail)


def replay_calls(entries: list[RawEntry]) -> tuple[int, int]:
    """(calls above the rate, shoppers above the capacity), from the log of calls alone.

    A leaky bucket over the entries' own times, independent of the gate's arithmetic. It is filled
    with the time that calls take at the rate they were made at, so that it means the same when the
    rate changes, leaks as time passes, and holds one burst: a second, or the time of one call.
    Where the rate changed between two entries the higher of the two counts.
    """
    level_s, before_ms, before_rate = 0.0, 0, 0.0
    over_rate, over_capacity = 0, 0
    for entry_id, words in entries:
        fields = dict(zip(words[::2], words[1::2], strict=True))
        if "called" not in fields or fields.get("mode") != "queued":
            continue
        at_ms = int(entry_id.partition("-")[0])
        rate = float(fields["rate"])
        per_s = max(rate, before_rate) / 60
        burst_s = max(1.0, 1 / per_s)
        if rate != before_rate:
            level_s = min(level_s, burst_s)  # a slow rate's burst is long: full is full
        level_s = max(0.0, level_s - (at_ms - before_ms + 1) / 1000) + int(fields["count"]) / per_s
        over_rate = max(over_rate, int((level_s - burst_s) * per_s))
        over_capacity = max(over_capacity, int(fields["shopping"]) - int(fields["capacity"]))
        before_ms, before_rate = at_ms, rate
    return max(0, over_rate), max(0, over_capacity)


def compare_seats(states: str, owned: dict[int, str], held: set[int]) -> list[str]:
    """Seats whose character is not what tickets (`owned`: seat -> 's' or 'c') and holds say."""
    wrong = []
    for index, state in enumerate(states):
        want = owned.get(index) or ("h" if index in held else "")
        if state != want and not (not want and state in ".x"):
            wrong.append(f"seat {index} is {state!r}, should be {want or '.'!r}")
    return wrong
