"""One crowd's HTTP: each call typed, timed, counted, and asked again where that is right.

Asking again is safe by the API's own promise: every mutation is repeatable (a hold carries an
Idempotency-Key, a booking is its hold's, a payment its booking's).
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
from yarl import URL

from usher import limits
from usher.rehearsal.answers import (
    Admission,
    BookingView,
    ChangeView,
    ChargeView,
    HoldView,
    Joined,
    LineView,
    Nothing,
    PaymentView,
    PlaceView,
    Refusal,
    SeatsView,
)
from usher.rehearsal.hall import Board, PlanView
from usher.rehearsal.tally import Meter

T = TypeVar("T")

_TRIES: Final = 8
_BACK_OFF_S: Final = 0.25
_REQUEST_S: Final = 30.0
# Streams send a beat every 15 s: silence for longer than two is a dead connection.
_SILENCE_S: Final = 40.0
# What is public may be up to a second old, says the API: one fetch serves the crowd, as a CDN's.
_PUBLIC_S: Final = 1.0
# The longest line of a stream is a snapshot: a byte a seat.
_LINE_BYTES: Final = 2 * limits.plan_seats_max


class Unreachable(Exception):
    """The API did not give an answer that counts, however often it was asked."""


_DONE: Final = Nothing()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def _decode(body: bytes, kind: type[T]) -> T:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    value: T = decoder.decode(body)
    return value


class Client:
    """The calls of a crowd at one event. At most `connections` requests are on their way at once;
    streams have connections of their own. Use as an async context manager."""

    def __init__(self, base_url: str, event: str, meter: Meter, *, connections: int) -> None:
        self.meter = meter
        self._base = base_url.rstrip("/")
        self._event = f"/api/v1/events/{event}"
        self._room = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession
        self._public: dict[str, tuple[float, Any]] = {}
        self._fetching: dict[str, asyncio.Task[Any]] = {}

    async def __aenter__(self) -> "Client":
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

    # --- the line

    async def join(self, fan_token: str) -> Joined | Refusal:
        return await self._ask("join", "POST", f"{self._event}/queue", Joined, fan_token)

    async def place(self, token: str) -> PlaceView | Refusal:
        return await self._ask("place", "GET", f"{self._event}/queue/place", PlaceView, token)

    async def follow_place(
        self, token: str, until: Callable[[PlaceView], bool]
    ) -> PlaceView | Refusal | None:
        """The first view on the place's stream that `until` likes; None where it ended first."""
        path = f"{self._event}/queue/stream"
        return await self._first("place_stream", path, token, PlaceView, until)

    async def claim(self, token: str) -> Admission | Refusal:
        path = f"{self._event}/queue/place/claim"
        return await self._ask("claim", "POST", path, Admission, token)

    async def leave(self, token: str) -> None:
        await self._ask("leave", "DELETE", f"{self._event}/queue/place", Nothing, token)

    # --- what everybody may see

    async def line(self) -> LineView:
        """The public state of the line, up to a second old."""
        return await self._shared("queue", f"{self._event}/queue", LineView, _PUBLIC_S)

    async def states(self) -> str:
        """The seats' states, up to a second old."""
        view = await self._shared("seats", f"{self._event}/seats", SeatsView, _PUBLIC_S)
        return view.states

    async def follow_feed(self, board: Board, last_id: str) -> str:
        """Keeps `board` up to date until the stream ends; where to go on from."""
        at = last_id

        def take(event: bytes, data: bytes, event_id: str) -> bool:
            nonlocal at
            if event == b"snapshot":
                board.reset(_decode(data, SeatsView).states)
            elif event == b"change":
                board.change(_decode(data, ChangeView).seats)
            at = event_id or at
            return False

        await self._follow("feed", f"{self._event}/feed", "", take, last_id=last_id)
        return at

    async def plan(self) -> PlanView:
        """The plan, which never changes."""
        return await self._shared("plan", f"{self._event}/plan", PlanView, 1e9)

    async def _shared(self, route: str, path: str, kind: type[T], fresh_s: float) -> T:
        known = self._public.get(route)
        if known and time.monotonic() - known[0] < fresh_s:
            view: T = known[1]
            return view
        fetching = self._fetching.get(route)
        if fetching is None:
            fetching = asyncio.create_task(self._ask(route, "GET", path, kind))
            self._fetching[route] = fetching
            fetching.add_done_callback(lambda _: self._fetching.pop(route, None))
        answer: T | Refusal = await asyncio.shield(fetching)
        if isinstance(answer, Refusal):
            raise Unreachable(f"GET {path} answered {answer.status}: {answer.detail}")
        self._public[route] = (time.monotonic(), answer)
        return answer

    # --- shopping

    async def hold(self, token: str, asked: dict[str, Any], key: str) -> HoldView | Refusal:
        """Holds what is `asked`; the same `key` again is the same hold."""
        return await self._ask(
            "hold", "POST", f"{self._event}/holds", HoldView, token, asked, key=key
        )

    async def let_go(self, token: str, hold_id: str) -> None:
        await self._ask("let_go", "DELETE", f"{self._event}/holds/{hold_id}", Nothing, token)

    async def book(self, token: str, hold_id: str, name: str, email: str) -> BookingView | Refusal:
        body = {"hold_id": hold_id, "name": name, "email": email}
        return await self._ask("book", "POST", "/api/v1/bookings", BookingView, token, body)

    async def booking(self, token: str, booking_id: str) -> BookingView | Refusal:
        path = f"/api/v1/bookings/{booking_id}"
        return await self._ask("booking", "GET", path, BookingView, token)

    async def follow_booking(
        self, token: str, booking_id: str, until: Callable[[BookingView], bool]
    ) -> BookingView | Refusal | None:
        """As `follow_place`, for a booking."""
        path = f"/api/v1/bookings/{booking_id}/stream"
        return await self._first("booking_stream", path, token, BookingView, until)

    async def cancel(self, token: str, booking_id: str) -> BookingView | Refusal:
        path = f"/api/v1/bookings/{booking_id}/cancellation"
        return await self._ask("cancel", "POST", path, BookingView, token)

    async def pay(self, token: str, booking_id: str) -> PaymentView | Refusal:
        path = f"/api/v1/bookings/{booking_id}/payment"
        return await self._ask("pay", "POST", path, PaymentView, token)

    async def tell_bank(
        self, payment_id: str, outcome: str, delay_s: float | None = None
    ) -> ChargeView | Refusal:
        """Has the sandbox decide on a charge."""
        body: dict[str, Any] = {"outcome": outcome}
        if delay_s is not None:
            body["delay_s"] = delay_s
        path = f"/api/v1/payments/sandbox/{payment_id}"
        return await self._ask("bank", "POST", path, ChargeView, "", body)

    # --- underneath

    async def _ask(
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
                return _decode(answer, kind) if answer else _DONE  # type: ignore[return-value]
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

    async def _first(
        self, route: str, path: str, token: str, kind: type[T], until: Callable[[T], bool]
    ) -> T | Refusal | None:
        found: T | None = None

        def take(event: bytes, data: bytes, _: str) -> bool:
            nonlocal found
            if event == b"notice":
                return False
            view = _decode(data, kind)
            if until(view):
                found = view
            return found is not None

        refusal = await self._follow(route, path, token, take)
        return refusal or found

    async def _follow(
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
        refusal = _decode(body, Refusal)
    except msgspec.MsgspecError:
        return Refusal(code="unreadable", status=status, detail=body[:200].decode("latin-1"))
    return msgspec.structs.replace(refusal, status=status)
