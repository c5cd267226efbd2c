"""All SQL of tickets."""

from collections.abc import Mapping
from typing import Final

import msgspec

from usher.plumbing.postgres import Connection, Database
from usher.ticket.model import Holding, Transfer

_USED: Final = "t.used_at IS NOT NULL"
_HOLDING: Final = (
    "SELECT t.booking_id, t.event_id, t.seat, t.price, b.currency, t.state, t.serial, t.holder,"
    " t.holder_email, b.name, b.fan_id, b.language, b.created_at, b.state AS booking_state,"
    " b.confirmed_at IS NOT NULL AS confirmed, e.state AS event_state,"
    f" e.starts_at <= now() AS begun, {_USED} AS used FROM ticket AS t"
    " JOIN booking AS b ON b.id = t.booking_id JOIN event AS e ON e.id = t.event_id"
)


async def find(database: Database, booking: str, seat: int) -> Holding | None:
    """A ticket with what its booking and its event say of it."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            f"{_HOLDING} WHERE t.booking_id = $1 AND t.seat = $2", booking, seat
        )
    return msgspec.convert(dict(row), Holding) if row else None


async def of_booking(database: Database, booking: str) -> list[Holding]:
    """All tickets of a booking."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"{_HOLDING} WHERE t.booking_id = $1 ORDER BY t.seat", booking
        )
    return [msgspec.convert(dict(row), Holding) for row in rows]


async def transfers(database: Database, booking: str, seat: int) -> list[Transfer]:
    """Each time a ticket changed hands, in order."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT serial, holder, holder_email FROM ticket_transfer"
            " WHERE booking_id = $1 AND seat = $2 ORDER BY serial",
            booking,
            seat,
        )
    return [msgspec.convert(dict(row), Transfer) for row in rows]


async def hand_on(
    connection: Connection, booking: str, seat: int, serial: int, name: str, email: str
) -> Transfer | None:
    """Gives a ticket to somebody else, if it still has this serial and may change hands: of two
    at once the second waits for the first, and finds another serial."""
    row = await connection.fetchrow(
        "WITH handed AS ("
        " UPDATE ticket AS t SET serial = t.serial + 1, holder = $4, holder_email = $5"
        " FROM booking AS b, event AS e WHERE t.booking_id = $1 AND t.seat = $2 AND t.serial = $3"
        " AND t.state = 'live' AND b.id = t.booking_id AND b.state = 'confirmed'"
        " AND e.id = t.event_id AND e.state = 'published' AND e.starts_at > now()"
        f" AND NOT ({_USED}) RETURNING t.booking_id, t.seat, t.serial, t.holder, t.holder_email)"
        " INSERT INTO ticket_transfer (booking_id, seat, serial, holder, holder_email)"
        " SELECT * FROM handed RETURNING serial, holder, holder_email",
        booking,
        seat,
        serial,
        name,
        email,
    )
    return msgspec.convert(dict(row), Transfer) if row else None


async def revoked(database: Database, event: str) -> list[tuple[str, int, int | None]]:
    """(booking, seat, lowest serial that is good) of an event's tickets whose first code is good no
    more; None where none is."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT t.booking_id, t.seat,"
            " CASE WHEN t.state = 'live' AND b.state = 'confirmed' THEN t.serial END AS serial"
            " FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id"
            " WHERE t.event_id = $1 AND (t.state <> 'live' OR t.serial > 0)"
            " AND b.confirmed_at IS NOT NULL ORDER BY t.booking_id, t.seat",
            event,
        )
    return [(row["booking_id"], row["seat"], row["serial"]) for row in rows]


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
