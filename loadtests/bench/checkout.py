"""Full seated checkouts a second: one API process, one worker, both servers and the buyers
together on this machine.

Each checkout is join, claim, a hold of two adjacent seats, a booking, a payment at the test bank,
and the booking read until it is confirmed: that is, committed.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from statistics import quantiles
from typing import Final

from loadtests.bench.buyer import Buyer, Tally, Wire
from loadtests.bench.cpu import cpu_s
from loadtests.bench.figure import Figure
from loadtests.bench.http import event_on_sale, free_port, process, ready
from usher.settings import Settings, environ_of
from usher.wiring import House

BUYERS: Final = 400
WARM_S: Final = 3.0
RUN_S: Final = 15.0
GOAL: Final = 800.0
_REST_S: Final = 60.0


async def measure(house: House, settings: Settings, servers: Mapping[str, int]) -> Figure:
    """Checkouts a second between the first seconds and the end, audited afterwards; `servers`
    are the pids of Redis and PostgreSQL."""
    port = free_port()
    environ = environ_of(settings.with_(port=port, public_url=f"http://127.0.0.1:{port}"))
    async with (
        process("usher", "serve", environ=environ, port=port) as api,
        process("usher", "worker", environ=environ) as worker,
    ):
        await ready(port)
        event = await event_on_sale(house, 400, 200)
        layout = (await house.events.showing(event)).layout
        pairs = iter(
            [
                layout.guid[first : first + 2]
                for segment in layout.segments
                for first in range(segment.first, segment.first + segment.length - 1, 2)
            ]
        )
        tally = Tally()
        loop = asyncio.get_running_loop()
        wires = [(await loop.create_connection(Wire, "127.0.0.1", port))[1] for _ in range(BUYERS)]
        until = time.perf_counter() + WARM_S + RUN_S
        pids = {"api": api, "worker": worker, "client": os.getpid(), **servers}
        before = {name: _cpu_s(name, pid) for name, pid in pids.items()}
        began = time.perf_counter()
        await asyncio.gather(*(Buyer(wire, event, pairs, tally).run(until) for wire in wires))
        spent = time.perf_counter() - began
        shares = {
            f"{name}_cpus": round((_cpu_s(name, pid) - before[name]) / spent, 2)
            for name, pid in pids.items()
        }
        for wire in wires:
            wire.transport.close()
        await _at_rest(house, event)
    within = sum(WARM_S <= at < WARM_S + RUN_S for at in tally.confirmed_s)
    took = quantiles(tally.took_s, n=100)
    return Figure(
        name="full seated checkouts",
        value=round(within / RUN_S, 1),
        unit="a second",
        baseline=f"whole machine, {os.cpu_count()} cores, {BUYERS} buyers included",
        goal=GOAL,
        more_is_better=True,
        detail={
            "confirmed": len(tally.confirmed_s),
            "requests_per_checkout": round(tally.requests / max(1, len(tally.confirmed_s)), 2),
            "p50_s": round(took[49], 2),
            "p99_s": round(took[98], 2),
            "refused": dict(tally.refused),
        }
        | shares,
    )


def _cpu_s(name: str, pid: int) -> float:
    return cpu_s(pid, children=name == "database")


async def _at_rest(house: House, event: str) -> None:
    """Returns when everything is captured and every invariant holds; else it was no checkout."""
    late = time.monotonic() + _REST_S
    while True:
        audit = await house.auditor.audit(event)
        if audit.holds and not audit.facts["captures_pending"]:
            return
        if time.monotonic() > late:
            raise RuntimeError(f"the books are not right: {audit}")
        await asyncio.sleep(0.5)
