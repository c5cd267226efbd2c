"""The worker's side of bookings: the ledger's consumer, expiry, and settling seats.

One batch is one transaction. After COMMIT the effects on Redis are made, and only then are the
entries acknowledged: killed in between, the batch comes again, finds everything written, and makes
the effects once more, which changes nothing (invariant 5).
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import msgspec
import structlog

from usher import limits
from usher.booking import queries
from usher.booking.model import SEATS_BECOME, Booking, Claim
from usher.clock import from_ms, now_ms, to_ms
from usher.keys import Keys
from usher.outbox import queries as outbox
from usher.payment import queries as payment_queries
from usher.payment.model import UNANSWERED, Message, Payment
from usher.payment.service import read_message
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Connection, Database
from usher.plumbing.stream import Entry
from usher.seat import queries as seat_queries
from usher.seat.model import Owner
from usher.seat.scripts import SeatScripts, Taken

log = structlog.get_logger("usher.ledger")


class Settler:
    """Brings what PostgreSQL decided back to the seats."""

    def __init__(self, database: Database, seats: SeatScripts) -> None:
        self._database = database
        self._seats = seats

    async def settle(self, bookings: Sequence[Booking]) -> None:
        """Seats, holds and counters of these bookings follow their states; again is harmless."""
        # Most of a batch is fresh and unpaid: its seats stay as they are.
        await asyncio.gather(*(self._one(each) for each in bookings if SEATS_BECOME[each.state]))
        by_event: dict[str, list[Booking]] = defaultdict(list)
        for booking in bookings:
            by_event[booking.event_id].append(booking)
        for event, group in by_event.items():
            owners = await self._misjudged(event, group)
            if owners:
                await self._seats.recall(event, *(word for each in owners for word in each.row()))

    async def tell(self, bookings: Sequence[Booking]) -> None:
        """Has whoever watches these unpaid bookings look again: an attempt to pay has moved."""
        await asyncio.gather(*(self._one(each) for each in bookings))

    async def _one(self, booking: Booking) -> None:
        await self._seats.settle(
            booking.event_id,
            booking.hold_id,
            booking.id,
            booking.state,
            SEATS_BECOME[booking.state],
            booking.place_id,
            *(booking.kept if booking.state == "confirmed" else booking.seats),
        )

    async def _misjudged(self, event: str, bookings: Sequence[Booking]) -> list[Owner]:
        """Those whose seats Redis may believe to be free: whoever PostgreSQL has as owner of seats
        that have just gone back on sale, and unpaid bookings whose claim Redis has lost."""
        freed = [i for each in bookings if SEATS_BECOME[each.state] == "." for i in each.seats]
        owners = await seat_queries.owners_of(self._database, event, freed) if freed else []
        if unpaid := [each for each in bookings if not SEATS_BECOME[each.state]]:
            holds = await self._seats.runner.command(
                "HMGET", Keys(event).named(("hold",))[0], *(each.hold_id for each in unpaid)
            )
            owners += [
                msgspec.convert(booking, Owner, from_attributes=True)
                for booking, record in zip(unpaid, holds, strict=True)
                if record is None or record[0] == "h"  # Redis may also have gone back in time
            ]
        return owners

    async def carry(self, subjects: Sequence[str]) -> dict[str, str]:
        """Carries "settle" letters: each subject is a booking's id and why it was written."""
        ids = [subject.partition(" ")[0] for subject in subjects]
        found = await queries.find_many(self._database, ids)
        await self.settle(list(found.values()))
        await self._unsell(list(found.values()))
        return {
            subject: "there is no such booking"
            for subject, booking in zip(subjects, ids, strict=True)
            if booking not in found
        }

    async def _unsell(self, bookings: Sequence[Booking]) -> None:
        """Seats that were sold and given back go on sale again, but those that have been sold
        again since: these letters may be late second ones."""
        by_event: dict[str, list[tuple[Booking, set[int]]]] = defaultdict(list)
        for each in bookings:
            back = each.returned if each.state == "confirmed" else each.seats
            if each.confirmed_at is not None and back:
                by_event[each.event_id].append((each, set(back)))
        for event, group in by_event.items():
            asked = sorted(set().union(*(back for _, back in group)))
            owners = await seat_queries.owners_of(self._database, event, asked)
            owned = {seat for owner in owners for seat in owner.seats}
            await asyncio.gather(
                *(
                    self._seats.unsell(
                        event, each.hold_id, each.id, each.state, each.place_id, *sorted(free)
                    )
                    for each, back in group
                    if (free := back - owned)
                )
            )


