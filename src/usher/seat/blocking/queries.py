"""SQL of blocked seats."""

from collections.abc import Sequence
from typing import Final

from usher.plumbing.postgres import Connection, Database

_CHANGE: Final = (
    "UPDATE seat SET blocked = $3 WHERE event_id = $1 AND index = ANY($2::integer[])"
    " AND blocked <> $3"
)


async def laid(database: Database, event: str) -> bool:
    """Whether the seats of an event are written down one by one already."""
    async with database.connection() as connection:
        return bool(
            await connection.fetchval("SELECT EXISTS (SELECT FROM seat WHERE event_id = $1)", event)
        )


async def stands_on(connection: Connection, event: str, plan_id: str) -> bool:
    """Whether the event stands on that plan, and does until the transaction is over."""
    found = await connection.fetchval("SELECT plan_id FROM event WHERE id = $1 FOR SHARE", event)
    return bool(found == plan_id)


async def blocked(connection: Connection, event: str) -> list[int]:
    """Seats that are not for sale, as this transaction sees them."""
    rows = await connection.fetch("SELECT index FROM seat WHERE event_id = $1 AND blocked", event)
    return [row["index"] for row in rows]


async def sold_among(connection: Connection, event: str, seats: Sequence[int]) -> list[int]:
    """Those of `seats` that somebody has a live ticket for."""
    rows = await connection.fetch(
        "SELECT seat FROM ticket WHERE event_id = $1 AND seat = ANY($2::integer[])"
        " AND state = 'live' ORDER BY seat",
        event,
        list(seats),
    )
    return [row["seat"] for row in rows]


async def mark(
    connection: Connection, event: str, actor: str, block: Sequence[int], unblock: Sequence[int]
) -> int:
    """Writes which seats are blocked, records it, and gives how many are."""
    count = "SELECT count(*) FROM seat WHERE event_id = $1 AND blocked"
    before = await connection.fetchval(count, event)
    shut = await connection.execute(_CHANGE, event, list(block), True)
    freed = await connection.execute(_CHANGE, event, list(unblock), False)
    if (shut, freed) == ("UPDATE 0", "UPDATE 0"):
        return int(before)
    after = await connection.fetchval(count, event)
    await connection.execute(
        "INSERT INTO sale_change (event_id, actor, field, before, after)"
        " VALUES ($1, $2, 'blocked seats', $3, $4)",
        event,
        actor,
        str(before),
        str(after),
    )
    return int(after)
