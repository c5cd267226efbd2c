"""SQL that tells Redis what its seats are: read when they are laid out, and after a loss."""

from typing import Any

from usher.plumbing.postgres import Database


async def blocked(database: Database, event: str) -> list[int]:
    """Seats that are not for sale."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT index FROM seat WHERE event_id = $1 AND blocked", event
        )
    return [row["index"] for row in rows]


async def owned(database: Database, event: str) -> list[dict[str, Any]]:
    """The bookings whose seats are theirs, paid or still to be paid."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT hold_id, place_id, state, due, digest, seats FROM booking"
            " WHERE event_id = $1 AND state IN ('awaiting_payment', 'confirmed')"
            " ORDER BY created_at, id",
            event,
        )
    return [dict(row) for row in rows]
