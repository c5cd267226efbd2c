"""From a hold to the end: booked and paid, or given up in one of the ways fans give up."""

import asyncio
import random
from typing import Final

from usher.rehearsal.answers import BookingView, HoldView, PaymentView, Refusal
from usher.rehearsal.client import Client
from usher.rehearsal.hasty import ask
from usher.rehearsal.persona import Course, Persona
from usher.rehearsal.tally import Confirmed, Tally

# What the bank is told, by course; all else is approved.
_OUTCOMES: Final = {
    Course.DUPLICATE: "duplicate",
    Course.DELAY: "delay",
    Course.DECLINED: "decline",
    Course.DECLINED_ONCE: "decline",
    Course.LATE: "late",
}
_DELAY_S: Final = 1.5
_LATE_S: Final = 1.0  # past the booking's due
# A fan looks at a booking past its due for so long: for the worker's tick, and for late money.
_GRACE_S: Final = 3.5
_SETTLED: Final = ("confirmed", "expired", "conflict", "cancelled", "refunded")
_LOOK_S: Final = (0.3, 0.4, 0.6, 0.8, 1.0)
_TRIES: Final = 12


class Checkout:
    """The checkout of one admission."""

    def __init__(
        self,
        client: Client,
        tally: Tally,
        persona: Persona,
        dice: random.Random,
        fan_token: str,
        admission_token: str,
    ) -> None:
        self._client = client
        self._tally = tally
        self._persona = persona
        self._dice = dice
        self._fan_token = fan_token
        self._admission_token = admission_token

    async def go(self, held: HoldView) -> bool:
        """Whether the fan is through with it; False where the seats were lost and it shops on."""
        course = self._persona.course
        await self._pause(0.2, 1.0)  # typing a name and an address
        if course is Course.HOLDS_AND_VANISHES:
            return self._walk_away()
        if course is Course.LETS_GO:
            await self._client.let_go(self._admission_token, held.hold_id)
            return self._walk_away()
        booked = await self._book(held)
        if isinstance(booked, Refusal):
            self._tally.holds_lapsed += 1
            return False
        self._tally.bookings[booked.booking_id] = self._fan_token
        if course is Course.NEVER_PAYS:
            return self._walk_away()
        await self._pause(0.2, 0.8)  # finding the card
        if course is Course.CANCELS:
            await self._cancel(booked)
            return self._walk_away()
        return await self._pay(booked)

    async def _book(self, held: HoldView) -> BookingView | Refusal:
        name, email = f"Fan {self._persona.number}", self._persona.email
        return await ask(
            self._persona,
            self._tally,
            lambda: self._client.book(self._admission_token, held.hold_id, name, email),
            lambda booking: booking.booking_id,
        )

    def _walk_away(self) -> bool:
        self._tally.walked_away += 1
        return True

    async def _cancel(self, booked: BookingView) -> None:
        for _ in range(_TRIES):
            told = await self._client.cancel(self._fan_token, booked.booking_id)
            # Not found: still on its way to PostgreSQL.
            if not isinstance(told, Refusal) or told.code != "not_found":
                return
            await self._pause(0.1, 0.3)

    async def _pay(self, booked: BookingView) -> bool:
        course = self._persona.course
        until = asyncio.get_running_loop().time() + booked.expires_in_s + _GRACE_S
        payment = await self._payment(booked, "")
        if payment is not None:
            outcome = _OUTCOMES.get(course, "approve")
            delay_s = {"delay": _DELAY_S, "late": _LATE_S}.get(outcome)
            await self._client.tell_bank(payment, outcome, delay_s)
            if outcome == "decline":
                self._tally.declined += 1
                if course is Course.DECLINED:
                    return True
                again = await self._payment(booked, payment.payment_id)
                if again is not None:
                    await self._client.tell_bank(again, "approve")
            self._tally.late += course is Course.LATE
        return await self._outcome(booked, until)

    async def _payment(self, booked: BookingView, before: str) -> PaymentView | None:
        """A payment that is not the one `before`, which was declined: the shop opens another as
        soon as the bank's word has reached it. None where the booking is past being paid."""
        for _ in range(_TRIES):
            payment = await ask(
                self._persona,
                self._tally,
                lambda: self._client.pay(self._fan_token, booked.booking_id),
                lambda payment: payment.payment_id,
            )
            if isinstance(payment, PaymentView):
                if payment.payment_id != before:
                    return payment
            elif payment.code != "not_found":
                return None
            await self._pause(0.2, 0.4)
        return None

    async def _outcome(self, booked: BookingView, until: float) -> bool:
        late = self._persona.course is Course.LATE
        final = ("confirmed",) if late else _SETTLED  # what is late expires before it is revived
        view = await self._settled(booked, until, final)
        if view is not None and view.state == "confirmed":
            self._tally.confirmed[view.booking_id] = Confirmed(
                self._fan_token, tuple(each.guid for each in view.tickets)
            )
            self._tally.confirmed_at = asyncio.get_running_loop().time()
            self._tally.late_confirmed += late
            return True
        self._tally.bookings_expired += 1
        return late

    async def _settled(
        self, booked: BookingView, until: float, final: tuple[str, ...]
    ) -> BookingView | None:
        """The booking once its state is one of `final`, or as it is when time is up."""
        loop = asyncio.get_running_loop()
        seen: BookingView | None = None
        if self._persona.streams:
            try:
                async with asyncio.timeout_at(until):
                    told = await self._client.follow_booking(
                        self._admission_token,
                        booked.booking_id,
                        lambda view: view.state in final,
                    )
                if isinstance(told, BookingView):
                    return told
            except TimeoutError:
                pass
        looks = 0
        while True:
            asked = await self._client.booking(self._admission_token, booked.booking_id)
            if isinstance(asked, BookingView):
                seen = asked
                if seen.state in final:
                    return seen
            if loop.time() >= until:
                return seen
            await self._pause(*((_LOOK_S[min(looks, len(_LOOK_S) - 1)],) * 2))
            looks += 1

    async def _pause(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self._dice.uniform(least_s, most_s))
