"""All SQL of payments, run on a connection (or in the transaction) of the caller."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from usher.payment.model import (
    ASKED_S,
    REFUND_TRANSITIONS,
    TRANSITIONS,
    UNANSWERED,
    Message,
    Payment,
    Refund,
    RefundState,
    State,
)
from usher.plumbing.postgres import Connection, Database

# Written out, so that the index payment_unanswered is known to serve.
_UNANSWERED: Final = ", ".join(f"'{state}'" for state in UNANSWERED)
_REFUND: Final = ", ".join(Refund.__struct_fields__)
# An outage that nobody has seen for so long is over: every minute books are compared, which asks
# each provider.
OUTAGE_S: Final = 150
_COLUMNS: Final = ", ".join(Payment.__struct_fields__)


def _payment(row: Any) -> Payment:
    return msgspec.convert(dict(row), Payment)


async def find_many(database: Database, ids: Sequence[str]) -> dict[str, Payment]:
    """Payments by id."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM payment WHERE id = ANY($1::text[])", list(ids)
        )
    return {row["id"]: _payment(row) for row in rows}


async def of_bookings(database: Database, bookings: Sequence[str]) -> dict[str, list[Payment]]:
    """The attempts to pay for each booking, oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM payment WHERE booking_id = ANY($1::text[])"
            " ORDER BY booking_id, attempt",
            list(bookings),
        )
    found: dict[str, list[Payment]] = {booking: [] for booking in bookings}
    for row in rows:
        found[row["booking_id"]].append(_payment(row))
    return found


async def insert_many(database: Database, payments: Sequence[Payment]) -> None:
    """Writes attempts that are not there yet; those that are stay as they are."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO payment (id, booking_id, event_id, provider, amount, currency, attempt)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],"
            " $6::text[], $7::integer[]) ON CONFLICT DO NOTHING",
            [each.id for each in payments],
            [each.booking_id for each in payments],
            [each.event_id for each in payments],
            [each.provider for each in payments],
            [each.amount for each in payments],
            [each.currency for each in payments],
            [each.attempt for each in payments],
        )


async def refer(database: Database, payment: str, reference: str) -> None:
    """Remembers what the provider calls a charge."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE payment SET reference = $2 WHERE id = $1 AND reference <> $2",
            payment,
            reference,
        )


async def made_at(database: Database, provider: str, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that are payments at a provider."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id FROM payment WHERE id = ANY($1::text[]) AND provider = $2",
            list(ids),
            provider,
        )
    return {row["id"] for row in rows}


async def note_messages(connection: Connection, messages: Sequence[Message]) -> None:
    """Remembers what a provider told us, once per message."""
    # In a fixed order, so that two workers given the same messages never wait in a circle.
    messages = sorted(messages, key=lambda each: (each.provider, each.message_id))
    await connection.execute(
        "INSERT INTO payment_message (provider, message_id, payment_id, kind)"
        " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])"
        " ON CONFLICT DO NOTHING",
        [each.provider for each in messages],
        [each.message_id for each in messages],
        [each.payment_id for each in messages],
        [each.kind for each in messages],
    )


async def move(
    connection: Connection,
    ids: Sequence[str],
    before: Sequence[State],
    after: State,
    reason: str = "",
) -> list[str]:
    """Moves payments that are in one of `before` to `after`; the ids that moved."""
    assert all(after in TRANSITIONS[each] for each in before)
    rows = await connection.fetch(
        "UPDATE payment SET state = $3, changed_at = now(),"
        " reason = CASE WHEN $4 = '' THEN reason ELSE $4 END"
        " WHERE id = ANY($1::text[]) AND state = ANY($2::text[]) RETURNING id",
        list(ids),
        list(before),
        after,
        reason,
    )
    return [row["id"] for row in rows]


async def close(connection: Connection, bookings: Sequence[str]) -> list[str]:
    """Begins to void the attempts to pay for these bookings that nobody has decided; their ids.

    The caller has locked the bookings, and whoever takes in a provider's word locks the payment
    first and then its booking: waiting for them here would be a deadlock. They find the booking
    cancelled, and give the money back themselves.
    """
    rows = await connection.fetch(
        "UPDATE payment SET state = 'voiding', changed_at = now(),"
        " reason = 'the booking was cancelled' WHERE id IN"
        " (SELECT id FROM payment WHERE booking_id = ANY($1::text[]) AND state = 'started'"
        "  FOR NO KEY UPDATE SKIP LOCKED) RETURNING id",
        list(bookings),
    )
    return [row["id"] for row in rows]


async def refunds(database: Database, ids: Sequence[str]) -> dict[str, Refund]:
    """Refunds by id."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_REFUND} FROM refund WHERE id = ANY($1::text[])", list(ids)
        )
    return {row["id"]: msgspec.convert(dict(row), Refund) for row in rows}


async def move_refunds(
    connection: Connection, ids: Sequence[str], before: RefundState, after: RefundState
) -> list[str]:
    """Moves refunds that are in `before` to `after`; the ids that moved. Done after it had failed,
    it was done by hand."""
    assert after in REFUND_TRANSITIONS[before]
    rows = await connection.fetch(
        "UPDATE refund SET state = $3, done_at = CASE WHEN $3 = 'done' THEN now() END,"
        " by_hand = ($2 = 'failed' AND $3 = 'done')"
        " WHERE id = ANY($1::text[]) AND state = $2 RETURNING id",
        sorted(ids),
        before,
        after,
    )
    return [row["id"] for row in rows]


async def lock(connection: Connection, ids: Sequence[str]) -> list[Payment]:
    """Payments by id, locked until the transaction ends, in a fixed order."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM payment WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE",
        list(ids),
    )
    return [_payment(row) for row in rows]


async def take_silent(database: Database, silence_s: float, most: int) -> list[Payment]:
    """Payments whose provider is to be asked again. Whoever takes one has asked: `changed_at` is
    moved, and as long again as since the start must pass; two workers take different ones."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "UPDATE payment SET changed_at = now() WHERE id IN"
            f" (SELECT id FROM payment WHERE state IN ({_UNANSWERED})"
            "  AND created_at > now() - make_interval(secs => $3)"
            "  AND now() - changed_at >"
            "   greatest(make_interval(secs => $1), changed_at - created_at)"
            f"  ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING {_COLUMNS}",
            silence_s,
            most,
            float(ASKED_S),
        )
    return [_payment(row) for row in rows]


async def ask_again(database: Database, event: str) -> None:
    """Has every open payment of an event asked about soon."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE payment SET changed_at = created_at WHERE event_id = $1"
            " AND state = ANY($2::text[])",
            event,
            UNANSWERED,
        )


async def note_outage(database: Database, provider: str) -> None:
    """A provider does not answer, or still does not."""
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO payment_outage AS o (provider) VALUES ($1)"
            " ON CONFLICT (provider) DO UPDATE SET seen_at = now(), began_at ="
            " CASE WHEN o.seen_at > now() - make_interval(secs => $2)"
            "  THEN o.began_at ELSE now() END",
            provider,
            float(OUTAGE_S),
        )


async def end_outage(database: Database, provider: str) -> None:
    """A provider answers again."""
    async with database.connection() as connection:
        await connection.execute("DELETE FROM payment_outage WHERE provider = $1", provider)


async def down_providers(database: Database) -> list[str]:
    """The providers that do not answer now, in a fixed order."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT provider FROM payment_outage"
            " WHERE seen_at > now() - make_interval(secs => $1) ORDER BY provider",
            float(OUTAGE_S),
        )
    return [row["provider"] for row in rows]
