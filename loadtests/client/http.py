"""HTTP/1.1 over gevent sockets that are kept: a request costs its process 50 us or so.

All fans of a process share its connections, as they do behind a proxy. There are as many at once as
are needed, up to a share of the files that the process may open; who waits for one is late by the
clock that latencies are taken from.
"""

import resource
import ssl
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from gevent import socket
from gevent import ssl as gevent_ssl
from gevent.lock import Semaphore

from loadtests.client.sse import Chunks, Event, Events

REQUEST_S: Final = 30.0
# Streams send a beat every 15 s: silence for longer than two is a dead connection.
SILENCE_S: Final = 40.0
_READ: Final = 65_536
_HEAD_MAX: Final = 65_536
# Of the open files, for requests under way; the others are for streams.
_SHARE: Final = 0.4


class NoAnswer(Exception):
    """No answer came, or none that can be read."""


class Answer(NamedTuple):
    """What came back. `retry_after_s` is None where the server did not say."""

    status: int
    body: bytes
    retry_after_s: float | None


class Address:
    """Where a server is, and the connections to it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is no address of a web server")
        self.host = parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.prefix = parts.path.rstrip("/")
        self.head = f"Host: {parts.netloc}\r\nAccept: */*\r\n"
        self._tls = gevent_ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: list[Any] = []
        self._at: tuple[Any, ...] | None = None
        self._room = Semaphore(max(8, int(open_files() * _SHARE)))
        self.opened = 0

    def connect(self) -> Any:
        """A new connection; OSError."""
        family, address = self.numeric()
        link = socket.socket(family, socket.SOCK_STREAM)
        link.settimeout(REQUEST_S)
        try:
            link.connect(address)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.opened += 1
            return self._tls.wrap_socket(link, server_hostname=self.host) if self._tls else link
        except BaseException:
            link.close()
            raise

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return self._tls is not None

    def numeric(self) -> tuple[int, Any]:
        """The family and the address, looked up once; OSError."""
        if self._at is None:  # a crowd's name service is not what is tested
            self._at = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        return self._at[0], self._at[4]

    def take(self) -> tuple[Any, bool]:
        """A connection, and whether it has been used before."""
        if self._idle:
            return self._idle.pop(), True
        return self.connect(), False

    def give_back(self, link: Any) -> None:
        self._idle.append(link)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def request(
        self, method: str, path: str, token: str = "", body: bytes = b"", more: str = ""
    ) -> bytes:
        """A request's bytes; `more` are header lines, each with its line break."""
        head = f"{method} {self.prefix}{path} HTTP/1.1\r\n{self.head}"
        if token:
            head += f"Authorization: Bearer {token}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        elif method != "GET":
            head += "Content-Length: 0\r\n"
        return f"{head}{more}\r\n".encode() + body

    def ask(self, request: bytes) -> Answer:
        """Sends a request and waits for its answer; NoAnswer."""
        with self._room:
            return self._ask(request)

    def _ask(self, request: bytes) -> Answer:
        try:
            while True:
                link, used = self.take()
                try:
                    link.sendall(request)
                    answer, keep = _read(link)
                except _GoneError:
                    link.close()
                    if used:  # the server had closed what it had kept long enough
                        continue
                    raise
                except BaseException:
                    link.close()
                    raise
                if keep:
                    self.give_back(link)
                else:
                    link.close()
                return answer
        except (OSError, ssl.SSLError, ValueError) as fault:
            raise NoAnswer(f"{type(fault).__name__}: {fault}") from fault

    def stream(self, request: bytes) -> "Stream":
        """Opens a stream on a connection of its own; NoAnswer."""
        try:
            link = self.connect()
        except (OSError, ssl.SSLError) as fault:
            raise NoAnswer(f"{type(fault).__name__}: {fault}") from fault
        return Stream(link, request)


def open_files() -> int:
    """How many files, sockets among them, this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000_000 if soft == resource.RLIM_INFINITY else soft


class _GoneError(OSError):
    """The connection ended before a byte of the answer."""


def _read(link: Any) -> tuple[Answer, bool]:
    """An answer, and whether the connection may be used again."""
    data, head_end = _head(link)
    head = data[:head_end].lower()
    status = int(head[9:12])
    keep = b"\r\nconnection: close" not in head
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        length = int(head[at + 17 : _line_end(head, at + 2)])
        body = data[head_end + 4 :]
        if len(body) < length:
            parts = [body]
            missing = length - len(body)
            while missing > 0:
                part = link.recv(_READ)
                if not part:
                    raise OSError("the answer was cut off")
                parts.append(part)
                missing -= len(part)
            body = b"".join(parts)
    elif b"\r\ntransfer-encoding: chunked" in head:
        chunks = Chunks()
        parts = [chunks.feed(data[head_end + 4 :])]
        while not chunks.ended:
            part = link.recv(_READ)
            if not part:
                raise OSError("the answer was cut off")
            parts.append(chunks.feed(part))
        body, keep = b"".join(parts), False
    else:
        body = b""
    return Answer(status, body, _retry_after(head)), keep


def _head(link: Any) -> tuple[bytes, int]:
    """What has come until a head was whole, and where that ends."""
    try:
        data = link.recv(_READ)
    except ConnectionError as fault:
        raise _GoneError(str(fault)) from fault
    if not data:
        raise _GoneError("the connection was closed")
    while (head_end := data.find(b"\r\n\r\n")) < 0:
        more = link.recv(_READ)
        if not more or len(data) > _HEAD_MAX:
            raise OSError("no head of an answer")
        data += more
    return data, head_end


def _line_end(head: bytes, at: int) -> int:
    end = head.find(b"\r\n", at)
    return end if end >= 0 else len(head)


def _retry_after(head: bytes) -> float | None:
    at = head.find(b"\r\nretry-after:")
    if at < 0:
        return None
    try:
        return float(head[at + 14 : _line_end(head, at + 2)])
    except ValueError:
        return None


class Stream:
    """One open stream of events, for one greenlet. Use as a context manager."""

    def __init__(self, link: Any, request: bytes) -> None:
        self._link = link
        self._events = Events()
        self._chunks = Chunks()
        try:
            link.sendall(request)
            data, head_end = _head(link)
            self.status = int(data[9:12])
            self.retry_after_s = _retry_after(data[:head_end].lower())
            self._first = data[head_end + 4 :]
            link.settimeout(SILENCE_S)
        except (OSError, ssl.SSLError, ValueError) as fault:
            link.close()
            raise NoAnswer(f"{type(fault).__name__}: {fault}") from fault

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()

    def events(self) -> Iterator[Event]:
        """Messages as they come; ends with the stream, NoAnswer where it breaks."""
        data = self._first
        try:
            while True:
                yield from self._events.feed(self._chunks.feed(data))
                if self._chunks.ended:
                    return
                data = self._link.recv(_READ)
                if not data:
                    return
        except (OSError, ssl.SSLError, ValueError) as fault:
            raise NoAnswer(f"{type(fault).__name__}: {fault}") from fault
