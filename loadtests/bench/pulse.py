"""Another process that asks Redis for a sign of life, again and again: what a fan would notice.

    python -m loadtests.bench.pulse REDIS_URL

Pings about a thousand times a second until its standard input is closed, then prints what it saw as
JSON. A round trip is long where the server pauses, and also where this process or the server had to
wait for a processor that others were using: Linux says how long that was
(/proc/PID/schedstat: ns on a processor, ns runnable without one), so both are told.
"""

import asyncio
import contextlib
import select
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from loadtests.bench.wire import command

EVERY_S: Final = 0.001
_PING: Final = b"*1\r\n$4\r\nPING\r\n"


class Pulse(msgspec.Struct):
    """Milliseconds. `longest_ms` is the longest round trip; `pause_ms` the longest of what is left
    of each without the time in which one of the two waited for a processor."""

    pings: int = 0
    longest_ms: float = 0.0
    pause_ms: float = 0.0
    over_10_ms: int = 0


def _waited_ns(pid: int | str) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1])
    return 0


def _ask(link: socket.socket, asked: bytes, end: bytes) -> bytes:
    link.sendall(asked)
    answer = b""
    while not answer.endswith(end):
        answer += link.recv(65_536)
    return answer


def watch(url: str) -> Pulse:
    """Pings until standard input is closed."""
    parts = urlsplit(url)
    pulse = Pulse()
    with socket.create_connection((parts.hostname, parts.port or 6379)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _ask(link, command("AUTH", parts.password or ""), b"\r\n")
        server = _ask(link, command("INFO", "server"), b"\r\n")
        pid = int(server.partition(b"process_id:")[2].split()[0])
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], EVERY_S)[0]:
            self_ns, server_ns = _waited_ns("self"), _waited_ns(pid)
            began = time.perf_counter()
            _ask(link, _PING, b"\r\n")
            took_ms = (time.perf_counter() - began) * 1_000
            # The longer wait and not their sum: they may have waited at the same time.
            waited_ms = max(_waited_ns("self") - self_ns, _waited_ns(pid) - server_ns) / 1e6
            pulse.pings += 1
            pulse.longest_ms = max(pulse.longest_ms, took_ms)
            pulse.pause_ms = max(pulse.pause_ms, took_ms - waited_ms)
            pulse.over_10_ms += took_ms > 10
    return pulse


@asynccontextmanager
async def taken(url: str) -> AsyncIterator[Pulse]:
    """The pulse of the server at `url` while the `async with` lasts; filled in at its end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loadtests.bench.pulse",
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    pulse = Pulse()
    try:
        await child.stdout.readline()
        yield pulse
    finally:
        child.stdin.close()
        seen = msgspec.json.decode(await child.stdout.readline(), type=Pulse)
        await child.wait()
    for name in pulse.__struct_fields__:
        setattr(pulse, name, getattr(seen, name))


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(watch(sys.argv[1])) + b"\n")
