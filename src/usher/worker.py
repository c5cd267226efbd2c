"""The second door: the worker process (design section 8).

One process is (a) our own loops - per event a ledger consumer and a ticker, the sandbox's
postman, the courier of webhooks - and (b) arq for side effects and crons. The stream consumer is
never an arq job: arq deletes a job after five restarts, for good. If either half dies the process
exits and its supervisor restarts it. Any number of workers may run: every script and statement is
idempotent.
"""

import asyncio
import signal
import time
import warnings
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final

import msgspec
import structlog
import uvloop
from arq import cron, func
from arq.connections import ArqRedis
from arq.worker import Worker as ArqWorker
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from usher import limits
from usher.booking.jobs import Ledger, expire
from usher.booking.refunding.jobs import wind_up
from usher.errors import UsherError
from usher.keys import Keys
from usher.plumbing import log as logs
from usher.plumbing.lua import CONNECT_TIMEOUT_S, HEALTH_CHECK_S, SOCKET_TIMEOUT_S, connect
from usher.plumbing.stream import Consumer
from usher.queue.scripts import Curve
from usher.sale.model import Sale
from usher.settings import Settings
from usher.wiring import House, opened

log = structlog.get_logger("usher.worker")

WATCH_S: Final = 1.0  # how often the list of events is read
GATE_TICK_S: Final = 0.1
IDLE_TICK_S: Final = 0.5
SYNC_TICK_S: Final = 0.5
STOP_DEADLINE_S: Final = 20.0
CANCEL_AGAIN_S: Final = 0.5
JOBS_QUEUE: Final = "usher:jobs"

Job = Callable[[dict[str, Any]], Awaitable[int]]


class Ticker:
    """Moves one event: its gate, its sweep, its draw, its sale's times, its waiting list."""

    def __init__(self, house: House, sale: Sale) -> None:
        self._house = house
        self.sale = sale  # as it was read last, for all events at once
        self.event = sale.event_id
        self.listed = True  # somebody is on its waiting list
        self._busy = True  # somebody waits, shops or holds: until nobody is seen to

    def know(self, sale: Sale, *, listed: bool) -> None:
        """What the worker has read of this event."""
        if sale.version >= self.sale.version:
            self.sale = sale
        self.listed = listed

    async def run(self) -> None:
        """Ticks until cancelled. The gate asks Redis alone, and goes on while PostgreSQL, with
        which the rest is brought into line, lets us wait."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._ticking(self._turn_gate))
            both.create_task(self._ticking(self._sync))

    async def _ticking(self, turn: Callable[[], Awaitable[float]]) -> None:
        """Again and again, as many seconds apart as each turn says. A fault of one is the next
        one's to mend."""
        while True:
            began, tick_s = time.monotonic(), 1.0
            try:
                tick_s = await turn()
            except UsherError as fault:
                log.warning("tick refused", event_id=self.event, fault=fault.detail)
                await asyncio.sleep(1)
            await asyncio.sleep(max(0.01, tick_s - (time.monotonic() - began)))

    async def _turn_gate(self) -> float:
        # As `_sync` has asked for it, unless that has to wait.
        known = await self._house.curves.of(self.event, fresh_s=2 * SYNC_TICK_S)
        if known and await self._house.queue.keep_pace(self.event, known.curve) is not None:
            await self._house.curves.of(self.event, fresh_s=0)
        self._house.metrics.released.inc(await self._house.queue.release(self.event))
        self._house.metrics.swept.inc(await self._house.seats.sweep(self.event))
        # A hundred events of which nothing is wanted must not cost what one costs that is sold.
        return GATE_TICK_S if self._busy else IDLE_TICK_S

    async def _sync(self) -> float:
        known = await self._house.curves.of(self.event, fresh_s=SYNC_TICK_S / 2)
        if known is None:
            log.warning("Redis knows no such event: laying it out again", event_id=self.event)
            await self._house.payments.ask_again(self.event)
            await self._house.inventory.build(self.event)
            return SYNC_TICK_S
        curve = known.curve
        self._busy = bool(curve.waiting or curve.shopping or curve.held)
        self.sale = await self._house.sales.sync(
            self.sale, curve.version, curve.state, curve.now_ms
        )
        await self._house.sales.note_number(self.sale, max(curve.next, curve.lobby_next))
        if self.sale.lobby_size is not None and not curve.drawn:
            await self._draw(curve)
        if self.listed or curve.listed:
            await self._house.offers.turn(self.event, curve.listed)
        return SYNC_TICK_S

    async def _draw(self, curve: Curve) -> None:
        """Numbers the whole lobby, batch by batch; a colleague at the same is no matter."""
        start: int | None = curve.draw_next
        while start is not None:
            start = await self._house.queue.draw_step(self.sale, start)
        log.info("drawn", event_id=self.event, lobby=self.sale.lobby_size)


