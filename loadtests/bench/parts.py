"""The parts of the benchmark, in the order in which they are run."""

from collections.abc import Awaitable, Callable
from typing import Final

from loadtests.bench import (
    best,
    checkout,
    commit,
    http,
    million,
    scripts,
    snapshots,
    streams,
)
from loadtests.bench.figure import Figure
from loadtests.bench.ground import Ground


async def _hold(ground: Ground) -> list[Figure]:
    return [await scripts.hold_time(ground.house)]


async def _http(ground: Ground) -> list[Figure]:
    return await http.measure(ground.house, ground.settings)


async def _best(ground: Ground) -> list[Figure]:
    return await best.measure(ground.house)


async def _checkouts(ground: Ground) -> list[Figure]:
    return [await checkout.measure(ground.house, ground.settings, ground.servers)]


async def _commit(ground: Ground) -> list[Figure]:
    return await commit.measure(ground.house)


async def _million(ground: Ground) -> list[Figure]:
    return await million.measure(ground.house)


async def _seats(ground: Ground) -> list[Figure]:
    return await snapshots.measure(ground.house, ground.settings)


async def _streams(ground: Ground) -> list[Figure]:
    return await streams.measure(ground.house, ground.settings, ground.streams)


PARTS: Final[dict[str, Callable[[Ground], Awaitable[list[Figure]]]]] = {
    "hold": _hold,
    "best": _best,
    "http": _http,
    "checkouts": _checkouts,
    "commit": _commit,
    "million": _million,
    "seats": _seats,
    "streams": _streams,
}
