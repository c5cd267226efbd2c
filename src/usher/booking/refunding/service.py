"""Giving back: an unpaid booking is cancelled, tickets of a confirmed one are refunded.

Everything about one booking is one transaction, so that at every moment the money that was taken
and is not going back is the price of the tickets that are good. The provider hears of it by letter.
"""

from collections.abc import Collection, Sequence
from typing import Any

from usher.account.model import Reader
from usher.account.service import AccountService
from usher.booking import queries as booking_queries
from usher.booking.model import Booking, read_ticket_id
from usher.booking.refunding import queries
from usher.booking.refunding.model import CancellationRequest, cancellable_until
from usher.booking.service import BookingService
from usher.clock import iso, utc_now
from usher.errors import (
    BookingState,
    Conflict,
    Forbidden,
    NotCancellable,
    NotFound,
)
from usher.event.model import EventRow
from usher.event.service import EventService
from usher.ids import derived_id, is_id
from usher.outbox import queries as outbox
from usher.payment import queries as payment_queries
from usher.payment.model import Refund
from usher.plumbing.postgres import Connection, Database
from usher.sale.model import SaleChange
from usher.sale.service import SaleService


class Refunds:
    def __init__(
        self,
        database: Database,
        events: EventService,
        sales: SaleService,
        bookings: BookingService,
        accounts: AccountService,
    ) -> None:
        self._database = database
        self._events = events
        self._sales = sales
        self._bookings = bookings
        self._accounts = accounts

    async def cancel(
        self,
        booking_id: str,
        asked: CancellationRequest,
        reader: Reader,
        organiser_id: str = "",
    ) -> dict[str, Any]:
        """Cancels an unpaid booking, or gives tickets of a confirmed one back: all of them where
        none is named. Asked again it has been done. `organiser_id` is the account that acts for the
        event's organiser, who is bound by no deadline; a fan is by the event's.

        NotFound, Forbidden, BookingState (there is nothing to be given back), NotCancellable (too
        late, or such tickets are not given back).
        """
        booking = await self._find(booking_id)
        if not organiser_id and not await self._accounts.may_read(reader, booking.fan_id):
            raise Forbidden("this booking is somebody else's")
        showing = await self._events.showing(booking.event_id)
        wanted = _seats_of(booking, asked.tickets)
        actor = organiser_id or "fan"
        async with self._database.transaction() as connection:
            now = await queries.lock(connection, booking_id)
            assert now is not None  # bookings are never deleted
            if now.state == "awaiting_payment":
                if wanted is not None:
                    raise BookingState("an unpaid booking is cancelled whole", state=now.state)
                by = "by the organiser" if organiser_id else "by the fan"
                await cancel_unpaid(connection, [booking_id], asked.reason or by)
            elif now.state == "confirmed":
                # Asked again for what has gone back it has been done, however late it is by now.
                again = wanted is not None and wanted <= set(now.returned)
                if not organiser_id and not again:
                    _check_policy(showing.event)
                await give_back(
                    connection, now, wanted, actor, asked.reason, strict=not organiser_id
                )
            elif now.state not in ("cancelled", "refunded"):
                raise BookingState(f"the booking is {now.state}", state=now.state)
        return (await self._bookings.views([await self._find(booking_id)]))[0]

    async def _find(self, booking_id: str) -> Booking:
        found = (
            await booking_queries.find_many(self._database, [booking_id])
            if is_id("booking", booking_id)
            else {}
        )
        if booking_id not in found:
            raise NotFound("there is no such booking (yet)")
        return found[booking_id]

    async def event_of(self, booking_id: str) -> str:
        """The event of a booking; NotFound."""
        return (await self._find(booking_id)).event_id

    async def left_of(self, event: str) -> dict[str, Any]:
        """How far a cancelled event has been given back; Conflict where it is none."""
        if (await self._events.showing(event)).event.state != "cancelled":
            raise Conflict("the event is not cancelled")
        left = await queries.left_of(self._database, event)
        return {"event_id": event, "state": "cancelled", "bookings_left": left}

    async def to_give_back(self, event: str) -> int:
        """How many bookings cancelling the event would give back or cancel."""
        return await queries.left_of(self._database, event)

    async def cancel_event(self, event: str, actor: str, reason: str) -> dict[str, Any]:
        """Cancels an event: nothing of it is sold any more, and the worker gives every booking
        back, which may take minutes. Asked again it tells how many are left; the first reason
        stands."""
        await self._sales.find(event)
        async with self._database.transaction() as connection:
            if not await queries.cancel_event(connection, event):
                raise Conflict("only a published event can be cancelled: a draft is just left")
            await queries.record_cancellation(connection, event, actor, reason)
            await outbox.tell(connection, "event.cancelled", [event])
        self._events.forget(event)
        await self._sales.change(event, actor, SaleChange(state="closed"))
        return await self.left_of(event)


