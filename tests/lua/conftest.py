"""What the tests of scripts share: a hall of their own on the shared Redis."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.lua.hall import Hall
from usher.embedded import Embedded
from usher.plumbing.lua import Runner


@pytest.fixture
async def nowhere(servers: Embedded, runner: Runner, event: str) -> AsyncIterator[Hall]:
    """An event Redis knows nothing of."""
    raw = Redis.from_url(servers.redis_url)
    yield Hall(runner, raw, event)
    await raw.aclose()


@pytest.fixture
async def hall(nowhere: Hall) -> AsyncIterator[Hall]:
    """An event whose counters and feed are compared with its seats when the test is over."""
    yield nowhere
    assert nowhere.built_as is not None, "the test has built no hall"
    await nowhere.check()
