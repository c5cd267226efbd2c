"""Start the three servers, or find those of another process, and stop them again."""

import asyncio
import shutil
import time
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from usher.embedded.binaries import ROOT_FOLDER
from usher.embedded.place import Memory, Place, choose_ports
from usher.embedded.postgres import Postgres
from usher.embedded.process import PortTakenError, Supervised, wait_gone
from usher.embedded.valkey import Valkey
from usher.errors import SetupError
from usher.settings import Settings

ADOPT_S: Final = 60.0  # how long the process that holds the directory may take to start
_PORT_TRIES: Final = 4


class Embedded:
    """Three running servers: two Valkeys and a PostgreSQL, all on 127.0.0.1.

    Not tied to an event loop: it may be started in one and stopped in another. `owned` is
    False when another process started them; then `stop` leaves them alone.
    """

    def __init__(self, place: Place, memory: Memory, *, owned: bool, fast: bool) -> None:
        self.owned = owned
        self.data_dir = place.data_dir
        self._place = place
        self._memory = memory
        home, ports, password = place.data_dir, memory.ports, memory.password
        self._redis = Valkey(
            "redis",
            home / "redis",
            ports["redis"],
            password,
            bus_port=ports["redis_bus"],
            fast=fast,
        )
        self._jobs = Valkey("jobs", home / "jobs", ports["jobs"], password, fast=fast)
        self._database = Postgres(place, memory, fast=fast)
        self._all = {
            server.name: Supervised(server) for server in (self._redis, self._jobs, self._database)
        }

    @property
    def redis_url(self) -> str:
        """A cluster of one node with all slots."""
        return self._redis.url

    @property
    def jobs_redis_url(self) -> str:
        """A plain server, for arq."""
        return self._jobs.url

    @property
    def database_url(self) -> str:
        """The database ``usher``, as its superuser."""
        return self._database.url

    @property
    def database_folder(self) -> Path:
        """Where PostgreSQL keeps its data: as root elsewhere than below the data directory, which
        its unprivileged user may not be able to reach."""
        return Path(self._memory.database_folder or self.data_dir / "database")

    def secret(self) -> str:
        """The key ring, ``kid:hex`` with 32 random bytes: made once, kept in the directory."""
        return self._place.secret()

    def apply(self, settings: Settings) -> Settings:
        """The settings, with the three URLs and the secrets filled in where they were empty."""
        return settings.with_(
            redis_url=settings.redis_url or self.redis_url,
            jobs_redis_url=settings.jobs_redis_url or self.jobs_redis_url,
            database_url=settings.database_url or self.database_url,
            secrets=settings.secrets or self.secret(),
        )

    async def answering(self) -> bool:
        """Whether all three answer now, whoever owns them."""
        probes = (supervised.server.probe(owner=False) for supervised in self._all.values())
        return all(await asyncio.gather(*probes))

    def alive(self) -> dict[str, bool]:
        """Per name, whether the server's process lives. Only of servers that we own."""
        return {name: self._own(name).alive() for name in self._all}

    async def wait_death(self) -> str:
        """Wait until a server of ours is not alive, for whatever reason, and return its name."""
        while True:
            for name, alive in self.alive().items():
                if not alive:
                    return name
            await asyncio.sleep(0.1)

    def pids(self) -> dict[str, list[int]]:
        """Per name, the pids of the guard and of the server, of servers that we own."""
        return {name: self._own(name).pids() for name in self._all}

    async def restart(self, name: str) -> None:
        """Stop the server `name` in order, if it lives, and start it on the same port."""
        server = self._own(name)
        await server.stop()
        await server.start()

    async def kill(self, name: str) -> None:
        """End the server `name` as a crash would (SIGKILL); `restart` brings it back."""
        await self._own(name).kill()

    async def stop(self) -> None:
        """Stop what we started and return once it is gone. May be called again."""
        if self.owned:
            try:
                await asyncio.gather(*(server.stop() for server in self._all.values()))
            finally:
                self._place.leave()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _fault: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _own(self, name: str) -> Supervised:
        if not self.owned:
            raise SetupError(
                f"the servers of {self.data_dir} belong to process {self._place.holder()}"
            )
        if name not in self._all:
            raise SetupError(f"no server named {name!r}: there are {', '.join(self._all)}")
        return self._all[name]

    async def _start(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for name in self._all:
                    group.create_task(self._start_one(name))
        except BaseExceptionGroup as faults:
            await self.stop()
            raise faults.exceptions[0] from None
        except BaseException:
            await self.stop()
            raise

    async def _start_one(self, name: str) -> None:
        server = self._all[name]
        for left in reversed(range(_PORT_TRIES)):
            try:
                return await server.start()
            except PortTakenError:
                if not left:
                    raise
                self._choose_again(name)
            except OSError as fault:
                raise SetupError(
                    f"cannot start the embedded {name} server in {self.data_dir}: {fault}"
                ) from fault
        return None

    def _choose_again(self, name: str) -> None:
        kept = {n: p for n, p in self._memory.ports.items() if not n.startswith(name)}
        fresh = choose_ports({})
        self._memory.ports = {**fresh, **kept}
        self._place.remember(self._memory)
        server = self._all[name].server
        server.port = self._memory.ports[name]
        if name == "redis":
            self._redis.bus_port = self._memory.ports["redis_bus"]


class Opening:
    """What start_embedded returns: await it, or enter it with ``async with``."""

    def __init__(self, data_dir: Path, *, adopt: bool, fast: bool) -> None:
        self._place = Place(data_dir)
        self._adopt = adopt
        self._fast = fast
        self._opened: Embedded | None = None

    def __await__(self) -> Generator[Any, None, Embedded]:
        return self._open().__await__()

    async def __aenter__(self) -> Embedded:
        self._opened = await self._open()
        return self._opened

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _fault: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._opened is not None:
            await self._opened.stop()

    async def _open(self) -> Embedded:
        place = self._place
        place.make()
        late = time.monotonic() + ADOPT_S
        while not place.take():
            if not self._adopt:
                raise SetupError(
                    f"process {place.holder()} already runs the servers of {place.data_dir}:"
                    " stop it first, or choose another data directory"
                )
            # Its owner may still be starting, or just ending: then the lock comes free.
            memory = place.recall()
            if memory is not None:
                servers = Embedded(place, memory, owned=False, fast=self._fast)
                if await servers.answering():
                    return servers
            if time.monotonic() > late:
                raise SetupError(
                    f"process {place.holder()} holds {place.data_dir}, but its servers do not"
                    f" answer after {ADOPT_S:.0f} s"
                )
            await asyncio.sleep(0.1)
        return await self._own()

    async def _own(self) -> Embedded:
        try:
            for name in ("redis", "jobs", "database"):
                await wait_gone(self._place.data_dir / name)  # and so give back the old ports
            memory = self._place.own_memory()
        except BaseException as fault:
            self._place.leave()
            if isinstance(fault, OSError):
                raise SetupError(f"cannot use {self._place.data_dir}: {fault}") from fault
            raise
        servers = Embedded(self._place, memory, owned=True, fast=self._fast)
        await servers._start()
        return servers


def start_embedded(data_dir: Path, *, adopt: bool = True, fast: bool = False) -> Opening:
    """Start the servers on `data_dir`, all ready when this returns; await it or enter it.

    They live no longer than this process (so start them after a daemon has detached itself).

    Where another process has them running, they are adopted: the handle has its URLs and does
    not own them. With ``adopt=False`` that is a SetupError naming the process. ``fast`` gives
    up durability for tests: nothing is synced to disk. A start takes about 2 s, the time a
    Valkey cluster node waits before it takes writes. Raises SetupError, with the last lines
    of a server's log, when one does not start.
    """
    return Opening(data_dir, adopt=adopt, fast=fast)


def delete_data(data_dir: Path) -> None:
    """Delete everything start_embedded made for `data_dir`, and it if nothing else is in it.

    SetupError while a process runs its servers. As root part of the data lies elsewhere,
    so that deleting the directory by hand would leave it behind.
    """
    place = Place(data_dir)
    if not place.data_dir.exists():
        return
    place.make()
    if not place.take():
        raise SetupError(f"process {place.holder()} runs the servers of {place.data_dir}")
    try:
        memory = place.recall()
        folders = [place.data_dir / name for name in ("redis", "jobs", "database")]
        if memory is not None and memory.database_folder:
            outside = Path(memory.database_folder)
            if outside.parent == ROOT_FOLDER:
                folders.append(outside)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        for name in ("servers.json", "secret", "lock"):
            (place.data_dir / name).unlink(missing_ok=True)
        if not any(place.data_dir.iterdir()):
            place.data_dir.rmdir()
    finally:
        place.leave()


async def find_embedded(data_dir: Path) -> Embedded | None:
    """The servers another process runs on `data_dir`, adopted; None where nobody does."""
    place = Place(data_dir)
    if not place.data_dir.exists():
        return None
    place.make()
    if place.take():
        place.leave()
        return None
    memory = place.recall()
    servers = Embedded(place, memory, owned=False, fast=False) if memory is not None else None
    return servers if servers is not None and await servers.answering() else None
