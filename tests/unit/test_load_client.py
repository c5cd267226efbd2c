"""The crowd's own HTTP client against a server that behaves as servers do, and misbehaves."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
import trustme

from loadtests.client.http import Address, NoAnswer
from loadtests.client.sse import Event
from loadtests.client.streams import Streams, Watch

Handler = Callable[[Any, bytes], bool]
Serve = Callable[..., "Server"]
At = Callable[..., Address]


class Server:
    """Answers each request with what `handle` sends; True keeps the connection."""

    def __init__(self, handle: Handler, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self._handle = handle
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: Any) -> None:
        if self._tls is not None:
            link = self._tls.wrap_socket(link, server_side=True, do_handshake_on_connect=False)
        with link:
            try:
                if self._tls is not None:
                    link.do_handshake()
                data = b""
                while True:
                    while b"\r\n\r\n" not in data:
                        if not (more := link.recv(65_536)):
                            return
                        data += more
                    head, _, data = data.partition(b"\r\n\r\n")
                    at = head.lower().find(b"content-length: ")
                    length = int(head[at + 16 :].split(b"\r\n")[0]) if at >= 0 else 0
                    while len(data) < length:
                        data += link.recv(65_536)
                    body, data = data[:length], data[length:]
                    self.heads.append(head)
                    if not self._handle(link, head + b"\r\n\r\n" + body):
                        return
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(handle: Handler, tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(handle, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def address() -> Iterator[Callable[..., Address]]:
    made: list[Address] = []

    def at(server: Server, scheme: str = "http", host: str = "127.0.0.1") -> Address:
        made.append(Address(f"{scheme}://{host}:{server.port}"))
        return made[-1]

    yield at
    for each in made:
        each.close()


def plain(link: Any, _: bytes) -> bool:
    link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    return True


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def test_a_connection_is_used_again(serve: Serve, address: At) -> None:
    server = serve(plain)
    where = address(server)
    for _ in range(5):
        assert where.ask(where.request("GET", "/a", "token"))[:2] == (200, b"hi")
    assert server.connections == where.opened == 1
    assert b"Authorization: Bearer token" in server.heads[0]


def test_a_connection_that_was_closed_meanwhile_is_made_anew(serve: Serve, address: At) -> None:
    def once(link: Any, request: bytes) -> bool:
        plain(link, request)
        return False  # without a word of it in the answer

    server = serve(once)
    where = address(server)
    for _ in range(3):
        assert where.ask(where.request("POST", "/a", "", b"{}")).status == 200
        time.sleep(0.02)
    assert server.connections == 3


def test_an_answer_in_pieces_or_in_chunks_is_whole(serve: Serve, address: At) -> None:
    body = b"x" * 200_000

    def pieces(link: Any, request: bytes) -> bool:
        if request.startswith(b"GET /chunks"):
            link.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(body), 50_000):
                link.sendall(chunk(body[at : at + 50_000]))
            link.sendall(b"0\r\n\r\n")
        else:
            answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            link.sendall(answer[:20])
            time.sleep(0.02)
            link.sendall(answer[20:100_000])
            link.sendall(answer[100_000:])
        return True

    where = address(serve(pieces))
    assert where.ask(where.request("GET", "/length")).body == body
    assert where.ask(where.request("GET", "/chunks")).body == body
    assert where.ask(where.request("GET", "/length")).body == body


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"HTTP/1.1 503 x\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n", (503, b"", 2.0)),
        (b"HTTP/1.1 503 x\r\nretry-after: soon\r\ncontent-length: 0\r\n\r\n", (503, b"", None)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, b"", None)),
        (b"HTTP/1.1 429 x\r\ncontent-length: 1\r\nretry-after: 7\r\n\r\n!", (429, b"!", 7.0)),
    ],
)
def test_what_an_answer_says(
    serve: Serve, address: At, head: bytes, wanted: tuple[int, bytes, float | None]
) -> None:
    def say(link: Any, _: bytes) -> bool:
        link.sendall(head)
        return True

    where = address(serve(say))
    assert where.ask(where.request("GET", "/")) == wanted


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", b"noise\r\n"]
)
def test_half_an_answer_is_none(serve: Serve, address: At, said: bytes) -> None:
    def cut(link: Any, _: bytes) -> bool:
        link.sendall(said)
        return False

    where = address(serve(cut))
    with pytest.raises(NoAnswer):
        where.ask(where.request("GET", "/"))


def test_nobody_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    where = Address(f"http://127.0.0.1:{port}")
    with pytest.raises(NoAnswer):
        where.ask(where.request("GET", "/"))
    with pytest.raises(NoAnswer):
        where.stream(where.request("GET", "/"))


def test_tls_is_spoken_and_verified(
    serve: Serve, address: At, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = serve(plain, context)
    stranger = address(server, "https", "localhost")
    with pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.ask(stranger.request("GET", "/"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    where = address(server, "https", "localhost")
    assert where.ask(where.request("GET", "/")).body == b"hi"


def test_an_event_is_read_the_moment_it_comes(serve: Serve, address: At) -> None:
    def tell(link: Any, _: bytes) -> bool:
        link.sendall(STREAM)
        for number in range(3):
            link.sendall(chunk(b"id: %d-0\nevent: tick\ndata: {}\n\n" % number))
            time.sleep(0.1)
        time.sleep(1)
        return False

    where = address(serve(tell))
    began, seen = time.monotonic(), []
    with where.stream(where.request("GET", "/feed")) as stream:
        for event in stream.events():
            seen.append((event.event_id, time.monotonic() - began))
            if len(seen) == 3:
                break
    assert [name for name, _ in seen] == [b"0-0", b"1-0", b"2-0"]
    # The last came before the server went on: no buffer waited to be filled.
    assert seen[-1][1] < 1


class Watched(Watch):
    """A stream that is taken up again where it ended."""

    __slots__ = ("again", "heard", "pool", "why")

    def __init__(self, pool: Streams) -> None:
        super().__init__()
        self.pool, self.heard, self.why, self.again = pool, list[Event](), list[str](), True

    def begin(self) -> None:
        last = f"Last-Event-ID: {self.last_id.decode()}\r\n" if self.last_id else ""
        self.prepare(self.pool, self.pool.address.request("GET", "/feed", more=last), 0.0)
        self.connect()

    def told(self, events: list[Event]) -> None:
        self.heard += events

    def ended(self, why: str) -> None:
        self.why.append(why)
        if self.again:
            self.again = False
            self.begin()


def _until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        gevent.sleep(0.01)
    raise AssertionError("it did not come to that")


def test_many_streams_are_read_and_resumed_in_one_loop(serve: Serve, address: At) -> None:
    def tell(link: Any, request: bytes) -> bool:
        at = request.find(b"Last-Event-ID: ")
        first = int(request[at + 15 :].split(b"-")[0]) + 1 if at >= 0 else 0
        link.sendall(STREAM + chunk(b": beat\n\n"))
        for number in range(first, first + 3):
            link.sendall(chunk(b"id: %d-0\nevent: tick\ndata: {}\n\n" % number))
        time.sleep(5)
        return False

    server = serve(tell)
    pool = Streams(address(server), "127.0.0.9")
    watches = [Watched(pool) for _ in range(40)]
    for watch in watches:
        watch.begin()
    _until(lambda: all(len(watch.heard) == 3 for watch in watches))
    assert len(pool.open) == 40
    for watch in watches:
        watch.cut()
    _until(lambda: all(len(watch.heard) == 6 for watch in watches))
    wanted = [b"%d-0" % number for number in range(6)]
    assert all([event.event_id for event in watch.heard] == wanted for watch in watches)
    pool.close()
    assert not pool.open
    assert server.connections == 80


def test_a_stream_that_is_refused_or_broken_says_so(serve: Serve, address: At) -> None:
    def refuse(link: Any, request: bytes) -> bool:
        if b"Last-Event-ID" not in request:
            link.sendall(STREAM + chunk(b"id: 1-0\nevent: tick\ndata: {}\n\n"))
        else:
            link.sendall(b"HTTP/1.1 503 x\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n")
        return False

    pool = Streams(address(serve(refuse)))
    watch = Watched(pool)
    watch.begin()
    _until(lambda: len(watch.why) == 2)
    assert watch.why == ["closed by the server", "answered 503"]
    assert watch.status == 503
    assert watch.says_when
    assert not watch.open
