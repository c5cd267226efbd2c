"""The audit's look at the log of calls: what breaks the rate is seen, what a slowing gate may do
is not held against it."""

import pytest

from usher.insight.model import replay_calls

Call = tuple[int, int, float]  # milliseconds, how many, the rate a minute


def entries(*calls: Call) -> list[tuple[str, list[str]]]:
    """Entries of the log."""
    fields = "called {} mode queued count {} shopping 1 rate {} capacity 9"
    return [
        (f"{1_000_000 + ms}-0", fields.format("plc_x", count, rate).split())
        for ms, count, rate in calls
    ]


@pytest.mark.parametrize(
    "calls",
    [
        [(0, 10, 600), *((100 * n, 1, 600) for n in range(1, 50))],
        # A burst at the full rate, then the gate is slowed: a call a second from there on.
        [(0, 10, 600), *((1_000 * n, 1, 60) for n in range(1, 30))],
        [(0, 10, 600), (100, 1, 420), (250, 1, 420), (500, 1, 240), (1_500, 1, 60), (2_500, 1, 60)],
        # ... and let go again.
        [(0, 1, 60), (1_000, 1, 60), (2_000, 5, 300), (3_000, 10, 600), (3_100, 1, 600)],
        [(0, 1, 1), (60_000, 1, 1)],
        [(0, 1, 1), (60, 1, 1_000)],
    ],
)
def test_within_the_rate(calls: list[Call]) -> None:
    assert replay_calls(entries(*calls)) == (0, 0)


@pytest.mark.parametrize(
    ("calls", "over"),
    [
        ([(0, 15, 600)], 5),
        ([(0, 10, 600), (100, 10, 600)], 8),
        ([(0, 10, 600), (1_000, 1, 60), (1_010, 4, 60)], 3),
        ([(0, 1, 1), (1_000, 1, 1)], 0),  # less than one fan early: what a clock may be off
        ([(0, 3, 1)], 2),
    ],
)
def test_beyond_the_rate(calls: list[Call], over: int) -> None:
    assert replay_calls(entries(*calls)) == (over, 0)
