"""Server-sent events as raw ASGI: no task and no buffer of ours per stream.

A stream's coroutine only waits for the client to go. Whoever has news calls `push` with bytes
encoded once for everybody; it steps the server's `send` by hand, which finishes at once unless the
transport's buffer is full. A reader that slow is dropped and comes back with `Last-Event-ID`.
Measured: 10 kB and 11 us per push, against 23 kB and five times the CPU for Litestar's
ServerSentEvent, which costs a thread hop per stream.
"""

import asyncio
import socket
import struct
from typing import Any, Final

from litestar.types import Receive, Send

HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would otherwise hold events back
]
BEAT: Final = b": beat\n\n"


def encode(event: str, data: bytes, event_id: str = "") -> bytes:
    """One message; `data` is JSON, so it holds no line break."""
    head = f"id: {event_id}\n" if event_id else ""
    return b"%bevent: %b\ndata: %b\n\n" % (head.encode(), event.encode(), data)


class Stream:
    """One open connection. Subclasses add what its hub needs to know about it."""

    __slots__ = ("_send", "_task", "dropped", "open")

    def __init__(self) -> None:
        self._send: Send | None = None
        self._task: asyncio.Task[Any] | None = None
        self.open = False
        self.dropped = False

    async def begin(self, send: Send, first: bytes = b"") -> None:
        """Sends the head and the first messages."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        self._send = send
        self._task = asyncio.current_task()
        self.open = True

    async def until_gone(self, receive: Receive) -> None:
        """Returns when the client has gone, or when the stream was ended or dropped."""
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not self.dropped or self._task is None:
                raise
            self._task.uncancel()
            await _cut(receive)
        finally:
            self.open = False

    def push(self, chunk: bytes) -> bool:
        """Whether the chunk was taken; False means that the stream is over."""
        return self._step({"type": "http.response.body", "body": chunk, "more_body": True})

    def end(self, chunk: bytes = b"") -> None:
        """Sends a last chunk and ends the stream."""
        self._step({"type": "http.response.body", "body": chunk, "more_body": False})
        self.open = False

    def _step(self, message: Any) -> bool:
        if not self.open or self._send is None:
            return False
        sending = self._send(message)
        try:
            sending.__await__().send(None)
        except StopIteration:
            return True
        except (OSError, RuntimeError):
            self.open = False
            return False
        # It wants to wait: the reader is too slow.
        sending.close()  # type: ignore[attr-defined]
        self.open = False
        self.dropped = True
        if self._task is not None:
            self._task.cancel()
        return False


async def _cut(receive: Receive) -> None:
    """Cuts the connection of a slow reader. Left to itself the server would first send what it
    still holds, and then the kernel would: for ever, to a reader who does not read at all."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        link = transport.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await receive()  # until the server has seen it, or it would complain of half an answer