class Ledger:
    """Commits the ledger of one event. `wake` is told when letters were put on the outbox."""

    def __init__(
        self,
        event: str,
        database: Database,
        seats: SeatScripts,
        metrics: Metrics,
        wake: Callable[[], Awaitable[None]],
    ) -> None:
        self._event = event
        self._database = database
        self._seats = seats
        self._settler = Settler(database, seats)
        self._metrics = metrics
        self._wake = wake

    async def handle(self, entries: list[Entry]) -> None:
        """One batch: plumbing.stream.Handler."""
        began = time.monotonic()
        claims = [_booking(self._event, e) for e in entries if e.fields.get("kind") == "claim"]
        messages = [
            read_message(e.fields["data"]) for e in entries if e.fields.get("kind") == "payment"
        ]
        late: list[Payment] = []
        known: dict[str, Booking] = {}
        async with self._database.transaction() as connection:
            if claims:
                known = await commit_claims(connection, claims)
            if messages:
                late = await commit_messages(connection, messages)
        for payment in late:
            await self._retake(payment)
        # What this batch has written itself is known; replays and the subjects of messages are not.
        asked = {each.id for each in claims} - known.keys() | {m.booking_id for m in messages}
        if asked:
            known |= await queries.find_many(self._database, sorted(asked))
        await self._settler.settle(list(known.values()))
        if messages:
            subjects = {message.booking_id for message in messages} & known.keys()
            unpaid = [
                known[each] for each in sorted(subjects) if not SEATS_BECOME[known[each].state]
            ]
            await self._settler.tell(unpaid)
            await self._wake()
        self._metrics.ledger_batch.observe(len(entries))
        self._metrics.commit_s.observe(time.monotonic() - began)
        newest_ms = int(entries[-1].id.partition("-")[0])
        self._metrics.ledger_lag_s.set(max(0.0, (now_ms() - newest_ms) / 1000))

    async def bury(self, entry: Entry, fault: str) -> None:
        """Sets an entry aside that cannot be committed: plumbing.stream.Undertaker."""
        log.error("dead letter", event_id=self._event, entry=entry.id, fault=fault)
        self._metrics.dead_letters.inc()
        fields = msgspec.json.encode(entry.fields).decode()
        await queries.bury(self._database, self._event, entry.id, fields, fault)
        if entry.fields.get("kind") == "claim":
            await self._let_go(entry)

    async def _let_go(self, entry: Entry) -> None:
        """The seats of a claim that was set aside go back on sale: nobody will pay for them."""
        booking_id, hold_id = entry.fields.get("booking", ""), entry.fields.get("hold", "")
        if await queries.find_many(self._database, [booking_id]):
            return
        seats = [int(i) for i in entry.fields.get("seats", "").split(",") if i.isdigit()]
        await self._seats.settle(self._event, hold_id, booking_id, "expired", ".", "", *seats)

    async def _retake(self, payment: Payment) -> None:
        """Money for a booking that has expired: its seats if they are free, else the money back.

        Redis first, so that nobody can hold the seats meanwhile; PostgreSQL decides, and the
        caller settles the booking whichever way it went.
        """
        found = await queries.find_many(self._database, [payment.booking_id])
        booking = found[payment.booking_id]
        reason = "paid late; the seats were sold meanwhile"
        if await queries.is_called_off(self._database, booking.event_id):
            # Nobody winds up what comes a day after the event was cancelled.
            reason = "paid late; the event is cancelled"
        elif booking.state == "expired" and await self._taken_again(booking, payment):
            return
        async with self._database.transaction() as connection:
            await _give_back_money(connection, [payment.id], reason)

    async def _taken_again(self, booking: Booking, payment: Payment) -> bool:
        reply = await self._seats.retake(
            booking.event_id,
            booking.hold_id,
            booking.place_id,
            booking.digest,
            to_ms(booking.due),
            *booking.seats,
        )
        if isinstance(reply, Taken):
            return False
        try:
            async with self._database.transaction() as connection:
                # A colleague with the same entry may have given this very money back, and another
                # attempt may have paid for the booking: neither may be followed by a capture.
                (now,) = await payment_queries.lock(connection, [payment.id])
                if now.state not in UNANSWERED or not await queries.move(
                    connection, [booking.id], "expired", "confirmed", "paid late"
                ):
                    return False
                await queries.revive_tickets(connection, booking.id)
                await _capture(connection, [payment.id])
                await outbox.tell(connection, "booking.confirmed", [booking.id])
        except asyncpg.UniqueViolationError:
            log.info("seats sold meanwhile", booking=booking.id)
            return False
        return True


