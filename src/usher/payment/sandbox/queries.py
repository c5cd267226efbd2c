"""All SQL of the bank's book."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from usher.payment.sandbox.model import Charge, Trouble, Webhook
from usher.plumbing.postgres import Database

_LEASE_S: Final = 10.0
_COLUMNS: Final = (
    "id, amount, currency, metadata, state, trouble, coalesce((SELECT sum(r.amount)"
    " FROM sandbox_refund AS r WHERE r.charge_id = c.id), 0)::bigint AS refunded"
)


class Ruling(NamedTuple):
    """A decision to be written: the new state and the deliveries it causes, each its id, its
    message's id and kind, and seconds from now (or from the due written on the charge, where
    `after_due`)."""

    charge_id: str
    state: str
    deliveries: tuple[tuple[str, str, str, float], ...]
    after_due: bool
    trouble: Trouble = ""


async def open_charges(database: Database, bank: str, charges: Sequence[Charge]) -> list[None]:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO sandbox_charge (id, amount, currency, metadata, bank)"
            " SELECT *, $5 FROM unnest($1::text[], $2::bigint[], $3::text[], $4::jsonb[])"
            " ON CONFLICT DO NOTHING",
            [each.id for each in charges],
            [each.amount for each in charges],
            [each.currency for each in charges],
            [msgspec.json.encode(each.metadata).decode() for each in charges],
            bank,
        )
    return [None] * len(charges)


async def find(database: Database, bank: str, ids: Sequence[str]) -> list[Charge | None]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM sandbox_charge AS c WHERE id = ANY($1::text[]) AND bank = $2",
            list(ids),
            bank,
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
            "UPDATE sandbox_charge AS c SET state = r.state, trouble = r.trouble"
            " FROM unnest($1::text[], $2::text[], $3::text[]) AS r (id, state, trouble)"
            " WHERE c.id = r.id AND c.state = 'open' RETURNING c.id",
            [each.charge_id for each in rulings],
            [each.state for each in rulings],
            [each.trouble for each in rulings],
        )
        new = {row["id"] for row in rows}
        deliveries = [
            (delivery, each.charge_id, message_id, kind, after_s, each.after_due)
            for each in rulings
            if each.charge_id in new
            for delivery, message_id, kind, after_s in each.deliveries
        ]
        if deliveries:
            await connection.execute(
                "INSERT INTO sandbox_webhook (id, charge_id, message_id, kind, bank, due)"
                " SELECT d.id, d.charge_id, d.message_id, d.kind, c.bank,"
                "  CASE WHEN d.after_due AND c.metadata ? 'due_ms'"
                "       THEN to_timestamp((c.metadata ->> 'due_ms')::bigint / 1000.0)"
                "       ELSE now() END + make_interval(secs => d.after_s)"
                " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[],"
                "  $6::boolean[]) AS d (id, charge_id, message_id, kind, after_s, after_due)"
                " JOIN sandbox_charge AS c ON c.id = d.charge_id ON CONFLICT DO NOTHING",
                *map(list, zip(*deliveries, strict=True)),
            )
    return [each.charge_id in new and first[each.charge_id] is each for each in asked]


async def opened_since(database: Database, bank: str, since_ms: int) -> list[Charge]:
    """The charges opened since then."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT {_COLUMNS} FROM sandbox_charge AS c"
            " WHERE created_at >= to_timestamp($1::bigint / 1000.0) AND bank = $2"
            " ORDER BY created_at",
            since_ms,
            bank,
        )
    return [_charge(row) for row in rows]


class Captured(NamedTuple):
    """How an order to capture or void found its charge, and how it left it."""

    state: str
    trouble: Trouble


async def move(database: Database, ids: Sequence[str], after: str) -> list[Captured]:
    """Captures or voids what is authorised; how each charge is afterwards, and the trouble it
    made. Trouble comes once: a charge that "capture_fails" is voided instead, and a time-out on
    capture is one that did its work."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "WITH before AS (SELECT id, state, trouble FROM sandbox_charge"
            "  WHERE id = ANY($1::text[]) FOR UPDATE)"
            " UPDATE sandbox_charge AS c SET state = CASE"
            "  WHEN b.state <> 'authorised' AND NOT (b.state = 'open' AND $2 = 'voided')"
            "   THEN b.state"
            "  WHEN $2 = 'captured' AND b.trouble = 'capture_fails' THEN 'voided' ELSE $2 END,"
            "  trouble = CASE WHEN $2 = 'captured' THEN '' ELSE b.trouble END"
            " FROM before AS b WHERE b.id = c.id RETURNING c.id, c.state, b.trouble",
            sorted(ids),
            after,
        )
    found = {row["id"]: Captured(row["state"], row["trouble"]) for row in rows}
    return [found.get(each, Captured("", "")) for each in ids]


class Repayment(NamedTuple):
    """An order to give money back."""

    charge_id: str
    refund_id: str
    amount: int


async def repay(database: Database, asked: Sequence[Repayment]) -> list[bool]:
    """Gives back what was captured, once per id and never more than was captured; whether each is
    given back now."""
    async with database.transaction() as connection:
        await connection.execute(
            "SELECT 1 FROM sandbox_charge WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE",
            [each.charge_id for each in asked],
        )
        for each in asked:
            await connection.execute(
                "INSERT INTO sandbox_refund (id, charge_id, amount)"
                " SELECT $2, id, $3::bigint FROM sandbox_charge AS c"
                " WHERE id = $1 AND state = 'captured' AND amount >= $3 + coalesce("
                "  (SELECT sum(r.amount) FROM sandbox_refund AS r WHERE r.charge_id = c.id), 0)"
                " ON CONFLICT DO NOTHING",
                *each,
            )
        rows = await connection.fetch(
            "SELECT id FROM sandbox_refund WHERE id = ANY($1::text[])",
            [each.refund_id for each in asked],
        )
    made = {row["id"] for row in rows}
    return [each.refund_id in made for each in asked]


async def due_webhooks(database: Database, most: int, bank: str = "sandbox") -> list[Webhook]:
    """Deliveries of a bank that are due, leased for some seconds: a failed post is tried again."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "UPDATE sandbox_webhook AS w SET attempts = attempts + 1,"
            " due = now() + make_interval(secs => $2)"
            " FROM sandbox_charge AS c WHERE c.id = w.charge_id AND w.id IN"
            "  (SELECT id FROM sandbox_webhook WHERE sent_at IS NULL AND due <= now()"
            "   AND bank = $3 ORDER BY due LIMIT $1 FOR UPDATE SKIP LOCKED)"
            " RETURNING w.id, w.message_id, w.kind, c.id AS payment_id, c.amount, c.currency,"
            "  c.metadata",
            most,
            _LEASE_S,
            bank,
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
