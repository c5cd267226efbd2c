"""All SQL of tickets."""

from collections.abc import Mapping
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


async def note_keys(database: Database, keys: Mapping[str, bytes]) -> set[str]:
    """Writes public keys down that are not there yet; the ids of those that are retired."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO ticket_key (kid, public) SELECT * FROM unnest($1::text[], $2::bytea[])"
            " ON CONFLICT ON CONSTRAINT ticket_key_pkey DO NOTHING",
            list(keys),
            list(keys.values()),
        )
        rows = await connection.fetch(
            "SELECT kid FROM ticket_key WHERE kid = ANY($1::text[]) AND retired_at IS NOT NULL",
            list(keys),
        )
    return {row["kid"] for row in rows}


async def trusted_keys(database: Database) -> list[tuple[str, bytes]]:
    """(id, public key) of every key whose codes are good, newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT kid, public FROM ticket_key WHERE retired_at IS NULL"
            " ORDER BY created_at DESC, kid"
        )
    return [(row["kid"], row["public"]) for row in rows]


async def retire_key(database: Database, kid: str) -> bool:
    """Whether there is such a key; it is retired now, or was before."""
    async with database.connection() as connection:
        found = await connection.fetchval(
            "UPDATE ticket_key SET retired_at = coalesce(retired_at, now()) WHERE kid = $1"
            " RETURNING kid",
            kid,
        )
    return found is not None
