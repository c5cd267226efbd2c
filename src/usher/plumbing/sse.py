"""Server-sent events on the connection itself: no task, no buffer and no request per stream.

When its head is sent, a stream takes its connection over from the server's HTTP protocol, as a
WebSocket does: all that parsed and routed the request is let go, and what is left of 20,000 open
streams is 20,000 transports. Whoever has news calls `push` with bytes that were encoded and framed
once for everybody. A reader whose transport is still full of older news is too slow: it is dropped
and comes back with `Last-Event-ID`.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, Final, NewType, cast

from litestar.types import Receive, Send

HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would otherwise hold events back
]
# Messages as they go over the wire: one chunk (RFC 9112, 7.1), made once for all who are sent it.
Chunk = NewType("Chunk", bytes)


def encode(event: str, data: bytes, event_id: str = "") -> bytes:
    """One message; `data` is JSON, so it holds no line break."""
    head = f"id: {event_id}\n" if event_id else ""
    return b"%bevent: %b\ndata: %b\n\n" % (head.encode(), event.encode(), data)


def chunk(messages: bytes) -> Chunk:
    """Messages, one or several, as a chunk; never empty, which would be the end of the stream."""
    return Chunk(b"%x\r\n%b\r\n" % (len(messages), messages))


BEAT: Final = chunk(b": beat\n\n")
GOODBYE: Final = chunk(encode("reconnect", b"{}"))
_LAST: Final = b"0\r\n\r\n"


class Stream(asyncio.Protocol):
    """One open connection. Subclasses add what its hub needs to know about it."""

    __slots__ = ("_connections", "_full", "_gone", "_idle", "_transport", "dropped", "open")

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._connections: set[Any] | None = None
        self._gone: Callable[[], None] | None = None
        self._full = False
        self._idle = 0
        self.open = False
        self.dropped = False

    async def begin(
        self, receive: Receive, send: Send, gone: Callable[[], None], first: Chunk | None = None
    ) -> None:
        """Sends the head, takes the connection over, sends what comes first; `gone` is called once
        when the connection is lost. The stream is not `open` where its client has left already, or
        has not taken what it asked for before; `gone` is not called then."""
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if self._take_over(receive):
            self.open = True
            if first is not None:
                self.push(first)
            if self.open:  # else nobody has been told of this stream, nor is of its end
                self._gone = gone

    def push(self, news: Chunk) -> bool:
        """Whether the news was taken; False means that the stream is over."""
        if not self.open or self._transport is None:
            return False
        if self._full:
            self._drop()
            return False
        try:
            self._transport.write(news)
        except (OSError, RuntimeError):  # cut off a moment ago: `connection_lost` is on its way
            self.open = False
            return False
        self._idle = 0
        return True

    def beat(self, most: int) -> bool:
        """Whether this is the last of `most` calls between which nothing was pushed: then a beat
        was, so that nobody on the way takes the connection for dead."""
        self._idle += 1
        return self._idle >= most and self.push(BEAT)

    def end(self, last: Chunk) -> None:
        """Sends the last news and ends the stream."""
        if self.push(Chunk(last + _LAST)) and self._transport is not None:
            self.open = False
            self._transport.close()

    def _take_over(self, receive: Receive) -> bool:
        """Makes this the protocol of the connection that a request came on.

        `receive` is a method of what uvicorn keeps of a request, which knows the transport; the
        same way uvicorn hands connections to WebSockets. False where the client has left.
        """
        request = cast(Any, receive).__self__
        transport = request.transport
        if request.disconnected or transport.is_closing():
            return False
        server = transport.get_protocol()
        # To the server the request is over: its task ends, and says nothing more.
        request.disconnected = True
        server.flow.resume_reading()  # it pauses where a client has sent another request
        self._full = server.flow.write_paused
        # Told to stop, the server calls `shutdown` on these, and waits until they are gone.
        self._connections = server.connections
        server.connections.discard(server)
        server.connections.add(self)
        server.parser = None  # they refer to each other
        transport.set_protocol(self)
        self._transport = transport
        return True

    def _drop(self) -> None:
        """Cuts the connection of a slow reader. Left to itself the transport would first send what
        it still holds, and then the kernel would: for ever, to a reader who does not read at all.
        """
        self.open = False
        self.dropped = True
        if self._transport is not None:
            link = self._transport.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    # --- called by the transport

    def pause_writing(self) -> None:
        """What was pushed lies in the transport still."""
        self._full = True

    def resume_writing(self) -> None:
        """The reader has caught up."""
        self._full = False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """The client has left, or was dropped, or the stream has ended."""
        self.open = False
        self._transport = None
        if self._connections is not None:
            self._connections.discard(self)
        gone, self._gone = self._gone, None
        if gone is not None:
            gone()

    # --- called by the server

    def shutdown(self) -> None:
        """The process is told to stop: the client goes elsewhere."""
        self.end(GOODBYE)
