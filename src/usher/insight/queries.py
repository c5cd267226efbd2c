"""All SQL of audits: the figures PostgreSQL knows."""

from typing import Final

from usher.plumbing.postgres import Database

# name -> a count of violations for event $1
VIOLATIONS: Final[dict[str, str]] = {
    "double_sold": """
        SELECT count(*) FROM (SELECT 1 FROM ticket WHERE event_id = $1 AND state = 'live'
        GROUP BY seat HAVING count(*) > 1) AS twice""",
    "bookings_without_tickets": """
        SELECT count(*) FROM booking AS b WHERE b.event_id = $1
        AND b.state IN ('confirmed', 'awaiting_payment') AND cardinality(b.seats) <>
        (SELECT count(*) FROM ticket AS t WHERE t.booking_id = b.id AND t.state = 'live')""",
    "tickets_without_booking": """
        SELECT count(*) FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id
        WHERE t.event_id = $1 AND t.state = 'live'
        AND b.state NOT IN ('confirmed', 'awaiting_payment')""",
    "tickets_without_payment": """
        SELECT count(*) FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id
        WHERE t.event_id = $1 AND t.state = 'live' AND b.state = 'confirmed' AND b.total > 0
        AND NOT EXISTS (SELECT 1 FROM payment AS p WHERE p.booking_id = b.id
        AND p.state IN ('authorised', 'captured') AND p.amount = b.total
        AND p.currency = b.currency)""",
    "captured_without_ticket": """
        SELECT count(*) FROM payment AS p JOIN booking AS b ON b.id = p.booking_id
        WHERE p.event_id = $1 AND p.state = 'captured' AND (b.state <> 'confirmed'
        OR NOT EXISTS (SELECT 1 FROM ticket AS t WHERE t.booking_id = b.id
        AND t.state = 'live'))""",
    "captured_twice": """
        SELECT count(*) FROM (SELECT 1 FROM payment WHERE event_id = $1 AND state = 'captured'
        GROUP BY booking_id HAVING count(*) > 1) AS twice""",
    "bank_captured_unknown": """
        SELECT count(*) FROM sandbox_charge AS c LEFT JOIN payment AS p ON p.id = c.id
        WHERE c.metadata ->> 'event' = $1 AND c.state = 'captured'
        AND (p.id IS NULL OR p.state NOT IN ('authorised', 'captured') OR p.amount <> c.amount)""",
    "captured_unknown_to_bank": """
        SELECT count(*) FROM payment AS p LEFT JOIN sandbox_charge AS c ON c.id = p.id
        WHERE p.event_id = $1 AND p.provider = 'sandbox' AND p.state = 'captured'
        AND (c.id IS NULL OR c.state <> 'captured' OR c.amount <> p.amount)""",
}

# name -> a count that is on its way to zero
PENDING: Final[dict[str, str]] = {
    "captures_pending": """
        SELECT count(*) FROM payment WHERE event_id = $1 AND state = 'authorised'""",
    "voids_pending": """
        SELECT count(*) FROM payment WHERE event_id = $1 AND state = 'voiding'""",
    "dead_letters": "SELECT count(*) FROM dead_letter WHERE event_id = $1",
    "letters_dead": """
        SELECT count(*) FROM outbox WHERE state = 'dead' AND $1::text IS NOT NULL""",
    "letters_pending": """
        SELECT count(*) FROM outbox WHERE state = 'pending' AND $1::text IS NOT NULL""",
}

FACTS: Final[dict[str, str]] = {
    "bookings": "SELECT count(*) FROM booking WHERE event_id = $1",
    "bookings_confirmed": """
        SELECT count(*) FROM booking WHERE event_id = $1 AND state = 'confirmed'""",
    "bookings_awaiting": """
        SELECT count(*) FROM booking WHERE event_id = $1 AND state = 'awaiting_payment'""",
    "bookings_expired": """
        SELECT count(*) FROM booking WHERE event_id = $1 AND state = 'expired'""",
    "bookings_conflict": """
        SELECT count(*) FROM booking WHERE event_id = $1 AND state = 'conflict'""",
    "bookings_cancelled": """
        SELECT count(*) FROM booking WHERE event_id = $1 AND state = 'cancelled'""",
    "tickets_live": "SELECT count(*) FROM ticket WHERE event_id = $1 AND state = 'live'",
    "tickets_sold": """
        SELECT count(*) FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id
        WHERE t.event_id = $1 AND t.state = 'live' AND b.state = 'confirmed'""",
    "revenue": """
        SELECT coalesce(sum(amount), 0) FROM payment WHERE event_id = $1 AND state = 'captured'""",
    "payments_declined": """
        SELECT count(*) FROM payment WHERE event_id = $1 AND state = 'declined'""",
    "payments_voided": """
        SELECT count(*) FROM payment WHERE event_id = $1 AND state = 'voided'""",
}


async def figures(database: Database, event: str, queries: dict[str, str]) -> dict[str, int]:
    """The figure of each query, all from one snapshot of the database."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        return {name: int(await connection.fetchval(sql, event)) for name, sql in queries.items()}


async def owned_seats(database: Database, event: str) -> dict[int, str]:
    """seat -> 's' (confirmed) or 'c' (awaiting payment), from live tickets."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT t.seat, b.state FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id"
            " WHERE t.event_id = $1 AND t.state = 'live'",
            event,
        )
    return {row["seat"]: "s" if row["state"] == "confirmed" else "c" for row in rows}


async def known_bookings(database: Database, ids: list[str]) -> set[str]:
    """Those of `ids` that PostgreSQL has."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT id FROM booking WHERE id = ANY($1::text[])", ids)
    return {row["id"] for row in rows}
