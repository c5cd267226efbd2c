"""What is refused when a process is behind: how much, of whom, and that it ends."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from usher.plumbing.shed import TARGET_S, Kind, Pressure, Refusal, Shed, refusal

pytestmark = pytest.mark.anyio

TIERS = 4
# How a crowd asks: most of it newcomers.
SHARES = (0.6, 0.25, 0.13, 0.02)


def run(times: float, seconds: float = 30, carries: float = 5_000) -> list[tuple[float, float]]:
    """(delay, level) at each tick of a shop that serves so many a second, one after the other, and
    is asked `times` as often. A shop made of numbers: no clock, no chance."""
    pressure, queue, now, ticks = Pressure(TIERS), 0.0, 0.0, []
    step, due = 0.005, 0.05
    while now < seconds:
        for tier, share in enumerate(SHARES):
            refused = min(1.0, max(0.0, pressure.level - tier))
            queue += carries * times * share * step * (1 - refused)
        queue = max(0.0, queue - carries * step)
        now += step
        if now >= due:
            ticks.append((queue / carries, pressure.note(now, queue / carries)))
            due = now + 0.05
    return ticks


@pytest.mark.parametrize("times", [0.2, 0.9])
def test_what_can_be_carried_is_never_refused(times: float) -> None:
    assert {level for _, level in run(times)} == {0}


@pytest.mark.parametrize("times", [1.5, 5, 10])
@pytest.mark.parametrize("carries", [500, 5_000])
def test_too_much_is_cut_down_to_what_can_be_carried(times: float, carries: float) -> None:
    ticks = run(times, carries=carries)
    assert max(delay for delay, _ in ticks) < 1.5, "until it has been noticed"
    late = [delay for delay, _ in ticks[200:]]
    assert max(late) < 3 * TARGET_S, "and then it does not swing"
    levels = [level for _, level in ticks[200:]]
    assert max(levels) - min(levels) < 0.5
    assert max(levels) < 3.1, "who shops is let through"


def test_it_ends_when_the_crowd_has_gone() -> None:
    pressure = Pressure(TIERS)
    for tick in range(100):
        pressure.note(tick * 0.05, 0.5)
    assert pressure.level == pytest.approx(TIERS - 0.2), "somebody always gets through"
    for tick in range(100, 300):
        pressure.note(tick * 0.05, 0.0)
    assert pressure.level == 0


def test_one_long_turn_is_no_queue() -> None:
    pressure = Pressure(TIERS)
    for tick in range(60):
        assert pressure.note(tick * 0.05, 3.0 if tick in (0, 20, 40) else 0.001) == 0


# --- in front of an application


class App:
    """An application behind a Shed of four tiers, named by their paths, and what it was asked."""

    def __init__(self, **given: Any) -> None:
        self.asked: Counter[str] = Counter()
        self.work: Callable[[], None] = lambda: None
        self.waits: asyncio.Event | None = None
        kinds = {"0": Kind(0), "1": Kind(1), "2": Kind(2), "3": Kind(3, light=True, shop=True)}
        kinds["stream"] = Kind(0, stream=True)
        self.counted: Counter[int] = Counter()
        self.shed = Shed(
            self._serve,
            lambda _, path: kinds.get(path),
            lambda _, tier: _answer(tier),
            given.get("in_flight_max", (100, 100, 100, 100)),
            lambda tier: self.counted.update([tier]),
        )

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            return
        self.asked[scope["path"]] += 1
        self.work()
        if self.waits is not None:
            await self.waits.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(self, path: str) -> int:
        """The status of an answer."""
        told: list[Any] = []

        async def send(message: Any) -> None:
            told.append(message)

        scope: Any = {"type": "http", "method": "GET", "path": path, "headers": []}
        await self.shed(scope, None, send)  # type: ignore[arg-type]
        return int(told[0]["status"])


def _answer(tier: int) -> Refusal:
    return refusal(503, b"%d" % tier, [(b"retry-after", b"1")])


async def test_the_first_tiers_go_first_and_evenly() -> None:
    app = App()
    app.shed.pressure.level = 1.25
    app.shed._shares = [1.0, 0.25, 0.0, 0.0]
    app.shed._strained = True
    told = {tier: Counter([await app.ask(tier) for _ in range(8)]) for tier in "0123"}
    assert told == {"0": {503: 8}, "1": {200: 6, 503: 2}, "2": {200: 8}, "3": {200: 8}}
    assert app.counted == {0: 8, 1: 2}
    assert [await app.ask("healthz") for _ in range(8)] == [200] * 8, "never refused"


async def test_a_loop_that_is_behind_refuses_until_it_is_not() -> None:
    """With a real loop: each request keeps it busy for longer than the next one takes to come."""
    app = App()
    stop = asyncio.Event()

    async def ended() -> Any:
        await stop.wait()
        return {"type": "lifespan.shutdown"}

    life: Any = app.shed({"type": "lifespan"}, ended, None)  # type: ignore[arg-type]
    living = asyncio.create_task(life)
    app.work = lambda: time.sleep(0.004)
    told: Counter[int] = Counter()
    shop: Counter[int] = Counter()

    async def crowd() -> None:
        while not told[503]:
            told.update([await app.ask("0")])
            await asyncio.sleep(0)

    async with asyncio.timeout(20):
        await asyncio.gather(*(crowd() for _ in range(80)))
    assert app.shed.delay_s() > TARGET_S
    shop.update([await app.ask("3")])
    assert shop == {200: 1}
    app.work = lambda: None
    for _ in range(400):
        if not app.shed.busy:
            break
        await asyncio.sleep(0.025)
    assert await app.ask("0") == 200
    stop.set()
    await living


async def test_too_many_under_way_are_refused_tier_by_tier() -> None:
    """What waits for a server behind us makes no loop late."""
    app = App(in_flight_max=(2, 3, 4, 6))
    app.waits = asyncio.Event()
    streams = [asyncio.create_task(app.ask("stream")) for _ in range(9)]
    under_way = []
    for path, statuses in (("0", 2), ("1", 1), ("2", 1), ("3", 2)):
        for _ in range(statuses):
            under_way.append(asyncio.create_task(app.ask(path)))
            await asyncio.sleep(0)
        assert await app.ask(path) == 503
    assert app.shed.in_flight == 6
    app.waits.set()
    assert await asyncio.gather(*under_way, *streams) == [200] * 15, "streams are none of them"
    assert app.shed.in_flight == 0
    assert await app.ask("0") == 200


async def test_a_request_that_fails_is_under_way_no_more() -> None:
    app = App()

    def fail() -> None:
        raise RuntimeError

    app.work = fail
    with pytest.raises(RuntimeError):
        await app.ask("3")
    assert app.shed.in_flight == 0


async def test_answers_of_the_shop_are_timed_by_their_median() -> None:
    app = App()
    assert app.shed.delay_s() == 0, "nothing is known"
    slow = iter([True, False, False, False, False, False, True])
    app.work = lambda: time.sleep(0.05 if next(slow) else 0.002)
    for _ in range(7):
        await app.ask("3")
    assert 0.002 <= app.shed.delay_s() < 0.05, "one client that is slow moves nothing"


async def test_connections_that_rest_are_heard_again_some_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("usher.plumbing.shed.RESUMED_MAX", 3)
    app = App()
    heard: list[int] = []
    for number in range(5):
        app.shed.rest(lambda number=number: heard.append(number))  # type: ignore[misc]
    app.shed._tick()
    assert heard == [0, 1, 2]
    app.shed._tick()
    assert heard == [0, 1, 2, 3, 4]
    assert app.shed._timer is not None
    app.shed._timer.cancel()
