"""Laying out an event's seats in Redis: once at publishing, and again after Redis was lost."""

from typing import Any, Final

import structlog

from usher.clock import to_ms
from usher.event.service import EventService
from usher.ids import sibling_id
from usher.plumbing.postgres import Database
from usher.sale.service import SaleService
from usher.seat import queries
from usher.seat.scripts import SeatScripts

log = structlog.get_logger("usher.seat")

_ROWS_MAX: Final = 500  # bookings recalled by one run of the script


class Inventory:
    def __init__(
        self,
        database: Database,
        seats: SeatScripts,
        events: EventService,
        sales: SaleService,
    ) -> None:
        self._database = database
        self._seats = seats
        self._events = events
        self._sales = sales

    async def build(self, event: str) -> None:
        """Seats, runs, owners, then the gate: in this order, because without a gate every other
        script refuses. Killed anywhere, or run by two workers at once, it is simply run again.
        """
        layout = await self._events.lay_seats(event)
        owned = await queries.owned(self._database, event)
        states = ["."] * len(layout)
        for index in await queries.blocked(self._database, event):
            states[index] = "x"
        for booking in owned:
            for index in booking["seats"]:
                states[index] = "s" if booking["state"] == "confirmed" else "c"
        runs: list[str | bytes] = []
        for rank, category in enumerate(layout.categories):
            runs += [str(rank), category.segments]
        await self._seats.build(event, "".join(states), *runs)
        for start in range(0, len(owned), _ROWS_MAX):
            rows: list[str | int] = []
            for booking in owned[start : start + _ROWS_MAX]:
                rows += [
                    booking["hold_id"],
                    booking["place_id"],
                    "s" if booking["state"] == "confirmed" else "c",
                    to_ms(booking["due"]),
                    booking["digest"],
                    ",".join(str(index) for index in booking["seats"]),
                ]
            await self._seats.recall(event, *rows)
        await self._catch_up(event, owned)
        await self._sales.restore(event)
        log.info("seats laid out", event_id=event, seats=len(layout), owned=len(owned))

    async def _catch_up(self, event: str, before: list[dict[str, Any]]) -> None:
        """What PostgreSQL decided while the seats were being laid out."""
        known = {row["hold_id"]: row for row in before}
        now = {row["hold_id"]: row for row in await queries.owned(self._database, event)}
        pairs: list[str | int] = []
        for hold_id, row in now.items():
            if hold_id not in known or known[hold_id]["state"] != row["state"]:
                for index in row["seats"]:
                    pairs += [index, "s" if row["state"] == "confirmed" else "c"]
        if pairs:
            await self._seats.amend(event, *pairs)
        for hold_id in known.keys() - now.keys():
            row = known[hold_id]
            booking_id = sibling_id("booking", hold_id)
            await self._seats.settle(
                event, hold_id, booking_id, "expired", ".", row["place_id"], *row["seats"]
            )