class Worker:
    def __init__(self, house: House) -> None:
        self._house = house
        self._stopping = asyncio.Event()
        self._consumers: dict[str, Consumer] = {}
        self._tickers: dict[str, asyncio.Task[None]] = {}
        self._ticking: dict[str, Ticker] = {}
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._arq: ArqWorker | None = None
        self._jobs: ArqRedis | None = None

    def stop(self) -> None:
        """Asks for a clean stop: finish the batch (COMMIT, XACK), then the jobs, then close."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until `stop`; raises what killed either half."""
        self._arq, self._jobs = make_arq(self._house)
        halves = {
            asyncio.create_task(self._watch(), name="events"),
            asyncio.create_task(self._house.courier.run(), name="courier"),
            asyncio.create_task(self._arq.main(), name="arq"),
            asyncio.create_task(self._house.rehearsal_postman.run(), name="rehearsal postman"),
            asyncio.create_task(self._house.here("worker").run(), name="roll"),
        }
        if self._house.sandboxed:
            halves.add(asyncio.create_task(self._house.postman.run(), name="postman"))
        stopping = asyncio.create_task(self._stopping.wait(), name="stopping")
        log.info("worker runs")
        try:
            done, _ = await asyncio.wait({*halves, stopping}, return_when="FIRST_COMPLETED")
            for task in done - {stopping}:
                if not self._stopping.is_set():
                    log.error("a half of the worker died", half=task.get_name())
                task.result()
        finally:
            stopping.cancel()
            async with asyncio.timeout(STOP_DEADLINE_S):
                await self._close(halves)
            log.info("worker stopped")

    async def _close(self, halves: set[asyncio.Task[Any]]) -> None:
        # A consumer that died says so again when it is stopped; the others end all the same.
        await asyncio.gather(
            *(consumer.stop() for consumer in self._consumers.values()), return_exceptions=True
        )
        await end(halves | set(self._tickers.values()))
        if self._arq is not None:
            with warnings.catch_warnings():  # arq closes its pool by a name redis-py has given up
                warnings.simplefilter("ignore", DeprecationWarning)
                await self._arq.close()
        if self._jobs is not None:
            await self._jobs.aclose()

    async def _watch(self) -> None:
        """Keeps a consumer and a ticker for every published event."""
        while True:
            try:
                sales = await self._house.sales.published()
                listed = await self._house.offers.wanted()
            except UsherError as fault:
                log.warning("events not read", fault=fault.detail)
            else:
                for event in self._consumers.keys() - {sale.event_id for sale, _ in sales}:
                    await self._let_go(event)
                for sale, built in sales:
                    await self._keep(sale, built)
                    if ticker := self._ticking.get(sale.event_id):
                        ticker.know(sale, listed=sale.event_id in listed)
            for event, task in [*self._tickers.items(), *self._readers.items()]:
                if task.done() and not task.cancelled() and not self._stopping.is_set():
                    log.error("a loop of an event died", event_id=event, task=task.get_name())
                    task.result()
            await asyncio.sleep(WATCH_S)

    async def _keep(self, sale: Sale, built: bool) -> None:
        """Lays an event out where that is still to be done, and begins to work for it. An event
        that cannot be laid out is tried again, and keeps no other from being sold."""
        try:
            if not built:
                await self._house.inventory.build(sale.event_id)
            if sale.event_id not in self._consumers:
                self._begin(sale)
        except UsherError as fault:
            log.warning("event not laid out", event_id=sale.event_id, fault=fault.detail)

    def _begin(self, sale: Sale) -> None:
        event = sale.event_id
        ledger = Ledger(
            event,
            self._house.database,
            self._house.seat_scripts,
            self._house.metrics,
            self.wake_outbox,
        )
        consumer = Consumer(
            connect(self._house.settings.redis_url, 2),
            Keys(event).named(("ledger",))[0],
            ledger.handle,
            ledger.bury,
            batch_max=limits.ledger_batch_max,
        )
        self._readers[event] = consumer.start()
        self._consumers[event] = consumer
        self._ticking[event] = ticker = Ticker(self._house, sale)
        self._tickers[event] = asyncio.create_task(ticker.run(), name=f"ticker {event}")

    async def _let_go(self, event: str) -> None:
        """Works for an event no more that is long over, or was a rehearsal's."""
        del self._ticking[event], self._readers[event]
        await end({self._tickers.pop(event)})
        await self._consumers.pop(event).leave()
        log.info("event let go", event_id=event)

    async def wake_outbox(self) -> None:
        """Has the outbox relayed soon; if this is lost, the cron does it within a second."""
        if self._jobs is not None:
            try:
                await self._jobs.enqueue_job("relay", _job_id="relay", _queue_name=JOBS_QUEUE)
            except (RedisError, OSError, TimeoutError) as fault:
                log.warning("outbox not woken", fault=str(fault))


