"""The auditor: the invariants, each with its figure, from PostgreSQL and Redis."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from usher.clock import iso, utc_now
from usher.errors import NotFound, Unavailable
from usher.feed.scripts import FeedScripts, Lost, RawEntry
from usher.insight import queries
from usher.insight.model import Check, Verdict, compare_seats, must_be_zero, replay_calls
from usher.keys import Keys
from usher.plumbing.lua import Runner
from usher.plumbing.postgres import Database
from usher.queue.curves import Curves
from usher.waitlist import queries as waiting

# The two servers are not read at one instant: what differs is looked at again before it counts.
_LOOKS: Final = 4
_PAUSE_S: Final = 0.5
# A sweep runs ten times a second; a hold this long past its due has been forgotten.
_OVERDUE_MS: Final = 10_000

_PROMISES: Final = {
    "double_sold": "no seat has two live tickets",
    "bookings_without_tickets": "every live booking has a ticket for each of its seats",
    "tickets_without_booking": "every live ticket belongs to a live booking",
    "tickets_without_payment": "every sold ticket is paid for",
    "captured_without_ticket": "no money was taken for nothing",
    "captured_twice": "no booking was paid twice",
    "money_not_tickets": "what was paid and stays is the price of the good tickets, to the cent",
    "refunds_unlike_bookings": "every booking knows what goes back of it",
    "refunds_refused": "no refund was refused by its provider",
    "books_differ": "no provider tells otherwise of our money than we do",
    "bank_refunds_differ": "the bank gave back what we say it did",
    "used_twice": "no ticket was used by two scans",
    "uses_unlike_scans": "every ticket that is used has the scan that used it, and no other",
    "bank_captured_unknown": "the bank took no money that we do not know of",
    "captured_unknown_to_bank": "we claim no money that the bank did not take",
}


class Auditor:
    def __init__(
        self, database: Database, runner: Runner, curves: Curves, feed: FeedScripts
    ) -> None:
        self._database = database
        self._runner = runner
        self._curves = curves
        self._feed = feed

    async def audit(self, event: str) -> Verdict:
        """Every invariant of an event; NotFound, Unavailable where a server is away."""
        known = await self._curves.of(event, fresh_s=0)
        if known is None:
            raise NotFound(f"Redis knows no event {event[:40]!r}: is it published?")
        checks = []
        for name, figure in (
            await queries.figures(self._database, event, queries.VIOLATIONS)
        ).items():
            checks.append(must_be_zero(name, _PROMISES[name], figure))
        checks += await self._seat_checks(event)
        checks += await self._list_checks(event)
        # Anew: the two servers have been waited for until they agreed.
        curve = (await self._curves.of(event, fresh_s=0) or known).curve
        checks += await self._gate_checks(event, curve.over_rate, curve.over_capacity)
        facts = await queries.figures(self._database, event, queries.FACTS | queries.PENDING)
        ledger = await self._ledger_length(event)
        checks.append(
            must_be_zero("ledger_pending", "the ledger is drained", ledger, "entries on their way")
        )
        checks.append(
            must_be_zero("dead_letters", "no ledger entry was set aside", facts["dead_letters"])
        )
        checks.append(
            must_be_zero(
                "letters_dead", "nothing on the outbox was given up", facts["letters_dead"]
            )
        )
        facts |= {
            "seats": curve.seats,
            "free": curve.free,
            "held": curve.held,
            "claimed": curve.claimed,
            "sold": curve.sold,
            "waiting": curve.waiting,
            "joined": curve.joined,
            "called": curve.called,
            "admitted": curve.admitted,
            "shopping_max": curve.shopping_max,
        }
        return Verdict(
            event_id=event,
            at=iso(utc_now()),
            holds=all(check.holds for check in checks),
            checks=checks,
            facts=facts,
        )

    async def lost(self, bookings: Iterable[str]) -> list[str]:
        """Those of the bookings that were accepted and are not in PostgreSQL."""
        ids = list(bookings)
        known = await queries.known_bookings(self._database, ids)
        return [each for each in ids if each not in known]

    async def _ledger_length(self, event: str) -> int:
        """Entries not committed yet; looked at again, for a sale that goes on is never idle."""
        key = Keys(event).named(("ledger",))[0]
        oldest = ""
        for look in range(_LOOKS):
            entries = await self._runner.command("XRANGE", key, "-", "+", "COUNT", 1)
            if not entries:
                return 0
            if look and entries[0][0] != oldest:
                return 0  # it moves
            oldest = entries[0][0]
            await asyncio.sleep(_PAUSE_S)
        return int(await self._runner.command("XLEN", key))

    async def _gate_checks(self, event: str, over_rate: int, over_capacity: int) -> list[Check]:
        key = Keys(event).named(("signal",))[0]
        entries: list[RawEntry] = await self._runner.command("XRANGE", key, "-", "+")
        replayed_rate, replayed_capacity = replay_calls(entries)
        return [
            must_be_zero(
                "over_rate", "never called faster than the rate", max(over_rate, replayed_rate)
            ),
            must_be_zero(
                "over_capacity",
                "never more shopping than the capacity",
                max(over_capacity, replayed_capacity),
            ),
        ]

    async def _seat_checks(self, event: str) -> list[Check]:
        wrong: list[str] = []
        miscounted: list[str] = []
        overdue: list[str] = []
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_PAUSE_S)
            found = await self._look(event)
            # Only what every look found counts.
            wrong = found[0] if look == 0 else [each for each in wrong if each in found[0]]
            miscounted = found[1] if look == 0 else [e for e in miscounted if e in found[1]]
            overdue = found[2] if look == 0 else [each for each in overdue if each in found[2]]
            if not (wrong or miscounted or overdue):
                break
        return [
            must_be_zero(
                "seats_wrong",
                "every seat's state agrees with tickets and holds",
                len(wrong),
                "; ".join(wrong[:5]),
            ),
            must_be_zero(
                "counters_wrong",
                "the gate's counters are those of the seats",
                len(miscounted),
                "; ".join(miscounted),
            ),
            must_be_zero(
                "holds_orphaned",
                "no hold is past its due, no held seat without its hold",
                len(overdue),
                "; ".join(overdue[:5]),
            ),
        ]

    async def _list_checks(self, event: str) -> list[Check]:
        kept, broken = 0, 0
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_PAUSE_S)
            known = await self._curves.of(event, fresh_s=0)
            waits = any(await waiting.alive(self._database, event))
            idle = known is not None and known.curve.listed in ("1", "2") and not waits
            kept = known.curve.free if known and idle else 0
            broken = await self._broken_offers(event)
            if not (kept or broken):
                break
        return [
            must_be_zero("kept_for_nobody", "no seat is kept for a list nobody is on", kept),
            must_be_zero("offers_broken", "every offer that stands holds its seats", broken),
        ]

    async def _broken_offers(self, event: str) -> int:
        holds = [
            e.hold_id for e, booking in await waiting.offered(self._database, event) if not booking
        ]
        if not holds:
            return 0
        key = Keys(event).named(("hold",))[0]
        records = await self._runner.command("HMGET", key, *holds)
        return sum(not record or record[0] == "f" for record in records)

    async def _look(self, event: str) -> tuple[list[str], list[str], list[str]]:
        keys = Keys(event)
        owned = await queries.owned_seats(self._database, event)
        snapshot, records, now_ms = await asyncio.gather(
            self._feed.snapshot(event),
            self._runner.command("HGETALL", keys.named(("hold",))[0]),
            self._runner.time_ms(),
        )
        if isinstance(snapshot, Lost):
            raise Unavailable("the event is being prepared", retry_after_s=2)
        known = await self._curves.of(event, fresh_s=0)
        held: set[int] = set()
        overdue: list[str] = []
        for hold_id, record in _pairs(records):
            state, _, due_ms, _, _, _, seats = record.split(" ")
            if state == "h":
                held |= {int(index) for index in seats.split(",")}
                if int(due_ms) < now_ms - _OVERDUE_MS:
                    overdue.append(f"{hold_id} is past its due")
        for index, state in enumerate(snapshot.states):
            if state == "h" and index not in held:
                overdue.append(f"seat {index} is held by nobody")
        miscounted = []
        if known is not None:
            curve = known.curve
            for letter, name, count in (
                (".", "free", curve.free),
                ("h", "held", curve.held),
                ("c", "claimed", curve.claimed),
                ("s", "sold", curve.sold),
            ):
                if snapshot.states.count(letter) != count:
                    miscounted.append(f"{name} is counted wrong")
        return compare_seats(snapshot.states, owned, held), miscounted, overdue


def _pairs(reply: Any) -> list[tuple[str, str]]:
    """A HGETALL reply as pairs; RESP2 gives a flat list, RESP3 a map."""
    if isinstance(reply, dict):
        return list(reply.items())
    return list(zip(reply[::2], reply[1::2], strict=True))
