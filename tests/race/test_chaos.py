"""Everything that can be killed is killed, for minutes, while a crowd buys. Run by `just chaos`."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from tests.race.crowd import Crowd
from tests.race.stage import raise_curtain
from tests.race.town import Town
from usher.wiring import House

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

FREE: Final = {"VVIP": 0}
BLOWS: Final = 40


class Fury:
    """Kills one thing after the other, and lets it come back."""

    def __init__(self, town: Town, seed: int) -> None:
        self._town = town
        self._chance = random.Random(seed)

    async def strike(self) -> None:
        """One blow."""
        blows: list[Callable[[], Awaitable[None]]] = [
            self._worker,
            self._worker,
            self._api,
            lambda: self._server("redis"),
            lambda: self._server("jobs"),
            lambda: self._server("database"),
        ]
        await self._chance.choice(blows)()
        await asyncio.sleep(self._chance.random())

    async def _worker(self) -> None:
        self._town.worker.kill()

    async def _api(self) -> None:
        self._town.api.kill()
        await asyncio.to_thread(self._town.open_api)

    async def _server(self, name: str) -> None:
        await self._town.servers.kill(name)
        await asyncio.sleep(self._chance.random())
        await self._town.servers.restart(name)


async def test_everything_is_killed_again_and_again(town: Town, settlers: House) -> None:
    stage = await raise_curtain(settlers, 60, prices=FREE)
    seed = random.randrange(1 << 30)
    crowd, fury = Crowd(stage, seed), Fury(town, seed)
    try:
        coming = asyncio.create_task(crowd.come(1_500, within_s=100))
        for _ in range(BLOWS):
            await fury.strike()
        await coming
        await stage.come_to_rest()
        await crowd.check()
    except BaseException as fault:
        raise AssertionError(f"seed {seed}") from fault
