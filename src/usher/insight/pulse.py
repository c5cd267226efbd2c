"""The pulse of a sale: what its console shows, from Redis' curve and PostgreSQL's bookings.

However many consoles look, a process asks once a second, and PostgreSQL never more than a
twentieth of the time: a count of 30,000 bookings is allowed to become old before it is repeated.
"""

import asyncio
import time
from datetime import datetime
from typing import Any, Final

import msgspec

from usher.clock import from_ms, utc_now
from usher.event.model import Showing
from usher.event.service import EventService
from usher.insight import queries
from usher.insight.forecast import Pace, pace_of
from usher.plumbing.answer import Money
from usher.plumbing.postgres import Database
from usher.queue.curves import Curves, KnownCurve
from usher.queue.model import Sample
from usher.queue.scripts import Curve
from usher.sale.model import Sale
from usher.sale.service import SaleService

FRESH_S: Final = 1.0
_SHARE: Final = 20


class Minute(msgspec.Struct):
    """What was confirmed within the minute that begins at `at`; revenue in minor units."""

    at: datetime
    bookings: int
    revenue: int


class Slowed(msgspec.Struct):
    """A gate that calls fewer than its rate by itself: why ("commits", "ledger" or "answers" are
    behind), since when, and how far: milliseconds that bookings wait for their commit and that the
    shop's answers take (None where nothing reports), entries on the ledger."""

    rate_per_min: int
    why: str
    since: datetime
    commit_lag_ms: int
    answer_ms: int | None
    ledger: int


class LatestBooking(msgspec.Struct):
    """One of the newest bookings, whatever has become of it."""

    booking_id: str
    name: str
    state: str
    seats: int
    total: Money
    created_at: datetime


class Pulse(msgspec.Struct, kw_only=True):
    """A sale at one moment. Counts of fans since the sale began: joined, called, admitted, lapsed;
    now: waiting, shopping. `conversion` is bookings confirmed per fan admitted. `trail` holds
    [at_ms, waiting, shopping, held, claimed, sold, called, admitted] every five seconds of at
    most the last ten minutes. `minutes` leaves out those without a booking."""

    event_id: str
    at: datetime
    built: bool
    mode: str
    state: str
    gate_state: str
    rate_per_min: int
    capacity: int
    version: int
    notice: str | None
    waiting: int
    joined: int
    called: int
    admitted: int
    lapsed: int
    shopping: int
    called_per_minute: int | None
    throttle: str
    rate_floor_pct: int
    slowed: Slowed | None
    seats: int
    free: int
    held: int
    claimed: int
    sold: int
    bookings: int
    bookings_awaiting: int
    revenue: Money
    conversion: float | None
    pace: Pace
    trail: list[Sample]
    minutes: list[Minute]
    latest: list[LatestBooking]


class _Known(msgspec.Struct):
    """What was found, and until when it is good (on the monotonic clock)."""

    until: float
    found: Any


class Pulses:
    def __init__(
        self, database: Database, events: EventService, sales: SaleService, curves: Curves
    ) -> None:
        self._database = database
        self._events = events
        self._sales = sales
        self._curves = curves
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[Any]] = {}

    async def of(self, event: str, after_ms: int = 0, *, fresh: bool = False) -> Pulse:
        """The pulse of `event`, with the part of its trail after `after_ms`; NotFound. `fresh`
        asks the line and the settings anew, for who has just changed something."""
        if fresh:
            self._known.pop(event, None)
        showing = await self._events.showing(event)
        (sale, takings), known = await asyncio.gather(
            self._bookings(event), self._curves.of(event, fresh_s=0 if fresh else FRESH_S)
        )
        return _pulse(showing, sale, takings, known, self._curves.trail(event), after_ms)

    async def _bookings(self, event: str) -> tuple[Sale, dict[str, Any]]:
        known = self._known.get(event)
        if known and time.monotonic() < known.until:
            found: tuple[Sale, dict[str, Any]] = known.found
            return found
        asking = self._asking.get(event)
        if asking is None:
            asking = asyncio.create_task(self._ask(event))
            self._asking[event] = asking
            asking.add_done_callback(lambda _: self._asking.pop(event, None))
        # Shielded: the first caller going away must not fail the others.
        told: tuple[Sale, dict[str, Any]] = await asyncio.shield(asking)
        return told

    async def _ask(self, event: str) -> tuple[Sale, dict[str, Any]]:
        sale = await self._sales.find(event)
        began = time.monotonic()
        takings = await queries.takings(self._database, event)
        now = time.monotonic()
        found = (sale, takings)
        self._known[event] = _Known(now + max(FRESH_S, _SHARE * (now - began)), found)
        return found


def slowed_of(curve: Curve) -> Slowed | None:
    """What slows a gate; None where nothing does."""
    if curve.rate_now >= curve.rate or curve.mode != "queued":
        return None
    return Slowed(
        rate_per_min=curve.rate_now,
        why=curve.pace_why,
        since=from_ms(curve.slow_ms),
        commit_lag_ms=curve.lag_ms,
        answer_ms=curve.delay_ms if curve.delay_ms >= 0 else None,
        ledger=curve.ledger_n,
    )


def _pulse(
    showing: Showing,
    sale: Sale,
    takings: dict[str, Any],
    known: KnownCurve | None,
    trail: list[Sample],
    after_ms: int,
) -> Pulse:
    event = showing.event
    curve = known.curve if known else None
    bookings, revenue = takings["states"].get("confirmed", (0, 0))
    awaiting, _ = takings["states"].get("awaiting_payment", (0, 0))
    # The settings are PostgreSQL's, but what was read of it may be older than the gate; that the
    # seats are gone is Redis' to say first.
    gate = curve if curve and curve.version >= sale.version else None
    admitted = curve.admitted if curve else 0
    return Pulse(
        event_id=event.id,
        at=from_ms(curve.now_ms) if curve else utc_now(),
        built=curve is not None,
        mode=gate.mode if gate else sale.mode,
        state=gate.state if gate else sale.state,
        gate_state=gate.gate_state if gate else sale.gate_state,
        rate_per_min=gate.rate if gate else sale.rate_per_min,
        capacity=gate.capacity if gate else sale.capacity,
        version=gate.version if gate else sale.version,
        notice=(curve.notice or None) if curve else None,
        waiting=curve.waiting + curve.in_lobby if curve else 0,
        joined=curve.joined if curve else 0,
        called=curve.called if curve else 0,
        admitted=admitted,
        lapsed=curve.lapsed if curve else 0,
        shopping=curve.shopping if curve else 0,
        called_per_minute=round(known.per_min) if known and known.per_min is not None else None,
        throttle=gate.throttle if gate else sale.throttle,
        rate_floor_pct=gate.floor_pct if gate else sale.rate_floor_pct,
        slowed=slowed_of(curve) if curve else None,
        seats=curve.seats if curve else event.seats,
        free=curve.free if curve else 0,
        held=curve.held if curve else 0,
        claimed=curve.claimed if curve else 0,
        sold=curve.sold if curve else 0,
        bookings=bookings,
        bookings_awaiting=awaiting,
        revenue=Money(revenue, event.currency),
        conversion=round(bookings / admitted, 4) if admitted else None,
        pace=pace_of(trail, sale.seats_max),
        trail=[each for each in trail if each.at_ms > after_ms],
        minutes=[Minute(**each) for each in takings["minutes"]],
        latest=[
            LatestBooking(
                each["id"],
                each["name"],
                each["state"],
                each["seats"],
                Money(each["total"], each["currency"]),
                each["created_at"],
            )
            for each in takings["latest"]
        ],
    )
