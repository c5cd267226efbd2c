"""Bytes of single answers, and streams that are opened and read."""

import asyncio
import contextlib
import re
from functools import partial
from urllib.parse import urlsplit


class Site:
    """Where requests go."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80

    async def answer(self, request: bytes) -> bytes:
        """An answer, head and body, as it comes over the wire."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(request.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
        try:
            return await asyncio.wait_for(reader.read(), 20)
        finally:
            writer.close()

    async def size(self, request: bytes) -> int:
        """Bytes of the answer to `request`; RuntimeError where it is a refusal."""
        answer = await self.answer(request)
        if int(answer[9:12]) >= 400:
            raise RuntimeError(f"{request[:80]!r}: {answer[:200]!r}")
        return len(answer)


async def paced(site: Site, requests: list[bytes], pause_s: float) -> None:
    """Sends requests one by one over one connection, `pause_s` after each answer."""
    reader, writer = await asyncio.open_connection(site.host, site.port)
    for each in requests:
        writer.write(each)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        if int(head[9:12]) >= 400:
            raise RuntimeError(repr(head))
        length = re.search(rb"content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        await asyncio.sleep(pause_s)
    writer.close()


def static_paths(page: bytes) -> list[str]:
    """The addresses of the static files that a page names."""
    return [path.decode() for path in sorted(set(re.findall(rb"/static/[\w./-]+", page)))]


class Streams:
    """Open streams whose messages are read and thrown away, the last one of each kept."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._links: list[_Link] = []

    async def open(self, requests: list[bytes]) -> None:
        """Opens a stream for each request, a few dozen at once; returns when each has begun."""
        loop = asyncio.get_running_loop()
        for start in range(0, len(requests), 50):
            opened = await asyncio.gather(
                *(
                    loop.create_connection(partial(_Link, each), self._site.host, self._site.port)
                    for each in requests[start : start + 50]
                )
            )
            links = [protocol for _, protocol in opened]
            self._links += links
            await asyncio.wait_for(asyncio.gather(*(each.begun for each in links)), 30)

    @property
    def bytes_read(self) -> int:
        return sum(each.count for each in self._links)

    def messages(self, event: bytes) -> list[bytes]:
        """The last message of each stream, where it is an `event`."""
        return [each.last for each in self._links if each.last.find(b"event: " + event) >= 0]

    async def close(self) -> None:
        for each in self._links:
            each.close()
        self._links.clear()
        await asyncio.sleep(0.3)


class _Link(asyncio.Protocol):
    def __init__(self, request: bytes) -> None:
        self._request = request
        self._transport: asyncio.Transport | None = None
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count = 0
        self.last = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.count += len(data)
        self.last = data
        if not self.begun.done():
            if not data.startswith(b"HTTP/1.1 200"):
                self.begun.set_exception(RuntimeError(repr(data[:200])))
            else:
                self.begun.set_result(None)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._transport is not None:
                self._transport.abort()
