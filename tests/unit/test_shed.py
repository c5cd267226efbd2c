"""What is refused when a process is behind: how much, of whom, and that it ends."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from usher.plumbing.shed import TARGET_S, Kind, Pressure, Refusal, Shed, refusal

pytestmark = pytest.mark.anyio

TIERS = 4
# How a crowd asks: most of it newcomers.
SHARES = (0.6, 0.25, 0.13, 0.02)
AT_REST = (2_000, 3_000, 4_000, 6_000)


class Moment(NamedTuple):
    """One tick: how long who comes now will wait, and what is refused."""

    delay_s: float
    level: float
    refused: list[float]


def run(
    times: float, seconds: float = 20, carries: float = 5_000, *, crowd: bool = False
) -> list[Moment]:
    """A shop that serves so many a second, one after the other, and is asked `times` as often; a
    `crowd` stands at the door besides and asks twice as often as that again and again. A shop made
    of numbers: no clock, no chance."""
    pressure, queue, now, due, ticks = Pressure(AT_REST), 0.0, 0.0, 0.05, []
    step, served = 0.002, 0.0
    asked, refused = [0.0] * TIERS, [0.0] * TIERS
    while now < seconds:
        for tier, share in enumerate(SHARES):
            come = (carries * times * share + (2 * carries * share if crowd else 0)) * step
            let_in = come * (1 - pressure.shares[tier])
            let_in = min(let_in, max(0.0, pressure.in_flight_max[tier] - queue))
            queue += let_in
            asked[tier] += come
            refused[tier] += come - let_in
        done = min(queue, carries * step)
        queue, served, now = queue - done, served + done, now + step
        if now >= due:
            shares = [no / all_ for no, all_ in zip(refused, asked, strict=True)]
            pressure.note(now, queue / carries, int(served))
            ticks.append(Moment(queue / carries, pressure.level, shares))
            # The timer comes late by a part of the delay.
            asked, refused, served = [0.0] * TIERS, [0.0] * TIERS, 0.0
            due = now + 0.05 + queue / carries / 3
    return ticks


@pytest.mark.parametrize("times", [0.2, 0.9])
def test_what_can_be_carried_is_never_refused(times: float) -> None:
    assert {each.level for each in run(times)} == {0}


@pytest.mark.parametrize("times", [1.5, 5, 10])
@pytest.mark.parametrize("carries", [500, 5_000])
@pytest.mark.parametrize("crowd", [False, True])
def test_too_much_is_cut_down_to_what_can_be_carried(
    times: float, carries: float, crowd: bool
) -> None:
    ticks = run(times, carries=carries, crowd=crowd)
    late = ticks[len(ticks) // 3 :]
    assert max(each.delay_s for each in late) < 4 * TARGET_S, "who is let in is served in time"
    assert sum(each.delay_s for each in late) / len(late) < 1.5 * TARGET_S
    shop = sum(each.refused[-1] for each in late) / len(late)
    assert shop < 0.1, "who shops is let through"
    served = sum(
        times * share * (1 - sum(each.refused[tier] for each in late) / len(late))
        for tier, share in enumerate(SHARES)
    )
    assert served > 0.5 or crowd, "and it is made use of"


def test_it_ends_when_the_crowd_has_gone() -> None:
    pressure = Pressure(AT_REST)
    for tick in range(100):
        pressure.note(tick * 0.05, 0.5, 100)
    assert pressure.level == pytest.approx(TIERS - 0.2), "somebody always gets through"
    assert max(pressure.in_flight_max) <= 1_000, "as many as are served within half a second"
    for tick in range(100, 400):
        pressure.note(tick * 0.05, 0.0, 100)
    assert pressure.level == 0
    assert pressure.shares == [0.0] * TIERS
    assert tuple(pressure.in_flight_max) == AT_REST


def test_one_long_turn_is_no_queue() -> None:
    pressure = Pressure(AT_REST)
    for tick in range(60):
        pressure.note(tick * 0.05, 3.0 if tick in (0, 20, 40) else 0.001)
        assert pressure.level == 0


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
    app.shed.pressure._set(1.25)
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
        await asyncio.gather(*(crowd() for _ in range(30)))
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
