"""Two more places to test at: a second database on the shared servers, where nobody works but who
a test starts; and a town, whose servers may be killed."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.places import database_of_its_own
from tests.race.town import Town, founded
from usher.embedded import Embedded
from usher.settings import Settings
from usher.wiring import House, opened


@pytest.fixture(scope="session")
async def lone_settings(
    servers: Embedded, settings: Settings, anyio_backend: str
) -> AsyncIterator[Settings]:
    """Settings under which the site's own worker sees nothing: its database is another one, and
    so is its list of jobs."""
    jobs_redis_url = servers.jobs_redis_url.removesuffix("/0") + "/1"
    async with database_of_its_own(servers, "lone") as url:
        # No mail: a kill after every effect of a mail as well is what tests/sql has.
        yield settings.with_(database_url=url, jobs_redis_url=jobs_redis_url, mail_url="")


@pytest.fixture
async def lone(lone_settings: Settings) -> AsyncIterator[House]:
    """Every service, in this process, on that database."""
    async with opened(lone_settings) as house:
        yield house
        # A worker that another test starts shall not keep all these events as well.
        async with house.database.connection() as connection:
            await connection.execute("UPDATE event SET state = 'draft'")


@pytest.fixture(scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Town]:
    """Servers and processes of this module's own."""
    async with founded(tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture
async def settlers(town: Town) -> AsyncIterator[House]:
    """Every service, in this process, on the town's servers."""
    async with opened(town.settings) as house:
        yield house


@pytest.fixture
async def visitors(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the town's API."""
    url = town.settings.public_url
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
        yield client
