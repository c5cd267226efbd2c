"""What is made of a plan once is made before the crowd asks for it.

The first request for an event reads its plan and lays it out: half a second of a thread for 50,000
seats, while all other requests of the process wait for their turns. Measured as a tenth of the
first twelve thousand holds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from usher.clock import utc_now
from usher.errors import UsherError
from usher.event.service import EventService

log = structlog.get_logger("usher.event")

LOOK_S: Final = 5.0
AHEAD: Final = timedelta(minutes=15)
_ON: Final = frozenset({"lobby", "open", "paused"})


class Selling(Protocol):
    """What is to be known of a sale."""

    @property
    def event_id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def lobby_at(self) -> datetime | None: ...
    @property
    def opens_at(self) -> datetime | None: ...


def soon(sale: Selling, now: datetime) -> bool:
    """Whether people ask for the event now, or will in a few minutes."""
    times = (each for each in (sale.lobby_at, sale.opens_at) if each is not None)
    return sale.state in _ON or any(now <= each <= now + AHEAD for each in times)


async def keep_warm(
    events: EventService, sales: Callable[[], Awaitable[Sequence[Selling]]]
) -> None:
    """Reads each event once, shortly before it is wanted; until cancelled."""
    read: set[str] = set()
    while True:
        try:
            now = utc_now()
            wanted = {each.event_id for each in await sales() if soon(each, now)}
        except UsherError as fault:
            log.warning("sales not read", fault=fault.detail)
            wanted = read.copy()
        read &= wanted
        for event in sorted(wanted - read):
            try:
                await events.showing(event)
                read.add(event)
            except UsherError as fault:  # which keeps no other event cold
                log.warning("event not read ahead", event_id=event, fault=fault.detail)
        await asyncio.sleep(LOOK_S)
