"""A gate that slows by itself: what an organiser sees of it, and sets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from tests.conftest import Site
from tests.contract.fan import Fan, private, refused
from tests.contract.organiser import Organiser
from tests.sale import put_on_sale
from usher.cli import main
from usher.settings import environ_of
from usher.venue.generate import rows_by_columns
from usher.wiring import House

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def commits_wait(house: House) -> AsyncIterator[None]:
    """Nobody can write bookings inside the `async with`; they can be read."""
    async with house.database.transaction() as connection:
        await connection.execute("LOCK TABLE booking IN SHARE MODE")
        yield


async def pulse(boss: Organiser, *, slowed: bool) -> dict[str, Any]:
    """The pulse once the gate is slowed, or is not any more."""
    for _ in range(200):
        told: dict[str, Any] = private(await boss.ask("GET", "pulse"), 200)
        if bool(told["slowed"]) == slowed:
            return told
        await asyncio.sleep(0.1)
    raise AssertionError(f"never slowed={slowed}: {told}")


async def usher(site: Site, *words: str) -> Result:
    """A command, as an operator types it."""

    def run() -> Result:
        return CliRunner().invoke(main, words, env=environ_of(site.settings))

    return await asyncio.to_thread(run)


async def test_commits_that_wait_slow_the_gate_for_all_to_see(
    house: House, site: Site, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 8), mode="simple", prices={"VVIP": 0})
    boss = Organiser(http, event, organiser)
    fans = [await Fan(http, event).come_in() for _ in range(5)]
    holds = [await fan.held(f"A-{n}") for n, fan in enumerate(fans, start=1)]
    await boss.sale(mode="queued")
    after = await boss.gate(rate_per_min=600, rate_floor_pct=90)
    assert (after["throttle"], after["rate_floor_pct"]) == ("on", 90)
    waiting = Fan(http, event)
    async with commits_wait(house):
        for fan, hold in zip(fans, holds, strict=True):
            private(await fan.book(hold["hold_id"]), 202)
        told = await pulse(boss, slowed=True)
        slowed = told["slowed"]
        assert (told["rate_per_min"], slowed["rate_per_min"]) == (600, 540)
        assert (slowed["why"], slowed["ledger"]) == ("commits", 5)
        assert slowed["commit_lag_ms"] > 2_000
        assert slowed["since"].endswith("Z")
        shown = await usher(site, "gate", "show", event)
        assert "pace                   slowed to 540 a minute: commits lag" in shown.stdout
        metrics = (await http.get("/metrics")).text
        assert "usher_gates_slowed 1.0" in metrics.splitlines()
        await waiting.join()
        assert (await waiting.where())["state"] in ("waiting", "called"), "the line still moves"
    over = await pulse(boss, slowed=False)
    assert over["rate_per_min"] == 600
    verdict = private(await boss.ask("GET", "audit"), 200)
    assert not [each for each in verdict["checks"] if not each["holds"]]


async def test_an_operator_sets_the_rails(
    house: House, site: Site, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4))
    boss = Organiser(http, event, organiser)
    for wrong in ({"rate_floor_pct": 0}, {"rate_floor_pct": 101}, {"throttle": "sometimes"}):
        refused(await boss.ask("PATCH", "gate", json=wrong), 422, "bad_input")
    told = await usher(site, "gate", "throttle", event, "on", "--floor-pct", "25")
    assert told.stdout == f"{event}: slows by itself: on, to no less than 25 % of the rate\n"
    assert "slows to 15000 where it must" in (await usher(site, "gate", "show", event)).stdout
    told = await usher(site, "gate", "throttle", event, "off")
    assert told.stdout == f"{event}: slows by itself: off\n"
    assert (
        "pace                   the rate, whatever lags"
        in (await usher(site, "gate", "show", event)).stdout
    )
    shown = json.loads((await usher(site, "sale", "show", event, "--json")).stdout)
    assert (shown["throttle"], shown["rate_floor_pct"]) == ("off", 25)
    refusal = await usher(site, "gate", "throttle", event, "on", "--floor-pct", "0")
    assert refusal.exit_code == 1
    assert "rate_floor_pct must be 1 to 100" in refusal.stderr
