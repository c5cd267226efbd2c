"""What the races about money share: an event, purchases brought to the point where it matters,
and what must be true when everything has come to rest."""

import asyncio
import itertools
import random
from typing import Any

import msgspec

from tests.race.buyers import Purchase, book, decide, start_payment
from tests.race.fate import Fate, Shift
from tests.sale import put_on_sale
from usher.booking.jobs import expire
from usher.clock import now_ms
from usher.keys import KEYS, Keys
from usher.payment.sandbox import queries as bank
from usher.payment.sandbox.model import Envelope, Outcome
from usher.payment.sandbox.service import SIGNATURE
from usher.venue.generate import rows_by_columns
from usher.wiring import House

# What the bank's book must say of a payment that has come to rest.
BANK = {
    "captured": ("captured",),
    "voided": ("voided", "declined"),
    "declined": ("declined",),
    "started": ("open",),
    "failed": ("voided", "declined"),
}


class Stage:
    """One event on a house where nobody works but the test."""

    def __init__(self, house: House, event: str) -> None:
        self.house = house
        self.event = event
        self.fate = Fate(house)
        self.shift = Shift(house, event)
        self._seats = itertools.count()

    def seats(self, count: int = 2) -> tuple[int, ...]:
        """Seats nobody has asked for yet."""
        return tuple(itertools.islice(self._seats, count))

    async def booked(self, *seats: int) -> Purchase:
        """A committed booking, of fresh seats where none are given."""
        purchase = await book(self.house, self.event, *(seats or self.seats()))
        await self.shift.commit()
        return purchase

    async def paying(self, *seats: int) -> tuple[Purchase, str]:
        """A committed booking and its open payment."""
        purchase = await self.booked(*seats)
        return purchase, await start_payment(self.house, purchase)

    async def lapse(self, purchase: Purchase, *, settled: bool = True) -> None:
        """The booking's time is over; not `settled`, its seats have not heard of it yet."""
        await self.sql(
            "UPDATE booking SET due = now() - interval '1 s' WHERE id = $1", purchase.booking_id
        )
        assert await expire(self.house.database) == 1
        if settled:
            await self.house.outbox.relay()

    async def says(self, payment_id: str, outcome: Outcome, copies: int = 1, seed: int = 0) -> None:
        """The bank decides, and its webhook arrives: so many times, in any order."""
        await decide(self.house, payment_id, outcome)
        due = await bank.due_webhooks(self.house.database, 500)
        await self.deliver([each for each in due for _ in range(copies)], seed)
        await bank.sent(self.house.database, [each.id for each in due])

    async def deliver(self, webhooks: list[Any], seed: int = 0) -> None:
        """Signed webhook calls, one message each, shuffled."""
        random.Random(seed).shuffle(webhooks)
        for webhook in webhooks:
            body = msgspec.json.encode(Envelope(now_ms() // 1000, [webhook]))
            headers = {SIGNATURE: self.house.signer.mac(body)}
            assert await self.house.payments.take_webhook("sandbox", body, headers) == 1

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        """Rows of a statement made by the test itself."""
        async with self.house.database.connection() as connection:
            return list(await connection.fetch(statement, *values))

    # --- looking

    async def state(self, purchase: Purchase) -> str:
        """The state of a booking in PostgreSQL."""
        rows = await self.sql("SELECT state FROM booking WHERE id = $1", purchase.booking_id)
        return str(rows[0]["state"])

    async def payments(self, *purchases: Purchase) -> dict[str, str]:
        """The state of each attempt to pay for them, which the bank must agree with."""
        rows = await self.sql(
            "SELECT p.id, p.state, c.state AS bank FROM payment AS p"
            " JOIN sandbox_charge AS c ON c.id = p.id WHERE p.booking_id = ANY($1::text[])",
            [each.booking_id for each in purchases],
        )
        for row in rows:
            assert row["bank"] in BANK.get(row["state"], ()), dict(row)
        return {row["id"]: row["state"] for row in rows}

    async def states(self, *seats: int) -> str:
        """The characters of these seats in Redis."""
        reply: Any = await self.house.feed_scripts.snapshot(self.event)
        return "".join(reply.states[index] for index in seats)

    async def come_to_rest(self, within_s: float = 60) -> None:
        """Returns when the workers have nothing left to do."""
        late = asyncio.get_running_loop().time() + within_s
        while left := await self._left():
            assert asyncio.get_running_loop().time() < late, f"still on its way: {left}"
            await asyncio.sleep(0.1)

    async def _left(self) -> dict[str, int]:
        (row,) = await self.sql(
            "SELECT (SELECT count(*) FROM outbox WHERE state = 'pending') AS letters,"
            " (SELECT count(*) FROM sandbox_webhook AS w JOIN sandbox_charge AS c"
            "   ON c.id = w.charge_id"
            "   WHERE w.sent_at IS NULL AND c.metadata ->> 'event' = $1) AS webhooks,"
            " (SELECT count(*) FROM payment WHERE event_id = $1"
            "   AND state IN ('authorised', 'voiding')) AS payments,"
            " (SELECT count(*) FROM refund WHERE event_id = $1 AND state = 'pending') AS refunds",
            self.event,
        )
        left = dict(row) | {"ledger": len(await self.shift.entries())}
        return {name: count for name, count in left.items() if count}

    async def check(self) -> None:
        """Every invariant holds, and no money is left lying at the bank."""
        verdict = await self.house.auditor.audit(self.event)
        assert verdict.holds, [check for check in verdict.checks if not check.holds]
        left = await bank.book(self.house.database, self.event)
        assert "authorised" not in left, left
        assert verdict.facts["captures_pending"] == verdict.facts["voids_pending"] == 0
        assert verdict.facts["refunds_pending"] == 0


async def raise_curtain(house: House, rows: int = 10, **settings: Any) -> Stage:
    """A stage over a fresh event of `rows` times 50 seats, in a simple sale."""
    event = await put_on_sale(
        house, rows_by_columns(rows, 50), mode="simple", **{"seats_max": 50, **settings}
    )
    return Stage(house, event)


async def forget(house: House, event: str) -> None:
    """Everything Redis knows of the event is gone."""
    await house.runner.command("DEL", *Keys(event).named(tuple(KEYS)))
