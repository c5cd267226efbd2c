"""Seats that come back while people wait: nobody but they get them, one offer each, whoever else
wants them, however many workers make offers, and wherever one of them is killed.

The control: with the look at the list taken out of the scripts, the crowd does get them.
"""

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.race import buyers
from tests.race.fate import Death, Fate
from tests.race.stage import forget
from tests.sale import put_on_sale
from usher.errors import UsherError
from usher.ids import new_id
from usher.keys import Keys
from usher.seat.service import Admission
from usher.venue.generate import rows_by_columns
from usher.waitlist import queries
from usher.waitlist.model import Entry, WaitRequest, hold_of
from usher.wiring import House

pytestmark = pytest.mark.anyio

SEATS: Final = 12
SEEDS: Final = int(os.environ.get("USHER_TEST_SEEDS", "3"))
EFFECTS_MAX: Final = 80


class Hall:
    """A sold-out event on a house where nobody works but the test; a crowd that was let in before
    stands at its seats still."""

    def __init__(self, house: House, event: str, crowd: list[Admission]) -> None:
        self.house = house
        self.event = event
        self.crowd = crowd

    @classmethod
    async def set_up(cls, house: House, crowd: int = 0, **settings: Any) -> "Hall":
        plan = rows_by_columns(1, SEATS)
        event = await put_on_sale(house, plan, mode="simple", seats_max=12, **settings)
        fans = [await buyers.enter(house, event) for _ in range(crowd)]
        await house.seat_scripts.block(event, 0, SEATS, *range(SEATS))
        await house.curves.of(event, fresh_s=0)
        return cls(house, event, fans)

    async def join(self, quantity: int, fan: str = "") -> Entry:
        fan = fan or new_id("fan")
        asked = WaitRequest(f"{fan}@example.org", quantity)
        return await self.house.waitlist.join(self.event, fan, asked, None)

    async def give_back(self, *seats: int) -> None:
        await self.house.seat_scripts.block(self.event, 0, 0, *seats)

    async def turn(self) -> None:
        """One turn, as a worker's ticker takes it."""
        known = await self.house.curves.of(self.event, fresh_s=0)
        assert known is not None
        await self.house.seats.sweep(self.event)
        await self.house.offers.turn(self.event, known.curve.listed)

    async def grab(self, seat: int, who: Admission) -> bool:
        """Whether one of the crowd gets a seat."""
        try:
            await buyers.hold(self.house, who, seat)
        except UsherError:
            return False
        return True

    async def entries(self) -> dict[str, dict[str, Any]]:
        async with self.house.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT * FROM waitlist WHERE event_id = $1 ORDER BY turn", self.event
            )
        return {row["id"]: dict(row) for row in rows}

    async def check(self) -> None:
        """Each offer that stands holds its own seats, and has been told of once; nothing else is
        held by the list, and everything the audit promises is so."""
        entries = await self.entries()
        seats: Counter[int] = Counter()
        for entry in entries.values():
            if entry["state"] == "offered":
                held = await self.house.seat_scripts.read(self.event, entry["hold_id"])
                assert getattr(held, "seats", None) == entry["seats"], (held, entry)
                assert entry["hold_id"] == hold_of(entry["id"], entry["attempt"])
                seats.update(entry["seats"])
        assert not seats or max(seats.values()) == 1, f"offered twice: {seats}"
        holds = await self.house.runner.command("HGETALL", Keys(self.event).named(("hold",))[0])
        records = zip(holds[::2], holds[1::2], strict=True)
        live = {name for name, record in records if record[0] == "h"}
        offers = {e["hold_id"] for e in entries.values() if e["state"] == "offered"}
        assert live == offers, "held for nobody"
        async with self.house.database.connection() as connection:
            told = await connection.fetch(
                "SELECT subject FROM outbox WHERE split_part(subject, '.', 2) LIKE 'made wtl_%'"
            )
        subjects = [row["subject"].removeprefix("offer.made ") for row in told]
        mine = Counter(s for s in subjects if s.partition(".")[0] in entries)
        wanted = {f"{e['id']}.{e['attempt']}" for e in entries.values() if e["state"] == "offered"}
        assert wanted <= set(mine)
        assert set(mine.values()) <= {1}
        verdict = await self.house.auditor.audit(self.event)
        assert verdict.holds, [check for check in verdict.checks if not check.holds]


Step = Callable[[Hall, list[Entry]], Awaitable[None]]


async def _nothing(hall: Hall, entries: list[Entry]) -> None:
    pass


async def _first_leaves(hall: Hall, entries: list[Entry]) -> None:
    now = await hall.house.waitlist.of_token(hall.house.waitlist.entry_token(entries[0]))
    await hall.house.waitlist.leave(now)


