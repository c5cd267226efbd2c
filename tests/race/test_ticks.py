"""What a worker does in one tick, where it takes several runs of a script."""

import asyncio

import pytest

from tests.sale import put_on_sale
from usher import limits
from usher.ids import new_id
from usher.keys import Keys
from usher.queue.scripts import QueueScripts
from usher.sale.model import SaleChange
from usher.wiring import House
from usher.worker import Ticker

pytestmark = pytest.mark.anyio


async def _join(house: House, event: str, count: int) -> list[str]:
    places = [new_id("place") for _ in range(count)]
    queue = QueueScripts(house.runner)
    await asyncio.gather(*(queue.join(event, place) for place in places))
    return places


async def test_a_turn_of_the_gate_is_as_many_runs_as_are_needed(lone: House) -> None:
    most, turn = limits.release_batch_max, limits.release_batch_max * limits.release_batches_max
    event = await put_on_sale(lone, rate_per_min=limits.rate_per_min_max, capacity=2 * turn)
    await _join(lone, event, turn + 7)
    assert await lone.queue.release(event) == turn, "and no more, since others tick as well"
    assert await lone.queue.release(event) == 7
    assert await lone.queue.release(event) == 0
    await _join(lone, event, most)
    assert await lone.queue.release(event) == most, "all of one run, and a look at nobody"


async def test_a_turn_of_the_gate_keeps_to_the_capacity(lone: House) -> None:
    most = limits.release_batch_max + 20
    event = await put_on_sale(lone, rate_per_min=limits.rate_per_min_max, capacity=most)
    await _join(lone, event, most + 20)
    assert await lone.queue.release(event) == most
    assert await lone.queue.release(event) == 0


async def test_a_lobby_of_many_batches_is_drawn_by_one_tick(lone: House) -> None:
    event = await put_on_sale(lone, state="lobby", gate_state="paused")
    places = await _join(lone, event, 3 * limits.draw_batch_max + 5)
    await lone.sales.change(event, "test", SaleChange(state="open"))
    sale = await lone.sales.find(event)
    assert sale.lobby_size == len(places)
    ticker = asyncio.create_task(Ticker(lone, sale).run())
    keys = Keys(event)
    async with asyncio.timeout(30):
        while await lone.runner.command("HGET", keys.gate, "drawn") != "1":
            assert not ticker.done()
            await asyncio.sleep(0.02)
    ticker.cancel()
    draw = lone.queue.draw_of(sale)
    line = await lone.runner.command("ZRANGE", keys.queue, 0, -1)
    assert line == sorted(places, key=lambda place: draw.number(places.index(place)))
    assert line != places
