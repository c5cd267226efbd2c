"""Thousands of readers of one stream each, in a process of their own: raw sockets under one epoll.

    python -m loadtests.bench.readers PORT PATH TOKENS

`TOKENS` is a file of bearer tokens, one a line, one for each reader in turn; or "-". Commands on
standard input, one a line, each answered by one line of JSON:

    open N      N more readers, each of which has heard a first message when the answer comes
    mark        counts messages anew
    heard N     when every reader has heard N messages since the mark
    count       what they have heard since the mark: least, most, in all; and the processor time
"""

import json
import select
import socket
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import Any, Final

# Every message has one line of data, and JSON breaks no line.
_MESSAGE: Final = b"\ndata: "
_PATIENCE_S: Final = 60.0
_OPENING: Final = 128  # connections at once on their way
_NO_PORT_YET: Final = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)


class Reader:
    __slots__ = ("heard", "link", "tail")

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.heard = 0
        self.tail = b""

    def take(self, data: bytes) -> None:
        """Counts messages, also those that come in two pieces."""
        text = self.tail + data
        self.heard += text.count(_MESSAGE)
        self.tail = text[1 - len(_MESSAGE) :]


class Readers:
    def __init__(self, port: int, path: str, tokens: list[str]) -> None:
        self._address = ("127.0.0.1", port)
        self._path = path
        self._tokens = cycle(tokens)
        self._sources = cycle(f"127.0.0.{n}" for n in range(2, 10))
        self._epoll = select.epoll()
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        self.told = False
        self.all: dict[int, Reader] = {}

    def open(self, count: int) -> None:
        """Opens `count` more."""
        left, waiting = count, set[Reader]()
        late = time.monotonic() + _PATIENCE_S
        while left or waiting:
            while left and len(waiting) < _OPENING:
                waiting.add(self._connect())
                left -= 1
            self.read(late)
            waiting = {reader for reader in waiting if not reader.heard}

    def _connect(self) -> Reader:
        link = socket.socket()
        link.setsockopt(socket.IPPROTO_IP, _NO_PORT_YET, 1)
        link.bind((next(self._sources), 0))
        link.connect(self._address)
        token = next(self._tokens, "")
        head = [f"GET {self._path} HTTP/1.1", "host: bench", "accept: text/event-stream"]
        head += [f"authorization: Bearer {token}"] if token else []
        link.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        link.setblocking(False)
        reader = self.all[link.fileno()] = Reader(link)
        self._epoll.register(link.fileno(), select.EPOLLIN)
        return reader

    def read(self, late: float) -> None:
        """Takes in what has come."""
        if time.monotonic() > late:
            raise TimeoutError("the server has fallen silent")
        for file, _ in self._epoll.poll(0.5, 4_096):
            reader = self.all.get(file)
            if reader is None:
                self.told = True  # a command, or their end
                continue
            data = reader.link.recv(262_144)
            if not data:
                raise ConnectionError("the server has ended a stream")
            if reader.heard == 0 and not reader.tail and not data.startswith(b"HTTP/1.1 200 "):
                raise ConnectionError(data[:400].decode(errors="replace"))
            reader.take(data)

    def mark(self) -> None:
        """From now on messages count."""
        for reader in self.all.values():
            reader.heard, reader.tail = 0, reader.tail or b" "

    def until_heard(self, count: int) -> None:
        """Returns when each has heard `count` since the mark."""
        late = time.monotonic() + _PATIENCE_S
        waiting = list(self.all.values())
        while waiting := [reader for reader in waiting if reader.heard < count]:
            self.read(late)

    def count(self) -> dict[str, Any]:
        """What was heard since the mark."""
        heard = [reader.heard for reader in self.all.values()]
        return {"least": min(heard), "most": max(heard), "all": sum(heard)}


def main() -> None:
    """Obeys until standard input ends."""
    port, path, file = sys.argv[1:]
    tokens = [] if file == "-" else Path(file).read_text().split()
    readers = Readers(int(port), path, tokens)
    while True:
        while not readers.told:  # who does not read between commands is cut off
            readers.read(time.monotonic() + 1)
        readers.told = False
        text = sys.stdin.readline()
        if not text:
            return
        word, *number = text.split()
        match word:
            case "open":
                readers.open(int(number[0]))
            case "mark":
                readers.mark()
            case "heard":
                readers.until_heard(int(number[0]))
        told = readers.count() if readers.all else {}
        sys.stdout.write(json.dumps(told | {"cpu_s": time.process_time()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
