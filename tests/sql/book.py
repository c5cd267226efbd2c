"""An event in PostgreSQL alone, and claims on its seats as they come off the ledger."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from usher.booking.jobs import commit_claims
from usher.booking.model import Booking
from usher.clock import utc_now
from usher.errors import Unavailable
from usher.event.model import NewEvent
from usher.event.service import EventService
from usher.ids import new_id, sibling_id
from usher.plumbing.postgres import Database
from usher.sale.model import SaleSettings
from usher.venue.generate import rows_by_columns
from usher.venue.price import default_prices

SEATS: Final = 12
PRICE: Final = 4_500


class Book:
    """An event of SEATS seats in PostgreSQL, and claims on them."""

    def __init__(self, database: Database, event: str) -> None:
        self.database = database
        self.event = event

    def claim(self, *seats: int) -> Booking:
        """A booking of these seats, unpaid, as it comes off the ledger."""
        hold_id = new_id("hold")
        return Booking(
            id=sibling_id("booking", hold_id),
            event_id=self.event,
            hold_id=hold_id,
            place_id=new_id("place"),
            fan_id=new_id("fan"),
            digest="d",
            name="Ann",
            email="ann@example.org",
            state="awaiting_payment",
            total=PRICE * len(seats),
            currency="EUR",
            seats=list(seats),
            prices=[PRICE] * len(seats),
            due=utc_now() + timedelta(hours=1),
            created_at=utc_now(),
        )

    async def commit(self, claims: Sequence[Booking]) -> dict[str, Booking]:
        """One batch, as one transaction, again where two workers waited for each other; those
        that were new."""
        while True:
            try:
                async with self.database.transaction() as connection:
                    return await commit_claims(connection, claims)
            except Unavailable:
                continue

    async def rows(self, query: str) -> list[Any]:
        async with self.database.connection() as connection:
            return list(await connection.fetch(query, self.event))

    async def states(self) -> dict[str, str]:
        rows = await self.rows("SELECT id, state FROM booking WHERE event_id = $1")
        return {row["id"]: row["state"] for row in rows}

    async def owners(self) -> dict[int, str]:
        """Who has the live ticket of each seat; a seat that is sold twice is a failure."""
        rows = await self.rows(
            "SELECT seat, booking_id FROM ticket WHERE event_id = $1 AND state = 'live'"
        )
        assert len({row["seat"] for row in rows}) == len(rows), "sold twice"
        return {row["seat"]: row["booking_id"] for row in rows}

    async def check(self, claims: Sequence[Booking]) -> None:
        """Whoever is no conflict has every seat, whoever is has none, and had a rival."""
        states, owners = await self.states(), await self.owners()
        assert states.keys() == {each.id for each in claims}
        for each in claims:
            has = sorted(seat for seat, owner in owners.items() if owner == each.id)
            if states[each.id] == "conflict":
                assert has == []
                assert any(set(o.seats) & set(each.seats) for o in claims if o.id != each.id)
            else:
                assert has == sorted(each.seats)


@asynccontextmanager
async def opened_book(database: Database) -> AsyncIterator[Book]:
    """A book of a fresh event."""
    events = EventService(database)
    plan = rows_by_columns(1, SEATS)
    starts_at = utc_now() + timedelta(days=30)
    new = NewEvent(title="An evening", starts_at=starts_at, prices=default_prices(plan))
    event = await events.create(new, plan, SaleSettings())
    await events.lay_seats(event)
    yield Book(database, event)
