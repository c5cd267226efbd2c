"""One fan of the storm: books, pays in the way its lot says, and may give a ticket back."""

import asyncio
import random
from collections import Counter
from typing import Any, Final

from usher.ids import new_id
from usher.rehearsal.answers import BookingView, ChargeView, HoldView, Joined, Refusal
from usher.rehearsal.client import Client
from usher.rehearsal.wire import Unreachable

# A lot and how many in a hundred draw it; all others are approved.
LOTS: Final = {
    "decline": 2.0,
    "late": 1.0,
    "timeout_on_capture": 1.0,
    "capture_fails": 1.0,
    "out_of_order": 2.0,
    "gives back": 3.0,
    "never pays": 1.0,
}
COPIES_MAX: Final = 5
SCATTER_S: Final = 3.0
_LATE_S: Final = 1.0
_TRIES: Final = 60


def lots(count: int, dice: random.Random) -> list[str]:
    """What becomes of each of `count` fans: the shares of LOTS, in any order."""
    drawn = [lot for lot, share in LOTS.items() for _ in range(round(count * share / 100))]
    drawn += ["approve"] * (count - len(drawn))
    dice.shuffle(drawn)
    return drawn


class StormFan:
    """A purchase from the door to the bank."""

    def __init__(self, client: Client, lot: str, dice: random.Random, told: Counter[str]) -> None:
        self._client = client
        self._lot = lot
        self._dice = dice
        self._told = told
        self._booking = ""

    async def go(self) -> str:
        """The id of the booking; "" where there were no seats left, or nobody answered in time."""
        try:
            await self._go()
        except Unreachable:
            self._told["gave up: no answer"] += 1
        return self._booking

    async def _go(self) -> None:
        joined = await self._client.join("")
        assert isinstance(joined, Joined), joined
        assert joined.admission_token, "the storm is for a simple sale"
        held = await self._held(joined.admission_token)
        if held is None:
            return
        booked = await self._client.book(
            joined.admission_token, held.hold_id, "A fan of the storm", "fan@example.org"
        )
        assert isinstance(booked, BookingView), booked
        self._booking = booked.booking_id
        if self._lot != "never pays":
            await self._through_the_bank(joined.admission_token, booked.booking_id)

    async def _through_the_bank(self, token: str, booking: str) -> None:
        outcome = "approve" if self._lot == "gives back" else self._lot
        payment = await self._pay(token, booking, outcome)
        if payment and self._lot == "decline" and self._dice.random() < 0.5:
            self._told["tried again"] += bool(await self._pay(token, booking, "approve", payment))
        if payment and self._lot == "gives back":
            await self._give_back(token, booking)

    async def _held(self, token: str) -> HoldView | None:
        category = self._dice.choice(("VVIP", "VIP", "Normal", "Normal"))
        for wish in (category, "Normal", "VIP", "VVIP"):
            asked = {"category": wish, "quantity": self._dice.randint(1, 3)}
            held = await self._client.hold(token, asked, new_id("hold"))
            if isinstance(held, HoldView):
                return held
        return None

    async def _pay(self, token: str, booking: str, outcome: str, before: str = "") -> str:
        """The id of the payment that the bank was told about, another one than `before`; ""
        where the booking is past being paid."""
        for _ in range(_TRIES):
            payment = await self._client.pay(token, booking)
            if not isinstance(payment, Refusal):
                if payment.payment_id != before:
                    break
            elif payment.code != "not_found":  # the worker was away for too long
                self._told[f"pay refused: {payment.code}"] += 1
                return ""
            await asyncio.sleep(0.5)
        else:
            self._told["never came to pay"] += 1
            return ""
        assert not isinstance(payment, Refusal)
        copies = self._dice.randint(1, COPIES_MAX)
        wish: dict[str, Any] = {"outcome": outcome, "copies": copies, "scatter_s": SCATTER_S}
        if outcome == "late":
            wish |= {"delay_s": _LATE_S, "scatter_s": 0.5}
        path = f"/api/v1/payments/sandbox/{payment.payment_id}"
        answer = await self._client.ask("bank", "POST", path, ChargeView, "", wish)
        assert isinstance(answer, ChargeView), answer
        self._told["webhooks"] += copies * (2 if outcome == "out_of_order" else 1)
        return payment.payment_id

    async def _give_back(self, token: str, booking: str) -> None:
        """One ticket, as soon as there is one."""
        for _ in range(_TRIES):
            view = await self._client.booking(token, booking)
            if isinstance(view, BookingView) and view.tickets:
                path = f"/api/v1/bookings/{booking}/cancellation"
                one = {"tickets": [view.tickets[0].ticket_id]}
                done = await self._client.ask("cancel", "POST", path, BookingView, token, one)
                self._told["gave back"] += isinstance(done, BookingView)
                return
            await asyncio.sleep(0.5)
