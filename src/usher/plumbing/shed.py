"""Refusing early and cheaply what could only be answered late: a thin ASGI layer before all else.

How far behind the process is, is how late a timer of its event loop comes: every request waits at
least as long, some for three or four turns. What counts is the standing delay, the least of half a
second (CoDel, RFC 8289): one long turn is no queue. From it a level is made by a proportional-
integral controller (PIE, RFC 8033): 0 refuses nothing, 1 all of the first tier, 2 all of the first
two, and so on; in between the share that is due. It rises within a second and falls in two.

A request that is let through costs a dictionary look-up and an addition; there is no task, no lock
and no clock per request but those of the shop, whose answers are timed for the gate (queue/pacing).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any, Final, NamedTuple, cast

import structlog
from litestar.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger("usher.shed")

TICK_S: Final = 0.05
STANDING_S: Final = 0.5
TARGET_S: Final = 0.05
_SEEN_MIN: Final = 3  # however late they come: one long turn alone is no queue
# Per tick, in levels a second: of the distance from the target, of the step since the last tick.
_ALPHA: Final = 0.6
_BETA: Final = 1.0
# Answers looked at, at most so many and so old, and at least so many.
_TIMES_MAX: Final = 128
_TIMES_S: Final = 2.0
_TIMES_MIN: Final = 5
# What is told of answers while even the last tier is refused.
_REFUSING_S: Final = 1.0
_QUIET_S: Final = 2.0


class Kind(NamedTuple):
    """What a request is: its tier, from 0, which is refused first; `stream` if it stays for as
    long as its client does; `timed` if its answer is one the gate is paced by."""

    tier: int
    stream: bool = False
    timed: bool = False


class Pressure:
    """The controller: delays in, a level out. It has no clock of its own."""

    def __init__(self, tiers: int) -> None:
        # The last tier is never refused whole: somebody has to get through.
        self._most = tiers - 0.2
        self._seen: deque[tuple[float, float]] = deque()
        self.standing_s = 0.0
        self.level = 0.0

    def note(self, now_s: float, late_s: float) -> float:
        """The level, now that a timer has come so late."""
        self._seen.append((now_s, late_s))
        while self._seen[0][0] < now_s - STANDING_S and len(self._seen) > _SEEN_MIN:
            self._seen.popleft()
        standing = min(late for _, late in self._seen) if len(self._seen) >= _SEEN_MIN else 0.0
        move = _ALPHA * (standing - TARGET_S) + _BETA * (standing - self.standing_s)
        self.standing_s = standing
        if standing > TARGET_S or move < 0:
            self.level = min(self._most, max(0.0, self.level + move))
        return self.level


class Refusal(NamedTuple):
    """An answer laid out beforehand: the two messages of ASGI."""

    start: dict[str, Any]
    body: dict[str, Any]


def refusal(status: int, body: bytes, head: Sequence[tuple[bytes, bytes]]) -> Refusal:
    """An answer that is always the same."""
    headers = [*head, (b"content-length", b"%d" % len(body))]
    return Refusal(
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body, "more_body": False},
    )


class Shed:
    """`app`, before which so much is refused as is needed for the rest to be answered in time.

    `kind_of` says what a request is, None of one that is never refused; `refuse` gives the answer
    for one of a tier; `in_flight_max` bounds, tier by tier, how many requests may be under way
    when one of it comes, should they wait for a server behind us and not for our loop.
    """

    def __init__(
        self,
        app: ASGIApp,
        kind_of: Callable[[Scope], Kind | None],
        refuse: Callable[[Scope, int], Refusal],
        in_flight_max: Sequence[int],
        count: Callable[[int], None],
    ) -> None:
        self._app = app
        self._kind_of = kind_of
        self._refuse = refuse
        self._in_flight_max = in_flight_max
        self._count = count
        self.pressure = Pressure(len(in_flight_max))
        self._shares = [0.0] * len(in_flight_max)
        self._owed = [0.0] * len(in_flight_max)
        self._strained = False  # something is to be refused: the one flag that requests look at
        self.in_flight = 0
        self._times: deque[tuple[float, float]] = deque(maxlen=_TIMES_MAX)
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._refused = 0
        self._refused_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if cast(str, scope["type"]) == "lifespan":
            self._watch()
            try:
                await self._app(scope, receive, send)
            finally:
                if self._timer is not None:
                    self._timer.cancel()
            return
        kind = self._kind_of(scope)
        if kind is None:
            await self._app(scope, receive, send)
            return
        if (self._strained or self.in_flight >= self._in_flight_max[0]) and self._full(kind.tier):
            await self._turn_away(scope, send, kind.tier)
            return
        if kind.stream:
            await self._app(scope, receive, send)
            return
        self.in_flight += 1
        began = perf_counter() if kind.timed else 0.0
        try:
            await self._app(scope, receive, send)
        finally:
            self.in_flight -= 1
            if kind.timed:
                now = perf_counter()
                self._times.append((now, now - began))

    def _full(self, tier: int) -> bool:
        """Whether one more of this tier is to be refused: as many as are due, evenly."""
        if self.in_flight >= self._in_flight_max[tier]:
            return True
        owed = self._owed[tier] + self._shares[tier]
        refused = owed >= 1
        self._owed[tier] = owed - refused
        return refused

    async def _turn_away(self, scope: Scope, send: Send, tier: int) -> None:
        if not self._refused:
            log.warning(
                "refusing",
                late_ms=round(self.pressure.standing_s * 1000),
                in_flight=self.in_flight,
                level=round(self.pressure.level, 2),
            )
        self._refused += 1
        self._refused_at = perf_counter()
        self._count(tier)
        answer = self._refuse(scope, tier)
        await send(answer.start)  # type: ignore[arg-type]
        await send(answer.body)  # type: ignore[arg-type]

    def delay_s(self) -> float:
        """How long the shop's answers take: the median of the last ones, which no client that is
        slow itself can move, and how late the loop is."""
        if self.pressure.level > len(self._shares) - 1:
            return max(_REFUSING_S, self.pressure.standing_s)
        since = perf_counter() - _TIMES_S
        times = [took for at, took in self._times if at > since]
        return self.pressure.standing_s + (median(times) if len(times) >= _TIMES_MIN else 0.0)

    def _watch(self) -> None:
        self._due = perf_counter() + TICK_S
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        now = perf_counter()
        level = self.pressure.note(now, max(0.0, now - self._due))
        self._shares = [min(1.0, max(0.0, level - tier)) for tier in range(len(self._shares))]
        self._strained = level > 0
        if self._refused and not level and now - self._refused_at > _QUIET_S:
            log.warning("answering everything again", refused=self._refused)
            self._refused = 0
        self._watch()
