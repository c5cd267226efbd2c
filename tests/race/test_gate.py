"""Eight processes turn one gate while fans join, come, stay away and leave, and its operator
turns the knobs: never above the rate, never above the capacity.

The same race with one of the two checks taken out of queue/release must see it.
"""

import asyncio
import multiprocessing
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from tests.lua.hall import Hall
from tests.race.gate_process import Order, Work, serve
from tests.race.gate_replay import Knob, Record, sorted_calls, violations
from usher.embedded import Embedded
from usher.ids import new_id
from usher.plumbing.lua import Runner
from usher.plumbing.script import load
from usher.plumbing.shipped import shipped
from usher.queue.scripts import Admitted

PROCESSES: Final = 8
SECONDS: Final = float(os.environ.get("USHER_RACE_S", "10"))
CONTROL_S: Final = 0.7  # a gate without a check is caught at once
BODY: Final = load(shipped("lua"))["queue/release"].body
# rate a minute, capacity: now the one binds, now the other.
KNOBS: Final = [(6_000, 500), (30_000, 40), (600, 60), (12_000, 25), (60, 500), (60_000, 80)]


class Crew:
    """The processes, started once for all races: a start takes longer than a race."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipes = []
        self.processes = []
        for _ in range(PROCESSES):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, url), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)
        for pipe in self.pipes:
            assert pipe.recv() == "ready"

    async def turn(self, order: Order) -> list[Work]:
        for pipe in self.pipes:
            pipe.send(order)
        return list(await asyncio.gather(*(asyncio.to_thread(p.recv) for p in self.pipes)))

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.send(None)
        for process, pipe in zip(self.processes, self.pipes, strict=True):
            process.join()
            process.close()
            pipe.close()


@pytest.fixture(scope="module")
def crew(servers: Embedded) -> Iterator[Crew]:
    # A spawned process finds this package only where the path it inherits leads to it.
    root = str(Path(__file__).parents[2])
    sys.path.insert(0, root)
    crew = Crew(servers.redis_url)
    sys.path.remove(root)
    yield crew
    crew.close()


class Crowd:
    """Fans and an operator. A fan is called once in a lifetime: who comes again is another."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.record = Record()
        self.entries: list[tuple[str, list[str]]] = []
        self._random = random.Random(7)
        self._fans = 0
        self._errands: set[asyncio.Task[None]] = set()

    async def set(self, rate: int, capacity: int) -> None:
        self.record.capacity_max = max(self.record.capacity_max, capacity)
        before = await self.hall.runner.time_ms()
        await self.hall.set(rate=rate, capacity=capacity)
        after = await self.hall.runner.time_ms()
        self.record.knobs.append(Knob(before, after, rate))

    async def join(self, count: int) -> None:
        names = [f"plc_{self._fans + n}" for n in range(count)]
        self._fans += count
        await asyncio.gather(*(self.hall.queue.join(self.hall.event, name) for name in names))

    async def keep_joining(self) -> None:
        while True:
            if int(await self.hall.command("ZCARD", self.hall.keys.queue)) < 500:
                await self.join(100)
            await asyncio.sleep(0.02)

    async def hear(self) -> None:
        """What a hub does: read who is called. Each decides what to do about it."""
        while True:
            await self.hear_once()
            await asyncio.sleep(0.005)

    async def hear_once(self) -> None:
        at = self.entries[-1][0] if self.entries else "0-0"
        pulled = await self.hall.feed.pull(self.hall.event, "0-0", at, 500)
        self.entries += pulled.signal_entries
        for call in sorted_calls(pulled.signal_entries):
            for place in call.places:
                if self._random.random() < 0.7:  # the others miss their call
                    task = asyncio.create_task(self._shop(place, call.due_ms))
                    self._errands.add(task)
                    task.add_done_callback(self._errands.discard)

    async def _shop(self, place: str, call_due_ms: int) -> None:
        if self._random.random() < 0.7:
            admitted = await self.hall.queue.claim(self.hall.event, place)
            if not isinstance(admitted, Admitted):
                return
            self.record.until[place] = admitted.due_ms
            await asyncio.sleep(self._random.uniform(0, 0.4))
        before = await self.hall.runner.time_ms()
        # On a busy machine a fan may be so late that the call has lapsed before.
        due = self.record.until.get(place, call_due_ms)
        self.record.until[place] = min(due, before)
        await self.hall.queue.leave(self.hall.event, place)

    async def watch(self) -> None:
        while True:
            size = int(await self.hall.command("ZCARD", self.hall.keys.admission))
            self.record.shopping_seen = max(self.record.shopping_seen, size)
            await asyncio.sleep(0.003)

    async def operate(self) -> None:
        while True:
            for rate, capacity in KNOBS:
                await self.set(rate, capacity)
                await asyncio.sleep(0.4)

    @asynccontextmanager
    async def busy(self, *works: Any) -> AsyncIterator[None]:
        """While inside, everybody is at it."""
        tasks = [asyncio.create_task(work) for work in works]
        yield
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
        await asyncio.gather(*self._errands)

    async def found(self) -> dict[str, str]:
        """What the replay of everything finds, once all is heard."""
        await self.hear_once()
        await asyncio.gather(*self._errands)
        self.record.calls = sorted_calls(self.entries)
        return violations(self.record)


