"""The courier of deliveries.

They are taken from their own table and not by the outbox: there are many receivers and each may
hang, so what is taken next depends on what each is busy with; and a delivery is retried for days,
and again when somebody asks.
"""

import asyncio
from collections import Counter
from typing import Final

import structlog

from usher.clock import utc_now
from usher.errors import UsherError
from usher.hook.model import LEASE_S, Taken, Told
from usher.hook.sending import queries
from usher.hook.sending.client import Sender
from usher.hook.signature import Signatures
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database

log = structlog.get_logger("usher.hook")

EACH_MAX: Final = 4  # posts to one hook at a time
FLIGHTS_MAX: Final = 64  # ... to all of them
IDLE_S: Final = 0.5


class Courier:
    """Makes deliveries: at least once each, by whichever worker takes it first.

    What was posted and not written down, because this process was killed, is posted again under
    the same webhook-id when its lease is over.
    """

    def __init__(
        self,
        database: Database,
        sender: Sender,
        signatures: Signatures,
        metrics: Metrics,
        lease_s: float = LEASE_S,
    ) -> None:
        self._database = database
        self._sender = sender
        self._signatures = signatures
        self._metrics = metrics
        self._lease_s = lease_s
        self._flights: dict[asyncio.Task[None], str] = {}

    async def run(self) -> None:
        """Delivers until cancelled."""
        async with self._sender:
            try:
                while True:
                    try:
                        await self._depart()
                    except UsherError as fault:
                        log.warning("deliveries not taken", fault=fault.detail)
                        await asyncio.sleep(1)
                    await self._land()
            finally:
                await self._recall()

    async def sweep(self) -> int:
        """Gives up what was not taken in time, and forgets what was over long ago; how many."""
        await queries.bury(self._database)
        swept = 0
        while some := await queries.sweep(self._database):
            swept += some
        return swept

    async def _depart(self) -> None:
        """Takes what is due and may be under way at the same time, until nothing is."""
        room = FLIGHTS_MAX - len(self._flights)
        if room <= 0:
            return
        busy = Counter(self._flights.values())
        for taken in await queries.take(self._database, busy, EACH_MAX, room, self._lease_s):
            task = asyncio.create_task(self._deliver(taken), name=f"delivery {taken.id}")
            self._flights[task] = taken.hook_id

    async def _land(self) -> None:
        """Waits for one of those under way, or for new ones to come."""
        if not self._flights:
            await asyncio.sleep(IDLE_S)
            return
        done, _ = await asyncio.wait(
            self._flights, timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            del self._flights[task]
            task.result()

    async def _recall(self) -> None:
        for task in self._flights:
            task.cancel()
        await asyncio.gather(*self._flights, return_exceptions=True)
        self._flights.clear()

    async def _deliver(self, taken: Taken) -> None:
        try:
            told = await self._post(taken)
        except (
            Exception
        ) as fault:  # of ours: it may be this delivery's alone, and holds up no other
            log.exception("delivery failed", hook=taken.hook_id, id=taken.id)
            told = Told(None, fault=f"a fault of ours: {type(fault).__name__}")
        self._metrics.hook_deliveries.labels("failed" if told.fault else "taken").inc()
        if told.fault:
            log.info("not delivered", hook=taken.hook_id, id=taken.id, fault=told.fault)
        try:
            await queries.report(self._database, taken, told)
        except UsherError as fault:  # it is made again when its lease is over
            log.warning("delivery not written down", id=taken.id, fault=fault.detail)

    async def _post(self, taken: Taken) -> Told:
        secret = self._signatures.secret(taken.hook_id, taken.kid, taken.salt)
        if secret is None:
            return Told(None, fault="the key of its secret has left the ring: rotate the secret")
        old = self._signatures.secret(taken.hook_id, taken.old_kid, taken.old_salt)
        headers = self._signatures.headers(
            taken.id, taken.body, utc_now(), *filter(None, (secret, old))
        )
        return await self._sender.post(taken.url, taken.body.encode(), headers)
