"""Calling scripts: many calls, one round trip.

Every call made in the same turn of the event loop goes out in one pipeline (a flight), and while
FLIGHTS_MAX flights are in the air the calls of later turns wait for the next one: under load
flights grow, alone a call waits for nobody. Measured on one core: one redis-py call per request
5,400 requests/s, gathered per turn 11,400.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

import msgspec
from hiredis import pack_command
from redis.asyncio import BlockingConnectionPool, Connection
from redis.exceptions import (
    BusyLoadingError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import (
    ConnectionError as LinkError,
)
from redis.exceptions import (
    TimeoutError as LinkTimeout,
)

from usher.errors import SetupError, Unavailable
from usher.keys import Keys
from usher.plumbing.script import Reply, Script, check_stub

# A script's reply takes microseconds; a socket silent this long has lost its server.
SOCKET_TIMEOUT_S: Final = 5.0
CONNECT_TIMEOUT_S: Final = 2.0
HEALTH_CHECK_S: Final = 15
_AWAY: Final = (
    LinkError,
    LinkTimeout,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    OSError,
)
_SILENT: Final = (TimeoutError, LinkTimeout)
# Refusals that pass, for which redis-py has no class: a node that has just started says
# CLUSTERDOWN for 2 s, one that fails to write its log MISCONF.
_AWAY_WORDS: Final = ("CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "MISCONF", "NOREPLICAS", "BUSY ")

FLIGHTS_MAX: Final = 3
# A flight's replies are read in one go: this bounds how long a caller waits for its neighbours, and
# has Redis and this process work at the same time. Measured with 128 connections: 2 flights of 256
# calls 8,500 holds/s, 3 of 32 11,500, 8 of 16 9,100.
FLIGHT_CALLS_MAX: Final = 32
# Key names are put together once per script and event.
_HEADS_MAX: Final = 10_000

P = ParamSpec("P")
R = TypeVar("R")


def connect(url: str, connections: int, **options: Any) -> BlockingConnectionPool:
    """A bounded pool with time limits: redis-py's own defaults have neither."""
    return BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=SOCKET_TIMEOUT_S,
        socket_timeout=options.pop("socket_timeout", SOCKET_TIMEOUT_S),
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        health_check_interval=HEALTH_CHECK_S,
        decode_responses=True,
        **options,
    )


def away(fault: BaseException) -> Unavailable:
    """What a caller is told when the server cannot be reached."""
    return Unavailable(f"Redis did not answer: {type(fault).__name__}", retry_after_s=2)


def _is_away(reply: Any) -> bool:
    return isinstance(reply, _AWAY) or (
        isinstance(reply, ResponseError) and str(reply).startswith(_AWAY_WORDS)
    )


class _Call:
    __slots__ = ("answer", "argv", "packed", "script")

    def __init__(self, command: tuple[Any, ...], script: Script | None, argv: Any) -> None:
        # Here and not in the flight: a word that cannot be sent is its caller's fault alone.
        self.packed: bytes = pack_command(command)
        self.script = script
        self.argv = argv
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def resolve(self, reply: Any) -> None:
        if self.answer.done():  # the caller was cancelled; the script ran all the same
            return
        if isinstance(reply, BaseException):
            self.answer.set_exception(reply)
        else:
            self.answer.set_result(reply)


