"""Best available in a large arena, against a hold of seats that were pointed at."""

from collections.abc import Sequence
from datetime import timedelta
from statistics import median
from typing import Final

from loadtests.bench import server
from loadtests.bench.figure import Figure
from loadtests.bench.half_sold import FAN_PARTIES, Arena, Want
from usher import limits
from usher.clock import utc_now
from usher.event.model import NewEvent
from usher.sale.model import SaleChange, SaleSettings
from usher.seat.scripts import Few, Held
from usher.venue.bowl import bowl
from usher.venue.price import default_prices
from usher.wiring import House

SEATS: Final = 50_000
PARTY: Final = 4
ROUNDS: Final = 20
CALLS: Final = 20
GOAL: Final = 10.0
SEED: Final = 5


async def measure(house: House) -> list[Figure]:
    """Server time of the best four seats in a half-sold arena, in the category where it is most,
    against that of four neighbours somebody pointed at; and what it may be at the worst."""
    arena = await _arena(house)
    await arena.sell_half()
    bests: dict[str, float] = {}
    holds: list[float] = []
    for c, category in enumerate(arena.categories):
        runs = []
        for _ in range(ROUNDS):
            runs.append(await _us(house, arena, [Want(c, PARTY, None)] * CALLS))
            states = await arena.states()
            quads = {arena.pointed(c, states, PARTY) for _ in range(CALLS)}
            holds.append(await _us(house, arena, _apart(c, quads)))
        bests[category.name] = median(runs)
    hold = median(holds)
    return [
        Figure(
            name=f"best available, {PARTY} seats in a half-sold {SEATS:,}-seat bowl",
            value=round(max(bests.values()) / hold, 2),
            unit="x",
            baseline=f"{hold:.1f} us: hold of {PARTY} named seats",
            goal=GOAL,
            more_is_better=False,
            detail={f"{name}_us": round(us, 1) for name, us in bests.items()}
            | {f"{name}_us": round(us) for name, us in (await _worst(house)).items()},
        )
    ]


def _apart(c: int, quads: set[range | None]) -> list[Want]:
    """Those of the picks that do not touch one another."""
    wants: list[Want] = []
    taken: set[int] = set()
    for quad in quads:
        if quad is not None and taken.isdisjoint(quad):
            taken.update(quad)
            wants.append(Want(c, PARTY, quad))
    return wants


async def _arena(house: House) -> Arena:
    plan = bowl(SEATS)
    new = NewEvent(
        title="Bench", starts_at=utc_now() + timedelta(days=30), prices=default_prices(plan)
    )
    sale = SaleSettings(mode="simple", seats_max=limits.fan_seats_max)
    event = await house.events.create(new, plan, sale)
    await house.events.publish(event)
    await house.inventory.build(event)
    await house.sales.change(event, "bench", SaleChange(state="open"))
    return Arena(house, await house.events.showing(event), event, SEED)


async def _us(house: House, arena: Arena, wants: Sequence[Want], reply: type = Held) -> float:
    """Microseconds of server time per hold; the seats are free again afterwards."""
    fans = await arena.fans(-(-len(wants) // FAN_PARTIES))
    await server.reset(house)
    bought = await arena.buy(wants, fans)
    us = await server.us_per_call(house, "evalsha")
    if odd := [each.reply for each in bought if not isinstance(each.reply, reply)]:
        raise RuntimeError(f"wanted only {reply.__name__}, got {odd[0]}")
    await arena.give_back([each for each in bought if isinstance(each.reply, Held)])
    return us


async def _worst(house: House) -> dict[str, float]:
    """Microseconds where it is hardest, in the largest category, all but sold out."""
    arena = await _arena(house)
    c = max(range(len(arena.categories)), key=lambda c: arena.categories[c].count)
    rows = arena.segments[c]
    ends = [row.first + row.length for row in rows]
    stories: dict[str, tuple[set[int], type]] = {
        "threes_here_and_there": (
            {row.first + n for row in rows[::3] for n in (5, 6, 7)},
            Few,
        ),
        "two_at_either_end_of_rows": (
            {row.first + n for row in rows for n in (0, 1)} | {e - n for e in ends for n in (1, 2)},
            Few,
        ),
        "five_in_each_row": ({row.first + n for row in rows for n in range(5, 10)}, Held),
        "four_in_the_last_row": ({ends[-1] - n for n in range(1, 5)}, Held),
    }
    us = {}
    for name, (free, reply) in stories.items():
        await arena.leave_free(c, free)
        wants = [Want(c, PARTY, None)]
        us[name] = median([await _us(house, arena, wants, reply) for _ in range(ROUNDS)])
    return us
