"""How many have come in, and what a device needs to go on without the network.

However many devices ask, a process asks PostgreSQL once a second at most, and never more than a
twentieth of the time: a count of 80,000 tickets is allowed to become old before it is repeated.
"""

import asyncio
import gzip
import hashlib
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from usher.checkin import queries
from usher.clock import utc_now
from usher.event.service import EventService
from usher.plumbing.postgres import Database
from usher.ticket.keybook import KeyBook
from usher.ticket.signing import jwks

FRESH_S: Final = 1.0
LIST_FRESH_S: Final = 5.0
_SHARE: Final = 20

T = TypeVar("T")


class CategoryCount(msgspec.Struct):
    """Tickets of a category: paid for, and come in."""

    name: str
    sold: int
    entered: int


class EntranceCount(msgspec.Struct):
    """Who came in by one entrance; "" where the device had no name for it."""

    name: str
    entered: int


class MinuteCount(msgspec.Struct):
    """Who came in within the minute that begins at `at`."""

    at: datetime
    entered: int


class DoorCounts(msgspec.Struct, kw_only=True):
    """An event's doors at one moment. `doubles` and `overruled` were let in by devices that were
    offline: on a ticket that was used already; on one that was good no more. `minutes` are of the
    last hour, without those in which nobody came."""

    event_id: str
    at: datetime
    sold: int
    entered: int
    refused: int
    doubles: int
    overruled: int
    categories: list[CategoryCount]
    entrances: list[EntranceCount]
    minutes: list[MinuteCount]


class ListedTicket(NamedTuple):
    """A ticket that is paid for: its booking's id without its prefix, its seat, the serial of the
    code that is good, and when it was used (ms since 1970; 0: not yet)."""

    booking: str
    seat: int
    serial: int
    used_ms: int


class TicketList(msgspec.Struct):
    """What a device needs while it is offline: the keys that verify codes (as in a JWK Set), and
    [booking, seat, serial, used_ms] of every ticket."""

    event_id: str
    keys: list[dict[str, Any]]
    tickets: list[ListedTicket]


class Listed(msgspec.Struct, frozen=True):
    """A list of tickets as it travels."""

    body: bytes
    zipped: bytes
    etag: str


class _Fresh(Generic[T]):
    """What was found of each event, found again when it is too old; whoever asks meanwhile waits
    for the same."""

    def __init__(self, find: Callable[[str], Awaitable[T]], fresh_s: float) -> None:
        self._find = find
        self._fresh_s = fresh_s
        self._known: dict[str, tuple[float, T]] = {}
        self._asking: dict[str, asyncio.Task[T]] = {}

    def known(self, event: str) -> T | None:
        found = self._known.get(event)
        return found[1] if found and time.monotonic() < found[0] else None

    async def of(self, event: str) -> T:
        found = self.known(event)
        if found is not None:
            return found
        asking = self._asking.get(event)
        if asking is None:
            asking = asyncio.create_task(self._ask(event))
            self._asking[event] = asking
            asking.add_done_callback(lambda _: self._asking.pop(event, None))
        # Shielded: the first caller going away must not fail the others.
        return await asyncio.shield(asking)

    async def _ask(self, event: str) -> T:
        began = time.monotonic()
        found = await self._find(event)
        now = time.monotonic()
        # Events that nobody asks about any more are let go.
        self._known = {name: each for name, each in self._known.items() if each[0] > now}
        self._known[event] = (now + max(self._fresh_s, _SHARE * (now - began)), found)
        return found


class Counts:
    def __init__(self, database: Database, events: EventService, keys: KeyBook) -> None:
        self._database = database
        self._events = events
        self._keys = keys
        self._counts = _Fresh(self._count, FRESH_S)
        self._lists = _Fresh(self._list, LIST_FRESH_S)

    async def of(self, event: str) -> DoorCounts:
        """An event's doors, about a second old at most; NotFound."""
        return await self._counts.of(event)

    def add(self, event: str, entered: int) -> None:
        """So many have just come in here: whoever let them in sees it at once."""
        known = self._counts.known(event)
        if known is not None:
            known.entered += entered

    async def tickets(self, event: str) -> Listed:
        """What a device needs while it is offline; NotFound."""
        return await self._lists.of(event)

    async def _count(self, event: str) -> DoorCounts:
        showing = await self._events.showing(event)
        found = await queries.counts(self._database, event)
        categories = [
            CategoryCount(each.name, *found["categories"].get(each.rank, (0, 0)))
            for each in showing.categories
        ]
        scans = found["scans"]
        return DoorCounts(
            event_id=event,
            at=utc_now(),
            sold=sum(each.sold for each in categories),
            entered=sum(each.entered for each in categories),
            refused=sum(count for _, let_in, count in scans if not let_in),
            doubles=sum(count for outcome, _, count in scans if outcome == "double"),
            overruled=sum(
                count
                for outcome, let_in, count in scans
                if let_in and outcome not in ("admitted", "double")
            ),
            categories=categories,
            entrances=[EntranceCount(e["used_where"], e["entered"]) for e in found["entrances"]],
            minutes=[MinuteCount(**each) for each in found["minutes"]],
        )

    async def _list(self, event: str) -> Listed:
        await self._events.showing(event)
        keys = jwks(await self._keys.trusted())["keys"]
        rows = await queries.good_tickets(self._database, event)
        # 80,000 tickets are a tenth of a second of work: not between two other requests.
        return await asyncio.to_thread(_listed, event, keys, rows)


def _listed(event: str, keys: list[dict[str, Any]], rows: list[Any]) -> Listed:
    tickets = [
        ListedTicket(row["booking_id"][4:], row["seat"], row["serial"], row["used_ms"])
        for row in rows
    ]
    body = msgspec.json.encode(TicketList(event, keys, tickets))
    # Weak: the same list comes compressed or not.
    etag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return Listed(body, gzip.compress(body, 1, mtime=0), etag)