class Runner:
    """Runs scripts and single commands on one Redis, gathered per loop turn.

    Scripts are idempotent (design invariant 5), so a flight whose reply was lost is sent once
    more on another connection before its callers are told `Unavailable`; not where nothing came
    in SOCKET_TIMEOUT_S, for a server that is silent has lost nothing. Who waits for a flight is
    told at once when one has failed: their own would come no further, one after the other.
    """

    def __init__(self, pool: BlockingConnectionPool, scripts: dict[str, Script]) -> None:
        self.pool = pool
        self.scripts = scripts
        self.flights = 0
        self.calls = 0
        self._heads: dict[tuple[str, str], tuple[int | str, ...]] = {}
        self._waiting: list[_Call] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def script(self, name: str, event: str, *argv: Any) -> Awaitable[Any]:
        """The raw reply of script `name` on the keys of `event`."""
        script = self.scripts[name]
        head = self._heads.get((name, event))
        if head is None:
            if len(self._heads) >= _HEADS_MAX:
                self._heads.clear()
            head = self._heads[(name, event)] = (
                len(script.keys),
                *Keys(event).named(script.keys),
            )
        tail = head + argv
        return self._enqueue(_Call(("EVALSHA", script.sha, *tail), script, tail))

    def command(self, *words: Any) -> Awaitable[Any]:
        """The raw reply of one plain command; only reads and idempotent writes."""
        return self._enqueue(_Call(words, None, ()))

    async def permitted(self, *words: Any) -> Any:
        """As `command`; None where the server refuses, as managed ones do with some."""
        try:
            return await self.command(*words)
        except ResponseError:
            return None

    async def time_ms(self) -> int:
        """Redis TIME: the clock every deadline is read on."""
        seconds, micros = await self.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def _enqueue(self, call: _Call) -> Awaitable[Any]:
        if not self._waiting and len(self._tasks) < FLIGHTS_MAX:
            asyncio.get_running_loop().call_soon(self._take_off)
        self._waiting.append(call)
        return call.answer

    def _take_off(self) -> None:
        if not self._waiting or len(self._tasks) >= FLIGHTS_MAX:
            return
        calls, self._waiting = self._waiting[:FLIGHT_CALLS_MAX], self._waiting[FLIGHT_CALLS_MAX:]
        task = asyncio.get_running_loop().create_task(self._fly(calls))
        self._tasks.add(task)
        task.add_done_callback(self._land)

    def _land(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # Not at once: the rest of this loop turn's calls shall be on board.
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._take_off)

    async def _fly(self, calls: list[_Call]) -> None:
        self.flights += 1
        self.calls += len(calls)
        try:
            try:
                replies = await self._send([call.packed for call in calls])
            except _AWAY as fault:
                if isinstance(fault, _SILENT):
                    raise
                replies = await self._send([call.packed for call in calls])
            lost = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if lost:
                again = await self._send(
                    [
                        pack_command(("EVAL", cast(Script, calls[i].script).text, *calls[i].argv))
                        for i in lost
                    ]
                )
                for i, reply in zip(lost, again, strict=True):
                    replies[i] = reply
        except BaseException as fault:  # noqa: BLE001 - every caller must be told
            told = away(fault) if isinstance(fault, (*_AWAY, RedisError)) else fault
            replies = [told] * len(calls)
            if isinstance(fault, _AWAY):
                waiting, self._waiting = self._waiting, []
                for call in waiting:
                    call.resolve(away(fault))
        for call, reply in zip(calls, replies, strict=True):
            refused = isinstance(reply, BaseException) and _is_away(reply)
            call.resolve(away(reply) if refused else reply)

    async def _send(self, commands: list[bytes]) -> list[Any]:
        """One pipeline on one connection; a refusal of one command stays with that command."""
        connection = cast(Connection, await self.pool.get_connection())
        try:
            # One time limit for the whole flight: redis-py's own, per reply and on a task of its
            # own per write, were a tenth of a hold. hiredis packs in C what redis-py does not.
            connection.socket_timeout = None
            async with asyncio.timeout(SOCKET_TIMEOUT_S):
                await connection.send_packed_command(b"".join(commands))
                # The parser itself: around each reply redis-py words the fault that might come and
                # sets the health check's next time, 3 us of a hold. A refusal it gives as it is.
                parser: Any = connection._parser
                replies: list[Any] = [await parser.read_response() for _ in commands]
            connection.next_health_check = asyncio.get_running_loop().time() + HEALTH_CHECK_S
        except BaseException:
            # Replies may still be on their way: the connection must not be used again.
            await connection.disconnect(nowait=True)
            raise
        finally:
            await self.pool.release(connection)
        return replies

    async def close(self) -> None:
        """Waits for what is under way, then closes the connections. May be called twice."""
        while self._tasks or self._waiting:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)
        await self.pool.disconnect()


class Scripts:
    """Base of a room's stubs: binding checks each stub against its header, or does not start."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        for stub in vars(type(self)).values():
            if name := getattr(stub, "script", None):
                if name not in runner.scripts:
                    raise SetupError(f"lua/{name}.lua is missing")
                stub.replies.update(check_stub(runner.scripts[name], stub.__wrapped__))


S = TypeVar("S", bound=Scripts)


def script(
    name: str,
) -> Callable[
    [Callable[Concatenate[S, P], Coroutine[Any, Any, R]]],
    Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
]:
    """Marks an empty typed method as the signature of lua/`name`.lua."""

    def mark(
        stub: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
    ) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
        # By tag and not as one union, of which msgspec makes a plan anew each time: 6 us for 0.4.
        replies: dict[str, type[Reply]] = {}

        @wraps(stub)
        async def call(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
            if kwargs:
                raise TypeError(f"{name} takes its arguments in the order of its header")
            event, *argv = args
            raw = await self.runner.script(name, cast(str, event), *argv)
            return cast(R, msgspec.convert(raw, replies[raw[0]], strict=False))

        call.script = name  # type: ignore[attr-defined]
        call.replies = replies  # type: ignore[attr-defined]
        return cast(Callable[Concatenate[S, P], Coroutine[Any, Any, R]], call)

    return mark
