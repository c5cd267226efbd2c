"""The flood, a process of its own: arrivals at a rate, whatever becomes of the answers.

Reads an order (JSON) on stdin; writes what it saw on stdout when it is over. Half of it are
newcomers, the rest asks where it stands, looks at the line, the event's page and the seats.
"""

import asyncio
import random
import resource
import sys
import time
from typing import Any, Final

import msgspec
import uvloop

from loadtests.bench.wire import request
from loadtests.overload.tally import Tally
from loadtests.overload.wire import Wire

# What is asked how often; the rest are joins.
_MIX: Final = (("place", 0.2), ("line", 0.1), ("page", 0.1), ("seats", 0.1))
_TURN_S: Final = 0.002


class Order(msgspec.Struct, kw_only=True):
    """`per_s` arrivals a second for `seconds`; 0: as fast as `connections` are answered."""

    host: str
    port: int
    event: str
    place_tokens: list[str]
    per_s: float
    seconds: float
    connections: int
    seed: int = 0


class Flood:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._dice = random.Random(order.seed)
        self._wire = Wire(order.host, order.port, order.connections)
        self._count = 0
        self.tally = Tally()
        api = f"/api/v1/events/{order.event}"
        html = {"accept": "text/html"}
        self._asks: dict[str, list[bytes]] = {
            "place": [
                request("GET", f"{api}/queue/place", headers={"authorization": f"Bearer {token}"})
                for token in order.place_tokens
            ],
            "line": [request("GET", f"{api}/queue")],
            "page": [request("GET", f"/events/{order.event}", headers=html)],
            "seats": [request("GET", f"{api}/seats")],
        }
        self._join = f"{api}/queue"

    def _next(self) -> tuple[str, bytes]:
        drawn = self._dice.random()
        for kind, share in _MIX:
            if drawn < share:
                return kind, self._dice.choice(self._asks[kind])
            drawn -= share
        self._count += 1
        return "join", request("POST", self._join, b"{}", {"idempotency-key": self._key()})

    def _key(self) -> str:
        return f"flood-{self._order.seed:08x}-{self._count:012d}"

    async def _one(self, due: float) -> None:
        kind, ask = self._next()
        self.tally.note(kind, await self._wire.ask(ask, due))

    async def run(self) -> dict[str, Any]:
        """Sends it all; what came of it, and what the client itself took."""
        began, before = time.perf_counter(), _cpu_s()
        ends = began + self._order.seconds
        if self._order.per_s:
            await self._openly(began, ends)
        else:
            await asyncio.gather(*(self._closely(ends) for _ in range(self._order.connections)))
        took_s = time.perf_counter() - began
        self._wire.close()
        sent = sum(sum(each.values()) for each in self.tally.statuses.values())
        return self.tally.report() | {
            "sent": sent,
            "seconds": took_s,
            "per_s": sent / took_s,
            "client_cpu_share": (_cpu_s() - before) / took_s,
        }

    async def _closely(self, ends: float) -> None:
        while time.perf_counter() < ends:
            await self._one(time.perf_counter())

    async def _openly(self, began: float, ends: float) -> None:
        tasks: set[asyncio.Task[None]] = set()
        sent = 0
        while (now := time.perf_counter()) < ends:
            for number in range(sent, int((now - began) * self._order.per_s)):
                task = asyncio.create_task(self._one(began + number / self._order.per_s))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent = number + 1
            await asyncio.sleep(_TURN_S)
        await asyncio.gather(*tasks)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)

    async def flood() -> dict[str, Any]:
        return await Flood(order).run()

    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(flood())))


if __name__ == "__main__":
    main()
