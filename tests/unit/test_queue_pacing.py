"""The gate's controller against a shop made of numbers: it slows, it stays in its rails, it comes
back by itself."""

from collections.abc import Callable
from typing import Any

import pytest

from usher import limits
from usher.queue.pacing import FULL, STEP_MS, Step, next_step, slowed_by, strain_of
from usher.queue.scripts import Curve

RATE = 6_000


def curve(**given: Any) -> Curve:
    """A queued sale that is open, nothing of it behind."""
    words = {"state": "open", "mode": "queued", "gate_state": "open", "notice": "", "listed": ""}
    fields: dict[str, Any] = dict.fromkeys(Curve.__struct_fields__, 0) | words
    fields |= {"points": [], "rate": RATE, "rate_now": RATE, "throttle": "on", "floor_pct": 10}
    fields |= {"pace": FULL, "pace_ms": 0, "pace_why": "", "delay_ms": -1, "now_ms": STEP_MS}
    return Curve(**(fields | given))


def run(
    seconds: int, lag_ms: Callable[[int, int], int], pace: int = FULL, **given: Any
) -> list[int]:
    """The pace after each of so many seconds, where `lag_ms` tells how far commits are behind in
    a given second at a given pace."""
    paces = []
    for second in range(seconds):
        seen = curve(pace=pace, lag_ms=lag_ms(second, pace), **given)
        step = next_step(seen)
        pace = step.pace if step else pace
        paces.append(pace)
    return paces


def test_nothing_behind_changes_nothing() -> None:
    assert next_step(curve()) is None
    assert next_step(curve(lag_ms=limits.commit_lag_max_ms, delay_ms=limits.answer_max_ms)) is None


@pytest.mark.parametrize(
    ("behind", "why"),
    [
        ({"lag_ms": limits.commit_lag_max_ms + 1}, "commits"),
        ({"delay_ms": limits.answer_max_ms + 1}, "answers"),
        ({"ledger_n": limits.ledger_fill_max + 1}, "ledger"),
        ({"lag_ms": 3 * limits.commit_lag_max_ms, "delay_ms": 2 * limits.answer_max_ms}, "commits"),
    ],
)
def test_whatever_is_behind_slows(behind: dict[str, int], why: str) -> None:
    assert next_step(curve(**behind)) == Step(700, why)


def test_a_step_response() -> None:
    """Ten seconds behind, then not: down to the floor in seven steps, back in less than 20."""
    paces = run(40, lag_ms=lambda second, _: 9_999 if second < 10 else 0)
    assert paces[:10] == [700, 489, 342, 239, 167, 116, 100, 100, 100, 100]
    assert paces[10:28] == list(range(150, 1_001, 50))
    assert set(paces[28:]) == {FULL}


def test_it_stays_where_lags_are_neither_small_nor_large() -> None:
    between = limits.commit_lag_max_ms * 3 // 4
    assert run(20, lag_ms=lambda *_: between, pace=400) == [400] * 20


@pytest.mark.parametrize("carries", [150, 300, 600, 900])
def test_a_shop_that_carries_less_settles_within_the_rails(carries: int) -> None:
    """The lag grows while more come in than are served, and shrinks while fewer do: the backlog is
    an integral of the pace, which an increase without bounds would make swing ever wider."""
    lag = 0.0

    def served(_: int, pace: int) -> int:
        nonlocal lag
        lag = max(0.0, lag + (pace - carries) * 2)  # ms of lag for each thousandth and second
        return int(lag)

    paces = run(600, lag_ms=served)
    assert all(100 <= pace <= FULL for pace in paces)
    late = paces[300:]
    assert 0.7 * carries <= sum(late) / len(late) <= carries * 1.05, "it is used, and not overrun"
    assert max(late) - min(late) <= max(paces[:300]) - min(paces[:300]), "it does not swing wider"


@pytest.mark.parametrize("floor_pct", [1, 30, 100])
def test_the_floor_is_never_left(floor_pct: int) -> None:
    paces = run(60, lag_ms=lambda *_: 60_000, floor_pct=floor_pct)
    assert paces[-1] == 10 * floor_pct == min(paces)


def test_a_raised_floor_lifts_the_pace() -> None:
    assert next_step(curve(pace=100, lag_ms=9_999, floor_pct=50)) == Step(500, "commits")
    assert next_step(curve(pace=100, floor_pct=50, pace_why="commits")) == Step(550, "commits")


def test_a_step_takes_its_time() -> None:
    """However many tickers look, and however often."""
    behind = {"lag_ms": 9_999, "pace": 700, "pace_ms": 5_000}
    assert next_step(curve(**behind, now_ms=5_000 + STEP_MS - 1)) is None
    assert next_step(curve(**behind, now_ms=5_000 + STEP_MS)) == Step(489, "commits")


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    behind = {"lag_ms": 9_999, "pace": 700, "pace_ms": 3_600_000}
    assert next_step(curve(**behind, now_ms=5_000)) == Step(489, "commits")


@pytest.mark.parametrize(
    "away", [{"throttle": "off"}, {"mode": "simple"}, {"state": "closed"}, {"state": "sold_out"}]
)
def test_switched_off_it_goes_back_at_once(away: dict[str, str]) -> None:
    assert next_step(curve(lag_ms=9_999, pace=300, **away)) == Step(FULL, "")
    assert next_step(curve(lag_ms=9_999, **away)) is None


def test_where_nothing_reports_answers_do_not_lag() -> None:
    assert strain_of(curve(delay_ms=-1)).share == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ""),
        ({"rate_now": 120, "pace_why": "commits", "lag_ms": 3_210}, "commits lag 3.2 s"),
        ({"rate_now": 120, "pace_why": "commits", "delay_ms": 640}, "answers take 640 ms"),
        (
            {"rate_now": 120, "pace_why": "commits", "lag_ms": 400},
            "recovering: commits lag 0.4 s",
        ),
    ],
)
def test_it_is_told_in_words(given: dict[str, Any], told: str) -> None:
    assert slowed_by(curve(**given)) == told
