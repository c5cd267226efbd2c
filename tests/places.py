"""Places on the shared servers where nobody works but who a test starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from usher.embedded import Embedded
from usher.plumbing.postgres import Database


@asynccontextmanager
async def database_of_its_own(servers: Embedded, name: str) -> AsyncIterator[str]:
    """The address of a fresh, migrated database that the site's worker does not see; dropped
    afterwards."""
    link = await asyncpg.connect(servers.database_url)
    try:
        await link.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await link.execute(f"CREATE DATABASE {name}")
        url = servers.database_url.replace("/usher?", f"/{name}?")
        database = Database(url, connections=2)
        await database.open()
        await database.migrate()
        await database.close()
        yield url
        await link.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await link.close()
