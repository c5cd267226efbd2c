"""plumbing/lua.Runner: what is asked in one turn of the loop travels together and comes apart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as LinkError
from redis.exceptions import RedisError, ResponseError

from tests.lua.hall import Hall
from usher.embedded import Embedded
from usher.embedded.place import choose_ports
from usher.embedded.process import Supervised
from usher.embedded.valkey import Valkey
from usher.errors import SetupError, Unavailable
from usher.feed.scripts import FeedScripts
from usher.plumbing.lua import FLIGHT_CALLS_MAX, FLIGHTS_MAX, Runner, connect
from usher.plumbing.script import load
from usher.plumbing.shipped import shipped
from usher.queue.scripts import QueueScripts, Shut
from usher.seat.scripts import Held, SeatScripts

pytestmark = pytest.mark.anyio

LOST = ["shut", "lost"]


async def test_one_turn_of_the_loop_is_one_flight(runner: Runner, event: str) -> None:
    calls = [runner.command("ECHO", n) for n in range(FLIGHT_CALLS_MAX - 12)]
    calls += [runner.script("queue/place", event, "plc_a") for _ in range(12)]
    replies = await asyncio.gather(*calls)
    assert replies == [str(n) for n in range(FLIGHT_CALLS_MAX - 12)] + [LOST] * 12
    assert (runner.flights, runner.calls) == (1, FLIGHT_CALLS_MAX)


async def test_many_tasks_of_one_turn_share_a_flight(runner: Runner, event: str) -> None:
    queue = QueueScripts(runner)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(queue.place(event, f"plc_{n}")) for n in range(FLIGHT_CALLS_MAX)]
    assert [task.result() for task in tasks] == [Shut("lost")] * FLIGHT_CALLS_MAX
    assert (runner.flights, runner.calls) == (1, FLIGHT_CALLS_MAX)


async def test_what_is_asked_later_does_not_wait_for_what_is_under_way(
    servers: Embedded, runner: Runner
) -> None:
    slow = asyncio.ensure_future(_all(runner.command("BLPOP", "{nobody}:pushes", "0.5")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await runner.command("ECHO", "quick") == "quick"
    assert not slow.done()
    assert runner.flights == 2
    assert await slow is None


async def test_a_turn_too_large_for_one_flight_is_several(runner: Runner) -> None:
    count = 2 * FLIGHT_CALLS_MAX + 1
    replies = await asyncio.gather(*(runner.command("ECHO", n) for n in range(count)))
    assert replies == [str(n) for n in range(count)]
    assert (runner.flights, runner.calls) == (3, count)


async def test_while_the_air_is_full_calls_gather_for_the_next_flight(runner: Runner) -> None:
    slow = []
    for n in range(FLIGHTS_MAX):
        slow.append(asyncio.create_task(_all(runner.command("BLPOP", f"{{x}}:{n}", "0.2"))))
        await asyncio.sleep(0.01)
    later = []
    for n in range(5):
        later.append(asyncio.create_task(_all(runner.command("ECHO", n))))
        await asyncio.sleep(0.01)
    assert runner.flights == FLIGHTS_MAX
    assert await asyncio.gather(*later) == [str(n) for n in range(5)]
    assert runner.flights == FLIGHTS_MAX + 1
    await asyncio.gather(*slow)


async def _all(call: Any) -> Any:
    return await call


async def test_scripts_the_server_has_forgotten_are_sent_again(runner: Runner, hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a")
    await hall.command("SCRIPT", "FLUSH")
    flights = runner.flights
    mixed: list[Any] = await asyncio.gather(
        hall.command("ECHO", "before"),
        hall.seat.hold(hall.event, "hld_1", "plc_a", "d", 1),
        hall.command("ECHO", "between"),
        hall.seat.hold(hall.event, "hld_2", "plc_a", "d", 2),
        hall.feed.snapshot(hall.event),
        hall.command("ECHO", "after"),
    )
    assert runner.flights == flights + 1
    assert [mixed[0], mixed[2], mixed[5]] == ["before", "between", "after"]
    assert [mixed[1].seats, mixed[3].seats] == [[1], [2]]
    known = await hall.command("SCRIPT", "EXISTS", runner.scripts["seat/hold"].sha)
    assert known == [1], "from now on its digest will do"


async def test_a_refused_command_does_not_disturb_its_neighbours(
    runner: Runner, event: str
) -> None:
    key = f"{{{event}}}:text"
    replies = await asyncio.gather(
        runner.command("SET", key, "word"),
        runner.command("LPUSH", key, "x"),
        runner.script("queue/place", event, "plc_a"),
        runner.command("NONSENSE"),
        runner.script("sale/set", event, "no version", "x", "x"),
        runner.command("GET", key),
        return_exceptions=True,
    )
    refused = [isinstance(reply, ResponseError) for reply in replies]
    assert refused == [False, True, False, True, False, False]
    assert (replies[0], replies[2], replies[5]) == ("OK", LOST, "word")
    assert runner.flights == 1


async def test_a_script_that_fails_does_not_disturb_its_neighbours(
    runner: Runner, hall: Hall
) -> None:
    await hall.open()
    fails, works = await asyncio.gather(
        runner.script("sale/set", hall.event, "not a number", 0, 0, "state", "open"),
        hall.feed.snapshot(hall.event),
        return_exceptions=True,
    )
    assert isinstance(fails, ResponseError)
    assert getattr(works, "states", "") == "." * 10


@pytest.mark.parametrize("impossible", [None, [1], {"a": 1}, "\ud800"])
async def test_a_word_that_cannot_be_sent_is_its_callers_fault_alone(
    runner: Runner, event: str, impossible: Any
) -> None:
    queue = QueueScripts(runner)
    replies = await asyncio.gather(
        queue.place(event, "plc_a"),
        queue.place(event, impossible),
        queue.place(event, "plc_b"),
        return_exceptions=True,
    )
    assert [replies[0], replies[2]] == [Shut("lost")] * 2
    assert isinstance(replies[1], TypeError | ValueError)


async def test_a_caller_who_gives_up_does_not_disturb_the_others(hall: Hall) -> None:
    await hall.open()
    await hall.admit("plc_a", "plc_b")
    tasks = [
        asyncio.create_task(hall.seat.hold(hall.event, f"hld_{n}", "plc_a", "d", n))
        for n in range(3)
    ]
    await asyncio.sleep(0)
    tasks[1].cancel()
    first, given_up, last = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(given_up, asyncio.CancelledError)
    assert isinstance(first, Held)
    assert isinstance(last, Held)
    # The script ran all the same; who asks again under the same id is told the same.
    again = await hall.seat.hold(hall.event, "hld_1", "plc_a", "d", 1)
    assert isinstance(again, Held)
    assert await hall.fan("plc_a") == 3


async def test_a_lost_reply_is_asked_for_once_more(servers: Embedded, hall: Hall) -> None:
    class Forgetful(Runner):
        """Loses the replies of its first flights, after the server has done the work."""

        to_lose = 1

        async def _send(self, commands: list[bytes]) -> list[Any]:
            replies = await super()._send(commands)
            if self.to_lose > 0:
                self.to_lose -= 1
                raise LinkError("reset by peer")
            return replies

    await hall.open()
    await hall.admit("plc_a")
    runner = Forgetful(connect(servers.redis_url, 2), load(shipped("lua")))
    seats = SeatScripts(runner)
    held = await seats.hold(hall.event, "hld_1", "plc_a", "d", 1, 2)
    assert isinstance(held, Held)
    assert await hall.fan("plc_a") == 2
    runner.to_lose = 2
    with pytest.raises(Unavailable):
        await seats.hold(hall.event, "hld_2", "plc_a", "d", 3)
    assert await hall.fan("plc_a") == 3, "though nobody could say so"
    await runner.close()


async def test_connections_that_were_cut_are_replaced_unnoticed(runner: Runner) -> None:
    await asyncio.gather(*(_all(runner.command("ECHO", n)) for n in range(3)))
    me = str(await runner.command("CLIENT", "ID"))
    await asyncio.gather(runner.command("CLIENT", "KILL", "ID", me, "SKIPME", "no"))
    assert await runner.command("ECHO", "still here") == "still here"


async def test_nobody_at_the_other_end_is_unavailable() -> None:
    port = choose_ports({})["redis"]
    runner = Runner(connect(f"redis://127.0.0.1:{port}/0", 2), load(shipped("lua")))
    calls = [runner.script("queue/place", "evt_a", "plc_a"), runner.command("PING")]
    replies = await asyncio.gather(*calls, return_exceptions=True)
    for reply in replies:
        assert isinstance(reply, Unavailable)
        assert reply.members["retry_after_s"] > 0
    await runner.close()


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Supervised]:
    """A cluster node of this test's own, to be killed."""
    ports = choose_ports({})
    node = Valkey("redis", tmp_path, ports["redis"], "pw", bus_port=ports["redis_bus"], fast=True)
    supervised = Supervised(node)
    await supervised.start()
    yield supervised
    await supervised.stop()


