"""All SQL of giving back. One booking at a time is locked, and everything about it is one
transaction: tickets, booking, refund, and the letters that carry it on."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from usher.booking.model import Booking
from usher.booking.queries import COLUMNS
from usher.payment.model import Refund
from usher.plumbing.postgres import Connection, Database

_REFUND: Final = ", ".join(Refund.__struct_fields__)


def _booking(row: Any) -> Booking:
    return msgspec.convert(dict(row), Booking)


async def lock(connection: Connection, booking: str) -> Booking | None:
    """A booking, nobody else's to change until the transaction ends."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM booking WHERE id = $1 FOR UPDATE", booking
    )
    return _booking(row) if row else None


async def live_tickets(connection: Connection, booking: str) -> dict[int, int]:
    """seat -> price of the tickets of a booking that are good."""
    rows = await connection.fetch(
        "SELECT seat, price FROM ticket WHERE booking_id = $1 AND state = 'live' ORDER BY seat",
        booking,
    )
    return {row["seat"]: row["price"] for row in rows}


async def not_given_back(connection: Connection, booking: str) -> set[int]:
    """Seats of a booking that its fan cannot give back: what was handed on is somebody else's, and
    what was used is used. Until the transaction ends its tickets neither change hands nor are they
    used."""
    rows = await connection.fetch(
        "SELECT seat, holder <> '' OR used_at IS NOT NULL AS kept FROM ticket"
        " WHERE booking_id = $1 AND state = 'live' ORDER BY seat FOR UPDATE",
        booking,
    )
    return {row["seat"] for row in rows if row["kept"]}


async def paid_by(connection: Connection, booking: str) -> str | None:
    """The payment that a booking stands on."""
    found: str | None = await connection.fetchval(
        "SELECT id FROM payment WHERE booking_id = $1 AND state IN ('authorised', 'captured')",
        booking,
    )
    return found


async def give_back(connection: Connection, refund: Refund, state: str) -> None:
    """Tickets, booking and refund move together; `state` is the booking's from now on."""
    await connection.execute(
        "UPDATE ticket SET state = 'cancelled' WHERE booking_id = $1 AND state = 'live'"
        " AND seat = ANY($2::integer[])",
        refund.booking_id,
        refund.seats,
    )
    await connection.execute(
        "UPDATE booking SET state = $2, returned = returned || $3::integer[],"
        " refunded = refunded + $4, reason = CASE WHEN $2 = 'confirmed' THEN reason ELSE $5 END"
        " WHERE id = $1 AND state = 'confirmed'",
        refund.booking_id,
        state,
        refund.seats,
        refund.amount,
        refund.reason,
    )
    slots = ", ".join(f"${i + 1}" for i in range(len(Refund.__struct_fields__)))
    await connection.execute(
        f"INSERT INTO refund ({_REFUND}, done_at) VALUES"
        f" ({slots}, CASE WHEN $8::text = 'done' THEN now() END) ON CONFLICT DO NOTHING",
        *(getattr(refund, name) for name in Refund.__struct_fields__),
    )


async def undo(connection: Connection, payments: Sequence[str]) -> list[Booking]:
    """Cancels the bookings that stand on payments whose money could not be had: their tickets were
    never paid for, and nothing goes back. Those that were still confirmed, or given back since."""
    rows = await connection.fetch(
        "UPDATE booking AS b SET state = 'cancelled', refunded = 0,"
        " reason = 'the payment could not be collected' FROM payment AS p"
        " WHERE p.id = ANY($1::text[]) AND b.id = p.booking_id"
        " AND b.state IN ('confirmed', 'refunded')"
        f" RETURNING {', '.join(f'b.{name}' for name in Booking.__struct_fields__)}",
        list(payments),
    )
    bookings = [_booking(row) for row in rows]
    ids = [each.id for each in bookings]
    await connection.execute(
        "UPDATE ticket SET state = 'void' WHERE booking_id = ANY($1::text[])", ids
    )
    await connection.execute(
        "UPDATE refund SET state = 'dropped' WHERE booking_id = ANY($1::text[])"
        " AND state = 'pending'",
        ids,
    )
    return bookings


async def refunds_of(database: Database, bookings: Sequence[str]) -> list[dict[str, Any]]:
    """The refunds of bookings, oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_REFUND}, created_at FROM refund WHERE booking_id = ANY($1::text[])"
            " ORDER BY created_at, id",
            list(bookings),
        )
    return [dict(row) for row in rows]


# --- events that are cancelled


async def cancel_event(connection: Connection, event: str) -> bool:
    """Whether the event is cancelled (now, or was already); False where there is none such that
    could be."""
    row = await connection.fetchval(
        "UPDATE event SET state = 'cancelled', cancelled_at = coalesce(cancelled_at, now())"
        " WHERE id = $1 AND state IN ('published', 'cancelled') RETURNING id",
        event,
    )
    return row is not None


async def left_of(database: Database, event: str) -> int:
    """How many bookings of an event still have tickets, or are still to be paid."""
    async with database.connection() as connection:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM booking WHERE event_id = $1"
                " AND state IN ('confirmed', 'awaiting_payment')",
                event,
            )
        )


async def to_wind_up(database: Database) -> list[str]:
    """Cancelled events whose bookings may still have to be given back."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id FROM event WHERE state = 'cancelled' AND wound_up_at IS NULL ORDER BY id"
        )
    return [row["id"] for row in rows]


async def left_over(connection: Connection, event: str, most: int) -> list[Booking]:
    """Bookings of an event that still have tickets or are still to be paid, locked; colleagues at
    the same take different ones."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM booking WHERE event_id = $1"
        " AND state IN ('confirmed', 'awaiting_payment')"
        " ORDER BY created_at, id LIMIT $2 FOR UPDATE SKIP LOCKED",
        event,
        most,
    )
    return [_booking(row) for row in rows]


async def wound_up(connection: Connection, event: str) -> None:
    """Nothing is left of a cancelled event. Only a day after: until then something may come off the
    ledger that was booked before."""
    await connection.execute(
        "UPDATE event SET wound_up_at = now() WHERE id = $1 AND state = 'cancelled'"
        " AND cancelled_at < now() - interval '1 day'"
        " AND NOT EXISTS (SELECT 1 FROM booking WHERE event_id = $1"
        "  AND state IN ('confirmed', 'awaiting_payment'))",
        event,
    )


async def why_cancelled(connection: Connection, event: str) -> str:
    """What the organiser of a cancelled event said, "" where nothing."""
    said: str | None = await connection.fetchval(
        "SELECT after FROM sale_change WHERE event_id = $1 AND field = 'cancelled'"
        " ORDER BY id LIMIT 1",
        event,
    )
    return said or ""


async def record_cancellation(connection: Connection, event: str, actor: str, reason: str) -> None:
    """Writes down who cancelled an event and why, once."""
    await connection.execute(
        "INSERT INTO sale_change (event_id, actor, field, before, after)"
        " SELECT $1, $2, 'cancelled', '', $3 WHERE NOT EXISTS"
        " (SELECT 1 FROM sale_change WHERE event_id = $1 AND field = 'cancelled')",
        event,
        actor,
        reason,
    )
