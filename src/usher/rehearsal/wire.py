"""One crowd's HTTP: each request timed, counted, and sent again where that is right.

Sending again is safe by the API's own promise: every mutation is repeatable (a hold carries an
Idempotency-Key, a booking is its hold's, a payment its booking's).
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from typing import Any, Final, Self, TypeVar

import aiohttp
import msgspec
from yarl import URL

from usher import limits
from usher.rehearsal.answers import Nothing, Refusal
from usher.rehearsal.tally import Meter

T = TypeVar("T")

_TRIES: Final = 8
_BACK_OFF_S: Final = 0.25
_REQUEST_S: Final = 30.0
# Streams send a beat every 15 s: silence for longer than two is a dead connection.
_SILENCE_S: Final = 40.0
# The longest line of a stream is a snapshot: a byte a seat.
_LINE_BYTES: Final = 2 * limits.plan_seats_max


class Unreachable(Exception):
    """The API did not give an answer that counts, however often it was asked."""


_DONE: Final = Nothing()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def decode(body: bytes, kind: type[T]) -> T:
    """JSON as a struct, by a decoder that is made once."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    value: T = decoder.decode(body)
    return value


class Wire:
    """Requests and streams of a crowd. At most `connections` requests are on their way at once;
    streams have connections of their own. Use as an async context manager."""

    def __init__(self, base_url: str, meter: Meter, *, connections: int) -> None:
        self.meter = meter
        self._base = base_url.rstrip("/")
        self._room = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession
        self._public: dict[str, tuple[float, Any]] = {}
        self._fetching: dict[str, asyncio.Task[Any]] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),  # tokens are sent; one jar would mix up the fans
            timeout=aiohttp.ClientTimeout(total=_REQUEST_S),
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._fetching.values():
            task.cancel()
        await self._session.close()
        # aiohttp closes its sockets on the loop's next turns.
        await asyncio.sleep(0)

    async def shared(self, route: str, path: str, kind: type[T], fresh_s: float) -> T:
        """What is the same for everybody: asked once, and again when it is `fresh_s` old."""
        known = self._public.get(route)
        if known and time.monotonic() - known[0] < fresh_s:
            view: T = known[1]
            return view
        fetching = self._fetching.get(route)
        if fetching is None:
            fetching = asyncio.create_task(self.ask(route, "GET", path, kind))
            self._fetching[route] = fetching
            fetching.add_done_callback(lambda _: self._fetching.pop(route, None))
        answer: T | Refusal = await asyncio.shield(fetching)
        if isinstance(answer, Refusal):
            raise Unreachable(f"GET {path} answered {answer.status}: {answer.detail}")
        self._public[route] = (time.monotonic(), answer)
        return answer

    async def ask(
        self,
        route: str,
        method: str,
        path: str,
        kind: type[T],
        token: str = "",
        body: dict[str, Any] | None = None,
        *,
        key: str = "",
    ) -> T | Refusal:
        """The answer, after as many tries as are fair; Unreachable."""
        url = URL(self._base + path, encoded=True)
        headers = _headers(token, key, body is not None)
        data = msgspec.json.encode(body) if body is not None else None
        said = ""
        for attempt in range(_TRIES):
            try:
                status, answer, retry_after = await self._once(route, method, url, headers, data)
            except (aiohttp.ClientError, OSError, TimeoutError) as fault:
                self.meter.transport_errors += 1
                said = f"{type(fault).__name__}: {fault}"
                await asyncio.sleep(_BACK_OFF_S * 2**attempt * random.uniform(0.5, 1))  # noqa: S311
                continue
            if status < 300:
                return decode(answer, kind) if answer else _DONE  # type: ignore[return-value]
            if status in (429, 503):
                self.meter.told_to_wait += 1
                said = f"{status}"
                await asyncio.sleep(retry_after * random.uniform(1, 1.5))  # noqa: S311
            elif status >= 500:
                said = f"{status}"
                await asyncio.sleep(_BACK_OFF_S * 2**attempt)
            else:
                return _refusal(status, answer)
        raise Unreachable(f"{method} {path}: {said}")

    async def _once(
        self, route: str, method: str, url: URL, headers: dict[str, str], data: bytes | None
    ) -> tuple[int, bytes, float]:
        async with self._room:
            # The clock starts here: what waits for room waits for this machine, not for usher.
            began = time.perf_counter()
            async with self._session.request(
                method, url, headers=headers, data=data, allow_redirects=False
            ) as response:
                body = await response.read()
            status = response.status
            self.meter.note(route, status, time.perf_counter() - began)
        return status, body, _seconds(response.headers.get("Retry-After"))

    async def first(
        self, route: str, path: str, token: str, kind: type[T], until: Callable[[T], bool]
    ) -> T | Refusal | None:
        """The first message of a stream that `until` likes; None where it ended before."""
        found: T | None = None

        def take(event: bytes, data: bytes, _: str) -> bool:
            nonlocal found
            if event == b"notice":
                return False
            view = decode(data, kind)
            if until(view):
                found = view
            return found is not None

        refusal = await self.follow(route, path, token, take)
        return refusal or found

    async def follow(
        self,
        route: str,
        path: str,
        token: str,
        take: Callable[[bytes, bytes, str], bool],
        *,
        last_id: str = "",
    ) -> Refusal | None:
        """Reads a stream line by line until `take` has what it wants, or the stream ends."""
        headers = _headers(token, "", body=False)
        if last_id:
            headers["Last-Event-ID"] = last_id
        began = time.perf_counter()
        try:
            async with self._session.get(
                URL(self._base + path, encoded=True),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_S),
                read_bufsize=_LINE_BYTES,
            ) as response:
                self.meter.note(route, response.status, time.perf_counter() - began)
                if response.status != 200:
                    return _refusal(response.status, await response.read())
                event, event_id = b"", ""
                async for line in response.content:
                    if line.startswith(b"event: "):
                        event = line[7:].strip()
                        if event == b"reconnect":
                            break
                    elif line.startswith(b"id: "):
                        event_id = line[4:].strip().decode()
                    elif line.startswith(b"data: ") and take(event, line[6:], event_id):
                        break
                response.close()  # it is mid-stream: no use to another request
        except (aiohttp.ClientError, OSError, TimeoutError):
            self.meter.transport_errors += 1
        return None


def _headers(token: str, key: str, body: bool) -> dict[str, str]:
    headers = {"Accept": "*/*"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if key:
        headers["Idempotency-Key"] = key
    if body:
        headers["Content-Type"] = "application/json"
    return headers


def _seconds(retry_after: str | None) -> float:
    with contextlib.suppress(TypeError, ValueError):
        return max(0.1, min(30.0, float(retry_after)))  # type: ignore[arg-type]
    return 1.0


def _refusal(status: int, body: bytes) -> Refusal:
    try:
        refusal = decode(body, Refusal)
    except msgspec.MsgspecError:
        return Refusal(code="unreadable", status=status, detail=body[:200].decode("latin-1"))
    return msgspec.structs.replace(refusal, status=status)
