"""Refusing early and cheaply what could only be answered late: a thin ASGI layer before all else.

How far behind the process is: how late a timer of its event loop comes, or how long those requests
take on average that have next to nothing to do but to ask Redis, whichever is more. What counts is
the standing delay, the least of a fifth of a second (CoDel, RFC 8289): one long turn is no queue.
From it a level is made by a proportional-integral controller (PIE, RFC 8033): 0 refuses nothing, 1
all of the first tier, 2 all of the first two, and so on; in between the share that is due. It rises
within half a second and falls by one tier a second.

A request that is let through costs a dictionary look-up, two readings of the clock and an addition;
there is no task and no lock per request. plumbing/doorstep.py asks the same before a request is
even parsed.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any, Final, NamedTuple, cast

import structlog
from litestar.types import ASGIApp, Receive, Scope, Send

from usher.plumbing.answer import ONE_WRITE, on_the_wire

log = structlog.get_logger("usher.shed")

TICK_S: Final = 0.05
STANDING_S: Final = 0.2
TARGET_S: Final = 0.1
_SINCE_MAX_S: Final = 0.5
_SEEN_MIN: Final = 3  # however late they come: one long turn alone is no queue
# Levels for a second of delay: in each second that it stands above the target, and for each step of
# it, at most so much up at once, and a fifth of it down. Found by trying: tests/unit/test_shed.py.
_ALPHA: Final = 8.0
_ALPHA_DOWN: Final = 10.0  # so that nothing is refused four seconds after the crowd has gone
_BETA: Final = 8.0
_STEP_MAX: Final = 0.5
# How many may be under way while something is refused: what can be served within so many seconds,
# by tier, and some in any case.
_WITHIN_S: Final = (0.1, 0.15, 0.2, 0.5)
_UNDER_WAY_MIN: Final = 32
_LEARNS: Final = 0.3
# Answers looked at, at most so many and so old, and at least so many.
_TIMES_MAX: Final = 128
_TIMES_S: Final = 2.0
_TIMES_MIN: Final = 5
# What is told of answers while even the last tier is refused.
_REFUSING_S: Final = 1.0
_QUIET_S: Final = 2.0
# Connections on which refusals were sent and that are listened to again by one tick: at 25
# microseconds a refusal at most a quarter of a processor goes into refusing. With half as many it
# is those who rest that are missing: less was served than could be.
RESUMED_MAX: Final = 500
# Stands in the scope of a request that was asked about before it was parsed.
PASSED: Final = "usher.passed"
# Stands in the scope of a request that came in pieces: when it was whole, and until then infinity.
WHOLE_S: Final = "usher.whole_s"


class Kind(NamedTuple):
    """What a request is: its tier, from 0, which is refused first; `stream` if it stays for as
    long as its client does; `light` if it has little to do but to ask Redis, so that the time it
    takes is time it waits; `shop` if its answer is one by which the gate is paced."""

    tier: int
    stream: bool = False
    light: bool = False
    shop: bool = False


class Pressure:
    """The controller: delays in; how much is refused, tier by tier, and how many may be under way,
    out. It has no clock of its own. `in_flight_max` are the bounds while nothing is behind."""

    def __init__(self, in_flight_max: Sequence[int]) -> None:
        self._at_rest = list(in_flight_max)
        # The last tier is never refused whole: somebody has to get through.
        self._most = len(in_flight_max) - 0.2
        self._seen: deque[tuple[float, float]] = deque()
        self._noted_s = 0.0
        self._carries = 0.0
        self.standing_s = 0.0
        self.level = 0.0
        self.shares = [0.0] * len(in_flight_max)
        self.in_flight_max = self._at_rest

    def note(self, now_s: float, late_s: float, served: int = 0) -> None:
        """Takes in how late a timer has come, and how many were served since the last one."""
        self._seen.append((now_s, late_s))
        while self._seen[0][0] < now_s - STANDING_S and len(self._seen) > _SEEN_MIN:
            self._seen.popleft()
        standing = min(late for _, late in self._seen) if len(self._seen) >= _SEEN_MIN else 0.0
        since_s = now_s - self._noted_s
        step = min(_STEP_MAX, max(-_STEP_MAX / 5, _BETA * (standing - self.standing_s)))
        pull = _ALPHA if standing > TARGET_S else _ALPHA_DOWN
        move = pull * (standing - TARGET_S) * min(_SINCE_MAX_S, since_s) + step
        self._noted_s = now_s
        self.standing_s = standing
        if standing > TARGET_S:
            # While a queue stands, what is served is what can be.
            per_s = served / since_s
            self._carries += _LEARNS * (per_s - self._carries) if self._carries else per_s
        if standing > TARGET_S or move < 0:  # below the target it never rises
            self._set(min(self._most, max(0.0, self.level + move)))

    def _set(self, level: float) -> None:
        self.level = level
        self.shares = [min(1.0, max(0.0, level - tier)) for tier in range(len(self._at_rest))]
        self.in_flight_max = self._at_rest
        if level > 0:
            # However many stand at the door when it opens a little, no more come in at once than
            # can be served within this time (Little's law).
            self.in_flight_max = [
                min(most, max(_UNDER_WAY_MIN, int(self._carries * within_s)))
                for most, within_s in zip(self._at_rest, _WITHIN_S, strict=False)
            ]


class Refusal(NamedTuple):
    """An answer laid out beforehand: the two messages of ASGI, and the bytes of HTTP/1.1."""

    start: dict[str, Any]
    body: dict[str, Any]
    raw: bytes


def refusal(status: int, body: bytes, head: Sequence[tuple[bytes, bytes]]) -> Refusal:
    """An answer that is always the same."""
    headers = [*head, (b"content-length", b"%d" % len(body))]
    return Refusal(
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body, "more_body": False},
        on_the_wire(status, headers, body),
    )


class Shed:
    """`app`, before which so much is refused as is needed for the rest to be answered in time.

    `kind_of` says what a request is by its method and path, None of one that is never refused;
    `refuse` gives the answer to one of a tier. `in_flight_max` bounds, tier by tier, how many
    requests may be under way when one of it comes.
    """

    def __init__(
        self,
        app: ASGIApp,
        kind_of: Callable[[str, str], Kind | None],
        refuse: Callable[[Scope, int], Refusal],
        in_flight_max: Sequence[int],
        count: Callable[[int], None],
    ) -> None:
        self._app = app
        self._kind_of = kind_of
        self._refuse = refuse
        self._count = count
        self.pressure = Pressure(in_flight_max)
        self._owed = [0.0] * len(in_flight_max)
        self._served = 0
        self.in_flight = 0
        self._light_s, self._light = 0.0, 0  # light answers since the last tick
        self._times: deque[tuple[float, float]] = deque(maxlen=_TIMES_MAX)
        self._resting: deque[Callable[[], None]] = deque()
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
        kind = self._kind_of(scope["method"], scope["path"])  # type: ignore[typeddict-item]
        if kind is None:
            await self._app(scope, receive, send)
            return
        if self.busy and PASSED not in scope and self._full(kind.tier):
            cast(dict[str, Any], scope).pop(ONE_WRITE, None)  # see plumbing/express.py
            answer = self._turn_away(scope, kind.tier)
            await send(answer.start)  # type: ignore[arg-type]
            await send(answer.body)  # type: ignore[arg-type]
            return
        if kind.stream:
            await self._app(scope, receive, send)
            return
        self.in_flight += 1
        began = perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            self.in_flight -= 1
            self._served += 1
            now = perf_counter()
            # What a client takes to send its request is no delay of ours.
            took = now - max(began, cast(dict[str, Any], scope).get(WHOLE_S, 0.0))
            if kind.light and took >= 0:
                self._light_s += took
                self._light += 1
            if kind.shop and took >= 0:
                self._times.append((now, took))

    @property
    def busy(self) -> bool:
        """Whether anything is to be refused at all."""
        pressure = self.pressure
        return pressure.level > 0 or self.in_flight >= pressure.in_flight_max[0]

    def refused(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]]
    ) -> bytes | None:
        """While `busy`: the answer to a request that is to be refused, as bytes."""
        kind = self._kind_of(method, path)
        if kind is None or not self._full(kind.tier):
            return None
        scope: Any = {"type": "http", "method": method, "path": path, "headers": headers}
        return self._turn_away(scope, kind.tier).raw

    def always_answers(self, method: str, path: str) -> bool:
        """Whether a request is one that is never refused."""
        return self._kind_of(method, path) is None

    def farewell(self) -> bytes:
        """The answer to a program for whose connection there is no room."""
        scope: Any = {"type": "http", "method": "GET", "path": "/api/", "headers": []}
        head, _, body = self._turn_away(scope, 0).raw.partition(b"\r\n\r\n")
        return head + b"\r\nconnection: close\r\n\r\n" + body

    def rest(self, resume: Callable[[], None]) -> None:
        """Has `resume` called in its turn: within a tick or two, and not more than so many a tick.
        Who was refused is not listened to meanwhile: refusals have a budget, too."""
        self._resting.append(resume)

    def _full(self, tier: int) -> bool:
        """Whether one more of this tier is to be refused: as many as are due, evenly."""
        if self.in_flight >= self.pressure.in_flight_max[tier]:
            return True
        owed = self._owed[tier] + self.pressure.shares[tier]
        refused = owed >= 1
        self._owed[tier] = owed - refused
        return refused

    def _turn_away(self, scope: Scope, tier: int) -> Refusal:
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
        return self._refuse(scope, tier)

    def delay_s(self) -> float:
        """How long the shop's answers take: the median of the last ones, which no client that is
        slow itself can move; the standing delay where that is more."""
        if self.pressure.level > len(self._owed) - 1:
            return max(_REFUSING_S, self.pressure.standing_s)
        since = perf_counter() - _TIMES_S
        times = [took for at, took in self._times if at > since]
        return max(self.pressure.standing_s, median(times) if len(times) >= _TIMES_MIN else 0.0)

    def _watch(self) -> None:
        self._due = perf_counter() + TICK_S
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        now = perf_counter()
        waited = self._light_s / self._light if self._light else 0.0
        self._light_s, self._light = 0.0, 0
        self.pressure.note(now, max(waited, now - self._due), self._served)
        self._served = 0
        if self._refused and not self.pressure.level and now - self._refused_at > _QUIET_S:
            log.warning("answering everything again", refused=self._refused)
            self._refused = 0
        for _ in range(min(len(self._resting), RESUMED_MAX)):
            self._resting.popleft()()
        self._watch()
