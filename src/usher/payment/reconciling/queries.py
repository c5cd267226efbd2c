"""All SQL of comparing books."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from usher.payment.model import Payment
from usher.payment.reconciling.model import Difference, Ours
from usher.plumbing.postgres import Database

_COLUMNS: Final = ", ".join(f"p.{name}" for name in Payment.__struct_fields__)
_OURS: Final = (
    f"SELECT {_COLUMNS}, coalesce(sum(r.amount)"
    "  FILTER (WHERE r.state = 'done' AND NOT r.by_hand), 0) AS refunded,"
    " coalesce(sum(r.amount) FILTER (WHERE r.state = 'pending'), 0) AS refunding"
    " FROM payment AS p LEFT JOIN refund AS r ON r.payment_id = p.id"
)


def _ours(row: Any) -> Ours:
    payment = msgspec.convert({n: row[n] for n in Payment.__struct_fields__}, Payment)
    return Ours(payment=payment, refunded=row["refunded"], refunding=row["refunding"])


async def by_id(database: Database, ids: Sequence[str]) -> dict[str, Ours]:
    """Payments by id, with their refunds."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"{_OURS} WHERE p.id = ANY($1::text[]) GROUP BY p.id", list(ids)
        )
    return {row["id"]: _ours(row) for row in rows}


async def touched_since(
    database: Database, provider: str, since_ms: int, most: int
) -> dict[str, Ours]:
    """Payments by a provider that have moved since then, or of which money has gone back."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"{_OURS} WHERE p.provider = $1 AND p.id IN ("
            "  SELECT id FROM payment WHERE changed_at >= to_timestamp($2::bigint / 1000.0)"
            "   UNION SELECT payment_id FROM refund"
            "   WHERE created_at >= to_timestamp($2::bigint / 1000.0))"
            " GROUP BY p.id ORDER BY p.changed_at LIMIT $3",
            provider,
            since_ms,
            most,
        )
    return {row["id"]: _ours(row) for row in rows}


async def known_events(database: Database, events: Sequence[str]) -> set[str]:
    """Those of `events` that are ours: an account at a provider may serve other installations."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id FROM event WHERE id = ANY($1::text[])", list(events)
        )
    return {row["id"] for row in rows}


async def undone(database: Database, kind: str, subjects: Sequence[str]) -> list[str]:
    """Those of `subjects` whose letter is pending: somebody is at it."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT subject FROM outbox WHERE kind = $1 AND subject = ANY($2::text[])"
            " AND state = 'pending'",
            kind,
            list(subjects),
        )
    return [row["subject"] for row in rows]


async def done_refunds(database: Database, payment: str) -> list[tuple[str, int]]:
    """(id, amount) of the refunds of a payment that we say the provider made."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id, amount FROM refund WHERE payment_id = $1 AND state = 'done'"
            " AND NOT by_hand",
            payment,
        )
    return [(row["id"], row["amount"]) for row in rows]


async def keep_findings(database: Database, findings: Sequence[Difference]) -> None:
    """Writes down what cannot be mended; known already, that it is so still."""
    async with database.connection() as connection:
        await connection.executemany(
            "INSERT INTO payment_finding (provider, payment_id, event_id, what)"
            " VALUES ($1, $2, $3, $4) ON CONFLICT ON CONSTRAINT payment_finding_pkey"
            " DO UPDATE SET what = EXCLUDED.what, seen_at = now(), gone_at = NULL",
            [(each.provider, each.payment_id, each.event_id, each.what) for each in findings],
        )


async def open_findings(database: Database, provider: str) -> list[str]:
    """The payments of which the books told differently when they were compared last."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT payment_id FROM payment_finding WHERE provider = $1 AND gone_at IS NULL",
            provider,
        )
    return [row["payment_id"] for row in rows]


async def close_findings(database: Database, provider: str, ids: Sequence[str]) -> None:
    """The books agree again about these."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE payment_finding SET gone_at = now() WHERE provider = $1"
            " AND payment_id = ANY($2::text[]) AND gone_at IS NULL",
            provider,
            list(ids),
        )
