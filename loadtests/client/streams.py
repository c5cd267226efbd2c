"""Tens of thousands of streams in one process: sockets watched by gevent's own loop, no greenlet
and no buffer a stream. Under 1 kB a stream and, for news that all are told, 5 us a push.

For http:// only; streams over TLS need a greenlet each (`Address.stream`).
"""

import _socket
import errno
import time
from collections.abc import Callable
from typing import Any, Final

from gevent import get_hub

from loadtests.client.http import Address
from loadtests.client.sse import Chunks, Event, Events

_READ_MORE, _WRITE_MORE = 1, 2  # libev's EV_READ and EV_WRITE
_READ: Final = 262_144
_SAME_MAX: Final = 64


class Watch:
    """One stream, made ready by `prepare`. `told` is called with its messages, `ended` with why it
    is no more ("" where it was `cut`); both in the loop, so they must not wait for anything."""

    __slots__ = (
        "_chunks",
        "_events",
        "_head",
        "_link",
        "_pool",
        "_request",
        "_watcher",
        "due",
        "last_id",
        "says_when",
        "status",
    )

    def __init__(self) -> None:
        self.last_id = b""  # outlives the connection: where to go on from

    def prepare(self, pool: "Streams", request: bytes, due: float) -> None:
        """Makes it ready to connect, for the first time or again."""
        self._pool = pool
        self._request = request
        self._head: bytes | None = b""
        self._chunks = Chunks()
        self._events = Events()
        self._watcher: Any = None
        self.due = due
        self.status = 0
        self.says_when = False  # whether the answer has a Retry-After

    def connect(self) -> None:
        """Begins to connect; what goes wrong is told by `ended`."""
        family, address = self._pool.address.numeric()
        try:
            self._link = _socket.socket(family, _socket.SOCK_STREAM)
        except OSError as fault:  # no file left
            self.ended(str(fault))
            return
        self._link.setblocking(False)
        self._pool.bind(self._link)
        fault_no = self._link.connect_ex(address)
        if fault_no not in (0, errno.EINPROGRESS):
            self._link.close()
            self.ended(errno.errorcode.get(fault_no, str(fault_no)))
            return
        self._pool.open.add(self)
        self._wait(_WRITE_MORE, self._connected)

    @property
    def open(self) -> bool:
        """Whether it is connected, or about to be."""
        return self in self._pool.open

    def cut(self) -> None:
        """Ends it from this side."""
        self._end("")

    def told(self, events: list[Event]) -> None:
        """Messages have come."""

    def began(self) -> None:
        """The answer's head has come: `status` is known."""

    def ended(self, why: str) -> None:
        """It is over."""

    def _wait(self, what: int, then: Callable[[], None]) -> None:
        self._unwatch()
        self._watcher = get_hub().loop.io(self._link.fileno(), what)
        self._watcher.start(then)

    def _unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None

    def _end(self, why: str) -> None:
        if self._watcher is None:
            return
        self._unwatch()
        self._link.close()
        self._pool.open.discard(self)
        self.ended(why)

    def _connected(self) -> None:
        fault = self._link.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if fault:
            return self._end(errno.errorcode.get(fault, str(fault)))
        try:
            self._link.send(self._request)  # small, and the first: it fits
        except OSError as broken:
            return self._end(str(broken))
        self._request = b""
        return self._wait(_READ_MORE, self._readable)

    def _readable(self) -> None:
        try:
            data = self._link.recv(_READ)
        except BlockingIOError:
            return None
        except OSError as fault:
            return self._end(str(fault))
        if not data:
            return self._end("closed by the server")
        if self._head is not None:
            data = self._read_head(data)
            if not data:
                return None
        events = self._parsed(data)
        if events is None:
            return self._end("unreadable")
        if events:
            for event in events:
                if event.event_id:
                    self.last_id = event.event_id
            self.told(events)
        if self._chunks.ended:
            return self._end("ended by the server")
        return None

    def _read_head(self, data: bytes) -> bytes:
        assert self._head is not None
        data = self._head + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._head = data
            return b""
        self._head = None
        self.status = int(data[9:12]) if data[9:12].isdigit() else 0
        self.says_when = b"\r\nretry-after:" in data[:end].lower()
        self.began()
        if self.status != 200:
            self._end(f"answered {self.status}")
            return b""
        return data[end + 4 :]

    def _parsed(self, data: bytes) -> list[Event] | None:
        """Messages in `data`; what all streams are told in the same bytes is parsed once."""
        whole = self._chunks.whole and self._events.whole
        same = self._pool.same
        if whole and (known := same.get(data)) is not None:
            return known
        try:
            events = self._events.feed(self._chunks.feed(data))
        except ValueError:
            return None
        if whole and self._chunks.whole and self._events.whole and not self._chunks.ended:
            if len(same) >= _SAME_MAX:
                same.clear()
            same[data] = events
        return events


class Streams:
    """The streams of a process to one address. `source` is an address of this machine's to come
    from: each has some 28,000 ports towards a server."""

    def __init__(self, address: Address, source: str = "") -> None:
        if address.tls:
            raise ValueError("watchers speak http:// only: point them behind what ends TLS")
        self.address = address
        self.same: dict[bytes, list[Event]] = {}
        self.open: set[Watch] = set()
        self._source = source

    def bind(self, link: Any) -> None:
        """Has a socket come from `source`, where that can be."""
        if not self._source:
            return
        # The port is chosen on connecting, by the pair: else each address would have one list.
        no_port = getattr(_socket, "IP_BIND_ADDRESS_NO_PORT", 24)
        try:
            link.setsockopt(_socket.IPPROTO_IP, no_port, 1)
            link.bind((self._source, 0))
        except OSError:
            self._source = ""  # macOS has 127.0.0.1 alone

    def close(self) -> None:
        """Cuts all."""
        for watch in list(self.open):
            watch.cut()


def late_s(made_ms: int) -> float:
    """How long ago something was made by the server's clock, by this machine's."""
    return time.time() - made_ms / 1000
