"""Processor time, memory and counters of the processes of a site."""

import asyncio
import time
from pathlib import Path
from typing import NamedTuple

from usher.up import Up

PARTS = ("api", "worker", "redis", "postgres")


class Spent(NamedTuple):
    """Microseconds of processor time by part, within `seconds` of time that passed."""

    seconds: float
    api: float
    worker: float
    redis: float
    postgres: float

    def less(self, idle: "Spent") -> "Spent":
        """Without what `idle` would have taken in the same time; never less than nothing."""
        share = self.seconds / idle.seconds
        return Spent(
            self.seconds,
            *(
                max(0.0, mine - theirs * share)
                for mine, theirs in zip(self[1:], idle[1:], strict=True)
            ),
        )


class Meter:
    """Reads the clocks of one site's processes (Linux: every process has a clock of its own)."""

    def __init__(self, site: Up) -> None:
        assert site.servers is not None
        pids = site.servers.pids()
        self.api_pid = site.child("api").pid or 0
        self.worker_pid = site.child("worker").pid or 0
        self._redis_pid = pids["redis"][-1]
        self._postmaster = pids["database"][-1] if "database" in pids else pids["postgres"][-1]
        self._gone: dict[int, float] = {}

    def _now(self) -> tuple[float, ...]:
        # A backend that has ended keeps the time that it was last seen with.
        self._gone |= {pid: clock_s(pid) for pid in [self._postmaster, *children(self._postmaster)]}
        return (
            time.monotonic(),
            clock_s(self.api_pid),
            clock_s(self.worker_pid),
            clock_s(self._redis_pid),
            sum(self._gone.values()),
        )

    def start(self) -> "Watch":
        return Watch(self, self._now())

    async def over(self, seconds: float) -> Spent:
        """What is spent in the next `seconds`."""
        watch = self.start()
        await asyncio.sleep(seconds)
        return watch.stop()


class Watch:
    def __init__(self, meter: Meter, began: tuple[float, ...]) -> None:
        self._meter = meter
        self._began = began

    def stop(self) -> Spent:
        """What was spent since the start."""
        passed = [b - a for a, b in zip(self._began, self._meter._now(), strict=True)]
        return Spent(passed[0], *(1e6 * each for each in passed[1:]))


def clock_s(pid: int) -> float:
    """Processor time of all threads of a process, in seconds (Linux, clock_getcpuclockid)."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory_bytes(pid: int) -> int:
    """Resident memory that is the process's own: shared pages (libraries) are not counted."""
    fields = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(
        int(line.split()[1]) * 1024 for line in fields if line.startswith(("RssAnon:", "RssShmem:"))
    )
