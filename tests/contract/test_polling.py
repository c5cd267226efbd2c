"""Fans whom no stream reaches: they ask again and again, and Redis is not asked for each."""

import asyncio
import random
import secrets
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.conftest import Site
from tests.contract.fan import Fan
from tests.contract.organiser import Organiser
from tests.sale import put_on_sale
from usher.errors import UsherError
from usher.ids import new_id
from usher.queue.service import Place
from usher.sale.model import SaleChange
from usher.venue.generate import rows_by_columns
from usher.wiring import House, opened

pytestmark = pytest.mark.anyio


async def polled(*fans: Fan) -> None:
    """Each has asked often enough to be known to the process."""
    for _ in range(6):
        for fan in fans:
            await fan.where()
        await asyncio.sleep(0.1)


async def test_what_is_known_of_a_place_is_told_without_redis(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4), gate_state="paused")
    house.hub.start()
    places: list[Place] = []
    for _ in range(40):
        joined = await house.queue.join(event, new_id("fan"))
        places.append(house.queue.place_of(event, joined.place_token))
    looked_up: list[str] = []
    place = house.queue._scripts.place

    async def counted(event: str, place_id: str) -> Any:
        looked_up.append(place_id)
        return await place(event, place_id)

    monkeypatch.setattr(house.queue._scripts, "place", counted)
    for _ in range(100):
        looked_up.clear()
        told = [await house.queue.polled(each) for each in places]
        if not looked_up:
            break
        await asyncio.sleep(0.05)
    assert not looked_up
    assert [(v["state"], v["number"], v["ahead"]) for v in told] == [
        ("waiting", number, number) for number in range(40)
    ]
    # One who has gone is looked up, and nobody else.
    await house.queue.leave(places[3])
    looked_up.clear()
    views = [await house.queue.polled(each) for each in places]
    assert looked_up == [places[3].place_id]
    assert views[3]["state"] == "left"


async def test_every_step_is_heard_by_who_polls(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4), state="lobby", gate_state="paused")
    boss = Organiser(http, event, organiser)
    fan, other = Fan(http, event), Fan(http, event)
    await fan.join()
    await other.join()
    await polled(fan, other)
    assert (await fan.where())["state"] == "lobby"
    await boss.sale(state="open")
    assert (await fan.until("waiting"))["number"] in (0, 1)
    await other.until("waiting")
    await polled(fan, other)
    # By another process than the one that is asked.
    await house.queue.leave(house.queue.place_of(event, other.place))
    await other.until("left")
    await boss.gate(state="open")
    await fan.until("called")
    await fan.claim()
    await fan.until("admitted")


async def test_all_who_poll_are_told_the_end(
    house: House, http: httpx.AsyncClient, organiser: dict[str, str]
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4), gate_state="paused")
    boss = Organiser(http, event, organiser)
    fan = Fan(http, event)
    await fan.join()
    await polled(fan)
    await boss.sale(state="closed")
    assert (await fan.until("closed"))["reason"] == "closed"
    await boss.sale(state="open")
    await fan.until("waiting")


async def test_who_comes_when_it_is_over_is_looked_up_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await put_on_sale(house, rows_by_columns(1, 4), gate_state="paused")
    house.hub.start()
    joined = await house.queue.join(event, new_id("fan"))
    place = house.queue.place_of(event, joined.place_token)
    await house.sales.change(event, "test", SaleChange(state="closed"))
    await house.curves.of(event, fresh_s=0)
    asked = 0
    look_up = house.queue._scripts.place

    async def counted(event: str, place_id: str) -> Any:
        nonlocal asked
        asked += 1
        return await look_up(event, place_id)

    monkeypatch.setattr(house.queue._scripts, "place", counted)
    for _ in range(100):
        before = asked
        told = await house.queue.polled(place)
        if asked == before:
            break
        await asyncio.sleep(0.05)
    assert asked == before
    assert (told["state"], told["reason"]) == ("closed", "closed")
    await house.sales.change(event, "test", SaleChange(state="open"))
    await house.curves.of(event, fresh_s=0)
    assert (await house.queue.polled(place))["state"] == "waiting"


async def test_polls_come_to_what_a_look_up_says(house: House, site: Site) -> None:
    """Whatever has happened in the line, by whatever process."""
    seed = secrets.randbits(32)
    sys.stdout.write(f"seed {seed}\n")
    dice = random.Random(seed)
    event = await put_on_sale(house, rows_by_columns(5, 10), rate_per_min=60, capacity=1_000)
    house.hub.start()
    places: list[Place] = []
    async with opened(site.settings) as elsewhere:
        for _ in range(300):
            match dice.choice(("join", "join", "leave", "claim", "poll", "poll", "poll")):
                case "join":
                    joined = await elsewhere.queue.join(event, new_id("fan"))
                    places.append(house.queue.place_of(event, joined.place_token))
                case "leave" if places:
                    await elsewhere.queue.leave(dice.choice(places))
                case "claim" if places:
                    with suppress(UsherError):
                        await elsewhere.queue.claim(dice.choice(places))
                case _:
                    for place in dice.sample(places, min(len(places), 10)):
                        await house.queue.polled(place)
            await asyncio.sleep(dice.choice((0, 0, 0, 0.02)))

    async def told(look: Callable[[Place], Awaitable[dict[str, Any]]]) -> list[tuple[str, int]]:
        views = [await look(place) for place in places]
        return [(view["state"], view["number"]) for view in views]

    for _ in range(100):
        polled, true = await told(house.queue.polled), await told(house.queue.place)
        if polled == true:
            break
        await asyncio.sleep(0.05)
    assert polled == true
    assert {"waiting", "left"} <= {state for state, _ in true}
