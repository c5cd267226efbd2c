"""The roll of the processes that run: each says now and then that it is here, and how it stands.

One hash in Redis, a field a process; who has been silent for SILENT_S is struck off by the others.
It is read by whoever asks whether an installation is ready (`usher rehearse`), and decides nothing.
"""

import asyncio
import contextlib
import os
import secrets
import socket
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog

from usher.clock import now_ms
from usher.errors import UsherError
from usher.plumbing.lua import Runner

log = structlog.get_logger("usher.presence")

KEY: Final = "usher:present"
BEAT_S: Final = 10.0
SILENT_S: Final = 35.0

Kind = Literal["api", "worker"]


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """A process, as it last said. `skew_ms` is by how much its clock is ahead of Redis; `backlog`
    the longest queue of connections that its kernel keeps, None where it does not tell; `ring`
    the newest key's id and a proof of the key that gives nothing of it away."""

    name: str
    kind: Kind
    host: str
    pid: int
    files_max: int
    backlog: int | None
    connections: int  # to PostgreSQL, at most
    skew_ms: int
    ring: str
    url: str
    at_ms: int  # by Redis


_decoder: Final = msgspec.json.Decoder(Presence)


def open_files() -> int:
    """How many files, sockets among them, this process may have open."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000_000 if soft == resource.RLIM_INFINITY else soft


def raise_open_files() -> int:
    """Raises this process's limit of open files as far as it may be; what it is then. Processes
    started afterwards inherit it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, 65_536, 10_240):  # macOS says "unlimited" and takes no more than this
        if soft != resource.RLIM_INFINITY and (wanted > soft or wanted == resource.RLIM_INFINITY):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            except (ValueError, OSError):
                continue
            break
    return open_files()


def backlog() -> int | None:
    """The longest queue of connections nobody has accepted yet that this machine's kernel keeps,
    whatever a server asks for; None where it does not tell."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/sys/net/core/somaxconn").read_text())
    return None


async def skew_ms(runner: Runner) -> int:
    """By how many milliseconds this machine's clock is ahead of Redis, half a round trip off at
    most."""
    before = now_ms()
    theirs = await runner.time_ms()
    return (before + now_ms()) // 2 - theirs


class Here:
    """This process on the roll."""

    def __init__(self, runner: Runner, kind: Kind, ring: str, url: str, connections: int) -> None:
        self._runner = runner
        self._kind: Kind = kind
        self._ring = ring
        self._url = url
        self._connections = connections
        self._name = f"{kind} {socket.gethostname()} {os.getpid()} {secrets.token_hex(3)}"

    async def run(self) -> None:
        """Says so until cancelled, and then that it has gone."""
        try:
            while True:
                try:
                    await self._say()
                except UsherError as fault:
                    log.info("roll not called", fault=fault.detail)
                await asyncio.sleep(BEAT_S)
        finally:
            with contextlib.suppress(UsherError):
                await self._runner.command("HDEL", KEY, self._name)

    async def _say(self) -> None:
        skew = await skew_ms(self._runner)
        at_ms = now_ms() - skew
        said = Presence(
            name=self._name,
            kind=self._kind,
            host=socket.gethostname(),
            pid=os.getpid(),
            files_max=open_files(),
            backlog=backlog(),
            connections=self._connections,
            skew_ms=skew,
            ring=self._ring,
            url=self._url,
            at_ms=at_ms,
        )
        await self._runner.command("HSET", KEY, self._name, msgspec.json.encode(said))
        everybody = await self._runner.command("HGETALL", KEY)
        names = everybody[::2] if isinstance(everybody, list) else everybody
        here = {each.name for each in _read(everybody, at_ms)}
        if gone := [name for name in names if name not in here]:
            await self._runner.command("HDEL", KEY, *gone)


def _read(roll: list[str] | dict[str, str], at_ms: int) -> list[Presence]:
    words = roll[1::2] if isinstance(roll, list) else list(roll.values())
    found = []
    for word in words:
        with contextlib.suppress(msgspec.MsgspecError):  # another version's
            each = _decoder.decode(word)
            if at_ms - each.at_ms < SILENT_S * 1000:
                found.append(each)
    return sorted(found, key=lambda each: each.name)


async def roll(runner: Runner) -> list[Presence]:
    """The processes that are here, by name."""
    return _read(await runner.command("HGETALL", KEY), await runner.time_ms())
