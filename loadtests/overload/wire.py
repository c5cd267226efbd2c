"""A raw HTTP/1.1 client, light enough to send more than can be answered.

`Wire.ask` sends one request when it is called, or as soon as a connection is free; its time counts
from the moment it was meant to be sent, so that a server that lets its clients wait is not spared
(Gil Tene's "coordinated omission").
"""

import asyncio
import time
from collections import deque
from typing import Final, NamedTuple, cast

# An answer that takes longer is no answer: it is counted as a hang.
HANG_S: Final = 30.0
RESET: Final = 0
HUNG: Final = -1


class Reply(NamedTuple):
    """An answer. `status` 0: the connection broke; -1: nothing came within HANG_S. `retry_s` is
    its Retry-After, None without. `took_s` is from the moment it was due."""

    status: int
    retry_s: int | None
    body: bytes
    took_s: float


def answered(data: bytes) -> tuple[int, int | None, bytes] | None:
    """Status, Retry-After and body of an answer that has come whole; None of one that has not."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    at = data.find(b"\r\ncontent-length: ", 0, head_end)
    length = int(data[at + 18 : data.find(b"\r", at + 18)]) if at > 0 else 0
    if len(data) < head_end + 4 + length:
        return None
    status = int(data[9:12])
    retry_s = None
    if status in (429, 503) and (at := data.find(b"\r\nretry-after: ", 0, head_end)) > 0:
        retry_s = int(data[at + 15 : data.find(b"\r", at + 15)])
    return status, retry_s, data[head_end + 4 :]


class _Link(asyncio.Protocol):
    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.waits: asyncio.Future[tuple[int, int | None, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes) -> asyncio.Future[tuple[int, int | None, bytes]]:
        assert self._transport is not None
        self.waits = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self.waits

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        found = answered(self._buffer)
        if found is None:
            return
        self._buffer = b""
        if self.waits is not None and not self.waits.done():
            self.waits.set_result(found)

    def connection_lost(self, fault: Exception | None) -> None:
        self._transport = None
        if self.waits is not None and not self.waits.done():
            self.waits.set_result((RESET, None, b""))

    @property
    def good(self) -> bool:
        return self._transport is not None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Wire:
    """At most `connections` to one server, opened as they are needed."""

    def __init__(self, host: str, port: int, connections: int) -> None:
        self._host = host
        self._port = port
        self._free = asyncio.Semaphore(connections)
        self._idle: deque[_Link] = deque()

    async def ask(self, request: bytes, due: float | None = None) -> Reply:
        """The answer to a request that was due at `due` (perf_counter), now if not given."""
        due = time.perf_counter() if due is None else due
        async with self._free:
            link = await self._link()
            if link is None:
                return Reply(RESET, None, b"", time.perf_counter() - due)
            try:
                # No wait_for: at tens of thousands a second its task would be the client's cost.
                waits = link.send(request)
                late = asyncio.get_running_loop().call_later(HANG_S, _give_up, waits)
                status, retry_s, body = await waits
                late.cancel()
            except BaseException:
                link.close()
                raise
            if status > 0 and link.good:
                self._idle.append(link)
            else:
                link.close()
        return Reply(status, retry_s, body, time.perf_counter() - due)

    async def _link(self) -> _Link | None:
        while self._idle:
            link = self._idle.pop()
            if link.good:
                return link
        try:
            async with asyncio.timeout(HANG_S):
                loop = asyncio.get_running_loop()
                _, link = await loop.create_connection(lambda: _Link(self), self._host, self._port)
                return link
        except (OSError, TimeoutError):
            return None

    def close(self) -> None:
        for link in self._idle:
            link.close()


def _give_up(waits: asyncio.Future[tuple[int, int | None, bytes]]) -> None:
    if not waits.done():
        waits.set_result((HUNG, None, b""))
