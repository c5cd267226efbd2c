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
from math import inf
from time import perf_counter
from typing import Any, Final, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from usher.plumbing.answer import ONE_WRITE
from usher.plumbing.presence import raise_open_files
from usher.plumbing.shed import PASSED, WHOLE_S, Shed

_LINE: Final = re.compile(rb"([A-Z]+) (/[!-~]*) HTTP/1\.1\r\n")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d{1,9})(?=\r\n)")
_ASKED_FOR: Final = re.compile(rb"\r\n(accept|accept-language): *([^\r]*)")
# What makes a request more than its head and so many bytes.
_SPECIAL: Final = re.compile(
    rb"\r\n(?:transfer-encoding|expect|upgrade(?=[: ])|connection(?!: *keep-alive\r\n))"
)
_HEAD_BYTES_MAX: Final = 16_384
# A request that comes in pieces is waited for as long as in each such time so much of it comes.
PIECES_S: Final = 20.0
_BYTES_S_MIN: Final = 500
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
    return max(_FILES_KEPT, min(_FILES_WANTED, raise_open_files()) - _FILES_KEPT)


def doorstep(shed: Shed, most: int, pieces_s: float = PIECES_S) -> type[asyncio.Protocol]:
    """The protocol of a server before whose application `shed` stands. Who comes when it holds
    `most` connections is told to come back, and let go; so is, untold, who says nothing, or whose
    request has not come whole: it would be under way for ever, for a client that may be gone."""

    class Doorstep(HttpToolsProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._between = True  # no request has begun that has not come whole
            self._passed = False
            self._too_many = False
            self._coming: asyncio.TimerHandle | None = None  # while a request comes in pieces
            self._pieces_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._too_many = len(self.connections) > most
            self.timeout_keep_alive_task = self.loop.call_later(
                pieces_s if self._too_many else self.timeout_keep_alive,
                self.timeout_keep_alive_handler,
            )

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._unset_keepalive_if_required()
            self._whole()

        def data_received(self, data: bytes) -> None:
            if self._too_many and not self._always_answered(data):
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
            if not self._between:
                self._in_pieces(len(data))

        def _always_answered(self, data: bytes) -> bool:
            asked = request_of(data)
            return asked is not None and shed.always_answers(asked.method, asked.path)

        def _in_pieces(self, count: int) -> None:
            """So much of a request has come, and not the end of it."""
            if self.transport.is_closing():
                return
            self.scope[WHOLE_S] = inf  # type: ignore[typeddict-unknown-key]
            if self._coming is None:
                self._pieces_bytes = 0
                self._coming = self.loop.call_later(pieces_s, self._wait_for_more)
            self._pieces_bytes += count

        def _wait_for_more(self) -> None:
            self._coming = None
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return  # a stream has taken it over
            if self._pieces_bytes < _BYTES_S_MIN * pieces_s and not self.flow.read_paused:
                self.transport.close()
                return
            self._pieces_bytes = 0
            self._coming = self.loop.call_later(pieces_s, self._wait_for_more)

        def _whole(self) -> None:
            if self._coming is not None:
                self._coming.cancel()
                self._coming = None

        def _one_write(self, scope: Any, answer: bytes) -> bool:
            """Sends an answer that is whole as what it is, where uvicorn makes two writes of it,
            its head and its body. False where that is not for here: nothing has been sent."""
            cycle = self.cycle
            plain = cycle.scope is scope and cycle.keep_alive and not cycle.response_started
            if not plain or cycle.disconnected or self.flow.write_paused:
                return False
            cycle.waiting_for_100_continue = False
            cycle.response_started = cycle.response_complete = True
            self.transport.write(answer)
            cycle.message_event.set()
            cycle.on_response()
            return True

        def _idle(self) -> bool:
            done = self.cycle is None or self.cycle.response_complete
            return done and not self.pipeline and not self.flow.write_paused

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._between = False
            self.scope[ONE_WRITE] = self._one_write  # type: ignore[typeddict-unknown-key]
            if self._passed:
                self._passed = False
                self.scope[PASSED] = True  # type: ignore[typeddict-unknown-key]

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self._between = True
            if WHOLE_S in self.scope:
                self.scope[WHOLE_S] = perf_counter()  # type: ignore[typeddict-unknown-key]
                self._whole()
                if self._idle() and self.timeout_keep_alive_task is None:
                    # It was answered before it was whole, and its coming has ended the wait.
                    self.timeout_keep_alive_task = self.loop.call_later(
                        self.timeout_keep_alive, self.timeout_keep_alive_handler
                    )

    return Doorstep