async def end(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancels tasks until they have ended. Once may not do: redis-py writes within
    `asyncio.wait_for`, which on Python 3.11 forgets a cancellation that comes as the write is done,
    and arq would go on for ever."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=CANCEL_AGAIN_S)


def alone(job: Job) -> Job:
    """A cron that may take longer than until its next time: begun again meanwhile it leaves all to
    who is at it, or one slow one would take every place and every connection there is."""
    busy = False

    @wraps(job)
    async def run(context: dict[str, Any]) -> int:
        nonlocal busy
        if busy:
            return 0
        busy = True
        try:
            return await job(context)
        finally:
            busy = False

    return run


def make_arq(house: House) -> tuple[ArqWorker, ArqRedis]:
    """arq's half, and a connection to enqueue with. msgspec instead of pickle; time limits."""

    async def relay(_: dict[str, Any]) -> int:
        return await house.outbox.relay()

    @alone
    async def expire_bookings(_: dict[str, Any]) -> int:
        expired = 0
        while more := await expire(house.database):
            expired += more
        if expired:
            await house.outbox.relay()
        return expired

    @alone
    async def reconcile(_: dict[str, Any]) -> int:
        return await house.payments.reconcile()

    @alone
    async def compare_books(_: dict[str, Any]) -> int:
        return len((await house.reconciler.reconcile()).findings)

    @alone
    async def wind_up_events(_: dict[str, Any]) -> int:
        return await wind_up(house.database)

    async def sweep_outbox(_: dict[str, Any]) -> int:
        return await house.outbox.sweep() + await house.courier.sweep()

    async def sweep_logins(_: dict[str, Any]) -> int:
        return await house.accounts.sweep()

    async def remind(_: dict[str, Any]) -> int:
        return await house.messenger.remind()

    @alone
    async def sweep_shadows(_: dict[str, Any]) -> int:
        return len(await house.shadows.sweep())

    redis = _arq_redis(house.settings)
    worker = ArqWorker(
        functions=[func(relay, name="relay", keep_result=0)],  # type: ignore[arg-type]
        cron_jobs=[
            cron(relay, name="relay_cron", second=set(range(60)), keep_result=0),  # type: ignore[arg-type]
            cron(expire_bookings, name="expire", second=set(range(60)), keep_result=0),  # type: ignore[arg-type]
            cron(reconcile, name="reconcile", second=set(range(0, 60, 5)), keep_result=0),  # type: ignore[arg-type]
            cron(compare_books, name="compare_books", second=31, keep_result=0),  # type: ignore[arg-type]
            cron(wind_up_events, name="wind_up", second=set(range(0, 60, 5)), keep_result=0),  # type: ignore[arg-type]
            cron(sweep_outbox, name="sweep_outbox", second=43, keep_result=0),  # type: ignore[arg-type]
            cron(sweep_logins, name="sweep_logins", second=17, keep_result=0),  # type: ignore[arg-type]
            cron(sweep_shadows, name="sweep_shadows", second=set(range(7, 60, 10)), keep_result=0),  # type: ignore[arg-type]
            cron(remind, name="remind", second=37, keep_result=0),  # type: ignore[arg-type]
        ],
        queue_name=JOBS_QUEUE,
        redis_pool=redis,
        handle_signals=False,
        health_check_interval=15,
        poll_delay=0.1,
        max_jobs=24,  # a relay that waits for a slow receiver holds its job as long
        job_timeout=120,
        job_serializer=_dump,
        job_deserializer=_load,
    )
    return worker, _arq_redis(house.settings)


def _dump(job: dict[str, Any]) -> bytes:
    return msgspec.msgpack.encode(job, enc_hook=str)


def _load(raw: bytes) -> dict[str, Any]:
    loaded: dict[str, Any] = msgspec.msgpack.decode(raw)
    return loaded


def _arq_redis(settings: Settings) -> ArqRedis:
    # arq's RedisSettings has no socket time limit, so the pool is ours.
    pool = BlockingConnectionPool.from_url(
        settings.jobs_redis_url or settings.redis_url,
        max_connections=16,
        timeout=SOCKET_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_S,
    )
    return ArqRedis(
        pool_or_conn=pool,
        job_serializer=_dump,
        job_deserializer=_load,
        default_queue_name=JOBS_QUEUE,
    )


async def _main(settings: Settings) -> None:
    async with opened(settings) as house:
        worker = Worker(house)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()


def work(settings: Settings) -> None:
    """Runs one worker process until it is told to stop."""
    logs.set_up(settings.log_format, settings.log_level)
    uvloop.run(_main(settings))
