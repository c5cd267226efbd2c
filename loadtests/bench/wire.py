"""A client light enough to measure a server by: raw HTTP/1.1 over asyncio protocols.

A closed loop: each connection sends its next request when the answer to the last has come. Its own
cost is a few microseconds a request, so that on two cores the server is what is measured.
"""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from hiredis import pack_command


class Run(NamedTuple):
    """What one run saw. `client_cpu_s` is the client's own processor time."""

    requests: int
    seconds: float
    statuses: dict[int, int]
    client_cpu_s: float

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds


def request(
    method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> bytes:
    """A request's bytes."""
    lines = [f"{method} {path} HTTP/1.1", "host: bench"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["content-type: application/json"]
    lines += [f"content-length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def command(*words: str | int) -> bytes:
    """A command for Redis, its bytes."""
    said: tuple[Any, ...] = words
    packed: bytes = pack_command(said)
    return packed


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], statuses: Counter[int]) -> None:
        self._requests = requests
        self._statuses = statuses
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def next(self) -> None:
        """Sends the next request, or closes where there is none."""
        following = next(self._requests, None)
        if following is None:
            self._transport.close()
            if not self.done.done():
                self.done.set_result(None)
        else:
            self._transport.write(following)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        at = self._buffer.find(b"content-length: ", 0, head_end)
        length = int(self._buffer[at + 16 : self._buffer.find(b"\r\n", at)]) if at > 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        self._statuses[int(self._buffer[9:12])] += 1
        self._buffer = b""
        self.next()

    def connection_lost(self, fault: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(fault or ConnectionError("the server hung up"))


async def drive(host: str, port: int, requests: list[bytes], connections: int = 128) -> Run:
    """Sends all `requests` over `connections`, and says how long it took."""
    loop = asyncio.get_running_loop()
    statuses: Counter[int] = Counter()
    shared = iter(requests)
    opened = [
        (await loop.create_connection(lambda: _Connection(shared, statuses), host, port))[1]
        for _ in range(connections)
    ]
    before_s = _cpu_s()
    began = time.perf_counter()
    for connection in opened:
        connection.next()
    await asyncio.gather(*(connection.done for connection in opened))
    seconds = time.perf_counter() - began
    return Run(len(requests), seconds, dict(statuses), _cpu_s() - before_s)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
