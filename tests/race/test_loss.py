"""Redis forgets an event at any moment: it is laid out again from PostgreSQL, whoever is killed or
overtaken meanwhile, and everybody stands where they stood."""

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from tests.race.buyers import book, hold
from tests.race.fate import Death
from tests.race.stage import Stage, forget, raise_curtain
from tests.sale import put_on_sale
from usher.errors import NotOpen, OverLimit
from usher.ids import new_id
from usher.keys import Keys
from usher.queue.service import Joined, Place
from usher.sale.model import SaleChange
from usher.wiring import House

pytestmark = pytest.mark.anyio

SEEDS: Final = int(os.environ.get("USHER_TEST_SEEDS", "15"))
SEATS_MAX: Final = 4
FANS: Final = 30


# --- seats


async def bookings_remain(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Three bookings when Redis forgets: paid, unpaid, and one that lapses at that moment."""
    paid, payment = await stage.paying()
    await stage.says(payment, "approve")
    await stage.shift.finish()
    unpaid, lapsing = await stage.booked(), await stage.booked()
    await stage.sql("UPDATE booking SET due = now() WHERE id = $1", lapsing.booking_id)
    await forget(stage.house, stage.event)

    async def after() -> None:
        await stage.shift.finish()
        assert await stage.states(*paid.seats, *unpaid.seats, *lapsing.seats) == "sscc.."
        for purchase in (paid, unpaid):  # what they have counts towards the most a fan may have
            joined = await stage.house.queue.join(stage.event, purchase.admission.fan_id)
            assert joined.admission
            fan = stage.house.seats.admission_of(stage.event, joined.admission["admission_token"])
            with pytest.raises(OverLimit):
                await hold(stage.house, fan, *stage.seats(SEATS_MAX - 1))
        await stage.lapse(unpaid)
        assert await stage.states(*unpaid.seats) == ".."

    return after


async def test_a_builder_killed_after_any_effect(lone: House) -> None:
    stage = await raise_curtain(lone, seats_max=SEATS_MAX)
    for effect in range(1, 40):
        after = await bookings_remain(stage)
        stage.fate.die_at(effect)
        try:
            await lone.inventory.build(stage.event)
            lived = True
        except Death:
            lived = False
        died_after = list(stage.fate.effects)
        stage.fate.rest()
        await stage.shift.finish()  # while the event is closed, the third booking lapses
        await lone.inventory.build(stage.event)
        try:
            await after()
        except AssertionError as fault:
            raise AssertionError(f"killed after {died_after}") from fault
        if lived:
            break
    assert effect > 5, "nobody was killed"
    await stage.check()


async def test_builders_that_overtake_each_other_and_die(lone: House) -> None:
    stage = await raise_curtain(lone, seats_max=SEATS_MAX)
    base = random.randrange(1 << 30)
    for seed in range(base, base + SEEDS):
        after = await bookings_remain(stage)
        stage.fate.overtake(seed, risk=0.1)
        try:
            await asyncio.gather(*(_try(stage, seed + n) for n in range(4)))
            stage.fate.rest()
            await lone.inventory.build(stage.event)
            await after()
        except BaseException as fault:
            raise AssertionError(f"seed {seed}") from fault
    await stage.check()


async def _try(stage: Stage, seed: int) -> None:
    await asyncio.sleep(random.Random(seed).random() * 0.02)
    with contextlib.suppress(Death):
        await (stage.shift.round() if seed % 2 else stage.house.inventory.build(stage.event))


async def test_a_batch_committed_after_the_loss_gets_its_seats_back(lone: House) -> None:
    """The worker had read the ledger; then Redis forgot, and the event was laid out again."""
    stage = await raise_curtain(lone)
    mine = await book(lone, stage.event, *stage.seats())
    entries = await stage.shift.entries()
    await forget(lone, stage.event)
    await lone.inventory.build(stage.event)
    assert await stage.states(*mine.seats) == ".."
    await stage.shift.ledger.handle(entries)
    assert await stage.states(*mine.seats) == "cc"
    await stage.check()
    await stage.lapse(mine)
    assert await stage.states(*mine.seats) == ".."
    await stage.check()


async def test_a_conflict_brings_back_the_owner_as_well_as_the_seats(lone: House) -> None:
    """Redis forgot one unpaid booking; the next buyer loses, and the seats do not stay claimed
    for ever when the first one lapses."""
    stage = await raise_curtain(lone)
    first = await stage.booked()
    await lone.runner.command("HDEL", Keys(stage.event).hold, first.hold_id)
    await lone.seat_scripts.amend(stage.event, first.seats[0], ".", first.seats[1], ".")
    second = await stage.booked(*first.seats)
    assert (await stage.state(first), await stage.state(second)) == ("awaiting_payment", "conflict")
    assert await stage.states(*first.seats) == "cc"
    await stage.lapse(first)
    assert await stage.states(*first.seats) == ".."
    await stage.check()


# --- places


async def join(house: House, event: str, fans: int) -> list[Joined]:
    """Fans who join one after the other."""
    return [await house.queue.join(event, new_id("fan")) for _ in range(fans)]


async def order(house: House, event: str) -> list[str]:
    """The places in line, first to last."""
    keys = Keys(event)
    found: list[str] = await house.runner.command("ZRANGE", keys.queue, 0, -1)
    assert len(found) == len(set(found))
    return found


async def come_back(house: House, event: str, joined: list[Joined], seed: int) -> None:
    """In any order; some ask where they stand, some join again, as a page that was reloaded."""
    chance = random.Random(seed)
    places = [house.queue.place_of(event, each.place_token) for each in joined]
    for place in chance.sample(places, len(places)):
        if chance.random() < 0.5:
            await house.queue.place(place)
        else:
            await house.queue.join(event, place.fan_id, place)


async def numbers(house: House, event: str) -> list[int]:
    """Every number given to a place in line."""
    pairs: Any = await house.runner.command("ZRANGE", Keys(event).queue, 0, -1, "WITHSCORES")
    flat = [score for pair in pairs for score in pair] if isinstance(pairs[0], list) else pairs
    return [int(score) for score in flat[1::2]]


async def sync(house: House, event: str) -> None:
    """What the worker's tick does about numbers, the lobby and the draw."""
    known = await house.curves.of(event, fresh_s=0)
    assert known is not None
    curve = known.curve
    sale = await house.sales.sync(
        await house.sales.find(event), curve.version, curve.state, curve.now_ms
    )
    await house.sales.note_number(sale, max(curve.next, curve.lobby_next))
    start: int | None = 0 if sale.lobby_size is not None and not curve.drawn else None
    while start is not None:
        start = await house.queue.draw_step(sale, start)


async def test_who_stood_in_line_stands_there_again(lone: House) -> None:
    event = await put_on_sale(lone, gate_state="paused")
    before = await join(lone, event, FANS)
    await sync(lone, event)
    stood = await order(lone, event)
    await forget(lone, event)
    await lone.inventory.build(event)
    behind = await join(lone, event, 5)  # newcomers are quicker than who comes back
    seed = random.randrange(1 << 30)
    await come_back(lone, event, before, seed)
    newcomers = [_place(lone, event, each).place_id for each in behind]
    assert await order(lone, event) == [*stood, *newcomers], f"seed {seed}"
    given = await numbers(lone, event)
    assert len(set(given)) == len(given)


async def test_a_loss_before_the_numbers_were_noted_gives_none_twice(lone: House) -> None:
    """Joins since the worker's last tick are unknown to PostgreSQL: newcomers stand well behind."""
    event = await put_on_sale(lone, gate_state="paused")
    await join(lone, event, 1)
    await sync(lone, event)
    before = await join(lone, event, FANS)
    stood = await order(lone, event)
    await forget(lone, event)
    await lone.inventory.build(event)
    behind = [_place(lone, event, each).place_id for each in await join(lone, event, 5)]
    await come_back(lone, event, before, 1)
    assert await order(lone, event) == [*stood[1:], *behind]


@pytest.mark.parametrize("lost", ["before the draw", "after the draw", "at the opening"])
async def test_lobby_tokens_are_good_whenever_redis_forgets(lone: House, lost: str) -> None:
    event = await put_on_sale(lone, state="lobby", gate_state="paused")
    before = await join(lone, event, FANS)
    assert {each.view["state"] for each in before} == {"lobby"}
    await sync(lone, event)
    stood: list[str] = []
    if lost == "before the draw":
        await forget(lone, event)
        await lone.inventory.build(event)
        await come_back(lone, event, before[: FANS // 2], 1)
        await lone.sales.change(event, "test", SaleChange(state="open"))
    elif lost == "after the draw":
        await lone.sales.change(event, "test", SaleChange(state="open"))
        await sync(lone, event)
        stood = await order(lone, event)
        await forget(lone, event)
        await lone.inventory.build(event)
    else:
        # Opened in Redis, forgotten before PostgreSQL heard how large the lobby was.
        await lone.sales.change(event, "test", SaleChange(state="open"))
        async with lone.database.connection() as connection:
            await connection.execute("UPDATE sale SET lobby_size = NULL WHERE event_id = $1", event)
        await forget(lone, event)
        await lone.inventory.build(event)
    await sync(lone, event)
    behind = [_place(lone, event, each).place_id for each in await join(lone, event, 5)]
    await come_back(lone, event, before, 2)
    now = await order(lone, event)
    members = [_place(lone, event, each).place_id for each in before]
    assert set(now[:FANS]) == set(members)
    assert now[FANS:] == behind
    assert not stood or now[:FANS] == stood
    assert now[:FANS] != members, "nothing was drawn"


async def test_a_place_in_a_sale_that_is_over_is_told_so(lone: House) -> None:
    event = await put_on_sale(lone, gate_state="paused")
    (joined,) = await join(lone, event, 1)
    await lone.sales.change(event, "test", SaleChange(state="closed"))
    await forget(lone, event)
    await lone.inventory.build(event)
    place = _place(lone, event, joined)
    assert (await lone.queue.place(place))["state"] == "closed"
    with pytest.raises(NotOpen):
        await lone.queue.join(event, place.fan_id, place)


def _place(house: House, event: str, joined: Joined) -> Place:
    return house.queue.place_of(event, joined.place_token)
