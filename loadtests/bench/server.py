"""What the Redis server itself says of its time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from typing import Final

from usher.wiring import House

_LOG_ENTRIES: Final = 10_000


async def info(house: House, section: str) -> dict[str, str]:
    """One section of INFO, by name."""
    text = await house.runner.command("INFO", section)
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


async def reset(house: House) -> None:
    """Sets the server's statistics to nothing."""
    await house.runner.command("CONFIG", "RESETSTAT")


async def us_per_call(house: House, command: str) -> float:
    """Microseconds of server time of one `command`, on average since `reset`."""
    stats = (await info(house, "commandstats"))[f"cmdstat_{command}"]
    return float(dict(pair.split("=") for pair in stats.split(","))["usec_per_call"])


async def used_memory(house: House) -> int:
    """Bytes."""
    return int((await info(house, "memory"))["used_memory"])


class Slowest:
    """What stands in the slow log: microseconds per command."""

    def __init__(self) -> None:
        self.us: dict[str, list[int]] = {}

    def most_ms(self, command: str) -> float:
        """The longest run of `command`; 0 where none was long enough for the log."""
        return max(self.us.get(command, [0])) / 1_000

    def median_ms(self, command: str) -> float:
        """The middle one of the runs of `command` in the log."""
        return median(self.us.get(command, [0])) / 1_000


@asynccontextmanager
async def slow_log(house: House, over_us: int) -> AsyncIterator[Slowest]:
    """Gathers every command that takes `over_us` or more inside the `async with`."""
    run = house.runner.command
    before = await run("CONFIG", "GET", "slowlog-*")
    await run("CONFIG", "SET", "slowlog-log-slower-than", over_us, "slowlog-max-len", _LOG_ENTRIES)
    await run("SLOWLOG", "RESET")
    slowest = Slowest()
    try:
        yield slowest
        for entry in await run("SLOWLOG", "GET", -1):
            slowest.us.setdefault(entry[3][0].upper(), []).append(int(entry[2]))
    finally:
        await run("CONFIG", "SET", *before)
