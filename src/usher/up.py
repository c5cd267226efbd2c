"""Everything on one machine: embedded servers where none are given, API processes, a worker."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from usher.embedded import Embedded, start_embedded
from usher.errors import SetupError, UsherError
from usher.plumbing.child import Child
from usher.plumbing.lua import Runner
from usher.plumbing.presence import roll
from usher.settings import Settings, environ_of
from usher.wiring import House, opened

READY_S = 30.0


class Up:
    """A running usher: its settings (with the addresses it really has), a house on the same
    servers, its processes."""

    def __init__(
        self, settings: Settings, house: House, children: list[Child], servers: Embedded | None
    ) -> None:
        self.settings = settings
        self.house = house
        self.children = children
        self.servers = servers

    @property
    def url(self) -> str:
        return self.settings.public_url

    def child(self, name: str) -> Child:
        """The process of that name: "api", "worker", "worker-2"..."""
        return next(child for child in self.children if child.name == name)


async def with_servers(
    settings: Settings, stack: AsyncExitStack
) -> tuple[Settings, Embedded | None]:
    """Settings in which no server is missing: what is not given is embedded. SetupError where
    another process runs the servers of the data directory: they would end with it."""
    if settings.redis_url and settings.database_url and settings.secrets:
        return settings, None
    servers = await stack.enter_async_context(start_embedded(settings.data_dir, adopt=False))
    return servers.apply(settings), servers


def free_port(host: str, wanted: int) -> int:
    """`wanted` where it is free (0 takes any); SetupError where it is not."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as fault:
            raise SetupError(
                f"{host}:{wanted} cannot be used ({fault.strerror}); choose another --port"
            ) from fault
        return int(probe.getsockname()[1])


@asynccontextmanager
async def up(settings: Settings, *, workers: int = 1, given_url: bool = False) -> AsyncIterator[Up]:
    """usher, running and ready, inside the `async with`; stopped in order on leaving.

    Migrations run first. `given_url` keeps settings.public_url; else it follows host and port.
    """
    async with AsyncExitStack() as stack:
        settings, servers = await with_servers(settings, stack)
        port = free_port(settings.host, settings.port)
        settings = settings.with_(port=port)
        if not given_url:
            name = f"[{settings.host}]" if ":" in settings.host else settings.host
            settings = settings.with_(public_url=f"http://{name}:{port}")
        house = await stack.enter_async_context(opened(settings))
        await house.database.migrate()
        environ = environ_of(settings)
        children = [Child("api", ["serve"], environ)]
        for number in range(1, workers + 1):
            name = "worker" if number == 1 else f"worker-{number}"
            children.append(Child(name, ["worker"], environ))
        stack.push_async_callback(_stop, children)
        await asyncio.gather(*(child.start() for child in children))
        await ready(f"http://{settings.host}:{port}", children[0], house.runner)
        yield Up(settings, house, children, servers)


async def _stop(children: list[Child]) -> None:
    await asyncio.gather(*(child.stop() for child in children))


async def ready(url: str, api: Child, runner: Runner) -> None:
    """Returns when the API answers that it can serve; SetupError when it does not in time. It must
    be on the roll as well: somebody else may have taken the port since it was found free."""
    late = asyncio.get_running_loop().time() + READY_S
    host = socket.gethostname()
    async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
        while asyncio.get_running_loop().time() < late:
            try:
                answers = (await http.get(f"{url}/readyz")).is_success
                if answers and (api.pid, host) in {(p.pid, p.host) for p in await roll(runner)}:
                    return
            except (httpx.HTTPError, UsherError):
                pass
            if api.restarts > 2:
                break
            await asyncio.sleep(0.1)
    raise SetupError("the API process does not get ready; its log above says why")