def _booking(event: str, entry: Entry) -> Booking:
    fields = entry.fields
    claim = msgspec.json.decode(fields["data"], type=Claim)
    total = sum(claim.prices)
    return Booking(
        id=fields["booking"],
        event_id=event,
        hold_id=fields["hold"],
        place_id=claim.place_id,
        fan_id=claim.fan_id,
        digest=claim.digest,
        name=claim.name,
        email=claim.email,
        state="awaiting_payment" if total else "confirmed",
        total=total,
        currency=claim.currency,
        seats=[int(index) for index in fields["seats"].split(",")],
        prices=claim.prices,
        due=from_ms(int(fields["due"])),
        created_at=from_ms(int(fields["at"])),
        language=claim.language,
        phone=claim.phone,
    )


async def commit_claims(connection: Connection, claims: Sequence[Booking]) -> dict[str, Booking]:
    """Writes bookings and their tickets; those whose seats are another's become `conflict`.

    A claim that was committed before is left as it is. Gives those that were new, by id, in the
    state they are in now.
    """
    # In the order of their ids, so that two workers given the same claims never wait in a circle.
    by_id = {each.id: each for each in sorted(claims, key=lambda each: each.id)}
    new = {i: by_id[i] for i in await queries.insert(connection, list(by_id.values()))}
    if not new:
        return new
    losers = await queries.insert_tickets(connection, list(new.values()))
    if losers:
        await queries.lose(connection, losers)
    free = [i for i, each in new.items() if each.state == "confirmed" and i not in losers]
    await outbox.tell(connection, "booking.confirmed", free)
    return new | {
        i: msgspec.structs.replace(new[i], state="conflict", confirmed_at=None) for i in losers
    }


async def commit_messages(connection: Connection, messages: Sequence[Message]) -> list[Payment]:
    """Takes in what providers said; gives the payments that were authorised after expiry.

    Every transition is conditional, so messages may come twice and in any order: an attempt that
    was declined may be authorised yet (another card), or have been before we heard of either.
    """
    await payment_queries.note_messages(connection, messages)
    payments = await payment_queries.lock(connection, [m.payment_id for m in messages])
    declined = [m.payment_id for m in messages if m.kind == "declined"]
    if declined:
        await payment_queries.move(
            connection, declined, ["started"], "declined", "declined by the provider"
        )
    authorised = {m.payment_id: m for m in messages if m.kind == "authorised"}
    good: list[Payment] = []
    for payment in payments:
        message = authorised.get(payment.id)
        if message is None or payment.state not in UNANSWERED:
            continue  # said before, or given back already
        if (message.amount, message.currency) != (payment.amount, payment.currency):
            await _give_back_money(connection, [payment.id], "another amount than was asked for")
        else:
            good.append(payment)
    if not good:
        return []
    # One payment per booking goes on; a second authorisation of the same booking goes back.
    first = {payment.booking_id: payment for payment in reversed(good)}
    moved = await queries.move(connection, list(first), "awaiting_payment", "confirmed")
    confirmed = {booking.id for booking in moved}
    await outbox.tell(connection, "booking.confirmed", sorted(confirmed))
    await _capture(connection, [p.id for b, p in first.items() if b in confirmed])
    rest = [p for p in good if p.booking_id not in confirmed or first[p.booking_id] is not p]
    if not rest:
        return []
    states = await queries.states(connection, [payment.booking_id for payment in rest])
    late = [p for p in rest if states.get(p.booking_id) == "expired" and first[p.booking_id] is p]
    back = [p.id for p in rest if p not in late]
    if back:
        await _give_back_money(connection, back, "the booking does not need it")
    return late


async def _capture(connection: Connection, ids: Sequence[str]) -> None:
    moved = await payment_queries.move(connection, ids, UNANSWERED, "authorised")
    await outbox.post(connection, "capture", moved)


async def _give_back_money(connection: Connection, ids: Sequence[str], reason: str) -> None:
    # Only what nobody has confirmed a booking with: a colleague may have been faster.
    moved = await payment_queries.move(connection, ids, UNANSWERED, "voiding", reason)
    await outbox.post(connection, "void", moved)


async def expire(database: Database) -> int:
    """Expires unpaid bookings whose due has passed; their seats are given back by letter, so
    that a kill between the two cannot strand them. Gives how many. Whose provider is away is given
    more time first: they could not have paid."""
    away = await payment_queries.down_providers(database)
    async with database.transaction() as connection:
        if away:
            await queries.prolong(connection, away)
        ids = await queries.expire_due(connection, limits.ledger_batch_max)
        await outbox.post(connection, "settle", [f"{booking} expired" for booking in ids])
        await outbox.tell(connection, "booking.expired", ids)
    return len(ids)
