"""All SQL of bookings. Batches travel as arrays through `unnest`; whoever loses is named.

Measured: 27,000 four-seat bookings/s in batches of 500, 760/s one transaction each.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from usher import limits
from usher.booking.model import TRANSITIONS, Booking, State
from usher.plumbing.postgres import Connection, Database

COLUMNS: Final = ", ".join(Booking.__struct_fields__)
_INSERTED: Final = (
    *("id", "event_id", "hold_id", "place_id", "fan_id", "digest", "name", "email", "state"),
    *("total", "currency", "due", "created_at", "language", "phone"),
)


class TicketView(NamedTuple):
    """One live or void seat of a booking. `transferred_to` is whom its fan handed it on to; where
    it went from there is no business of theirs."""

    booking_id: str
    seat: int
    price: int
    state: str
    transferred_to: str | None = None


def _booking(row: Any) -> Booking:
    return msgspec.convert(dict(row), Booking)


async def insert(connection: Connection, bookings: Sequence[Booking]) -> list[str]:
    """Writes bookings that are not there yet; the ids of those that were new.

    Arrays of arrays must be rectangular in PostgreSQL, so seats and prices travel flat, with
    each booking's count, and are cut apart again by their running offset.
    """
    counts = [len(each.seats) for each in bookings]
    rows = await connection.fetch(
        "INSERT INTO booking (id, event_id, hold_id, place_id, fan_id, digest, name, email, state,"
        " total, currency, due, created_at, language, phone, seats, prices, confirmed_at)"
        " SELECT b.id, b.event_id, b.hold_id, b.place_id, b.fan_id, b.digest, b.name, b.email,"
        " b.state, b.total, b.currency, b.due, b.created_at, b.language, b.phone,"
        " ($18::integer[])[b.first : b.first + b.n - 1],"
        " ($19::bigint[])[b.first : b.first + b.n - 1],"
        " CASE WHEN b.state = 'confirmed' THEN now() END"
        " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
        " $7::text[], $8::text[], $9::text[], $10::bigint[], $11::text[], $12::timestamptz[],"
        " $13::timestamptz[], $14::text[], $15::text[], $16::integer[], $17::integer[])"
        " AS b (id, event_id, hold_id, place_id, fan_id, digest, name, email, state, total,"
        " currency, due, created_at, language, phone, first, n)"
        " ON CONFLICT DO NOTHING RETURNING id",
        *([getattr(each, name) for each in bookings] for name in _INSERTED),
        _starts(counts),
        counts,
        [seat for each in bookings for seat in each.seats],
        [price for each in bookings for price in each.prices],
    )
    return [row["id"] for row in rows]


def _starts(counts: Sequence[int]) -> list[int]:
    starts, at = [], 1
    for count in counts:
        starts.append(at)
        at += count
    return starts


async def insert_tickets(connection: Connection, bookings: Sequence[Booking]) -> list[str]:
    """Writes the tickets of new bookings, seat by seat where the seat has no live ticket yet; the
    ids of the bookings that did not get all of theirs. Sorted by seat, so that two commits never
    wait in a circle."""
    tickets = sorted(
        (each.event_id, seat, each.id, price)
        for each in bookings
        for seat, price in zip(each.seats, each.prices, strict=True)
    )
    written = await connection.fetchval(
        "WITH written AS ("
        " INSERT INTO ticket (booking_id, event_id, seat, price)"
        " SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::bigint[])"
        " ON CONFLICT (event_id, seat) WHERE state = 'live' DO NOTHING RETURNING 1)"
        " SELECT count(*) FROM written",
        [booking for _, _, booking, _ in tickets],
        [event for event, _, _, _ in tickets],
        [seat for _, seat, _, _ in tickets],
        [price for _, _, _, price in tickets],
    )
    if written == len(tickets):
        return []
    # Only where somebody lost is it worth asking who: naming every winner costs a tenth more.
    rows = await connection.fetch(
        "SELECT booking_id, count(*) AS got FROM ticket WHERE booking_id = ANY($1::text[])"
        " GROUP BY booking_id",
        [each.id for each in bookings],
    )
    got = {row["booking_id"]: row["got"] for row in rows}
    return [each.id for each in bookings if got.get(each.id, 0) < len(each.seats)]


async def lose(connection: Connection, ids: Sequence[str]) -> None:
    """Marks bookings whose seats somebody else has: no seat of theirs stays theirs."""
    await connection.execute(
        "UPDATE ticket SET state = 'void' WHERE booking_id = ANY($1::text[])", list(ids)
    )
    await connection.execute(
        "UPDATE booking SET state = 'conflict', confirmed_at = NULL,"
        " reason = 'another booking has these seats' WHERE id = ANY($1::text[])",
        list(ids),
    )


async def move(
    connection: Connection, ids: Sequence[str], before: State, after: State, reason: str = ""
) -> list[Booking]:
    """Moves the bookings that are in `before` to `after`; those that moved."""
    assert after in TRANSITIONS[before]
    rows = await connection.fetch(
        "UPDATE booking SET state = $3, reason = $4,"
        " confirmed_at = CASE WHEN $3 = 'confirmed' THEN now() ELSE confirmed_at END"
        f" WHERE id = ANY($1::text[]) AND state = $2 RETURNING {COLUMNS}",
        list(ids),
        before,
        after,
        reason,
    )
    return [_booking(row) for row in rows]


async def prolong(connection: Connection, providers: Sequence[str]) -> int:
    """Unpaid bookings that are about to lapse while the provider they were to be paid at is away
    keep their seats for a while longer, up to a cap from the booking on; how many."""
    done: str = await connection.execute(
        "UPDATE booking AS b SET due = least(b.created_at + make_interval(secs => $2),"
        "  now() + make_interval(secs => $3))"
        " WHERE b.state = 'awaiting_payment' AND b.due < now() + interval '1 minute'"
        " AND b.due < b.created_at + make_interval(secs => $2)"
        " AND EXISTS (SELECT 1 FROM payment AS p WHERE p.booking_id = b.id"
        "  AND p.state = 'started' AND p.provider = ANY($1::text[]))",
        list(providers),
        float(limits.payment_cap_s),
        float(limits.payment_grace_s),
    )
    return int(done.rpartition(" ")[2])


async def expire_due(connection: Connection, most: int) -> list[str]:
    """Expires unpaid bookings whose due has passed, by PostgreSQL's clock, and voids their
    tickets; their ids. Workers at the same time take different ones."""
    rows = await connection.fetch(
        "UPDATE booking SET state = 'expired', reason = 'not paid in time' WHERE id IN"
        " (SELECT id FROM booking WHERE state = 'awaiting_payment' AND due < now()"
        "  ORDER BY due LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id",
        most,
    )
    ids = [row["id"] for row in rows]
    if ids:
        await void_tickets(connection, ids)
    return ids


async def void_tickets(connection: Connection, ids: Sequence[str]) -> None:
    """The seats of these bookings may be sold again."""
    await connection.execute(
        "UPDATE ticket SET state = 'void' WHERE booking_id = ANY($1::text[]) AND state = 'live'",
        list(ids),
    )


async def revive_tickets(connection: Connection, booking: str) -> None:
    """Makes a booking's tickets live again; ticket_seat_sold_once refuses a seat sold since."""
    await connection.execute(
        "UPDATE ticket SET state = 'live' WHERE booking_id = $1 AND state = 'void'", booking
    )