async def cancel_unpaid(connection: Connection, ids: Sequence[str], reason: str) -> None:
    """Cancels bookings that are not paid; their seats go back on sale, and what was begun to be
    paid for them is closed at the provider. Money that comes all the same is given back."""
    moved = await booking_queries.move(connection, ids, "awaiting_payment", "cancelled", reason)
    cancelled = [each.id for each in moved]
    await booking_queries.void_tickets(connection, cancelled)
    await outbox.post(connection, "void", await payment_queries.close(connection, cancelled))
    await outbox.post(connection, "settle", [f"{each} cancelled" for each in cancelled])
    await outbox.tell(connection, "booking.cancelled", cancelled)


async def give_back(
    connection: Connection,
    booking: Booking,
    wanted: Collection[int] | None,
    actor: str,
    reason: str,
    *,
    strict: bool = False,
) -> Refund | None:
    """Gives tickets of a confirmed booking back, in the caller's transaction, which has locked it:
    those of `wanted` that are still good, all where that is None. None where nothing is left to be
    given back. The refund's id is made of the seats: a seat of a booking goes back once."""
    live = await queries.live_tickets(connection, booking.id)
    if strict:
        held = await queries.not_given_back(connection, booking.id)
        if refused := [s for s in (live if wanted is None else wanted) if s in held]:
            raise NotCancellable(
                "some of these tickets were passed on or used: they are not given back",
                seats=sorted(refused),
            )
    seats = sorted(live if wanted is None else set(wanted) & live.keys())
    if not seats:
        return None
    amount = sum(live[seat] for seat in seats)
    payment = await queries.paid_by(connection, booking.id) if amount else None
    refund = Refund(
        id=derived_id("refund", booking.id, *map(str, seats)),
        booking_id=booking.id,
        event_id=booking.event_id,
        payment_id=payment,
        seats=seats,
        amount=amount,
        currency=booking.currency,
        state="pending" if amount else "done",
        reason=reason,
        actor=actor,
    )
    whole = len(seats) == len(live)
    after = "confirmed" if not whole else "refunded" if booking.total else "cancelled"
    await queries.give_back(connection, refund, after)
    if amount:
        await outbox.post(connection, "refund", [refund.id])
    await outbox.post(connection, "settle", [f"{booking.id} {refund.id}"])
    await outbox.tell(connection, "booking.refunded", [refund.id])
    return refund


def _seats_of(booking: Booking, tickets: list[str]) -> set[int] | None:
    """The seats that ticket ids name; None for all. NotFound where one is none of the booking's."""
    if not tickets:
        return None
    named = [read_ticket_id(each) for each in tickets]
    for each in named:
        if each is None or each[0] != booking.id or each[1] not in booking.seats:
            raise NotFound("the booking has no such ticket")
    return {each[1] for each in named if each}


def _check_policy(event: EventRow) -> None:
    until = cancellable_until(event)
    if until is None:
        raise NotCancellable("tickets of this event are given back by its organiser only")
    if utc_now() >= until:
        raise NotCancellable("it is too late to give tickets back", until=iso(until))
