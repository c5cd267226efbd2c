"""SQL that tells Redis what its seats are: read when they are laid out, and after a loss."""

from collections.abc import Sequence
from typing import Final

import msgspec

from usher.plumbing.postgres import Connection, Database
from usher.seat.model import Owner

# Any number will do as long as every process takes the same: "lay" as bytes.
_LAYING: Final = int.from_bytes(b"lay")
_OWNER: Final = ", ".join(
    # of a confirmed booking, what was not given back since
    f"array(SELECT s FROM unnest(b.{name}) AS s WHERE s <> ALL (b.returned)) AS {name}"
    if name == "seats"
    else f"b.{name}"
    for name in Owner.__struct_fields__
)


async def take_turn(connection: Connection, event: str) -> None:
    """Waits until nobody else lays out `event`; the turn lasts as long as the transaction."""
    await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LAYING, event)


async def blocked(database: Database, event: str) -> list[int]:
    """Seats that are not for sale."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT index FROM seat WHERE event_id = $1 AND blocked", event
        )
    return [row["index"] for row in rows]


async def owners(database: Database, event: str) -> list[Owner]:
    """The bookings whose seats are theirs, paid or still to be paid."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_OWNER} FROM booking AS b"
            " WHERE event_id = $1 AND state IN ('awaiting_payment', 'confirmed')"
            " ORDER BY created_at, id",
            event,
        )
    return [msgspec.convert(dict(row), Owner) for row in rows]


async def owners_of(database: Database, event: str, seats: Sequence[int]) -> list[Owner]:
    """The bookings that have a live ticket for any of `seats`."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT DISTINCT {_OWNER} FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id"
            " WHERE t.event_id = $1 AND t.seat = ANY($2::integer[]) AND t.state = 'live'",
            event,
            list(seats),
        )
    return [msgspec.convert(dict(row), Owner) for row in rows]
