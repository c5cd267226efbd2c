"""The course of a demo: an event is made, a crowd comes, and the books are checked."""

import asyncio
import time
from datetime import timedelta
from typing import Final, NamedTuple, Protocol

from usher.clock import utc_now
from usher.errors import NotFound, SetupError, Unavailable
from usher.event.model import NewEvent
from usher.insight.model import Verdict as Audit
from usher.insight.service import Auditor
from usher.rehearsal.answers import BookingView, Refusal
from usher.rehearsal.client import Client
from usher.rehearsal.crowd import crowd_of, run_crowd
from usher.rehearsal.model import DemoHall, DemoOptions, Goal, Running
from usher.rehearsal.persona import seats_wanted
from usher.rehearsal.tally import Meter, Tally
from usher.rehearsal.verdict import Verdict, verdict
from usher.rehearsal.wire import Unreachable
from usher.sale.model import SaleChange
from usher.sale.service import SaleService

ACTOR: Final = "usher demo"
_BUILD_S: Final = 60.0
_DRAIN_S: Final = 45.0
# The lobby opens when all are in it, and at the latest so long after the last has set out.
_LOBBY_S: Final = 15.0
# Fewer willing buyers than this many for each seat may leave single seats unsold.
_DEMAND: Final = 1.15
_READERS: Final = 64


class Screen(Protocol):
    """Where a demo shows what happens."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def note(self, tally: Tally) -> None:
        """How things stand, twice a second."""


class Outcome(NamedTuple):
    """A finished demo."""

    event: str
    verdict: Verdict
    audit: Audit
    tally: Tally


async def run_demo(site: Running, options: DemoOptions, hall: DemoHall, screen: Screen) -> Outcome:
    """Sells out a hall to a crowd, and audits what became of it.

    SetupError where the event cannot be put on sale; what goes wrong afterwards is in the
    verdict.
    """
    began = time.monotonic()
    event = await _event(site, options, hall)
    seats = hall.plan.seat_count
    crowd = options.crowd(seats)
    wanted = seats_wanted(crowd_of(crowd))
    goal: Goal = "sold_out" if wanted >= seats * _DEMAND else "everyone_served"
    screen.say(f"event {event}: {hall.said}")
    screen.say(_intent(options, goal, wanted, seats))
    opening = Opening(site.sales, event, crowd.arrive_s, ACTOR)
    if options.mode == "simple":
        await opening.open()

    def progress(tally: Tally) -> None:
        screen.note(tally)
        opening.note(tally)

    await _until_on_page(site, event)
    tally = await run_crowd(site.url, event, crowd, progress)
    await opening.done()
    drained = time.monotonic()
    audit = await _drained(site, event)
    lost = await lost_bookings(site.auditor, site.url, event, tally)
    now = time.monotonic()
    found = verdict(
        options, hall, crowd, goal, tally, audit,
        lost=lost, drain_s=now - drained, total_s=now - began,
    )  # fmt: skip
    return Outcome(event, found, audit, tally)


def _intent(options: DemoOptions, goal: Goal, wanted: int, seats: int) -> str:
    rate, capacity = options.gate(seats)
    gate = (
        f"{rate:,} called a minute, {capacity:,} shopping at once"
        if options.mode == "queued"
        else "no line"
    )
    aim = (
        "the hall is to be sold out"
        if goal == "sold_out"
        else f"they want about {wanted:,} seats, so some will stay unsold"
    )
    return f"{options.fans:,} fans for {seats:,} seats, {gate}, seed {options.seed}: {aim}"


async def _event(site: Running, options: DemoOptions, hall: DemoHall) -> str:
    """A published event, its lobby open in a queued sale."""
    new = NewEvent(
        title="One night only",
        production="Usher demo",
        starts_at=utc_now() + timedelta(days=30),
        prices=hall.prices,
        currency=hall.currency,
    )
    event = await site.events.create(new, hall.plan, options.sale(hall.plan.seat_count))
    await site.events.publish(event)
    if options.mode == "queued":
        await site.sales.change(event, ACTOR, SaleChange(state="lobby"))
    return event


async def _until_on_page(site: Running, event: str) -> None:
    """Returns when the event's page answers; SetupError."""
    await until_laid_out(site.auditor, event)
    try:
        async with (
            asyncio.timeout(_BUILD_S),
            Client(site.url, event, Meter(), connections=1) as client,
        ):
            await client.states()
    except (TimeoutError, Unreachable):
        raise SetupError(f"the page of {event} did not answer within {_BUILD_S:.0f} s") from None


async def until_laid_out(auditor: Auditor, event: str) -> None:
    """Returns when the seats of an event are laid out, which a worker does; SetupError."""
    try:
        async with asyncio.timeout(_BUILD_S):
            while True:
                try:
                    await auditor.audit(event)
                    return
                except (NotFound, Unavailable):
                    await asyncio.sleep(0.1)
    except TimeoutError:
        raise SetupError(
            f"the seats of {event} were not laid out within {_BUILD_S:.0f} s: is a worker up?"
        ) from None


class Opening:
    """Opens the sale once the lobby is full."""

    def __init__(self, sales: SaleService, event: str, arrive_s: float, actor: str) -> None:
        self._sales = sales
        self._event = event
        self._actor = actor
        self._latest = time.monotonic() + arrive_s + _LOBBY_S
        self._task: asyncio.Task[object] | None = None

    async def open(self) -> None:
        await self._sales.change(self._event, self._actor, SaleChange(state="open"))

    def note(self, tally: Tally) -> None:
        """Looks whether it is time."""
        full = tally.joined >= tally.lobby_fans or time.monotonic() > self._latest
        if tally.phase == "lobby" and full and self._task is None:
            self._task = asyncio.create_task(self.open(), name="opening")

    async def done(self) -> None:
        """Raises what went wrong with the opening, if anything did."""
        if self._task is not None:
            await self._task


async def _drained(site: Running, event: str) -> Audit:
    """The audit, once nothing is on its way any more, or as it is when time is up."""
    late = time.monotonic() + _DRAIN_S
    while True:
        audit = await site.auditor.audit(event)
        under_way = audit.figure("ledger_pending") + sum(
            audit.facts[name]
            for name in (
                "bookings_awaiting",
                "captures_pending",
                "voids_pending",
                "letters_pending",
                "held",
            )
        )
        if not under_way or time.monotonic() > late:
            return audit
        await asyncio.sleep(0.3)


async def lost_bookings(auditor: Auditor, url: str, event: str, tally: Tally) -> int:
    """Bookings that were accepted and are not in PostgreSQL, or were told confirmed and are
    not, with all their tickets, when read again now."""
    lost = set(await auditor.lost(tally.bookings))
    async with Client(url, event, tally.meter, connections=_READERS) as client:

        async def read(booking: str) -> None:
            told = tally.confirmed[booking]
            try:
                found: BookingView | Refusal = await client.booking(told.token, booking)
            except Unreachable as fault:
                raise NotFound(f"booking {booking} cannot be read again: {fault}") from fault
            if (
                isinstance(found, Refusal)
                or found.state != "confirmed"
                or {each.guid for each in found.tickets} != set(told.tickets)
            ):
                lost.add(booking)

        await asyncio.gather(*(read(booking) for booking in tally.confirmed))
    return len(lost)
