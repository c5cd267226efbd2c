"""All SQL of audits, of the console and of the sales pages: the figures PostgreSQL knows."""

from datetime import datetime
from typing import Any, Final

from usher.plumbing.postgres import Database

# name -> a count of violations for event $1
VIOLATIONS: Final[dict[str, str]] = {
    "double_sold": """
        SELECT count(*) FROM (SELECT 1 FROM ticket WHERE event_id = $1 AND state = 'live'
        GROUP BY seat HAVING count(*) > 1) AS twice""",
    "bookings_without_tickets": """
        SELECT count(*) FROM booking AS b WHERE b.event_id = $1
        AND b.state IN ('confirmed', 'awaiting_payment')
        AND cardinality(b.seats) - cardinality(b.returned) <>
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
        WHERE p.event_id = $1 AND p.state = 'captured' AND p.amount > b.refunded
        AND (b.state <> 'confirmed' OR NOT EXISTS (SELECT 1 FROM ticket AS t
        WHERE t.booking_id = b.id AND t.state = 'live'))""",
    # In minor units, and at every moment: tickets, booking, payment and refund move together.
    # Booking by booking: too much here is not made good by too little there.
    "money_not_tickets": """
        SELECT coalesce(sum(abs(left_over)), 0) FROM (SELECT sum(amount) AS left_over FROM (
        SELECT booking_id, amount FROM payment WHERE event_id = $1
        AND state IN ('authorised', 'captured')
        UNION ALL SELECT booking_id, -amount FROM refund WHERE event_id = $1
        AND state IN ('pending', 'done')
        UNION ALL SELECT t.booking_id, -t.price FROM ticket AS t JOIN booking AS b
        ON b.id = t.booking_id WHERE t.event_id = $1 AND t.state = 'live'
        AND b.state = 'confirmed') AS moved GROUP BY booking_id) AS of_booking""",
    "refunds_unlike_bookings": """
        SELECT count(*) FROM booking AS b WHERE b.event_id = $1 AND b.refunded <>
        (SELECT coalesce(sum(r.amount), 0) FROM refund AS r WHERE r.booking_id = b.id
        AND r.state <> 'dropped')""",
    "refunds_refused": """
        SELECT count(*) FROM refund WHERE event_id = $1 AND state = 'failed'""",
    "captured_twice": """
        SELECT count(*) FROM (SELECT 1 FROM payment WHERE event_id = $1 AND state = 'captured'
        GROUP BY booking_id HAVING count(*) > 1) AS twice""",
    "bank_captured_unknown": """
        SELECT count(*) FROM sandbox_charge AS c LEFT JOIN payment AS p ON p.id = c.id
        WHERE c.metadata ->> 'event' = $1 AND c.state = 'captured'
        AND (p.id IS NULL OR p.state NOT IN ('authorised', 'captured') OR p.amount <> c.amount)
        -- what was captured in spite of a void went back as a refund
        AND c.amount > (SELECT coalesce(sum(s.amount), 0) FROM sandbox_refund AS s
        WHERE s.charge_id = c.id)""",
    "books_differ": """
        SELECT count(*) FROM payment_finding WHERE gone_at IS NULL
        AND event_id IN ($1, '')""",
    "bank_refunds_differ": """
        SELECT count(*) FROM payment AS p WHERE p.event_id = $1
        AND p.provider IN ('sandbox', 'rehearsal') AND p.state = 'captured'
        AND (SELECT coalesce(sum(s.amount), 0) FROM sandbox_refund AS s
        WHERE s.charge_id = p.id) NOT BETWEEN
        (SELECT coalesce(sum(r.amount), 0) FROM refund AS r WHERE r.payment_id = p.id
        AND r.state = 'done' AND NOT r.by_hand) AND
        (SELECT coalesce(sum(r.amount), 0) FROM refund AS r WHERE r.payment_id = p.id
        AND r.state IN ('done', 'pending') AND NOT r.by_hand)""",
    "captured_unknown_to_bank": """
        SELECT count(*) FROM payment AS p LEFT JOIN sandbox_charge AS c ON c.id = p.id
        WHERE p.event_id = $1 AND p.provider IN ('sandbox', 'rehearsal') AND p.state = 'captured'
        AND (c.id IS NULL OR c.state <> 'captured' OR c.amount <> p.amount)""",
    "used_twice": """
        SELECT count(*) FROM (SELECT 1 FROM scan WHERE event_id = $1 AND outcome = 'admitted'
        GROUP BY booking_id, seat HAVING count(*) > 1) AS twice""",
    "uses_unlike_scans": """
        SELECT (SELECT count(*) FROM ticket AS t WHERE t.event_id = $1 AND t.used_at IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM scan AS c WHERE c.id = t.used_by
         AND c.outcome = 'admitted' AND c.booking_id = t.booking_id AND c.seat = t.seat))
        + (SELECT count(*) FROM scan AS c WHERE c.event_id = $1 AND c.outcome = 'admitted'
         AND NOT EXISTS (SELECT 1 FROM ticket AS t WHERE t.used_by = c.id
         AND t.booking_id = c.booking_id AND t.seat = c.seat))""",
}