@pytest.fixture
async def crowd(servers: Embedded, runner: Runner) -> AsyncIterator[Crowd]:
    raw = Redis.from_url(servers.redis_url)
    hall = Hall(runner, raw, new_id("event"))
    await hall.open(mode="queued", gate_state="paused", claim_s="0.4", shop_s="0.5")
    yield Crowd(hall)
    await hall.check()
    await raw.aclose()


def _without(*checks: tuple[str, str]) -> str:
    body = BODY
    for old, new in checks:
        assert body.count(old) == 1, old
        body = body.replace(old, new)
    return body


@pytest.mark.anyio
async def test_never_above_the_rate_and_never_above_the_capacity(crew: Crew, crowd: Crowd) -> None:
    hall = crowd.hall
    await crowd.set(*KNOBS[0])
    await crowd.join(500)
    await hall.set(gate_state="open")
    async with crowd.busy(crowd.keep_joining(), crowd.hear(), crowd.watch(), crowd.operate()):
        works = await crew.turn(Order(hall.event, BODY, SECONDS))
    assert await crowd.found() == {}

    # What the processes were told is what the hubs heard, and every one of them took part.
    released = [places for work in works for _, places in work.released]
    heard = [list(call.places) for call in crowd.record.calls]
    assert sorted(released) == sorted(heard)
    assert all(count == len(places) for work in works for count, places in work.released)
    called = sum(map(len, heard))
    assert called == await hall.count("called")
    marks = {name: await hall.count(name) for name in ("over_rate", "over_capacity")}
    assert marks == {"over_rate": 0, "over_capacity": 0}
    assert await hall.count("shopping_max") <= crowd.record.capacity_max
    # A race that nobody ran proves nothing.
    answers = [word for work in works for word in work.replies]
    assert answers.count("rate") == answers.count("capacity") == PROCESSES
    assert called > 100
    assert await hall.count("lapsed") > 0
    assert await hall.count("admitted") > 0
    assert len({call.rate for call in crowd.record.calls}) >= 4


@pytest.mark.anyio
async def test_without_the_look_at_the_rate_the_race_sees_it(crew: Crew, crowd: Crowd) -> None:
    body = _without(
        ("if by_rate < 1 then return { 'idle', 'rate', shopping, waiting } end", ""),
        ("math.min(most, by_rate, by_capacity)", "math.min(most, by_capacity)"),
    )
    await crowd.set(600, 100_000)
    await crowd.join(1_000)
    await crowd.hall.set(gate_state="open")
    async with crowd.busy(crowd.keep_joining(), crowd.hear(), crowd.watch()):
        await crew.turn(Order(crowd.hall.event, body, CONTROL_S))
    found = await crowd.found()
    assert set(found) == {"rate of a phase", "rate of the whole"}
    assert await crowd.hall.count("over_rate") > 0, "the gate's own mark must show it too"


@pytest.mark.anyio
async def test_without_the_look_at_the_capacity_the_race_sees_it(crew: Crew, crowd: Crowd) -> None:
    body = _without(
        ("if by_capacity < 1 then return { 'idle', 'capacity', shopping, waiting } end", ""),
        ("math.min(most, by_rate, by_capacity)", "math.min(most, by_rate)"),
    )
    await crowd.set(60_000, 20)
    await crowd.join(1_000)
    await crowd.hall.set(gate_state="open")
    async with crowd.busy(crowd.keep_joining(), crowd.hear(), crowd.watch()):
        await crew.turn(Order(crowd.hall.event, body, CONTROL_S))
    found = await crowd.found()
    assert set(found) == {"capacity told", "capacity seen", "capacity replayed"}
    assert await crowd.hall.count("over_capacity") > 0, "the gate's own mark must show it too"
