"""How many arrivals a second a deployment carries: steps that grow until one is not carried."""

from collections.abc import Mapping
from typing import Final

from loadtests.crowd.names import LAG
from loadtests.crowd.plan import Phase
from loadtests.record import Records, Tally

STEP_S: Final = 6.0
FIRST_PER_S: Final = 20.0
GROWTH: Final = 1.5
STEPS: Final = 10
# A step is carried while nearly all who join are answered as quickly as people find quick, and
# while this side is not the one that is late.
JOIN_P99_MS: Final = 300.0
REFUSED_SHARE: Final = 0.01
LAG_P99_MS: Final = 100.0


def steps(count: int = STEPS) -> list[Phase]:
    """Arrivals that grow by half at each step, 20 a second first."""
    rates = [FIRST_PER_S * GROWTH**number for number in range(count)]
    return [Phase(f"{rate:.0f}/s", STEP_S, rate, rate) for rate in rates]


def carried(
    records: Records,
    marks: Records,
    phases: list[Phase],
    windows: Mapping[str, tuple[float, float]],
) -> tuple[float, str]:
    """(arrivals a second of the last step that was carried, why no more were).

    A step counts as not carried where the next one is not either: a moment in which the machine
    did something else proves nothing. `windows` are the unix seconds (from, to) of each phase. 0
    where not even the first was carried.
    """
    best, why = 0.0, ""
    for phase in phases:
        if phase.name not in windows:
            return best, why or "the steps ended"
        wrong = _wrong(
            _within(records, "join", windows[phase.name]),
            _within(marks, LAG, windows[phase.name]),
        )
        if wrong and why:
            return best, why
        if wrong:
            why = f"at {phase.name} {wrong}"
        else:
            best, why = phase.from_per_s, ""
    return best, why or "all steps were carried"


def _wrong(joins: Tally, late: Tally) -> str:
    """Why a step is not carried, "" where it is."""
    if not joins.count:
        return "nobody was answered"
    refused = joins.refused.count / joins.count
    if refused > REFUSED_SHARE:
        return f"{refused:.1%} were told to come again"
    # An error is quick, too. What is told to come again has been counted.
    failed = sum(n for code, n in joins.statuses.items() if not 200 <= code < 500 and code != 503)
    if failed / joins.count > REFUSED_SHARE:
        return f"{failed / joins.count:.1%} failed"
    p99 = joins.latency.percentile_ms(99) or 0.0
    if p99 > JOIN_P99_MS:
        return f"join took {p99:,.0f} ms at p99"
    late_ms = late.latency.percentile_ms(99) or 0.0
    if late_ms > LAG_P99_MS:
        return f"the client was late by {late_ms:.0f} ms at p99: more processes, other machines"
    return ""


def _within(records: Records, name: str, window: tuple[float, float]) -> Tally:
    found = Tally()
    for t, tally in records.steps(name):
        if window[0] <= t < window[1]:
            found.add(tally)
    return found
