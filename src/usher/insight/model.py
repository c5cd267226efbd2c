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

    A leaky bucket over the entries' own times, independent of the gate's arithmetic: it leaks at
    the rate and holds one burst, a second's worth of calls or one. Where the operator changed the
    rate between two entries the higher of the two counts.
    """
    level, before_ms, before_rate = 0.0, 0, 0.0
    over_rate, over_capacity = 0, 0
    for entry_id, words in entries:
        fields = dict(zip(words[::2], words[1::2], strict=True))
        if "called" not in fields or fields.get("mode") != "queued":
            continue
        at_ms = int(entry_id.partition("-")[0])
        rate = float(fields["rate"])
        leak = max(rate, before_rate) * (at_ms - before_ms + 1) / 60_000
        level = max(0.0, level - leak) + int(fields["count"])
        burst = max(1.0, max(rate, before_rate) / 60)
        over_rate = max(over_rate, int(level - burst))
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
