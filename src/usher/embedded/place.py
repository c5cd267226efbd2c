"""The data directory: who holds it, and what is remembered in it between two starts."""

import contextlib
import fcntl
import os
import random
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from usher.errors import SetupError

# Below the ports which systems give to outgoing connections: a client that keeps knocking on
# a stopped server's port could otherwise be given that very port and connect to itself.
_PORTS: Final = range(20_000, 32_000)
PORT_NAMES: Final = ("redis", "redis_bus", "jobs", "database")


class Memory(msgspec.Struct, kw_only=True):
    """servers.json: ports, the password of all three servers, where PostgreSQL's data is."""

    password: str
    ports: dict[str, int]
    database_folder: str = ""
    database_made: bool = False


class Place:
    """A data directory. Only who holds its lock may start servers in it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.expanduser().absolute()
        self._lock: int | None = None

    def make(self) -> None:
        """Create it, mode 0700; the mode of one that exists is left as it is."""
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            raise SetupError(f"cannot make the data directory {self.data_dir}: {fault}") from None
        # Above all root must not follow what another user writes into servers.json.
        owner = self.data_dir.stat().st_uid
        if owner != os.geteuid():
            raise SetupError(
                f"the data directory {self.data_dir} belongs to user {owner}, and this is user"
                f" {os.geteuid()}: run usher as its owner, or choose another directory"
            )

    def take(self) -> bool:
        """Take the lock, if it is free."""
        try:
            lock = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as fault:
            raise SetupError(f"cannot use the data directory {self.data_dir}: {fault}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            current = os.stat(self.data_dir / "lock")  # noqa: PTH116
            if not os.path.samestat(os.fstat(lock), current):
                raise FileNotFoundError
        except (BlockingIOError, FileNotFoundError):  # held, or deleted under our hands
            os.close(lock)
            return False
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock
        return True

    def leave(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def holder(self) -> str:
        """The pid of the process that holds the lock, as text."""
        with contextlib.suppress(FileNotFoundError):  # deleted this moment
            return (self.data_dir / "lock").read_text().strip() or "unknown"
        return "unknown"

    def recall(self) -> Memory | None:
        try:
            return msgspec.json.decode((self.data_dir / "servers.json").read_bytes(), type=Memory)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as fault:
            raise SetupError(f"cannot read {self.data_dir / 'servers.json'}: {fault}") from None

    def remember(self, memory: Memory) -> None:
        text = msgspec.json.format(msgspec.json.encode(memory)).decode()
        write_private(self.data_dir / "servers.json", text + "\n")

    def own_memory(self) -> Memory:
        """What was remembered, or a new memory; ports that are taken now are chosen anew."""
        memory = self.recall()
        if memory is None:
            if (self.data_dir / "database" / "server.lock").exists():
                raise SetupError(
                    f"{self.data_dir} was used before, but its servers.json, which knows the"
                    " password and the place of the database, is missing: put the file back,"
                    " or choose another data directory"
                )
            memory = Memory(password=secrets.token_hex(24), ports={})
        memory.ports = choose_ports(memory.ports)
        self.remember(memory)
        if not (self.data_dir / "secret").exists():
            text = f"{secrets.token_hex(4)}:{secrets.token_hex(32)}\n"
            write_private(self.data_dir / "secret", text)
        return memory

    def secret(self) -> str:
        return (self.data_dir / "secret").read_text().strip()


def choose_ports(wanted: dict[str, int]) -> dict[str, int]:
    """A free port of 127.0.0.1 for each name, the wanted one where it is free."""
    taken: list[socket.socket] = []
    try:
        return {name: _hold_port(wanted.get(name, 0), taken) for name in PORT_NAMES}
    finally:
        for held in taken:
            held.close()


def _hold_port(wanted: int, taken: list[socket.socket]) -> int:
    # Random, not in order: two starts at the same moment should not choose the same ones.
    tries = random.sample(_PORTS, 200)
    for port in [wanted, *tries] if wanted else tries:
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            held.bind(("127.0.0.1", port))
        except OSError:
            held.close()
        else:
            taken.append(held)
            return port
    raise SetupError(f"no free port on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}")


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 whole or not at all."""
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(fd)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