# name -> a count that is on its way to zero
PENDING: Final[dict[str, str]] = {
    "captures_pending": """
        SELECT count(*) FROM payment WHERE event_id = $1 AND state = 'authorised'""",
    "voids_pending": """
        SELECT count(*) FROM payment WHERE event_id = $1 AND state = 'voiding'""",
    "refunds_pending": """
        SELECT count(*) FROM refund WHERE event_id = $1 AND state = 'pending'""",
    "dead_letters": "SELECT count(*) FROM dead_letter WHERE event_id = $1",
    "letters_dead": """
        SELECT count(*) FROM outbox WHERE state = 'dead' AND $1::text IS NOT NULL
        AND kind IN ('capture', 'void', 'refund', 'settle')""",
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
    "bookings_refunded": """
        SELECT count(*) FROM booking WHERE event_id = $1 AND state = 'refunded'""",
    "tickets_live": "SELECT count(*) FROM ticket WHERE event_id = $1 AND state = 'live'",
    "tickets_sold": """
        SELECT count(*) FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id
        WHERE t.event_id = $1 AND t.state = 'live' AND b.state = 'confirmed'""",
    "revenue": """
        SELECT coalesce((SELECT sum(amount) FROM payment WHERE event_id = $1
        AND state = 'captured'), 0) - coalesce((SELECT sum(amount) FROM refund
        WHERE event_id = $1 AND state = 'done'), 0)""",
    "refunded": """
        SELECT coalesce(sum(amount), 0) FROM refund WHERE event_id = $1 AND state = 'done'""",
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


# --- the pulse of a sale, for the console

_LATEST: Final = 10


async def takings(database: Database, event: str) -> dict[str, Any]:
    """Bookings by state, those confirmed in each minute of the last hour, and the newest."""
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        states = await connection.fetch(
            "SELECT state, count(*) AS bookings,"
            " sum(total - refunded)::bigint AS total FROM booking"
            " WHERE event_id = $1 GROUP BY state",
            event,
        )
        minutes = await connection.fetch(
            "SELECT date_trunc('minute', confirmed_at) AS at, count(*) AS bookings,"
            " sum(total - refunded)::bigint AS revenue FROM booking WHERE event_id = $1"
            " AND state = 'confirmed' AND confirmed_at >= date_trunc('minute', now())"
            " - interval '59 minutes' GROUP BY 1 ORDER BY 1",
            event,
        )
        latest = await connection.fetch(
            "SELECT id, name, state, total, currency, created_at, cardinality(seats) AS seats"
            " FROM booking WHERE event_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2",
            event,
            _LATEST,
        )
    return {
        "states": {row["state"]: (row["bookings"], row["total"]) for row in states},
        "minutes": [dict(row) for row in minutes],
        "latest": [dict(row) for row in latest],
    }


# --- sales, for those who reckon


async def sold_by_category(database: Database, event: str) -> list[dict[str, Any]]:
    """Each category with its seats: all, blocked, sold, claimed; and what was taken for those
    sold."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "WITH taken AS (SELECT s.category,"
            "  count(*) FILTER (WHERE b.state = 'confirmed') AS sold,"
            "  count(*) FILTER (WHERE b.state = 'awaiting_payment') AS claimed,"
            "  coalesce(sum(t.price) FILTER (WHERE b.state = 'confirmed'), 0)::bigint AS revenue"
            "  FROM ticket AS t JOIN booking AS b ON b.id = t.booking_id"
            "  JOIN seat AS s ON s.event_id = t.event_id AND s.index = t.seat"
            "  WHERE t.event_id = $1 AND t.state = 'live' GROUP BY s.category),"
            " laid AS (SELECT category, count(*) AS seats, count(*) FILTER (WHERE blocked)"
            "  AS blocked FROM seat WHERE event_id = $1 GROUP BY category)"
            " SELECT c.name, c.color, c.price, coalesce(laid.seats, 0) AS seats,"
            " coalesce(laid.blocked, 0) AS blocked, coalesce(taken.sold, 0) AS sold,"
            " coalesce(taken.claimed, 0) AS claimed, coalesce(taken.revenue, 0) AS revenue"
            " FROM category AS c LEFT JOIN laid ON laid.category = c.rank"
            " LEFT JOIN taken ON taken.category = c.rank WHERE c.event_id = $1 ORDER BY c.rank",
            event,
        )
    return [dict(row) for row in rows]


async def sold_by_day(database: Database, event: str, timezone: str) -> list[dict[str, Any]]:
    """Confirmed bookings by the day they were confirmed on in `timezone`, newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT (confirmed_at AT TIME ZONE $2)::date AS day, count(*) AS bookings,"
            " sum(cardinality(seats) - cardinality(returned))::bigint AS seats,"
            " sum(total - refunded)::bigint AS revenue"
            " FROM booking WHERE event_id = $1 AND state = 'confirmed' GROUP BY 1 ORDER BY 1 DESC",
            event,
            timezone,
        )
    return [dict(row) for row in rows]


