"""All SQL of tickets."""

from typing import Any

from usher.plumbing.postgres import Database


async def find(database: Database, booking: str, seat: int) -> dict[str, Any] | None:
    """A ticket with its booking's holder and state."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT t.booking_id, t.event_id, t.seat, t.price, t.state, b.name, b.fan_id,"
            " b.currency, b.state AS booking_state FROM ticket AS t"
            " JOIN booking AS b ON b.id = t.booking_id WHERE t.booking_id = $1 AND t.seat = $2",
            booking,
            seat,
        )
    return dict(row) if row else None
