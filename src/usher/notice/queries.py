"""All SQL of messages: the log, who declined, reminders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from usher.notice.model import Draft, Message, opt_out_key
from usher.plumbing.postgres import Connection, Database

COLUMNS: Final = ", ".join(Message.__struct_fields__)


def _message(row: Any) -> Message:
    return msgspec.convert(dict(row), Message)


async def note(database: Database, drafts: Sequence[Draft]) -> set[str]:
    """Writes messages down that are not yet; the ids of those that are still to be sent. What was
    to be sent before and is to be skipped by now is so from here on."""
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO message (id, channel, fact, letter, booking_id, event_id, recipient,"
            " state, answer) SELECT id, channel, fact, letter, nullif(booking_id, ''), event_id,"
            " recipient, CASE WHEN skip = '' THEN 'sending' ELSE 'skipped' END, skip"
            " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
            " $7::text[], $8::text[])"
            " AS d (id, channel, fact, letter, booking_id, event_id, recipient, skip)"
            " ORDER BY id ON CONFLICT ON CONSTRAINT message_pkey DO UPDATE"
            " SET state = excluded.state, answer = excluded.answer"
            " WHERE message.state = 'sending' AND excluded.state = 'skipped'",
            [each.id for each in drafts],
            [each.channel for each in drafts],
            [each.letter.fact for each in drafts],
            [each.letter.subject for each in drafts],
            [each.booking.id if each.booking else "" for each in drafts],
            [each.event_id for each in drafts],
            [each.recipient for each in drafts],
            [each.skip for each in drafts],
        )
        rows = await connection.fetch(
            "SELECT id FROM message WHERE id = ANY($1::text[]) AND state = 'sending'",
            [each.id for each in drafts],
        )
    return {row["id"] for row in rows}


async def real_events(database: Database, events: Sequence[str]) -> set[str]:
    """Those of `events` that are there and are no shadows: of these people are written to."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id FROM event WHERE id = ANY($1::text[]) AND NOT shadow", sorted(set(events))
        )
    return {row["id"] for row in rows}


async def begin(database: Database, message: str) -> datetime | None:
    """Notes an attempt to send; when the message was made, None where it is sent already."""
    async with database.connection() as connection:
        made: datetime | None = await connection.fetchval(
            "UPDATE message SET attempts = attempts + 1, tried_at = now()"
            " WHERE id = $1 AND state = 'sending' RETURNING created_at",
            message,
        )
    return made


async def end(database: Database, message: str, state: str, answer: str) -> None:
    """Writes down how an attempt ended; what was sent stays sent."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE message SET state = $2, answer = $3,"
            " sent_at = CASE WHEN $2 = 'sent' THEN now() END"
            " WHERE id = $1 AND state = 'sending'",
            message,
            state,
            answer,
        )


async def of_booking(database: Database, booking: str, most: int) -> list[Message]:
    """The messages about a booking, oldest first."""
    return (await of_bookings(database, [booking], most))[booking]


async def of_bookings(
    database: Database, bookings: Sequence[str], most: int
) -> dict[str, list[Message]]:
    """The newest messages about each of some bookings, oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT m.* FROM unnest($1::text[]) AS wanted, LATERAL (SELECT {COLUMNS} FROM message"
            " WHERE booking_id = wanted ORDER BY created_at DESC, id DESC LIMIT $2) AS m"
            " ORDER BY m.created_at, m.id",
            list(bookings),
            most,
        )
    found: dict[str, list[Message]] = {booking: [] for booking in bookings}
    for row in rows:
        found[row["booking_id"]].append(_message(row))
    return found


async def search(
    database: Database, *, event: str, booking: str, state: str, most: int
) -> list[Message]:
    """Messages, newest first; empty filters filter nothing."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {COLUMNS} FROM message WHERE ($1 = '' OR event_id = $1)"
            " AND ($2 = '' OR booking_id = $2) AND ($3 = '' OR state = $3)"
            " ORDER BY created_at DESC, id DESC LIMIT $4",
            event,
            booking,
            state,
            most,
        )
    return [_message(row) for row in rows]


async def told_so_far(
    connection: Connection, booking: str, fact: str
) -> tuple[int, float | None, Message | None]:
    """How often a booking's fan was written to of a fact, how many seconds ago for the last time,
    and the last such mail."""
    counted = await connection.fetchrow(
        "SELECT count(*) AS n, extract(epoch FROM now() - max(created_at))::float8 AS ago_s"
        " FROM message WHERE booking_id = $1 AND fact = $2 AND channel = 'email'",
        booking,
        fact,
    )
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM message WHERE booking_id = $1 AND fact = $2"
        " AND channel = 'email' ORDER BY created_at DESC, id DESC LIMIT 1",
        booking,
        fact,
    )
    assert counted is not None
    return counted["n"], counted["ago_s"], _message(row) if row else None


# --- who wants less


async def recipient_of(database: Database, message: str) -> tuple[str, str] | None:
    """The channel and the recipient of a message."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT channel, recipient FROM message WHERE id = $1", message
        )
    return (row["channel"], row["recipient"]) if row else None


async def opted_out(database: Database, recipients: Sequence[str]) -> set[str]:
    """Those of `recipients` who want nothing but what is necessary, as they are written there."""
    keys = {opt_out_key(each): each for each in recipients}
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT recipient FROM opt_out WHERE recipient = ANY($1::text[])", list(keys)
        )
    out = {row["recipient"] for row in rows}
    return {each for each in recipients if opt_out_key(each) in out}


async def opt_out(database: Database, recipient: str) -> None:
    """Nothing but what is necessary goes to `recipient` from now on; again is harmless."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO opt_out (recipient) VALUES ($1) ON CONFLICT DO NOTHING",
            opt_out_key(recipient),
        )


async def opt_in(database: Database, recipient: str) -> None:
    """Takes that back."""
    async with database.connection() as connection:
        await connection.execute("DELETE FROM opt_out WHERE recipient = $1", opt_out_key(recipient))


# --- reminders


async def due_reminders(connection: Connection, before_s: int, most: int) -> list[str]:
    """Confirmed bookings of events that begin within `before_s` and whose fans were not reminded
    yet; from now on they were. Who booked within that time needs no reminder."""
    rows = await connection.fetch(
        "INSERT INTO reminder (booking_id) SELECT b.id FROM event AS e"
        " JOIN booking AS b ON b.event_id = e.id"
        " WHERE e.state = 'published' AND NOT e.shadow AND e.starts_at > now()"
        " AND e.starts_at <= now() + make_interval(secs => $1) AND b.state = 'confirmed'"
        " AND b.confirmed_at < e.starts_at - make_interval(secs => $1)"
        " AND NOT EXISTS (SELECT 1 FROM reminder AS r WHERE r.booking_id = b.id)"
        # Of tickets that were handed on the booking's fan is not reminded.
        " AND EXISTS (SELECT 1 FROM ticket AS t WHERE t.booking_id = b.id AND t.state = 'live'"
        " AND t.holder = '')"
        " LIMIT $2 ON CONFLICT DO NOTHING RETURNING booking_id",
        float(before_s),
        most,
    )
    return [row["booking_id"] for row in rows]