async def bookings_of(
    database: Database,
    event: str,
    *,
    text: str,
    state: str,
    after: tuple[datetime, str] | None,
    most: int,
) -> list[dict[str, Any]]:
    """Bookings, newest first, from `after` (created_at, id) on: those whose name, email or id
    holds `text`, in `state`; empty filters filter nothing."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id, name, email, state, reason, total, currency, seats, prices, created_at,"
            " confirmed_at FROM booking WHERE event_id = $1"
            " AND ($2 = '' OR strpos(lower(name || ' ' || email || ' ' || id), lower($2)) > 0)"
            " AND ($3 = '' OR state = $3)"
            " AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5))"
            " ORDER BY created_at DESC, id DESC LIMIT $6",
            event,
            text,
            state,
            after[0] if after else None,
            after[1] if after else "",
            most,
        )
    return [dict(row) for row in rows]


async def changes(
    database: Database, event: str, before: int | None, most: int
) -> list[dict[str, Any]]:
    """Changes of a sale, newest first, older than the one numbered `before`; with the name and
    the email of the account that made each, where it was one."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT c.id, c.at, c.actor, c.field, c.before, c.after, a.name, a.email"
            " FROM sale_change AS c LEFT JOIN account AS a ON a.id = c.actor"
            " WHERE c.event_id = $1 AND ($2::bigint IS NULL OR c.id < $2)"
            " ORDER BY c.id DESC LIMIT $3",
            event,
            before,
            most,
        )
    return [dict(row) for row in rows]
