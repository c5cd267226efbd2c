"""The servers every kind of test shares: real, embedded, started once a session."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple, cast

import httpx
import pytest

from usher.embedded import Embedded, delete_data, start_embedded
from usher.ids import new_id
from usher.plumbing.lua import Runner, connect
from usher.plumbing.script import load
from usher.plumbing.shipped import shipped
from usher.plumbing.signing import new_secret
from usher.settings import Settings, environ_of
from usher.up import free_port
from usher.wiring import House, opened
from usher.worker import end


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """`@pytest.mark.anyio` runs a test on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def all_tasks_end(anyio_backend: str) -> AsyncIterator[None]:
    """A task that forgets its cancellation (see `usher.worker.end`) is told again: a session that
    is over would otherwise wait for it for ever."""
    yield
    runners = ("TestRunner.", "BaseEventLoop.")  # pytest's own, one of which runs this
    await end(
        {
            task
            for task in asyncio.all_tasks()
            if not cast(Any, task.get_coro()).__qualname__.startswith(runners)
        }
    )


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Valkey (a cluster node), a plain Valkey, PostgreSQL; without fsync, for speed."""
    data_dir = tmp_path_factory.mktemp("servers")

    async def start() -> Embedded:
        return await start_embedded(data_dir, fast=True)

    embedded = asyncio.run(start())
    yield embedded
    asyncio.run(embedded.stop())
    delete_data(data_dir)


@pytest.fixture
async def runner(servers: Embedded) -> AsyncIterator[Runner]:
    """Scripts on the shared Redis; take a fresh `event` and nobody is in the way."""
    runner = Runner(connect(servers.redis_url, 8), load(shipped("lua")))
    yield runner
    await runner.close()


@pytest.fixture
def event() -> str:
    """An event id nobody has used."""
    return new_id("event")


class Site(NamedTuple):
    """A running usher: real API and worker processes on the shared servers."""

    settings: Settings
    url: str


@pytest.fixture(scope="session")
def settings(servers: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """What every process of the session's site is told. Its mail goes into a folder."""
    port = free_port("127.0.0.1", 0)
    return Settings(
        redis_url=servers.redis_url,
        jobs_redis_url=servers.jobs_redis_url,
        database_url=servers.database_url,
        secrets=new_secret(),
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        mail_url=f"maildir://{tmp_path_factory.mktemp('mail')}",
        log_level="warning",
        hooks_http=True,
        hooks_private=True,
    )


@pytest.fixture(scope="session")
def site(settings: Settings) -> Iterator[Site]:
    """One API process and one worker process, ready."""
    environ = environ_of(settings)

    def usher(*verb: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "usher", *verb], env=environ)

    assert usher("migrate").wait() == 0
    with ExitStack() as stack:
        for verb in ("serve", "worker"):
            process = usher(verb)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        _await_ready(settings.public_url)
        yield Site(settings, settings.public_url)


def _await_ready(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("the API process did not get ready")


@pytest.fixture
async def house(site: Site) -> AsyncIterator[House]:
    """Every service, in this process, on the same servers as the site."""
    async with opened(site.settings) as house:
        yield house


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the site, with room for a crowd."""
    limits = httpx.Limits(max_connections=250, max_keepalive_connections=250)
    async with httpx.AsyncClient(
        base_url=site.url, limits=limits, timeout=30, trust_env=False
    ) as client:
        yield client
