"""What providers say against PostgreSQL alone: in any order, any number of times, by two workers at
once, while bookings expire."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import pytest

from tests.sql.book import PRICE, SEATS, Book, opened_book
from usher.booking import queries
from usher.booking.jobs import commit_messages
from usher.booking.refunding import queries as refunding
from usher.booking.refunding.service import cancel_unpaid
from usher.errors import Unavailable
from usher.ids import new_id
from usher.payment import queries as payments
from usher.payment.model import Message, Payment
from usher.plumbing.postgres import Database

pytestmark = pytest.mark.anyio

ROUNDS: Final = int(os.environ.get("USHER_TEST_SEEDS", "3")) * 8


class Till:
    """Bookings with one to three attempts to pay each."""

    def __init__(self, book: Book, chance: random.Random) -> None:
        self.book = book
        self.chance = chance
        self.claims = [book.claim(seat) for seat in range(SEATS)]
        self.payments: list[Payment] = []

    async def open(self) -> None:
        await self.book.commit(self.claims)
        for claim in self.claims:
            for attempt in range(1, self.chance.randint(2, 4)):
                payment = Payment(
                    id=new_id("payment"),
                    booking_id=claim.id,
                    event_id=claim.event_id,
                    provider="sandbox",
                    amount=claim.total,
                    currency=claim.currency,
                    attempt=attempt,
                    state="started",
                )
                self.payments.append(payment)
        await payments.insert_many(self.book.database, self.payments)

    def message(self) -> Message:
        """About any payment: authorised mostly, declined, or another amount than was asked for."""
        payment = self.chance.choice(self.payments)
        kind = self.chance.choice(["authorised", "authorised", "authorised", "declined", "wrong"])
        return Message(
            provider="sandbox",
            message_id=f"{payment.id} {kind}",
            kind="declined" if kind == "declined" else "authorised",
            payment_id=payment.id,
            booking_id=payment.booking_id,
            event_id=payment.event_id,
            amount=payment.amount - (kind == "wrong"),
            currency=payment.currency,
        )

    async def work(self, made: Sequence[Sequence[Message]]) -> list[Payment]:
        """A worker's batches; the payments it was told came late."""
        late = []
        for batch in made:
            while True:
                try:
                    async with self.book.database.transaction() as connection:
                        late += await commit_messages(connection, batch)
                    break
                except Unavailable:
                    continue
        return late

    async def lapse(self) -> None:
        """Some bookings expire, whoever is at work on them."""
        for claim in self.chance.sample(self.claims, SEATS // 3):
            await asyncio.sleep(0.001)
            async with self.book.database.transaction() as connection:
                moved = await queries.move(connection, [claim.id], "awaiting_payment", "expired")
                await queries.void_tickets(connection, [each.id for each in moved])

    async def check(self, made: Sequence[Sequence[Message]], late: Sequence[Payment]) -> None:
        """Authorised once for a confirmed booking; given back, still open or late otherwise."""
        states = await self.book.states()
        rows = await self.book.rows("SELECT id, state FROM payment WHERE event_id = $1")
        now = {row["id"]: row["state"] for row in rows}
        letters = await self.book.rows(
            "SELECT o.kind, o.subject FROM outbox AS o JOIN payment AS p ON p.id = o.subject"
            " WHERE p.event_id = $1"
        )
        told = [message for batch in made for message in batch]
        good = {m.payment_id for m in told if m.kind == "authorised" and m.amount == PRICE}
        wrong = {m.payment_id for m in told if m.kind == "authorised" and m.amount != PRICE}
        declined = {m.payment_id for m in told if m.kind == "declined"}
        for kind, state in (("capture", "authorised"), ("void", "voiding")):
            posted = sorted(row["subject"] for row in letters if row["kind"] == kind)
            assert posted == sorted(p for p, is_now in now.items() if is_now == state)
        for claim in self.claims:
            mine = [p.id for p in self.payments if p.booking_id == claim.id]
            taken = [p for p in mine if now[p] == "authorised"]
            assert len(taken) == (states[claim.id] == "confirmed")
            assert set(taken) <= good
            for payment in set(mine) - set(taken):
                if payment in good | wrong and now[payment] != "voiding":
                    assert states[claim.id] == "expired"
                    assert payment in {each.id for each in late}
                elif payment not in good | wrong:
                    assert now[payment] == ("declined" if payment in declined else "started")


@pytest.mark.parametrize("workers", [1, 2])
async def test_messages_in_any_order(database: Database, workers: int) -> None:
    base = random.randrange(1 << 30)
    for seed in range(base, base + ROUNDS):
        chance = random.Random(seed)
        async with opened_book(database) as book:
            till = Till(book, chance)
            await till.open()
            made = [[till.message() for _ in range(chance.randint(1, 8))] for _ in range(6)]
            jobs = [till.work(chance.sample(made, len(made))) for _ in range(workers)]
            late = await asyncio.gather(till.lapse(), *jobs)
            try:
                await till.check(made, [each for found in late if found for each in found])
            except AssertionError as fault:
                raise AssertionError(f"seed {seed}") from fault


async def test_silent_payments_are_found_without_reading_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every worker asks for them each few seconds, and payments stay for good."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    class Spy:
        async def fetch(self, statement: str, *values: object) -> list[object]:
            asked.append((statement, values))
            return []

    @asynccontextmanager
    async def spied() -> AsyncIterator[Spy]:
        yield Spy()

    with monkeypatch.context() as patch:
        patch.setattr(database, "connection", spied)
        await payments.take_silent(database, 30.0, 200)
    ((statement, values),) = asked
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch(f"EXPLAIN {statement}", *values)
    assert "payment_unanswered" in "\n".join(row[0] for row in plan)


async def test_a_booking_cancelled_while_it_is_paid_waits_in_no_circle(database: Database) -> None:
    """The worker has the payment and wants the booking; who cancels has the booking, and leaves the
    payment to the worker."""
    async with opened_book(database) as book:
        till = Till(book, random.Random(1))
        await till.open()
        payment = till.payments[0]
        message = Message(
            provider="sandbox",
            message_id=f"{payment.id} said",
            kind="authorised",
            payment_id=payment.id,
            booking_id=payment.booking_id,
            event_id=payment.event_id,
            amount=payment.amount,
            currency=payment.currency,
        )
        async with database.transaction() as cancelling:
            assert await refunding.lock(cancelling, payment.booking_id)

            async def work() -> None:
                async with database.transaction() as connection:
                    await commit_messages(connection, [message])

            worker = asyncio.create_task(work())
            # It has come to the booking.
            for _ in range(1_000):
                if await cancelling.fetchval(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype"
                    " IN ('tuple', 'transactionid'))"
                ):
                    break
                await asyncio.sleep(0.01)
            await cancel_unpaid(cancelling, [payment.booking_id], "by the fan")
        await worker
        async with database.connection() as connection:
            (states,) = await connection.fetch(
                "SELECT b.state AS booking, p.state AS payment, EXISTS (SELECT FROM outbox"
                "  WHERE kind = 'void' AND subject = p.id) AS void"
                " FROM payment AS p JOIN booking AS b ON b.id = p.booking_id WHERE p.id = $1",
                payment.id,
            )
        assert tuple(states) == ("cancelled", "voiding", True)
