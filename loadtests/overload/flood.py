"""The flood, a process of its own: arrivals at a rate, whatever becomes of the answers.

Reads an order (JSON) on stdin; writes what it saw on stdout when it is over. Half of it are
newcomers, the rest asks where it stands, looks at the line, the event's page and the seats. An
arrival takes a connection that is free, or opens one, or waits for one; its time counts from when
it was due. No tasks and no futures: the client must not be what gives way first.
"""

import asyncio
import random
import resource
import sys
import time
from collections import deque
from typing import Any, Final, NamedTuple, cast

import msgspec
import uvloop

from loadtests.bench.wire import request
from loadtests.overload.tally import Tally
from loadtests.overload.wire import HANG_S, HUNG, RESET, Reply, answered

# What is asked how often; the rest are joins.
_MIX: Final = (("place", 0.2), ("line", 0.1), ("page", 0.1), ("seats", 0.1))
_TURN_S: Final = 0.002
_OPENING_MAX: Final = 256  # connections being opened at once
_AFTERWARDS_S: Final = 10.0  # for what was sent to be answered


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


class Arrival(NamedTuple):
    """What is to be asked, and when it was due (perf_counter)."""

    due: float
    kind: str
    ask: bytes


class _Link(asyncio.Protocol):
    def __init__(self, flood: "Flood") -> None:
        self._flood = flood
        self._buffer = b""
        self.transport: asyncio.Transport | None = None
        self.arrival: Arrival | None = None
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._flood.ready(self)

    def send(self, arrival: Arrival) -> None:
        assert self.transport is not None
        self.arrival, self.sent_at = arrival, time.perf_counter()
        self.transport.write(arrival.ask)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        found = answered(self._buffer)
        if found is None:
            return
        self._buffer = b""
        self.over(found[0], found[1])
        self._flood.ready(self)

    def over(self, status: int, retry_s: int | None = None) -> None:
        """What was asked has its answer, or will have none."""
        arrival, self.arrival = self.arrival, None
        if arrival is not None:
            now = time.perf_counter()
            reply = Reply(status, retry_s, b"", now - arrival.due)
            self._flood.tally.note(arrival.kind, reply, now - self.sent_at)

    def connection_lost(self, fault: Exception | None) -> None:
        self.transport = None
        self.over(RESET)
        self._flood.lost(self)


class Flood:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._dice = random.Random(order.seed)
        self._count = 0
        self._backlog: deque[Arrival] = deque()
        self._idle: list[_Link] = []
        self._links: set[_Link] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._ends = 0.0
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

    def _next(self, due: float) -> Arrival:
        drawn = self._dice.random()
        for kind, share in _MIX:
            if drawn < share:
                return Arrival(due, kind, self._dice.choice(self._asks[kind]))
            drawn -= share
        self._count += 1
        key = {"idempotency-key": f"flood-{self._order.seed:08x}-{self._count:012d}"}
        return Arrival(due, "join", request("POST", self._join, b"{}", key))

    def ready(self, link: _Link) -> None:
        """A connection that may be used: at once, where somebody waits for one."""
        if link.transport is None:
            return
        now = time.perf_counter()
        if now >= self._ends:
            return
        if self._order.per_s == 0:
            link.send(self._next(now))
        elif self._backlog:
            link.send(self._backlog.popleft())
        else:
            self._idle.append(link)

    def lost(self, link: _Link) -> None:
        """A connection that is no more."""
        self._links.discard(link)

    def _open(self) -> None:
        async def opening() -> None:
            link = _Link(self)
            self._links.add(link)
            try:
                async with asyncio.timeout(HANG_S):
                    loop = asyncio.get_running_loop()
                    await loop.create_connection(lambda: link, self._order.host, self._order.port)
            except (OSError, TimeoutError):
                self._links.discard(link)
                self.tally.note("connect", Reply(RESET, None, b"", 0.0))

        task = asyncio.create_task(opening())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def run(self) -> dict[str, Any]:
        """Sends it all; what came of it, and what the client itself took."""
        began, before = time.perf_counter(), _cpu_s()
        self._ends = began + self._order.seconds
        due = 0
        while (now := time.perf_counter()) < self._ends:
            if self._order.per_s:
                for number in range(due, int((now - began) * self._order.per_s)):
                    arrival = self._next(began + number / self._order.per_s)
                    due = number + 1
                    while self._idle and self._idle[-1].transport is None:
                        self._idle.pop()
                    if self._idle:
                        self._idle.pop().send(arrival)
                    else:
                        self._backlog.append(arrival)
                wanted = len(self._backlog)
            else:
                wanted = self._order.connections - len(self._links)
            room = self._order.connections - len(self._links)
            for _ in range(min(room, wanted, _OPENING_MAX) - len(self._opening)):
                self._open()
            await asyncio.sleep(_TURN_S)
        took_s = time.perf_counter() - began
        cpu_s = _cpu_s() - before
        await self._afterwards()
        sent = sum(sum(each.values()) for each in self.tally.statuses.values())
        return self.tally.report() | {
            "due": due,
            "sent": sent,
            "unsent": len(self._backlog),
            "connections": len(self._links),
            "seconds": took_s,
            "per_s": sent / took_s,
            "client_cpu_share": cpu_s / took_s,
        }

    async def _afterwards(self) -> None:
        late = time.perf_counter() + _AFTERWARDS_S
        while time.perf_counter() < late:
            await asyncio.sleep(0.05)
            if not any(link.arrival for link in self._links):
                break
        for link in list(self._links):
            if link.arrival is not None:
                link.over(HUNG)
            if link.transport is not None:
                link.transport.abort()


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
