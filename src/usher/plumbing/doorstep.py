"""uvicorn's protocol with a step before it: what is to be refused is answered unparsed.

A refusal by an ASGI layer costs a third of a join: the parser, a task, a response put together. At
five times what a process can carry that alone would be more than it can carry. Here it is a look at
the request line and one write, and the connection is then not read for a moment: libuv goes on
reading for as long as a thousand sockets have something to say, and everybody else would wait.

Only whole, plain requests are looked at (a head of HTTP/1.1 with its body, nothing behind it, the
connection kept); all else goes the usual way, where the ASGI layer asks the same question.
"""

import asyncio
import re
import resource
from typing import Any, Final, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from usher.plumbing.shed import PASSED, Shed

_LINE: Final = re.compile(rb"([A-Z]+) (/[!-~]*) HTTP/1\.1\r\n")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d{1,9})(?=\r\n)")
_ASKED_FOR: Final = re.compile(rb"\r\n(accept|accept-language): *([^\r]*)")
# What makes a request more than its head and so many bytes.
_SPECIAL: Final = re.compile(
    rb"\r\n(?:transfer-encoding|expect|upgrade(?=[: ])|connection(?!: *keep-alive\r\n))"
)
_HEAD_BYTES_MAX: Final = 16_384
_FILES_WANTED: Final = 131_072
_FILES_KEPT: Final = 256  # for servers, listening and what else there is


class Asked(NamedTuple):
    """A request, as far as it matters; `headers` are those by which a page is chosen."""

    method: str
    path: str
    headers: list[tuple[bytes, bytes]]


def request_of(data: bytes) -> Asked | None:
    """The whole plain request that `data` is; None of anything else."""
    line = _LINE.match(data)
    if line is None:
        return None
    end = data.find(b"\r\n\r\n", 0, _HEAD_BYTES_MAX)
    head = data[: end + 2].lower()
    if end < 0 or _SPECIAL.search(head):
        return None
    lengths = _LENGTH.findall(head)
    if head.count(b"\r\ncontent-length") != len(lengths) or len(lengths) > 1:
        return None
    if len(data) != end + 4 + int(lengths[0] if lengths else 0):
        return None
    path = line[2].partition(b"?")[0].decode()
    method = line[1].decode()
    if method == "HEAD":
        return None  # its answer has the head of a refusal and not its body
    return Asked(method, path, [] if path.startswith("/api/") else _ASKED_FOR.findall(head))


def connections_max() -> int:
    """How many connections this process may hold, after its limit of open files has been raised as
    far as it may be. One more than that limit, and the event loop hangs up on whoever comes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(_FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    most = _FILES_WANTED if soft == resource.RLIM_INFINITY else soft
    return max(_FILES_KEPT, most - _FILES_KEPT)


def doorstep(shed: Shed, most: int) -> type[asyncio.Protocol]:
    """The protocol of a server before whose application `shed` stands. Who comes when it holds
    `most` connections is told to come back, and let go."""

    class Doorstep(HttpToolsProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._between = True  # no request has begun that has not come whole
            self._passed = False
            self._too_many = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._too_many = len(self.connections) > most

        def data_received(self, data: bytes) -> None:
            if self._too_many:
                self.transport.write(shed.farewell())
                self.transport.close()
                return
            if shed.busy and self._between and self._idle():
                asked = request_of(data)
                if asked is not None:
                    refusal = shed.refused(*asked)
                    if refusal is not None:
                        self._unset_keepalive_if_required()
                        self.transport.write(refusal)
                        self.flow.pause_reading()
                        shed.rest(self.flow.resume_reading)
                        self.timeout_keep_alive_task = self.loop.call_later(
                            self.timeout_keep_alive, self.timeout_keep_alive_handler
                        )
                        return
                    self._passed = True
            super().data_received(data)

        def _idle(self) -> bool:
            done = self.cycle is None or self.cycle.response_complete
            return done and not self.pipeline and not self.flow.write_paused

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._between = False
            if self._passed:
                self._passed = False
                self.scope[PASSED] = True  # type: ignore[typeddict-unknown-key]

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self._between = True

    return Doorstep
