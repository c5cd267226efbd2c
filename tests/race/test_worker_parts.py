"""Parts of the worker that fail while the others go on."""

import asyncio

import pytest

from tests.race.stage import raise_curtain
from usher.errors import Unavailable
from usher.outbox import queries as outbox
from usher.outbox.model import ATTEMPTS_MAX, Letter
from usher.payment.model import Payment
from usher.payment.sandbox.service import SandboxProvider
from usher.plumbing.stream import Consumer
from usher.settings import Settings
from usher.wiring import House, opened
from usher.worker import Worker, end, make_arq

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("done", [False, True])
async def test_a_capture_that_fails_some_times_is_made_once(
    lone: House, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    """The provider is away, or its answer is lost on the way back; then it answers."""
    stage = await raise_curtain(lone)
    mine, paid = await stage.paying()
    capture, calls = SandboxProvider.capture, 0

    async def moody(self: SandboxProvider, payment: Payment) -> bool:
        nonlocal calls
        calls += 1
        if done:
            await capture(self, payment)
        if calls < 4:
            raise Unavailable("the bank did not answer")
        return await capture(self, payment)

    monkeypatch.setattr(SandboxProvider, "capture", moody)
    await stage.says(paid, "approve")
    await stage.shift.round()
    assert await stage.state(mine) == "confirmed"
    await stage.shift.finish()
    assert calls == 4
    assert await stage.payments(mine) == {paid: "captured"}
    await stage.check()


async def test_a_slow_carriers_fault_does_not_undo_a_colleagues_work(lone: House) -> None:
    async with lone.database.transaction() as connection:
        await outbox.post(connection, "settle", ["bkg_slow"])
        row = await connection.fetchrow("SELECT id FROM outbox WHERE subject = 'bkg_slow'")
    assert row
    letter = Letter(row["id"], "settle", "bkg_slow", ATTEMPTS_MAX)
    await outbox.report(lone.database, {letter: ""})
    async with lone.database.connection() as connection:
        await connection.execute("UPDATE outbox SET attempts = $1", ATTEMPTS_MAX)
    await outbox.report(lone.database, {letter: "too late"})
    async with lone.database.connection() as connection:
        query = "SELECT state FROM outbox WHERE id = $1"
        assert await connection.fetchval(query, letter.id) == "done"


async def test_a_batch_is_done_though_the_redis_of_jobs_is_away(lone_settings: Settings) -> None:
    """Otherwise what was committed would be called refused, tried again, and set aside."""
    async with opened(lone_settings.with_(jobs_redis_url="redis://127.0.0.1:1/0")) as house:
        worker = Worker(house)
        vars(worker)["_jobs"] = make_arq(house)[1]
        await worker.wake_outbox()


async def test_a_worker_whose_reader_died_does_not_live_on(
    lone: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await raise_curtain(lone, 1)

    async def die(self: Consumer) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Consumer, "_run", die)
    before = asyncio.all_tasks()
    with pytest.raises(RuntimeError, match="a fault of ours"):
        await Worker(lone).run()
    assert {task.get_name() for task in asyncio.all_tasks() - before} == set()


async def test_a_cancellation_that_is_forgotten_comes_again() -> None:
    forgotten = 0

    async def forgetful() -> None:
        nonlocal forgotten
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                forgotten += 1
                if forgotten == 2:
                    raise

    tasks = {asyncio.create_task(forgetful()), asyncio.create_task(asyncio.sleep(60))}
    await asyncio.sleep(0)  # one that has not begun would forget nothing
    await end(tasks)
    assert forgotten == 2


async def test_a_cron_that_takes_long_is_not_begun_again(
    lone: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A big event is wound up for minutes, and looked after each second."""
    begun, go_on = 0, asyncio.Event()

    async def slow(*_: object) -> int:
        nonlocal begun
        begun += 1
        await go_on.wait()
        return 1

    monkeypatch.setattr("usher.worker.wind_up", slow)
    (cron,) = (each for each in make_arq(lone)[0].cron_jobs if each.name == "wind_up")
    first = asyncio.create_task(cron.coroutine({}))
    await asyncio.sleep(0)
    assert await asyncio.wait_for(cron.coroutine({}), 5) == 0
    go_on.set()
    assert (await first, begun) == (1, 1)
    assert (await cron.coroutine({}), begun) == (1, 2)
