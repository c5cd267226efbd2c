"""All SQL of the bank's book."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from usher.payment.sandbox.model import Charge, Webhook
from usher.plumbing.postgres import Database

_LEASE_S: Final = 10.0


class Ruling(NamedTuple):
    """A decision to be written: the new state and the deliveries it causes, in seconds from now
    (or from the due written on the charge, where `after_due`)."""

    charge_id: str
    state: str
    message_id: str
    deliveries: tuple[tuple[str, float], ...]
    after_due: bool


async def open_charges(database: Database, charges: Sequence[Charge]) -> list[None]:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO sandbox_charge (id, amount, currency, metadata)"
            " SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::jsonb[])"
            " ON CONFLICT DO NOTHING",
            [each.id for each in charges],
            [each.amount for each in charges],
            [each.currency for each in charges],
            [msgspec.json.encode(each.metadata).decode() for each in charges],
        )
    return [None] * len(charges)


async def find(database: Database, ids: Sequence[str]) -> list[Charge | None]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT id, amount, currency, metadata, state FROM sandbox_charge"
            " WHERE id = ANY($1::text[])",
            list(ids),
        )
    found = {row["id"]: _charge(row) for row in rows}
    return [found.get(each) for each in ids]


def _charge(row: Any) -> Charge:
    return msgspec.convert(dict(row) | {"metadata": msgspec.json.decode(row["metadata"])}, Charge)


async def rule(database: Database, rulings: Sequence[Ruling]) -> list[bool]:
    """Writes decisions on open charges together with their deliveries; whether each was new."""
    # Two decisions on one charge may travel together: the first stands, the other never was.
    first: dict[str, Ruling] = {}
    for each in rulings:
        first.setdefault(each.charge_id, each)
    asked, rulings = rulings, list(first.values())
    async with database.transaction() as connection:
        rows = await connection.fetch(
            "UPDATE sandbox_charge AS c SET state = r.state"
            " FROM unnest($1::text[], $2::text[]) AS r (id, state)"
            " WHERE c.id = r.id AND c.state = 'open' RETURNING c.id",
            [each.charge_id for each in rulings],
            [each.state for each in rulings],
        )
        new = {row["id"] for row in rows}
        deliveries = [
            (delivery, each.charge_id, each.message_id, each.state, after_s, each.after_due)
            for each in rulings
            if each.charge_id in new
            for delivery, after_s in each.deliveries
        ]
        if deliveries:
            await connection.execute(
                "INSERT INTO sandbox_webhook (id, charge_id, message_id, kind, due)"
                " SELECT d.id, d.charge_id, d.message_id, d.kind,"
                "  CASE WHEN d.after_due AND c.metadata ? 'due_ms'"
                "       THEN to_timestamp((c.metadata ->> 'due_ms')::bigint / 1000.0)"
                "       ELSE now() END + make_interval(secs => d.after_s)"
                " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[],"
                "  $6::boolean[]) AS d (id, charge_id, message_id, kind, after_s, after_due)"
                " JOIN sandbox_charge AS c ON c.id = d.charge_id ON CONFLICT DO NOTHING",
                *map(list, zip(*deliveries, strict=True)),
            )
    return [each.charge_id in new and first[each.charge_id] is each for each in asked]


async def move(database: Database, ids: Sequence[str], after: str) -> list[str]:
    """Captures or voids what is authorised; the state each charge is in afterwards."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE sandbox_charge SET state = $2 WHERE id = ANY($1::text[])"
            " AND (state = 'authorised' OR (state = 'open' AND $2 = 'voided'))",
            list(ids),
            after,
        )
    charges = await find(database, ids)
    return [charge.state if charge else "" for charge in charges]


async def due_webhooks(database: Database, most: int) -> list[Webhook]:
    """Deliveries that are due, leased for some seconds: a failed post is tried again."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "UPDATE sandbox_webhook AS w SET attempts = attempts + 1,"
            " due = now() + make_interval(secs => $2)"
            " FROM sandbox_charge AS c WHERE c.id = w.charge_id AND w.id IN"
            "  (SELECT id FROM sandbox_webhook WHERE sent_at IS NULL AND due <= now()"
            "   ORDER BY due LIMIT $1 FOR UPDATE SKIP LOCKED)"
            " RETURNING w.id, w.message_id, w.kind, c.id AS payment_id, c.amount, c.currency,"
            "  c.metadata",
            most,
            _LEASE_S,
        )
    return [
        msgspec.convert(dict(row) | {"metadata": msgspec.json.decode(row["metadata"])}, Webhook)
        for row in rows
    ]


async def sent(database: Database, ids: Sequence[str]) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE sandbox_webhook SET sent_at = now() WHERE id = ANY($1::text[])", list(ids)
        )


async def book(database: Database, event: str) -> dict[str, int]:
    """The bank's own sums for an event: how many charges in each state."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT state, count(*) AS n FROM sandbox_charge WHERE metadata ->> 'event' = $1"
            " GROUP BY state",
            event,
        )
    return {row["state"]: row["n"] for row in rows}
