"""Buyers as light as can be: each walks from the line to a confirmed booking over one kept-alive
connection, and begins anew as somebody else.

A closed loop on purpose: what is measured is how many purchases the whole machine gets through.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import msgspec

from loadtests.bench.wire import request

STEPS: Final = ("join", "claim", "hold", "book", "pay", "bank", "booking")
# The gate ticks ten times a second; a booking is confirmed when its webhook has come round.
CALLED_S: Final = 0.1
CONFIRMED_S: Final = 0.15
_LONGEST_S: Final = 30.0


class Wire(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def ask(self, raw: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Sends a request; its status and body. ConnectionError where the server hangs up."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(raw)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0 or self._answer is None:
            return
        at = self._buffer.find(b"content-length: ", 0, head_end)
        length = int(self._buffer[at + 16 : self._buffer.find(b"\r\n", at)]) if at > 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        status, body = int(self._buffer[9:12]), self._buffer[head_end + 4 :]
        self._buffer, answer = b"", self._answer
        if not answer.done():
            answer.set_result((status, body))

    def connection_lost(self, fault: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(fault or ConnectionError("the server hung up"))


class Tally:
    """What became of the buyers: purchases by the second of the run, steps that were refused."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.confirmed_s: list[float] = []  # when, since the run began
        self.took_s: list[float] = []
        self.requests = 0
        self.refused: Counter[str] = Counter()
        self.bookings: list[str] = []


class Refused(Exception):
    """A step that was not granted; its name and status."""


class Buyer:
    """Buys pair after pair of adjacent seats until `pairs` gives no more."""

    def __init__(
        self, wire: Wire, event: str, pairs: Iterator[Sequence[str]], tally: Tally
    ) -> None:
        self._wire = wire
        self._path = f"/api/v1/events/{event}"
        self._pairs = pairs
        self._tally = tally

    async def run(self, until: float) -> None:
        """Buys until then (time.perf_counter)."""
        for pair in self._pairs:
            began = time.perf_counter()
            try:
                await self._buy(pair)
            except Refused as refusal:
                self._tally.refused[str(refusal)] += 1
                continue
            now = time.perf_counter()
            self._tally.confirmed_s.append(now - self._tally.began)
            self._tally.took_s.append(now - began)
            if now >= until:
                break

    async def _buy(self, pair: Sequence[str]) -> None:
        joined = await self._ask("join", "POST", f"{self._path}/queue", b"{}", "", (200, 202))
        place, fan = joined["place_token"], joined["fan_token"]
        token = joined.get("admission_token")
        if token is None:
            token = (await self._called(place))["admission_token"]
        asked = msgspec.json.encode({"seats": pair})
        held = await self._ask("hold", "POST", f"{self._path}/holds", asked, token, (201,))
        asked = msgspec.json.encode(
            {"hold_id": held["hold_id"], "name": "A Fan", "email": "fan@example.org"}
        )
        booked = await self._ask("book", "POST", "/api/v1/bookings", asked, token, (202,))
        booking = f"/api/v1/bookings/{booked['booking_id']}"
        paying = await self._ask("pay", "POST", f"{booking}/payment", b"", fan, (201,))
        bank = f"/api/v1/payments/sandbox/{paying['payment_id']}"
        await self._ask("bank", "POST", bank, b'{"outcome":"approve"}', "", (200,))
        late = time.perf_counter() + _LONGEST_S
        while time.perf_counter() < late:
            await asyncio.sleep(CONFIRMED_S)
            if (await self._ask("booking", "GET", booking, b"", fan, (200,)))["state"] == (
                "confirmed"
            ):
                self._tally.bookings.append(booked["booking_id"])
                return
        raise Refused("never confirmed")

    async def _called(self, place: str) -> Any:
        late = time.perf_counter() + _LONGEST_S
        while time.perf_counter() < late:
            await asyncio.sleep(CALLED_S)
            told = await self._ask(
                "claim", "POST", f"{self._path}/queue/place/claim", b"", place, (200, 409)
            )
            if "admission_token" in told:
                return told
        raise Refused("never called")

    async def _ask(
        self, step: str, method: str, path: str, body: bytes, token: str, good: tuple[int, ...]
    ) -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._tally.requests += 1
        status, answer = await self._wire.ask(request(method, path, body, headers))
        if status not in good:
            raise Refused(f"{step} {status}")
        return msgspec.json.decode(answer)
