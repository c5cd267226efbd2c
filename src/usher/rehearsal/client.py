"""What fans ask of the API, each call typed. A refusal is an answer; Unreachable is raised where
none came."""

from collections.abc import Callable
from typing import Any, Final

from usher.rehearsal.answers import (
    Admission,
    BookingView,
    ChangeView,
    ChargeView,
    HoldView,
    Joined,
    LineView,
    Nothing,
    PaymentView,
    PlaceView,
    Refusal,
    SeatsView,
)
from usher.rehearsal.hall import Board, PlanView
from usher.rehearsal.tally import Meter
from usher.rehearsal.wire import Wire, decode

# What is public may be up to a second old, says the API: one fetch serves the crowd, as a CDN's.
_PUBLIC_S: Final = 1.0


class Client(Wire):
    """The calls of a crowd at one event. Use as an async context manager."""

    def __init__(self, base_url: str, event: str, meter: Meter, *, connections: int) -> None:
        super().__init__(base_url, meter, connections=connections)
        self._event = f"/api/v1/events/{event}"

    # --- the line

    async def join(self, fan_token: str) -> Joined | Refusal:
        return await self.ask("join", "POST", f"{self._event}/queue", Joined, fan_token)

    async def place(self, token: str) -> PlaceView | Refusal:
        return await self.ask("place", "GET", f"{self._event}/queue/place", PlaceView, token)

    async def follow_place(
        self, token: str, until: Callable[[PlaceView], bool]
    ) -> PlaceView | Refusal | None:
        """The first view on the place's stream that `until` likes; None where it ended first."""
        path = f"{self._event}/queue/stream"
        return await self.first("place_stream", path, token, PlaceView, until)

    async def claim(self, token: str) -> Admission | Refusal:
        path = f"{self._event}/queue/place/claim"
        return await self.ask("claim", "POST", path, Admission, token)

    # --- what everybody may see

    async def line(self) -> LineView:
        """The public state of the line, up to a second old."""
        return await self.shared("queue", f"{self._event}/queue", LineView, _PUBLIC_S)

    async def states(self) -> str:
        """The seats' states, up to a second old."""
        view = await self.shared("seats", f"{self._event}/seats", SeatsView, _PUBLIC_S)
        return view.states

    async def follow_feed(self, board: Board, last_id: str) -> str:
        """Keeps `board` up to date until the stream ends; where to go on from."""
        at = last_id

        def take(event: bytes, data: bytes, event_id: str) -> bool:
            nonlocal at
            if event == b"snapshot":
                board.reset(decode(data, SeatsView).states)
            elif event == b"change":
                board.change(decode(data, ChangeView).seats)
            at = event_id or at
            return False

        await self.follow("feed", f"{self._event}/feed", "", take, last_id=last_id)
        return at

    async def plan(self) -> PlanView:
        """The plan, which never changes."""
        return await self.shared("plan", f"{self._event}/plan", PlanView, 1e9)

    # --- shopping

    async def hold(self, token: str, asked: dict[str, Any], key: str) -> HoldView | Refusal:
        """Holds what is `asked`; the same `key` again is the same hold."""
        return await self.ask(
            "hold", "POST", f"{self._event}/holds", HoldView, token, asked, key=key
        )

    async def let_go(self, token: str, hold_id: str) -> None:
        await self.ask("let_go", "DELETE", f"{self._event}/holds/{hold_id}", Nothing, token)

    async def book(self, token: str, hold_id: str, name: str, email: str) -> BookingView | Refusal:
        body = {"hold_id": hold_id, "name": name, "email": email}
        return await self.ask("book", "POST", "/api/v1/bookings", BookingView, token, body)

    async def booking(self, token: str, booking_id: str) -> BookingView | Refusal:
        path = f"/api/v1/bookings/{booking_id}"
        return await self.ask("booking", "GET", path, BookingView, token)

    async def follow_booking(
        self, token: str, booking_id: str, until: Callable[[BookingView], bool]
    ) -> BookingView | Refusal | None:
        """As `follow_place`, for a booking."""
        path = f"/api/v1/bookings/{booking_id}/stream"
        return await self.first("booking_stream", path, token, BookingView, until)

    async def cancel(self, token: str, booking_id: str) -> BookingView | Refusal:
        path = f"/api/v1/bookings/{booking_id}/cancellation"
        return await self.ask("cancel", "POST", path, BookingView, token)

    async def pay(self, token: str, booking_id: str) -> PaymentView | Refusal:
        path = f"/api/v1/bookings/{booking_id}/payment"
        return await self.ask("pay", "POST", path, PaymentView, token)

    async def tell_bank(
        self, payment: PaymentView, outcome: str, delay_s: float | None = None
    ) -> ChargeView | Refusal:
        """Has the bank decide on a charge: one that does as it is told."""
        body: dict[str, Any] = {"outcome": outcome}
        if delay_s is not None:
            body["delay_s"] = delay_s
        path = f"/api/v1/payments/{payment.provider}/{payment.payment_id}"
        return await self.ask("bank", "POST", path, ChargeView, "", body)
