"""The servers every kind of test shares: real, embedded, started once a session."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from usher.embedded import Embedded, delete_data, start_embedded
from usher.ids import new_id
from usher.plumbing.lua import Runner, connect
from usher.plumbing.script import load
from usher.plumbing.shipped import shipped


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """`@pytest.mark.anyio` runs a test on asyncio."""
    return "asyncio"


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
