"""Laying out an event's seats in Redis: once at publishing, and again after Redis was lost."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from usher.event.service import EventService
from usher.ids import sibling_id
from usher.plumbing.postgres import Database
from usher.sale.service import SaleService
from usher.seat import queries
from usher.seat.model import Owner
from usher.seat.scripts import Known, SeatScripts
from usher.venue.stretch import segment_fields

log = structlog.get_logger("usher.seat")

_ROWS_MAX: Final = 500  # bookings recalled by one run of the script


class Inventory:
    def __init__(
        self,
        database: Database,
        seats: SeatScripts,
        events: EventService,
        sales: SaleService,
        prepare: Callable[[str], Awaitable[None]],
    ) -> None:
        """`prepare` is told of an event whose seats are laid out, before its sale goes on."""
        self._database = database
        self._seats = seats
        self._events = events
        self._sales = sales
        self._prepare = prepare
        self._turn = asyncio.Lock()  # so that waiting for a turn costs one connection, not all

    async def build(self, event: str) -> None:
        """Seats, runs, owners, then the gate: in this order, because without a gate every other
        script refuses. Killed anywhere it is simply run again, from the beginning; where the gate
        stands nothing is touched.
        """
        # One builder at a time, here and everywhere: a slow one must not lay older seats over
        # those of a quick one. The lock goes with its connection, however this process ends.
        async with self._turn, self._database.transaction() as connection:
            await queries.take_turn(connection, event)
            layout = await self._events.lay_seats(event)
            owners = await queries.owners(self._database, event)
            states = ["."] * len(layout)
            for index in await queries.blocked(self._database, event):
                states[index] = "x"
            for owner in owners:
                for index in owner.seats:
                    states[index] = owner.letter
            runs: list[str | bytes] = []
            for rank, category in enumerate(layout.categories):
                runs += segment_fields(rank, category.segments)
            if isinstance(await self._seats.build(event, "".join(states), *runs), Known):
                return
            for start in range(0, len(owners), _ROWS_MAX):
                await self._recall(event, owners[start : start + _ROWS_MAX])
            await self._catch_up(event, owners)
            await self._prepare(event)
            await self._sales.restore(event)
        log.info("seats laid out", event_id=event, seats=len(layout), owned=len(owners))

    async def _recall(self, event: str, owners: Sequence[Owner]) -> None:
        await self._seats.recall(event, *(word for owner in owners for word in owner.row()))

    async def _catch_up(self, event: str, before: Sequence[Owner]) -> None:
        """What PostgreSQL decided while the seats were being laid out."""
        known = {owner.hold_id: owner for owner in before}
        now = {owner.hold_id: owner for owner in await queries.owners(self._database, event)}
        if new := [now[hold_id] for hold_id in now.keys() - known.keys()]:
            await self._recall(event, new)
        for owner in before:
            after = now.get(owner.hold_id)
            if after is None or after.state != owner.state:
                await self._seats.settle(
                    event,
                    owner.hold_id,
                    sibling_id("booking", owner.hold_id),
                    after.state if after else "expired",
                    after.letter if after else ".",
                    owner.place_id,
                    *owner.seats,
                )
