"""The worker's side of giving back: captures that fail for good, events that are cancelled."""

from collections.abc import Sequence

import structlog

from usher import limits
from usher.booking.refunding import queries
from usher.booking.refunding.service import cancel_unpaid, give_back
from usher.outbox import queries as outbox
from usher.plumbing.postgres import Connection, Database

log = structlog.get_logger("usher.refunds")


async def uncollected(connection: Connection, payments: Sequence[str]) -> None:
    """Cancels the bookings of payments that the provider will never capture, in the transaction
    that writes these down as failed: payment.jobs.Undo."""
    bookings = await queries.undo(connection, payments)
    ids = [each.id for each in bookings]
    log.warning("money could not be collected", bookings=ids)
    await outbox.post(connection, "settle", [f"{each} uncollected" for each in ids])
    await outbox.tell(connection, "booking.cancelled", ids)


async def wind_up(database: Database) -> int:
    """Gives back the bookings of cancelled events, batch by batch; how many. What is paid goes
    back, what is not is cancelled. Killed anywhere it goes on where it was: a booking that was
    given back is none that is left."""
    done = 0
    for event in await queries.to_wind_up(database):
        while True:
            async with database.transaction() as connection:
                bookings = await queries.left_over(connection, event, limits.wind_up_batch_max)
                reason = await queries.why_cancelled(connection, event) or "the event is cancelled"
                for booking in bookings:
                    if booking.state == "confirmed":
                        await give_back(connection, booking, None, "event", reason)
                unpaid = [each.id for each in bookings if each.state == "awaiting_payment"]
                await cancel_unpaid(connection, unpaid, reason)
                if not bookings:
                    await queries.wound_up(connection, event)
            done += len(bookings)
            if len(bookings) < limits.wind_up_batch_max:
                break
    return done
