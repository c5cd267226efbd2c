"""How far the gate is slowed, so that who is let in is served in time: a controller, no clock.

The pace is a share of the operator's rate, in thousandths. Once in STEP_MS a ticker looks at how
far the shop is behind and takes one step (lua/queue/pace.lua lets one of several take it):

    worst > 1           pace x 7/10, but not below the operator's floor
    worst < 1/2         pace + 5 % of the rate, but not above it
    between             as it was

where `worst` is the largest of three lags, each as a share of what it may be at most (limits.py):
commits, the shop's answers, the ledger's length. That is additive increase, multiplicative
decrease (Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance
in computer networks", 1989; the factor 0.7 is that of CUBIC, RFC 9438), with a dead band between
the two thresholds so that it does not hunt. What it looks at are standing lags, not peaks (as
CoDel does, RFC 8289): commits are behind by the age of entries that still wait, and answers are an
average over a second and more.
"""

from typing import Final, NamedTuple

from usher import limits
from usher.queue.scripts import Curve

FULL: Final = 1_000
STEP_MS: Final = 1_000
_DOWN: Final = 0.7
_UP: Final = 50
_CALM: Final = 0.5


class Strain(NamedTuple):
    """What lags most: "commits", "ledger" or "answers"; how far, as a share of what it may be."""

    why: str
    share: float


class Step(NamedTuple):
    """The gate's next pace, and what it is slowed by; "" at the full rate."""

    pace: int
    why: str


def strain_of(curve: Curve) -> Strain:
    """What lags most in a sale. Where no API process reports, answers do not lag."""
    lags = {
        "commits": curve.lag_ms / limits.commit_lag_max_ms,
        "ledger": curve.ledger_n / limits.ledger_fill_max,
        "answers": max(0, curve.delay_ms) / limits.answer_max_ms,
    }
    why = max(lags, key=lambda each: lags[each])
    return Strain(why, lags[why])


def next_step(curve: Curve) -> Step | None:
    """The step that is due, None where everything stays as it is."""
    # A step of the future was taken before the server's clock was set back.
    if 0 <= curve.now_ms - curve.pace_ms < STEP_MS:
        return None
    pace, why = curve.pace, curve.pace_why
    if curve.throttle != "on" or curve.mode != "queued" or curve.state not in ("open", "paused"):
        pace = FULL
    else:
        strain = strain_of(curve)
        if strain.share > 1:
            # A floor that was raised meanwhile lifts the pace, too.
            pace, why = max(curve.floor_pct * 10, int(pace * _DOWN)), strain.why
        elif strain.share < _CALM:
            pace = min(FULL, max(pace, curve.floor_pct * 10) + _UP)
    if pace == curve.pace:
        return None
    return Step(pace, why if pace < FULL else "")


def slowed_by(curve: Curve) -> str:
    """Why the gate calls fewer than its rate, in a few words; "" where it does not."""
    if curve.rate_now >= curve.rate:
        return ""
    words = {
        "commits": f"commits lag {curve.lag_ms / 1000:.1f} s",
        "ledger": f"{curve.ledger_n:,} entries wait for their commit",
        "answers": f"answers take {max(0, curve.delay_ms)} ms",
    }
    if strain_of(curve).share <= 1:
        return f"recovering: {words[curve.pace_why]}"
    return words[strain_of(curve).why]
