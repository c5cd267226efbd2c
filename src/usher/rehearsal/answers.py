"""What a fan reads of the API's answers; members that nobody here needs are passed over."""

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """A problem answer. `code` says what it is; the rest helps where it is given."""

    code: str = ""
    status: int = 0
    detail: str = ""
    state: str = ""
    taken: list[str] = []
    most: int = 0
    retry_after_s: float = 0.0


class PlaceView(msgspec.Struct, frozen=True):
    state: str
    ahead: int | None = None
    poll_after_s: float = 2.0
    expires_in_s: int = 0
    reason: str = ""


class Joined(msgspec.Struct, frozen=True):
    """`admission_token` is given where the fan may shop at once, `fan_token` to a new fan."""

    place_token: str
    place: PlaceView
    fan_token: str = ""
    admission_token: str = ""
    expires_in_s: int = 0


class Admission(msgspec.Struct, frozen=True):
    admission_token: str
    expires_in_s: int


class HeldSeat(msgspec.Struct, frozen=True):
    guid: str


class HoldView(msgspec.Struct, frozen=True):
    hold_id: str
    seats: list[HeldSeat]
    expires_in_s: int


class TicketView(msgspec.Struct, frozen=True):
    ticket_id: str
    guid: str


class BookingView(msgspec.Struct, frozen=True):
    booking_id: str
    state: str
    expires_in_s: int = 0
    tickets: list[TicketView] = []


class PaymentView(msgspec.Struct, frozen=True):
    payment_id: str
    provider: str = "sandbox"


class ChargeView(msgspec.Struct, frozen=True):
    state: str


class LineView(msgspec.Struct, frozen=True):
    state: str
    waiting: int
    shopping: int
    left: int


class SeatsView(msgspec.Struct, frozen=True):
    states: str


class ChangeView(msgspec.Struct, frozen=True):
    seats: list[tuple[int, str]]


class Nothing(msgspec.Struct, frozen=True):
    pass