async def states(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """The state of each booking that is there."""
    rows = await connection.fetch(
        "SELECT id, state FROM booking WHERE id = ANY($1::text[])", list(ids)
    )
    return {row["id"]: row["state"] for row in rows}


async def is_called_off(database: Database, event: str) -> bool:
    """Whether the event is cancelled."""
    async with database.connection() as connection:
        return bool(
            await connection.fetchval(
                "SELECT EXISTS (SELECT FROM event WHERE id = $1 AND state = 'cancelled')", event
            )
        )


async def find_many(database: Database, ids: Sequence[str]) -> dict[str, Booking]:
    """Bookings by id."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {COLUMNS} FROM booking WHERE id = ANY($1::text[])", list(ids)
        )
    return {row["id"]: _booking(row) for row in rows}


async def of_fans(
    database: Database, fans: Sequence[str], after: tuple[Any, str] | None, most: int
) -> list[Booking]:
    """The bookings of some fans, newest first, from `after` (created_at, id) on."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {COLUMNS} FROM booking WHERE fan_id = ANY($1::text[])"
            " AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))"
            " ORDER BY created_at DESC, id DESC LIMIT $4",
            list(fans),
            after[0] if after else None,
            after[1] if after else "",
            most,
        )
    return [_booking(row) for row in rows]


async def tickets_of(database: Database, bookings: Sequence[str]) -> dict[str, list[TicketView]]:
    """The live tickets of bookings."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT booking_id, seat, price, state, CASE WHEN serial > 0 THEN (SELECT holder"
            "  FROM ticket_transfer AS t WHERE t.booking_id = ticket.booking_id"
            "  AND t.seat = ticket.seat ORDER BY t.serial LIMIT 1) END FROM ticket"
            " WHERE booking_id = ANY($1::text[]) AND state = 'live' ORDER BY seat",
            list(bookings),
        )
    found: dict[str, list[TicketView]] = {booking: [] for booking in bookings}
    for row in rows:
        found[row["booking_id"]].append(TicketView(*row))
    return found


async def bury(database: Database, event: str, entry_id: str, fields: str, fault: str) -> None:
    """Sets a ledger entry aside that could not be committed; of an event that is no more (a
    rehearsal's) nothing is kept."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO dead_letter (event_id, entry_id, fields, fault)"
            " SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT FROM event WHERE id = $1)"
            " ON CONFLICT DO NOTHING",
            event,
            entry_id,
            fields,
            fault,
        )
