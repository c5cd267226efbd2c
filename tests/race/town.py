"""Servers, an API process and a worker that nobody else depends on: to be killed."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from tests.race.process import Api, Lives, api, worker
from usher.embedded import Embedded, delete_data, start_embedded
from usher.plumbing.signing import new_secret
from usher.settings import Settings
from usher.up import free_port
from usher.wiring import opened


class Town:
    """A whole site on servers of its own."""

    def __init__(self, servers: Embedded, settings: Settings, processes: ExitStack) -> None:
        self.servers = servers
        self.settings = settings
        self._processes = processes
        self.worker: Lives
        self.api: Api

    def open(self, diary: Path) -> None:
        """Starts the processes."""
        self.worker = self._processes.enter_context(worker(self.settings, diary, haste="1"))
        self.open_api()

    def open_api(self) -> None:
        """Starts the API process, also after it was killed."""
        self.api = self._processes.enter_context(api(self.settings))


@asynccontextmanager
async def founded(folder: Path) -> AsyncIterator[Town]:
    """A town in `folder`, gone with the `async with`."""
    # Durable servers: what PostgreSQL has acknowledged must outlive its being killed.
    async with start_embedded(folder / "data") as servers:
        port = free_port("127.0.0.1", 0)
        settings = Settings(
            redis_url=servers.redis_url,
            jobs_redis_url=servers.jobs_redis_url,
            database_url=servers.database_url,
            secrets=new_secret(),
            port=port,
            public_url=f"http://127.0.0.1:{port}",
            log_level="error",
        )
        async with opened(settings) as house:
            await house.database.migrate()
        with ExitStack() as processes:
            town = Town(servers, settings, processes)
            town.open(folder / "diary")
            yield town
    delete_data(folder / "data")