async def _hold_is_let_go(hall: Hall, entries: list[Entry]) -> None:
    """Nobody looked after it for as long as an offer stands."""
    key = Keys(hall.event)
    for entry in entries:
        hold = hold_of(entry.id, 1)
        record = await hall.house.runner.command("HGET", key.named(("hold",))[0], hold)
        if record and record[0] == "h":
            owner = record.split(" ")[1]
            await hall.house.seat_scripts.free(hall.event, hold, owner)


STEPS: Final[dict[str, Step]] = {
    "and comes back": _nothing,
    "and the first has left": _first_leaves,
    "and the hold has lapsed": _hold_is_let_go,
}


@pytest.mark.parametrize("step", STEPS)
async def test_a_worker_killed_after_any_effect(lone: House, step: str) -> None:
    fate = Fate(lone)
    lived = False
    for effect in range(1, EFFECTS_MAX):
        hall = await Hall.set_up(lone)
        entries = [await hall.join(2), await hall.join(1)]
        await hall.give_back(0, 1, 2)
        fate.die_at(effect)
        try:
            await hall.turn()
            lived = True
        except Death:
            pass
        died_after = list(fate.effects)
        fate.rest()
        try:
            await STEPS[step](hall, entries)
            for _ in range(3):
                await hall.turn()
            await hall.check()
            states = [entry["state"] for entry in (await hall.entries()).values()]
            first = ("offered", "left", "declined")
            assert states[0] in first, states
            assert states[1] in ("offered", "declined"), states
            if step == "and comes back":
                assert states == ["offered", "offered"]
        except AssertionError as fault:
            raise AssertionError(f"killed after {died_after}") from fault
        if lived:
            assert effect > 4, "nobody was killed"
            return
    raise AssertionError("a turn has no end")


async def test_who_leaves_while_an_attempt_comes_to_nothing_has_left(lone: House) -> None:
    hall = await Hall.set_up(lone)
    entry = await hall.join(1)
    assert await queries.skip(lone.database, entry.id, entry.attempt + 1)
    assert (await lone.waitlist.leave(entry)).state == "left"


async def _trouble(hall: Hall, chance: random.Random) -> None:
    """Seats come back one by one, people say no, leave and join, while the crowd tries."""
    free = list(range(SEATS))
    chance.shuffle(free)
    while free:
        await hall.give_back(free.pop())
        await asyncio.sleep(chance.random() * 0.01)
        entries = list((await hall.entries()).values())
        offered = [e for e in entries if e["state"] == "offered"]
        if offered and chance.random() < 0.3:
            entry = await hall.house.waitlist.of_token(
                hall.house.waitlist.entry_token(_as_entry(chance.choice(offered)))
            )
            await hall.house.waitlist.leave(entry)
        if chance.random() < 0.3:
            with suppress(UsherError):  # seats are on public sale just now
                await hall.join(chance.randint(1, 3))


def _as_entry(row: dict[str, Any]) -> Entry:
    return Entry(**{name: row[name] for name in Entry.__struct_fields__})


async def test_workers_that_overtake_each_other(lone: House) -> None:
    """Three workers take turns at once, while people say no, leave and join: one offer per seat
    and per entry, and nobody waits for seats that are free."""
    fate = Fate(lone)
    base = random.randrange(1 << 30)
    for seed in range(base, base + SEEDS):
        hall = await Hall.set_up(lone)
        for n in range(8):
            await hall.join(1 + n % 3)
        fate.overtake(seed)
        done = asyncio.Event()

        async def work(hall: Hall = hall, done: asyncio.Event = done) -> None:
            while not done.is_set():
                await hall.turn()
                await asyncio.sleep(0)

        try:
            workers = [asyncio.create_task(work()) for _ in range(3)]
            await _trouble(hall, random.Random(seed))
            done.set()
            await asyncio.gather(*workers)
            fate.rest()
            for _ in range(3):
                await hall.turn()
            await hall.check()
            waits = [e for e in (await hall.entries()).values() if e["state"] == "waiting"]
            fits = [await _fits(hall, entry["quantity"]) for entry in waits]
            assert not any(fits), "somebody waits for seats that are free"
        except BaseException as fault:
            raise AssertionError(f"seed {seed}") from fault


async def _fits(hall: Hall, quantity: int) -> bool:
    snapshot: Any = await hall.house.feed_scripts.snapshot(hall.event)
    categories = (await hall.house.events.showing(hall.event)).categories
    return any(
        "." * quantity in snapshot.states[c.first : c.first + c.auto_count] for c in categories
    )


