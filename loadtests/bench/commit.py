"""Bookings a second of the worker's commit, against raw inserts and one transaction each."""

import time
from datetime import timedelta
from statistics import median
from typing import Final

import msgspec

from loadtests.bench.figure import Figure
from loadtests.bench.http import event_on_sale
from usher import limits
from usher.booking import queries
from usher.booking.jobs import Ledger, commit_claims
from usher.booking.model import Booking, Claim
from usher.clock import now_ms, to_ms, utc_now
from usher.ids import new_id, sibling_id
from usher.plumbing.metric import Metrics
from usher.plumbing.stream import Entry
from usher.wiring import House

BOOKINGS: Final = 4_000
SINGLES: Final = 300
SEATS: Final = 4
ROUNDS: Final = 3
RAW_GOAL: Final = 0.7
SINGLE_GOAL: Final = 15.0


async def measure(house: House) -> list[Figure]:
    """The ratios, medians of interleaved rounds; the same four-seat bookings each time."""
    worker, raw, single = [], [], []
    for _ in range(ROUNDS):
        raw.append(await _raw(house, await event_on_sale(house, 80, 200)))
        worker.append(await _worker(house, await event_on_sale(house, 80, 200)))
        single.append(await _single(house, await event_on_sale(house, 80, 200)))
    ours, plain, one = median(worker), median(raw), median(single)
    detail = {"bookings_per_s": round(ours)}
    return [
        Figure(
            name="worker commit",
            value=round(ours / plain, 3),
            unit="of raw unnest inserts",
            baseline=f"{plain:,.0f} bookings/s, the same rows in the same batches",
            goal=RAW_GOAL,
            more_is_better=True,
            detail=detail,
        ),
        Figure(
            name="worker commit",
            value=round(ours / one, 1),
            unit="x one transaction per booking",
            baseline=f"{one:,.0f} bookings/s, one transaction each",
            goal=SINGLE_GOAL,
            more_is_better=True,
            detail=detail,
        ),
    ]


def _bookings(event: str, count: int) -> list[Booking]:
    now = utc_now()
    return [
        Booking(
            id=sibling_id("booking", hold_id),
            event_id=event,
            hold_id=hold_id,
            place_id=new_id("place"),
            fan_id=new_id("fan"),
            digest="0123456789ab",
            name="A fan of the house",
            email="fan@example.org",
            state="awaiting_payment",
            total=18_000,
            currency="EUR",
            seats=list(range(i * SEATS, (i + 1) * SEATS)),
            prices=[4_500] * SEATS,
            due=now + timedelta(minutes=15),
            created_at=now,
        )
        for i in range(count)
        for hold_id in [new_id("hold")]
    ]


async def _worker(house: House, event: str) -> float:
    """The whole of what the worker does with a batch: decode, commit, settle, look again."""

    async def nobody() -> None:
        """No outbox to wake."""

    ledger = Ledger(event, house.database, house.seat_scripts, Metrics(), nobody)
    bookings = _bookings(event, BOOKINGS)
    # As after seat/claim: Redis knows each of these seats as claimed by its booking.
    for start in range(0, BOOKINGS, 250):
        words: list[str | int] = []
        for each in bookings[start : start + 250]:
            seats = ",".join(map(str, each.seats))
            words += [each.hold_id, each.place_id, "c", to_ms(each.due), each.digest, seats]
        await house.seat_scripts.recall(event, *words)
    entries = [
        Entry(
            f"{now_ms()}-{i}",
            {
                "kind": "claim",
                "booking": each.id,
                "hold": each.hold_id,
                "due": str(now_ms() + 900_000),
                "at": str(now_ms()),
                "seats": ",".join(map(str, each.seats)),
                "data": msgspec.json.encode(
                    Claim(
                        fan_id=each.fan_id,
                        place_id=each.place_id,
                        digest=each.digest,
                        name=each.name,
                        email=each.email,
                        currency=each.currency,
                        prices=each.prices,
                    )
                ).decode(),
            },
        )
        for i, each in enumerate(bookings)
    ]
    began = time.perf_counter()
    for start in range(0, BOOKINGS, limits.ledger_batch_max):
        await ledger.handle(entries[start : start + limits.ledger_batch_max])
    return BOOKINGS / (time.perf_counter() - began)


async def _raw(house: House, event: str) -> float:
    """The same rows by the same statements and nothing else: no decoding, no looking."""
    bookings = _bookings(event, BOOKINGS)
    began = time.perf_counter()
    for start in range(0, BOOKINGS, limits.ledger_batch_max):
        batch = bookings[start : start + limits.ledger_batch_max]
        async with house.database.transaction() as connection:
            await queries.insert(connection, batch)
            await queries.insert_tickets(connection, batch)
    return BOOKINGS / (time.perf_counter() - began)


async def _single(house: House, event: str) -> float:
    bookings = _bookings(event, SINGLES)
    began = time.perf_counter()
    for booking in bookings:
        async with house.database.transaction() as connection:
            await commit_claims(connection, [booking])
    return SINGLES / (time.perf_counter() - began)
