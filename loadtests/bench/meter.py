"""What servers are measured with: readers of streams, and what a process has used."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from loadtests.bench.cpu import cpu_s
from usher.plumbing.presence import raise_open_files

# A process keeps some files for what else it has open (plumbing/doorstep.py), and answers polls
# while all streams are.
_OTHER_FILES: Final = 600


class Readers:
    """The process of readers; see loadtests/bench/readers.py."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    async def __call__(self, command: str) -> dict[str, Any]:
        """Gives a command, and what it was answered."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{command}\n".encode())
        line = await self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"the readers broke off at {command!r}")
        told: dict[str, Any] = json.loads(line)
        return told


@asynccontextmanager
async def reading(port: int, path: str, tokens: Path | None = None) -> AsyncIterator[Readers]:
    """Readers of `path`, as long as the `async with`."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "loadtests.bench.readers", str(port), path, str(tokens or "-")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Readers(child)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


def room_for(streams: int) -> int:
    """As many of `streams` as this machine lets one process have open."""
    return min(streams, raise_open_files() - _OTHER_FILES)


class Meter:
    """Reads what a process has used."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def cpu_s(self) -> float:
        """Seconds of processor time so far, user and system."""
        return cpu_s(self._process.pid)

    async def memory(self) -> int:
        """Bytes, when it has come to rest."""
        await asyncio.sleep(1.5)
        return int(self._process.memory_full_info().uss)


async def opened_by(readers: Readers, meter: Meter, streams: int) -> float:
    """Opens `streams`; bytes of each."""
    before = await meter.memory()
    await readers(f"open {streams}")
    return (await meter.memory() - before) / streams