async def test_a_server_that_dies_and_comes_back(own: Supervised) -> None:
    node = own.server
    assert isinstance(node, Valkey)
    runner = Runner(connect(node.url, 4), load(shipped("lua")))
    feed = FeedScripts(runner)
    await SeatScripts(runner).build("evt_a", "...", "0", b"")
    built = await feed.snapshot("evt_a")
    await own.kill()
    with pytest.raises(Unavailable):
        await feed.snapshot("evt_a")
    back = asyncio.create_task(own.start())
    answers = set()
    while not back.done():
        # While it loads its data, and while its cluster says "fail": later, never an error.
        try:
            answers.add(getattr(await feed.snapshot("evt_a"), "states", "lost"))
        except Unavailable as told:
            answers.add(str(told))
        await asyncio.sleep(0.01)
    await back
    assert await feed.snapshot("evt_a") == built
    assert any("Redis did not answer" in str(answer) for answer in answers)
    await runner.command("CLUSTER", "DELSLOTSRANGE", 0, 16_383)
    with pytest.raises(Unavailable):
        await feed.snapshot("evt_a")
    await runner.command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
    await runner.command("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(Unavailable):
        await feed.notice("evt_a", "no room to write")
    await runner.close()


async def test_closing_waits_for_what_is_under_way_and_may_be_done_twice(
    servers: Embedded,
) -> None:
    runner = Runner(connect(servers.redis_url, 2), load(shipped("lua")))
    call = asyncio.create_task(_all(runner.command("ECHO", "last word")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await runner.close()
    await runner.close()
    assert await call == "last word"


async def test_the_clock_is_the_servers(runner: Runner) -> None:
    first = await runner.time_ms()
    seconds, micros = await runner.command("TIME")
    assert first <= int(seconds) * 1_000 + int(micros) // 1_000 <= await runner.time_ms()


async def test_a_stub_takes_its_arguments_in_order(runner: Runner, event: str) -> None:
    with pytest.raises(TypeError, match="queue/place takes its arguments in the order"):
        await QueueScripts(runner).place(event, place_id="plc_a")


async def test_a_room_without_its_script_does_not_start(runner: Runner) -> None:
    del runner.scripts["queue/draw"]
    with pytest.raises(SetupError, match=r"lua/queue/draw\.lua is missing"):
        QueueScripts(runner)


async def test_every_fault_of_the_link_is_one_word_to_the_caller(runner: Runner) -> None:
    async def broken(commands: list[bytes]) -> list[Any]:
        raise RedisError("something new")

    runner._send = broken  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await runner.command("PING")
