"""Fans who buy without HTTP: through the services, in the test's own process."""

from typing import NamedTuple

from usher.account.model import Reader
from usher.booking.model import BookingRequest
from usher.ids import new_id
from usher.payment.sandbox.model import Decision, Outcome
from usher.seat.model import HoldRequest
from usher.seat.service import Admission
from usher.wiring import House


class Purchase(NamedTuple):
    """A booking on its way, and who made it."""

    admission: Admission
    hold_id: str
    booking_id: str
    seats: tuple[int, ...]


async def enter(house: House, event: str) -> Admission:
    """A new fan, shopping; the sale must be a simple one."""
    joined = await house.queue.join(event, new_id("fan"))
    assert joined.admission is not None, joined.view
    return house.seats.admission_of(event, joined.admission["admission_token"])


async def hold(house: House, admission: Admission, *seats: int, key: str | None = None) -> str:
    """A hold of these seats, by index; its id."""
    showing = await house.events.showing(admission.event)
    asked = HoldRequest(seats=[showing.layout.guid[index] for index in seats])
    return str((await house.seats.hold(admission, asked, key))["hold_id"])


async def claim(house: House, admission: Admission, hold_id: str, *seats: int) -> Purchase:
    """The hold becomes a booking, accepted and on the ledger."""
    asked = BookingRequest(hold_id, "Ann", "ann@example.org")
    booked = await house.bookings.create(admission, asked)
    return Purchase(admission, hold_id, booked["booking_id"], seats)


async def book(house: House, event: str, *seats: int) -> Purchase:
    """A booking of these seats by a new fan."""
    admission = await enter(house, event)
    return await claim(house, admission, await hold(house, admission, *seats), *seats)


async def start_payment(house: House, purchase: Purchase) -> str:
    """The id of an attempt to pay; the booking must have been committed."""
    started = await house.bookings.pay(purchase.booking_id, Reader(purchase.admission.fan_id))
    return str(started["payment_id"])


async def decide(house: House, payment_id: str, outcome: Outcome, delay_s: float = 0) -> None:
    """Tells the bank what to do."""
    await house.bank.decide(payment_id, Decision(outcome, delay_s or None))
