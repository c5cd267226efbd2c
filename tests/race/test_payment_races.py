"""Money against time and against other buyers: killed after every effect, and overtaken at random.

In each story a payment is either captured for a confirmed booking or given back, once, whatever
happens to the worker meanwhile.
"""

import asyncio
import os
import random
from collections.abc import Sequence
from typing import Final

import msgspec
import pytest

from tests.race.fate import Death, Shift
from tests.race.refund_stories import REFUND_STORIES
from tests.race.stage import Stage, raise_curtain
from tests.race.stories import STORIES, Story, due_now, in_time
from usher.booking import queries
from usher.booking.jobs import expire
from usher.booking.model import Booking
from usher.booking.refunding.jobs import wind_up
from usher.outbox.service import Outbox
from usher.plumbing.postgres import Connection
from usher.wiring import House

SEEDS: Final = int(os.environ.get("USHER_TEST_SEEDS", "2"))
EFFECTS_MAX: Final = 60
ALL: Final = STORIES | REFUND_STORIES
# Of the others, whose every effect is a place to die at all the same, `just chaos` has the rest.
_OFTEN: Final = {"in time", "late", "late and sold", "second attempt", "due now", *REFUND_STORIES}
OVERTAKEN: Final = [
    pytest.param(name, marks=() if name in _OFTEN else pytest.mark.chaos) for name in ALL
]


async def killed_everywhere(stage: Stage, story: Story) -> int:
    """Plays a story again and again, killed after its first effect, its second...; how many."""
    for effect in range(1, EFFECTS_MAX):
        after = await story(stage)
        stage.fate.die_at(effect)
        try:
            await stage.shift.round()
            lived = True
        except Death:
            lived = False
        died_after = list(stage.fate.effects)
        stage.fate.rest()
        await stage.shift.finish()
        try:
            await after()
        except AssertionError as fault:
            raise AssertionError(f"killed after {died_after}") from fault
        if lived:
            return effect
    raise AssertionError("a round has no end")


async def overtaken(stage: Stage, story: Story, seeds: int) -> None:
    """Plays a story with three workers who were given the same entries, while two more expire
    bookings and carry letters."""
    base = random.randrange(1 << 30)
    for seed in range(base, base + seeds):
        after = await story(stage)
        stage.fate.overtake(seed)
        work = [Shift(stage.house, stage.event).scatter(seed + n) for n in range(3)]
        work += [_meanwhile(stage, seed + n) for n in range(2)]
        try:
            await asyncio.gather(*work)
            stage.fate.rest()
            await stage.shift.finish()
            await after()
        except BaseException as fault:
            raise AssertionError(f"seed {seed}") from fault


async def _meanwhile(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(3):
        await asyncio.sleep(chance.random() * 0.02)
        await expire(stage.house.database)
        await wind_up(stage.house.database)
        # Another process's: in one, a kind of letter is carried by one relay at a time.
        await Outbox(stage.house.database, stage.house.carriers, stage.house.metrics).relay()


@pytest.mark.anyio
@pytest.mark.parametrize("name", ALL)
async def test_a_worker_killed_after_any_effect(lone: House, name: str) -> None:
    stage = await raise_curtain(lone)
    assert await killed_everywhere(stage, ALL[name]) > 3, "nobody was killed"
    await stage.check()


@pytest.mark.anyio
@pytest.mark.parametrize("name", OVERTAKEN)
async def test_workers_that_overtake_each_other(lone: House, name: str) -> None:
    stage = await raise_curtain(lone, 5 + SEEDS // 10)
    await overtaken(stage, ALL[name], SEEDS)
    await stage.check()


class Hasty(Shift):
    """Acknowledges first and works afterwards: at most once instead of at least once."""

    async def commit(self) -> None:
        if entries := await self.entries():
            await self.house.runner.command("XDEL", self.key, *(e.id for e in entries))
            await self.ledger.handle(entries)


@pytest.mark.anyio
async def test_control_an_early_acknowledgement_is_noticed(lone: House) -> None:
    stage = await raise_curtain(lone)
    stage.shift = Hasty(lone, stage.event)
    with pytest.raises(AssertionError, match="killed after"):
        await killed_everywhere(stage, in_time)


@pytest.mark.anyio
async def test_control_a_transition_without_its_condition_is_noticed(
    lone: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks first and writes later, as if nobody else were at work."""

    async def careless(
        connection: Connection, ids: Sequence[str], before: str, after: str, reason: str = ""
    ) -> list[Booking]:
        found = await queries.states(connection, ids)
        wanted = [each for each in ids if found.get(each) == before]
        await asyncio.sleep(0.02)
        rows = await connection.fetch(
            "UPDATE booking SET state = $2, reason = $3 WHERE id = ANY($1::text[])"
            f" RETURNING {queries.COLUMNS}",
            wanted,
            after,
            reason,
        )
        return [msgspec.convert(dict(row), Booking) for row in rows]

    monkeypatch.setattr(queries, "move", careless)
    stage = await raise_curtain(lone)

    async def play() -> None:
        await overtaken(stage, due_now, 12)
        await stage.check()

    with pytest.raises(AssertionError):
        await play()
