"""Reading a Redis stream as one of several workers: at least once, in batches, never blocked.

Contract with the handler: it is given a batch and returns when its effects are durable; it may be
given the same entry again (after a crash, a lost reply, or from a colleague who died), so its
effects are idempotent. Entries are acknowledged and deleted only after it has returned.
"""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, cast

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError, ResponseError

from usher.errors import Unavailable
from usher.plumbing.lua import Runner

log = structlog.get_logger("usher.stream")

GROUP: Final = "worker"
BLOCK_MS: Final = 1_000  # must stay below the socket's time limit (lua.SOCKET_TIMEOUT_S)
# An entry unacknowledged this long belongs to a colleague who died. A colleague who is only slow
# loses nothing: both commit the same thing, and the second commit changes nothing.
IDLE_MS: Final = 5_000
LOOK_S: Final = 1.0  # how often a reader looks for what such colleagues have left
ATTEMPTS_MAX: Final = 5
_PAUSE_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)


class Entry(NamedTuple):
    """One entry of a stream: its id and its fields."""

    id: str
    fields: dict[str, str]


Handler = Callable[[list[Entry]], Awaitable[None]]
Undertaker = Callable[[Entry, str], Awaitable[None]]


async def readers(runner: Runner, key: str) -> int:
    """How many read a stream: consumers that were heard of lately and have not left."""
    try:
        found = await runner.command("XINFO", "CONSUMERS", key, GROUP)
    except ResponseError:  # there is no such stream, or nobody has ever read it
        return 0
    idle = [dict(zip(each[::2], each[1::2], strict=True))["idle"] for each in found]
    return sum(ms < IDLE_MS for ms in idle)


class Consumer:
    """Reads one stream until stopped. `start` and `stop` may be called twice, or never."""

    def __init__(
        self,
        pool: BlockingConnectionPool,
        key: str,
        handle: Handler,
        bury: Undertaker,
        *,
        batch_max: int,
        name: str = "",
    ) -> None:
        # `pool` is this consumer's own: a blocking read occupies its connection.
        self._redis = cast(Any, Redis(connection_pool=pool))
        self._pool = pool
        self._key = key
        self._handle = handle
        self._bury = bury
        self._batch_max = batch_max
        self.name = name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._attempts: dict[str, int] = {}
        self._faults = 0  # since something last went well

    def start(self) -> asyncio.Task[None]:
        """Begins to read; a second call returns the same task."""
        if self._task is None:
            self._stopping = False
            self._task = asyncio.create_task(self._run(), name=f"consumer {self._key}")
        return self._task

    async def stop(self) -> None:
        """Finishes the batch under way (its commit and its acknowledgement), then returns; raises
        what the reader died of."""
        self._stopping = True
        task, self._task = self._task, None
        try:
            if task is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        finally:
            await self._pool.disconnect()

    async def leave(self) -> None:
        """Stops, and reads this stream no more: it is seen to have left (`readers`), unless it
        leaves something unfinished to its colleagues."""
        try:
            await self.stop()
            pending = await self._redis.xpending_range(
                self._key, GROUP, "-", "+", 1, consumername=self.name
            )
            if not pending:
                await self._redis.xgroup_delconsumer(self._key, GROUP, self.name)
        except (RedisError, OSError, TimeoutError) as fault:  # the stream may be gone as well
            log.info("left", key=self._key, fault=str(fault))
        finally:
            await self._pool.disconnect()

    async def _run(self) -> None:
        while not self._stopping:
            try:
                await self._session()
            except (RedisError, Unavailable, OSError, TimeoutError) as fault:
                log.warning("stream away", key=self._key, fault=str(fault))
                await asyncio.sleep(_PAUSE_S[min(self._faults, len(_PAUSE_S) - 1)])
                self._faults += 1

    async def _session(self) -> None:
        """Reads until a fault or a stop. A new session first asks for its own pending entries:
        what it was given before the connection broke would otherwise wait for ever."""
        await self._ensure_group()
        await self._own_pending()
        looked = asyncio.get_running_loop().time()
        while not self._stopping:
            reply = await self._read(">", BLOCK_MS)
            if reply:
                await self._process(reply)
            self._faults = 0
            now = asyncio.get_running_loop().time()
            if now - looked >= LOOK_S:
                looked = now
                await self._adopt()

    async def _ensure_group(self) -> None:
        try:
            await self._redis.xgroup_create(self._key, GROUP, id="0", mkstream=True)
        except ResponseError as refusal:
            if "BUSYGROUP" not in str(refusal):
                raise

    async def _read(self, start: str, block_ms: int | None) -> list[Entry]:
        try:
            reply = await self._redis.xreadgroup(
                GROUP, self.name, {self._key: start}, count=self._batch_max, block=block_ms
            )
        except ResponseError as refusal:
            if "NOGROUP" not in str(refusal):
                raise
            await self._ensure_group()  # the server was wiped
            return []
        return [Entry(i, fields or {}) for _, entries in reply or [] for i, fields in entries]

    async def _own_pending(self) -> None:
        start = "0"
        while not self._stopping and (batch := await self._read(start, None)):
            start = batch[-1].id
            # What was deleted meanwhile (by hand) is still listed, without its fields.
            if deleted := [entry.id for entry in batch if not entry.fields]:
                await self._done(deleted)
            if left := [entry for entry in batch if entry.fields]:
                await self._process(left)

    async def _adopt(self) -> None:
        """Takes over what a dead colleague was given and did not finish."""
        start = "0-0"
        while not self._stopping:
            reply = await self._redis.xautoclaim(
                self._key, GROUP, self.name, IDLE_MS, start, count=self._batch_max
            )
            start, claimed = reply[0], [Entry(i, f) for i, f in reply[1] if f]
            if claimed:
                log.info("adopted", key=self._key, entries=len(claimed))
                await self._process(claimed)
            if start == "0-0":
                return

    async def _process(self, batch: list[Entry]) -> None:
        """Handles a batch; where it is refused as a whole, entry by entry."""
        try:
            await self._handle(batch)
        except Unavailable:
            raise
        except Exception as fault:
            log.exception("batch refused", key=self._key, entries=len(batch))
            if len(batch) == 1:
                await self._suspect(batch[0], fault)
                return
            for entry in batch:
                await self._process([entry])
            return
        await self._done([entry.id for entry in batch])

    async def _suspect(self, entry: Entry, fault: Exception) -> None:
        """An entry that fails alone is tried a few times, then set aside: it blocks nobody."""
        tries = self._attempts[entry.id] = self._attempts.get(entry.id, 0) + 1
        if tries < ATTEMPTS_MAX:
            return  # stays pending; `_adopt` brings it back after IDLE_MS
        await self._bury(entry, f"{type(fault).__name__}: {fault}")
        await self._done([entry.id])

    async def _done(self, ids: list[str]) -> None:
        # XDEL, never MAXLEN: trimming could drop what nobody has committed yet. Both or neither:
        # an entry acknowledged and not deleted would be nobody's, and stay for ever.
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xack(self._key, GROUP, *ids)
            pipe.xdel(self._key, *ids)
            await pipe.execute()
        self._faults = 0
        for entry_id in ids:
            self._attempts.pop(entry_id, None)
