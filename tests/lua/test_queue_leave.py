import pytest

from usher.plumbing.lua import Runner
from usher.queue.scripts import QueueScripts, Shut


@pytest.mark.anyio
async def test_leaving_an_event_redis_does_not_know_says_so(runner: Runner, event: str) -> None:
    assert await QueueScripts(runner).leave(event, "plc_a") == Shut("lost")