async def _storm(hall: Hall) -> int:
    """Seats come back one by one, and the crowd wants each at once, before the list is looked
    through and while it is. How many the crowd got before everybody on the list was served."""
    entries = [await hall.join(1) for _ in range(6)]
    got = 0

    def wants(seat: int) -> list[Awaitable[bool]]:
        return [hall.grab(seat, fan) for fan in hall.crowd]

    for seat in range(6):
        _, *first = await asyncio.gather(hall.give_back(seat), *wants(seat))
        got += first.count(True)
        if seat % 2:
            _, *then = await asyncio.gather(hall.turn(), *wants(seat))
            got += then.count(True)
    await hall.turn()
    states = Counter(entry["state"] for entry in (await hall.entries()).values())
    assert got or states == {"offered": len(entries)}, states
    return got


async def test_a_crowd_gets_nothing_while_people_wait(lone: House) -> None:
    hall = await Hall.set_up(lone, crowd=10)
    assert await _storm(hall) == 0
    # Behind the list the crowd is served as ever.
    await hall.give_back(6)
    await hall.turn()
    assert sum([await hall.grab(6, fan) for fan in hall.crowd]) == 1


async def test_control_without_the_look_at_the_list_the_crowd_gets_them(lone: House) -> None:
    script = lone.runner.scripts["seat/hold"]
    parts, times = re.subn(r"local listed = not offered and [^\n]*", "local listed", script.parts)
    assert times == 1, "the script is not what this test thinks it is"
    lone.runner.scripts["seat/hold"] = replace(script, parts=parts)
    assert await _storm(await Hall.set_up(lone, crowd=10)) > 0


async def test_control_without_the_call_the_crowd_is_faster(lone: House) -> None:
    """Seats that come back while those left over are on public sale: the list looks first."""

    async def raced(hall: Hall) -> bool:
        await hall.join(2)
        await hall.give_back(0)
        await hall.turn()  # nobody fits: on public sale
        await hall.give_back(1)
        return await hall.grab(1, hall.crowd[0])

    assert not await raced(await Hall.set_up(lone, crowd=1))
    script = lone.runner.scripts["seat/block"]
    parts, times = re.subn(
        r"local listed = to == '\.' and ", "local listed = false and ", script.parts
    )
    assert times == 1, "the script is not what this test thinks it is"
    lone.runner.scripts["seat/block"] = replace(script, parts=parts)
    assert await raced(await Hall.set_up(lone, crowd=1))


async def test_after_a_loss_of_redis_the_same_offers_stand(lone: House) -> None:
    hall = await Hall.set_up(lone, crowd=3)
    await hall.join(2)
    await hall.join(1)
    await hall.join(4)
    await hall.give_back(0, 1, 2)
    await hall.turn()
    before = await hall.entries()
    assert [entry["state"] for entry in before.values()] == ["offered", "offered", "waiting"]
    await forget(lone, hall.event)
    await lone.inventory.build(hall.event)
    # All seats are free in Redis now, and nobody may have them but the list.
    look: Any = await lone.runner.script("waitlist/look", hall.event)
    assert look[3] == SEATS
    fan = await _let_in(hall)
    assert not await hall.grab(5, fan)
    await hall.turn()
    await hall.turn()
    after = await hall.entries()
    assert [entry["state"] for entry in after.values()] == ["offered"] * 3
    for name, entry in before.items():
        if entry["state"] == "offered":
            assert after[name]["hold_id"] == entry["hold_id"]
            assert len(after[name]["seats"]) == entry["quantity"]
            assert abs((after[name]["due"] - entry["due"]).total_seconds()) < 2
    await hall.check()


async def _let_in(hall: Hall) -> Admission:
    """One of the crowd, whose place Redis has lost, as if it had come back in."""
    fan = hall.crowd[0]
    key = Keys(hall.event).named(("place",))[0]
    due = await hall.house.runner.time_ms() + 60_000
    await hall.house.runner.command("HSET", key, fan.place_id, f"a 0 {due}")
    return fan


async def test_the_audit_sees_a_list_that_keeps_seats_for_nobody(lone: House) -> None:
    hall = await Hall.set_up(lone)
    entry = await hall.join(1)
    await hall.give_back(0, 1)
    await hall.turn()
    assert (await lone.auditor.audit(hall.event)).holds
    gate, hold = Keys(hall.event).named(("gate", "hold"))
    offer = hold_of(entry.id, 1)
    kept = await lone.runner.command("HGET", hold, offer)
    await lone.runner.command("HDEL", hold, offer)
    verdict = await lone.auditor.audit(hall.event)
    assert verdict.figure("offers_broken") == 1
    await lone.runner.command("HSET", hold, offer, kept)
    await lone.waitlist.leave(await lone.waitlist.entry(entry.id))
    await lone.runner.command("HSET", gate, "listed", "1")
    verdict = await lone.auditor.audit(hall.event)
    assert verdict.figure("kept_for_nobody") == 2
    await hall.turn()
    assert (await lone.auditor.audit(hall.event)).holds
