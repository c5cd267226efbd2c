"""From a hold to the end: booked and paid, or given up in one of the ways fans give up."""

import time
from typing import Final

from loadtests.client.http import NoAnswer
from loadtests.crowd.asker import Asker, GaveUp, decode
from loadtests.crowd.names import CONFIRMED
from loadtests.crowd.session import Session
from usher.rehearsal.answers import (
    BookingView,
    ChargeView,
    HoldView,
    Nothing,
    PaymentView,
    Refusal,
)
from usher.rehearsal.persona import Course, Persona

_OUTCOMES: Final = {
    Course.DUPLICATE: "duplicate",
    Course.DELAY: "delay",
    Course.DECLINED: "decline",
    Course.DECLINED_ONCE: "decline",
}
_DELAY_S: Final = 1.5
_SETTLED: Final = ("confirmed", "expired", "conflict", "cancelled", "refunded")
_LOOK_S: Final = (0.2, 0.3, 0.5, 0.8, 1.0)
_TRIES: Final = 12
_GRACE_S: Final = 5.0


class Checkout:
    """The checkout of one admission."""

    def __init__(
        self,
        session: Session,
        asker: Asker,
        persona: Persona,
        fan_token: str,
        admission_token: str,
    ) -> None:
        self._session = session
        self._asker = asker
        self._persona = persona
        self._fan_token = fan_token
        self._token = admission_token
        self._event = f"/api/v1/events/{session.plan.event}"

    def go(self, held: HoldView) -> bool:
        """Whether the fan is through with it; False where the seats were lost and it shops on."""
        course, asker = self._persona.course, self._asker
        asker.think(0.5, 2.5)  # typing a name and an address
        if course is Course.HOLDS_AND_VANISHES:
            return self._walk_away("held and vanished")
        if course is Course.LETS_GO:
            path = f"{self._event}/holds/{held.hold_id}"
            asker.ask("let go", "DELETE", path, Nothing, self._token)
            return self._walk_away("let go")
        body = {
            "hold_id": held.hold_id,
            "name": f"Fan {self._persona.number}",
            "email": self._persona.email,
        }
        booked = asker.ask("book", "POST", "/api/v1/bookings", BookingView, self._token, body)
        if isinstance(booked, Refusal):
            self._session.count("holds lapsed")
            return False
        self._session.note_booking("booked", booked.booking_id, self._fan_token)
        if course is Course.NEVER_PAYS:
            return self._walk_away("never paid")
        asker.think(0.5, 2.0)  # finding the card
        payable = self._until(booked, ("awaiting_payment", *_SETTLED))
        if payable is None or payable.state != "awaiting_payment":
            return self._walk_away("not payable")
        if course is Course.CANCELS:
            path = f"/api/v1/bookings/{booked.booking_id}/cancellation"
            asker.ask("cancel", "POST", path, BookingView, self._fan_token)
            return self._walk_away("cancelled")
        return self._pay(booked)

    def _walk_away(self, how: str) -> bool:
        self._session.count(how)
        return True

    def _pay(self, booked: BookingView) -> bool:
        course, asker = self._persona.course, self._asker
        outcome = _OUTCOMES.get(course, "approve")
        payment = self._payment(booked, "")
        if payment is None:
            return self._walk_away("not payable")
        told_at = asker.due
        self._tell_bank(payment, outcome)
        if outcome == "decline":
            self._session.count("declined")
            if course is Course.DECLINED:
                return True
            again = self._payment(booked, payment.payment_id)
            if again is None:
                return self._walk_away("not payable")
            told_at = asker.due
            self._tell_bank(again, "approve")
        view = self._until(booked, _SETTLED)
        if view is None or view.state != "confirmed":
            self._session.count("paid in vain")
            return True
        delay_s = _DELAY_S if outcome == "delay" else 0.0
        self._session.mark(CONFIRMED, time.monotonic() - told_at - delay_s)
        self._session.note_booking("confirmed", view.booking_id, self._fan_token)
        self._session.count("seats bought", len(view.tickets))
        return True

    def _tell_bank(self, payment: PaymentView, outcome: str) -> None:
        body: dict[str, object] = {"outcome": outcome}
        if outcome == "delay":
            body["delay_s"] = _DELAY_S
        path = f"/api/v1/payments/sandbox/{payment.payment_id}"
        self._asker.ask("bank", "POST", path, ChargeView, "", body)

    def _payment(self, booked: BookingView, before: str) -> PaymentView | None:
        """A payment that is not the one `before`, which was declined: the shop opens another as
        soon as the bank's word has reached it. None where the booking is past being paid."""
        path = f"/api/v1/bookings/{booked.booking_id}/payment"
        for _ in range(_TRIES):
            payment = self._asker.ask("pay", "POST", path, PaymentView, self._fan_token)
            if isinstance(payment, Refusal):
                return None
            if payment.payment_id != before:
                return payment
            self._asker.pause(self._asker.dice.uniform(0.3, 0.6))
        return None

    def _until(self, booked: BookingView, states: tuple[str, ...]) -> BookingView | None:
        """The booking once its state is one of `states`; None where it never comes to that."""
        asker = self._asker
        late_at = time.monotonic() + booked.expires_in_s + _GRACE_S
        if self._persona.streams:
            told = self._listen(booked, states, late_at)
            if told is not None:
                return told
        path = f"/api/v1/bookings/{booked.booking_id}"
        looks = 0
        while time.monotonic() < late_at:
            view = asker.ask("booking", "GET", path, BookingView, self._token)
            if isinstance(view, BookingView) and view.state in states:
                return view
            asker.pause(_LOOK_S[min(looks, len(_LOOK_S) - 1)])
            looks += 1
        return None

    def _listen(
        self, booked: BookingView, states: tuple[str, ...], late_at: float
    ) -> BookingView | None:
        path = f"/api/v1/bookings/{booked.booking_id}/stream"
        stream = self._asker.open("booking stream", path, self._token)
        if isinstance(stream, Refusal):
            return None
        found = None
        with stream:
            try:
                for event in stream.events():
                    if event.name == b"booking":
                        view = decode(event.data, BookingView)
                        if view.state in states:
                            found = view
                            break
                    if event.name == b"reconnect" or time.monotonic() > late_at:
                        break
            except NoAnswer:
                self._session.count("streams broken")
        self._asker.due = time.monotonic()
        if self._session.over:
            raise GaveUp("time is up")
        return found
