"""plumbing/presence: who runs says so, and who is silent is struck off."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.lua.ledger import until
from usher.plumbing import presence
from usher.plumbing.lua import Runner
from usher.plumbing.presence import Here, Kind, Presence, roll

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def own_roll(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The roll of this test: the site's processes are on another one."""
    monkeypatch.setattr(presence, "KEY", "usher:present:test")
    monkeypatch.setattr(presence, "BEAT_S", 0.02)
    yield
    await runner.command("DEL", presence.KEY)


def here(runner: Runner, kind: Kind) -> Here:
    return Here(runner, kind, "k1=abc", "http://x", 10)


async def kinds(runner: Runner) -> list[str]:
    return [each.kind for each in await roll(runner)]


async def test_who_runs_is_here_until_it_stops(runner: Runner) -> None:
    api = asyncio.create_task(here(runner, "api").run())
    worker = asyncio.create_task(here(runner, "worker").run())

    async def both() -> bool:
        return await kinds(runner) == ["api", "worker"]

    await until(both)
    (found, _) = await roll(runner)
    assert (found.ring, found.url, found.connections) == ("k1=abc", "http://x", 10)
    assert found.files_max > 0
    assert abs(found.skew_ms) < 60_000
    api.cancel()
    await asyncio.wait({api})
    assert await kinds(runner) == ["worker"]
    worker.cancel()
    await asyncio.wait({worker})
    assert await runner.command("EXISTS", presence.KEY) == 0


async def test_who_is_silent_and_what_cannot_be_read_is_struck_off(runner: Runner) -> None:
    gone = Presence(
        name="api old 1",
        kind="api",
        host="old",
        pid=1,
        files_max=1,
        backlog=None,
        connections=1,
        skew_ms=0,
        ring="",
        url="",
        at_ms=await runner.time_ms() - 60_000,
    )
    await runner.command("HSET", presence.KEY, gone.name, msgspec.json.encode(gone))
    await runner.command("HSET", presence.KEY, "another version's", "{}")
    assert await roll(runner) == []
    task = asyncio.create_task(here(runner, "api").run())

    async def alone() -> bool:
        left: int = await runner.command("HLEN", presence.KEY)
        return len(await roll(runner)) == left == 1

    await until(alone)
    task.cancel()
    await asyncio.wait({task})
