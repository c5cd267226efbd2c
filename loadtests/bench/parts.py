"""The parts of the benchmark, in the order in which they are run."""

from collections.abc import Awaitable, Callable
from typing import Final

from loadtests.bench import checkout, commit, http, scripts
from loadtests.bench.figure import Figure
from loadtests.bench.ground import Ground


async def _hold(ground: Ground) -> list[Figure]:
    return [await scripts.hold_time(ground.house)]


async def _http(ground: Ground) -> list[Figure]:
    return await http.measure(ground.house, ground.settings)


async def _checkouts(ground: Ground) -> list[Figure]:
    return [await checkout.measure(ground.house, ground.settings, ground.servers)]


async def _commit(ground: Ground) -> list[Figure]:
    return await commit.measure(ground.house)


PARTS: Final[dict[str, Callable[[Ground], Awaitable[list[Figure]]]]] = {
    "hold": _hold,
    "http": _http,
    "checkouts": _checkouts,
    "commit": _commit,
}
