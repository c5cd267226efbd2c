"""A second database on the shared servers: nobody works on it but who a test starts."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from usher.embedded import Embedded
from usher.plumbing.postgres import Database
from usher.settings import Settings
from usher.wiring import House, opened


@pytest.fixture(scope="session")
async def lone_settings(
    servers: Embedded, settings: Settings, anyio_backend: str
) -> AsyncIterator[Settings]:
    """Settings under which the site's own worker sees nothing: its database is another one, and
    so is its list of jobs."""
    link = await asyncpg.connect(servers.database_url)
    await link.execute("DROP DATABASE IF EXISTS lone WITH (FORCE)")
    await link.execute("CREATE DATABASE lone")
    url = servers.database_url.replace("/usher?", "/lone?")
    database = Database(url, connections=2)
    await database.open()
    await database.migrate()
    await database.close()
    yield settings.with_(
        database_url=url, jobs_redis_url=servers.jobs_redis_url.removesuffix("/0") + "/1"
    )
    await link.execute("DROP DATABASE lone WITH (FORCE)")
    await link.close()


@pytest.fixture
async def lone(lone_settings: Settings) -> AsyncIterator[House]:
    """Every service, in this process, on that database."""
    async with opened(lone_settings) as house:
        yield house
        # A worker that another test starts shall not keep all these events as well.
        async with house.database.connection() as connection:
            await connection.execute("UPDATE event SET state = 'draft'")
