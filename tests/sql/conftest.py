"""PostgreSQL for tests: one migrated database for all, an empty one for who asks.

No worker works on either: what a test puts on the outbox is there when it looks.
"""

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.places import database_of_its_own
from usher.embedded import Embedded
from usher.plumbing.postgres import Database
from usher.plumbing.signing import KeyRing, Signer, new_secret


@pytest.fixture(scope="session")
async def database(servers: Embedded, anyio_backend: str) -> AsyncIterator[Database]:
    """Opened and migrated, shared by all tests: take fresh ids and nobody is in the way."""
    async with database_of_its_own(servers, "ledgers") as url:
        database = Database(url, connections=8)
        await database.open()
        yield database
        await database.close()


@pytest.fixture
async def empty_url(servers: Embedded, anyio_backend: str) -> AsyncIterator[str]:
    """The address of a database with nothing in it, dropped afterwards."""
    name = f"empty_{secrets.token_hex(6)}"
    link = await asyncpg.connect(servers.database_url)
    try:
        await link.execute(f"CREATE DATABASE {name}")
        yield servers.database_url.replace("/usher?", f"/{name}?")
        await link.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await link.close()


@pytest.fixture
def signer() -> Signer:
    """Signs with a key of its own."""
    return Signer(KeyRing(new_secret()))
