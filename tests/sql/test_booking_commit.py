"""Batches of claims against PostgreSQL alone: replays, duplicates, conflicts within a batch and
across batches, two workers committing the same at once."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from typing import Final

import asyncpg
import pytest

from tests.sql.book import PRICE, SEATS, Book, opened_book
from usher import limits
from usher.booking import queries
from usher.booking.jobs import commit_claims, expire
from usher.booking.model import Booking
from usher.errors import Unavailable
from usher.ids import new_id
from usher.payment import queries as payments
from usher.payment.model import Payment
from usher.plumbing.postgres import Connection, Database

pytestmark = pytest.mark.anyio

ROUNDS: Final = int(os.environ.get("USHER_TEST_SEEDS", "3")) * 8


@pytest.fixture
async def book(database: Database) -> AsyncIterator[Book]:
    async with opened_book(database) as book:
        yield book


def batches(book: Book, chance: random.Random) -> list[list[Booking]]:
    """Batches of claims on few seats, with duplicates, replays of what came before, rivals."""
    seen: list[Booking] = []
    made = []
    for _ in range(chance.randint(1, 5)):
        batch = []
        for _ in range(chance.randint(1, 6)):
            if seen and chance.random() < 0.4:
                batch.append(chance.choice(seen))
            else:
                first = chance.randrange(SEATS)
                seats = [(first + n) % SEATS for n in range(chance.randint(1, 3))]
                seen.append(book.claim(*seats))
                batch.append(seen[-1])
        made.append(batch)
    return made


def expected(made: Sequence[Sequence[Booking]]) -> tuple[dict[str, str], dict[int, str]]:
    """The same in plain words: seat by seat, the smallest id of the first batch that asks."""
    states: dict[str, str] = {}
    owners: dict[int, str] = {}
    for batch in made:
        new = {each.id: each for each in batch if each.id not in states}
        asked = sorted((seat, each.id) for each in new.values() for seat in each.seats)
        got = dict(reversed([(seat, each) for seat, each in asked if seat not in owners]))
        for each in new.values():
            won = all(got.get(seat) == each.id for seat in each.seats)
            states[each.id] = "awaiting_payment" if won else "conflict"
            owners |= dict.fromkeys(each.seats, each.id) if won else {}
    return states, owners


async def test_batches_one_after_the_other(database: Database) -> None:
    base = random.randrange(1 << 30)
    for seed in range(base, base + ROUNDS):
        async with opened_book(database) as book:
            made = batches(book, random.Random(seed))
            told: dict[str, str] = {}
            for batch in made:
                new = await book.commit(batch)
                assert not told.keys() & new.keys(), f"seed {seed}"
                told |= {each.id: each.state for each in new.values()}
            states, owners = expected(made)
            assert told == states, f"seed {seed}"
            assert (await book.states(), await book.owners()) == (states, owners), f"seed {seed}"


async def test_two_workers_at_once(database: Database) -> None:
    """Each is given all batches, in an order of its own."""
    base = random.randrange(1 << 30)
    for seed in range(base, base + ROUNDS):
        async with opened_book(database) as book:
            await _two_workers(book, seed)


async def _two_workers(book: Book, seed: int) -> None:
    chance = random.Random(seed)
    made = batches(book, chance)

    async def work(mine: list[list[Booking]]) -> None:
        for batch in mine:
            await book.commit(batch)

    await asyncio.gather(*(work(chance.sample(made, len(made))) for _ in range(2)))
    try:
        await book.check(list({each.id: each for batch in made for each in batch}.values()))
    except AssertionError as fault:
        raise AssertionError(f"seed {seed}") from fault


async def test_control_a_look_before_the_insert_is_not_enough(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the index, by reading what is taken first: the same test must see a double sale."""

    async def insert_tickets(connection: Connection, bookings: Sequence[Booking]) -> list[str]:
        losers = []
        for each in bookings:
            taken = await connection.fetchval(
                "SELECT count(*) FROM ticket WHERE event_id = $1 AND seat = ANY($2::integer[])"
                " AND state = 'live'",
                each.event_id,
                each.seats,
            )
            if taken:
                losers.append(each.id)
                continue
            await connection.executemany(
                "INSERT INTO ticket (booking_id, event_id, seat, price) VALUES ($1, $2, $3, $4)",
                [(each.id, each.event_id, seat, PRICE) for seat in each.seats],
            )
        return losers

    monkeypatch.setattr(queries, "insert_tickets", insert_tickets)
    database = Database(empty_url, connections=4)
    await database.open()
    await database.migrate()
    async with database.connection() as connection:
        await connection.execute("DROP INDEX ticket_seat_sold_once")

    async def play() -> None:
        for seed in range(40):
            async with opened_book(database) as book:
                await _two_workers(book, seed)

    with pytest.raises(AssertionError, match="seed"):
        await play()
    await database.close()


async def test_a_batch_cut_short_is_as_if_never_begun(book: Book) -> None:
    claims = [book.claim(0, 1), book.claim(1, 2)]

    async def cut() -> None:
        async with book.database.transaction() as connection:
            await commit_claims(connection, claims)
            raise ConnectionResetError

    with pytest.raises(Unavailable):
        await cut()
    assert await book.states() == {}
    await book.commit(claims)
    await book.check(claims)


async def test_what_cannot_be_a_seat_takes_its_batch_along(book: Book) -> None:
    """The reader then tries the entries one by one: no booking is there without its tickets."""
    with pytest.raises(asyncpg.CheckViolationError):
        await book.commit([book.claim(0), book.claim(-1)])
    assert await book.states() == {}
    assert await book.owners() == {}


async def test_who_could_not_pay_is_given_more_time(database: Database) -> None:
    """While the provider is away, up to the cap; whose provider answers is not."""
    async with opened_book(database) as book:
        away, capped, here, never = (book.claim(seat) for seat in range(4))
        await book.commit([away, capped, here, never])
        for claim, provider in ((away, "faraway"), (capped, "faraway"), (here, "sandbox")):
            payment = Payment(
                id=new_id("payment"),
                booking_id=claim.id,
                event_id=claim.event_id,
                provider=provider,
                amount=claim.total,
                currency=claim.currency,
                attempt=1,
                state="started",
            )
            await payments.insert_many(database, [payment])
        async with database.connection() as connection:
            await connection.execute(
                "UPDATE booking SET due = now() - interval '1 s' WHERE event_id = $1", book.event
            )
            await connection.execute(
                "UPDATE booking SET created_at = now() - make_interval(secs => $2) WHERE id = $1",
                capped.id,
                float(limits.payment_cap_s),
            )
        await payments.note_outage(database, "faraway")
        try:
            await expire(database)
        finally:
            await payments.end_outage(database, "faraway")
        states = await book.states()
        assert {states[each.id] for each in (capped, here, never)} == {"expired"}
        assert states[away.id] == "awaiting_payment"
        async with database.connection() as connection:
            await connection.execute(
                "UPDATE booking SET due = now() - interval '1 s' WHERE id = $1", away.id
            )
        await expire(database)
        assert (await book.states())[away.id] == "expired"
