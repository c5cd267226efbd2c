"""Which part gives way first, and what would help."""

import math
from typing import Final

import msgspec

from usher.capacity.costs import Costs
from usher.capacity.line import line_of
from usher.capacity.load import Unit
from usher.capacity.model import FANS_MAX, Wish
from usher.capacity.processes import BUSY, api_processes, loads_of, standing_load, workers_of

_BEYOND: Final = 10 * FANS_MAX
EARLY_MINUTES: Final = 30.0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part that can give way: how much of what it may bear it has to bear (1 is all of it), when,
    and with how many fans it would be all of it; None where that is not for fans to decide, or
    more than a thousand million."""

    name: str
    share: float
    moment: str
    gives_way_at_fans: int | None


class Help(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do, and the fewest fans at which the first part would then give way."""

    what: str
    gives_way_at_fans: int | None


def parts_of(wish: Wish, costs: Costs) -> list[Part]:
    """The parts whose limit another machine does not move, or that are given: who gives way first
    comes first."""
    names = ["Redis: its one core", "PostgreSQL: one core of it"]
    if wish.cores is not None:
        names.append(f"processors: {wish.cores} cores for everything")
    if wish.gbit_per_s is not None:
        names.append(f"network: {wish.gbit_per_s:g} Gbit/s")
    found = []
    for at, name in enumerate(names):
        shares = _shares(wish, costs)[at]
        moment = max(shares, key=lambda each: shares[each])
        found.append(
            Part(
                name=name,
                share=round(shares[moment], 4),
                moment=moment,
                gives_way_at_fans=_gives_way(wish, costs, at),
            )
        )
    return sorted(found, key=lambda part: (part.gives_way_at_fans or math.inf, -part.share))


def _shares(wish: Wish, costs: Costs) -> list[dict[str, float]]:
    """Of each part in the order of `parts_of`, by moment: its load as a share of its limit."""
    unit, line = Unit(costs), line_of(wish)
    loads = loads_of(wish, line, unit)
    processes, workers = api_processes(wish, line, loads, costs), workers_of(loads, costs)
    standing = standing_load(wish, processes, workers, costs)
    full = {name: load + standing for name, load in loads.items()}
    shares = [
        {name: load.redis_us / 1e6 / BUSY for name, load in full.items()},
        {name: load.postgres_us / 1e6 / BUSY for name, load in full.items()},
    ]
    if wish.cores is not None:
        cores = wish.cores
        shares.append({name: load.cpu_us / 1e6 / BUSY / cores for name, load in full.items()})
    if wish.gbit_per_s is not None:
        able = wish.gbit_per_s * 1e9 / 8 * BUSY
        shares.append({name: load.bytes_out / able for name, load in full.items()})
    return shares


def _gives_way(wish: Wish, costs: Costs, at: int) -> int | None:
    """The fewest fans at which the part bears all it may, everything else as wished, by bisection:
    loads grow with fans. None where not even _BEYOND are enough."""

    def bears(fans: int) -> bool:
        more = msgspec.structs.replace(wish, fans=fans)
        return max(_shares(more, costs)[at].values()) < 1

    low, high = 0, _BEYOND
    if bears(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if bears(middle):
            low = middle
        else:
            high = middle
    return high


def helps_of(wish: Wish, costs: Costs) -> list[Help]:
    """What the organiser can do about it and would help, each alone and then all together."""
    ways: dict[str, dict[str, object]] = {}
    if wish.minutes < EARLY_MINUTES:
        ways[f"fans come within {EARLY_MINUTES:g} minutes"] = {"minutes": EARLY_MINUTES}
    if wish.pages == "usher":
        ways["a CDN serves the files of the pages"] = {"pages": "cdn"}
    if wish.stream_share < 1:
        ways["all listen to streams, nobody polls"] = {"stream_share": 1.0}
    found: list[Help] = []
    best = wish
    for what, change in ways.items():
        alone = _bears(msgspec.structs.replace(wish, **change), costs)
        if _more(alone, _bears(wish, costs)):
            found.append(Help(what=what, gives_way_at_fans=alone))
        # What does not help alone may do so beside the others.
        with_it = msgspec.structs.replace(best, **change)
        if _more(_bears(with_it, costs), _bears(best, costs)):
            best = with_it
    together = _bears(best, costs)
    if best is not wish and all(_more(together, each.gives_way_at_fans) for each in found):
        changed = [what for what, change in ways.items() if _has(best, change)]
        found.append(Help(what=", and ".join(changed), gives_way_at_fans=together))
    return found


def _more(one: int | None, other: int | None) -> bool:
    """Whether `one` number of fans is more than the `other`; None is more than any."""
    return other is not None and (one is None or one > other)


def _has(wish: Wish, change: dict[str, object]) -> bool:
    return all(getattr(wish, name) == value for name, value in change.items())


def _bears(wish: Wish, costs: Costs) -> int | None:
    """The number of fans at which the first part gives way."""
    return parts_of(wish, costs)[0].gives_way_at_fans
