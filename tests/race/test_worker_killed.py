"""The worker is killed between COMMIT and acknowledgement, and at random, under a load of bookings:
nothing is lost, nothing is double, money equals tickets."""

import asyncio
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import Site
from tests.race.crowd import Crowd
from tests.race.process import Lives, worker
from tests.race.stage import raise_curtain
from usher.settings import Settings
from usher.wiring import House

pytestmark = pytest.mark.anyio

FREE: Final = {"VVIP": 0}


@pytest.mark.parametrize("moment", ["read", "committed", "settled"])
async def test_killed_again_and_again_at_the_same_moment(
    lone: House, lone_settings: Settings, site: Site, tmp_path: Path, moment: str
) -> None:
    """Three lives, each of which ends at its second batch: read, committed, or all but
    acknowledged."""
    stage = await raise_curtain(lone, 10, prices=FREE)
    crowd = Crowd(stage, seed := random.randrange(1 << 30))
    given = {"death": f"{moment} 2", "deaths": "3", "haste": "1"}
    with worker(lone_settings, tmp_path / "diary", **given) as lives:
        try:
            await crowd.come(40, within_s=1)
            while lives.deaths < 3:
                await crowd.come(10, within_s=0.5)
            await stage.come_to_rest()
        except AssertionError as fault:
            raise AssertionError(f"seed {seed}") from fault
    await crowd.check()


@pytest.mark.parametrize(
    ("workers", "kills", "fans", "within_s"),
    [
        (1, 20, 150, 5),
        pytest.param(2, 20, 150, 5, marks=pytest.mark.chaos),
        pytest.param(3, 300, 1_500, 90, marks=pytest.mark.chaos),
    ],
)
async def test_killed_at_random(
    lone: House,
    lone_settings: Settings,
    site: Site,
    tmp_path: Path,
    workers: int,
    kills: int,
    fans: int,
    within_s: float,
) -> None:
    stage = await raise_curtain(lone, 10 + fans // 25, prices=FREE)
    crowd = Crowd(stage, seed := random.randrange(1 << 30))
    with ExitStack() as stack:
        lives = [
            stack.enter_context(worker(lone_settings, tmp_path / f"diary{n}", haste="1"))
            for n in range(workers)
        ]
        try:
            await asyncio.gather(crowd.come(fans, within_s), _kill(lives, kills, within_s, seed))
            await stage.come_to_rest()
        except AssertionError as fault:
            raise AssertionError(f"seed {seed}") from fault
        assert sum(each.deaths for each in lives) == kills
    await crowd.check()


async def _kill(lives: list[Lives], kills: int, within_s: float, seed: int) -> None:
    chance = random.Random(seed)
    pauses = [chance.random() for _ in range(kills + 1)]
    for pause in pauses[:kills]:
        await asyncio.sleep(pause / sum(pauses) * within_s)
        chance.choice(lives).kill()


async def test_control_a_worker_that_acknowledges_early_loses_bookings(
    lone: House, lone_settings: Settings, site: Site, tmp_path: Path
) -> None:
    stage = await raise_curtain(lone, 10, prices=FREE)
    crowd = Crowd(stage, 1, ["free"])
    given = {"death": "read 2", "deaths": "3", "haste": "1", "early": "1"}
    with worker(lone_settings, tmp_path / "diary", **given) as lives:
        while lives.deaths < 3:
            await crowd.come(5, within_s=0.5)
        await stage.come_to_rest()
    with pytest.raises(AssertionError, match="lost"):
        await crowd.check()
