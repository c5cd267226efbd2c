"""Payments: what a provider must be able to do, what it may tell us, what may follow what."""

from typing import Any, Final, Literal, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from usher import limits

State = Literal["started", "authorised", "captured", "voiding", "voided", "declined"]
Kind = Literal["authorised", "declined"]

# From each state, the states a payment may go to. Every move is a conditional UPDATE.
TRANSITIONS: Final[dict[State, tuple[State, ...]]] = {
    "started": ("authorised", "declined", "voiding"),
    "authorised": ("captured", "voiding"),
    # money is money: an authorisation heard of after "declined" is used, or given back
    "declined": ("authorised", "voiding"),
    "captured": (),
    "voiding": ("voided",),
    "voided": (),
}


# An authorisation of these has been neither used nor given back.
UNANSWERED: Final[tuple[State, ...]] = ("started", "declined")
# A provider that has been silent this long about a payment is asked; then after twice as long,
# and so on. A webhook may be lost on the way, or with the ledger when Redis is lost.
SILENCE_S: Final = 30
# As the pauses double, one question falls behind the longest time there is to pay: whatever was
# authorised in it is used or given back.
ASKED_S: Final = 2 * limits.payment_s_max + 24 * 3600


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to pay for a booking. `amount` is in minor units of `currency`."""

    id: str
    booking_id: str
    event_id: str
    provider: str
    amount: int
    currency: str
    attempt: int
    state: State
    reason: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider told us about a payment, once its signature has been checked.

    `message_id` is the provider's own: the same message may arrive any number of times.
    """

    provider: str
    message_id: str
    kind: Kind
    payment_id: str
    booking_id: str
    event_id: str
    amount: int
    currency: str


class StartedPayment(msgspec.Struct, kw_only=True):
    """An attempt to pay, begun: where a browser goes, or what its form needs."""

    payment_id: str
    provider: str
    url: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET


class TakenWords(msgspec.Struct):
    """How many of a webhook's messages were about payments of ours."""

    taken: int


class Provider(Protocol):
    """A payment provider. Every call may be repeated: the payment's id is its idempotency key.

    Raises Unavailable where the provider does not answer; the caller tries again later.
    """

    name: str

    async def start(self, payment: Payment, due_ms: int) -> dict[str, Any]:
        """Prepares a charge to be paid until `due_ms`; what a browser needs: {"url"} or
        {"client_secret"}."""
        ...

    async def look(self, payment: Payment) -> Message | None:
        """What has become of a payment, as its webhook would say it; None while nothing has."""
        ...

    async def capture(self, payment_id: str) -> bool:
        """Takes the authorised money; False where there is none to take."""
        ...

    async def void(self, payment_id: str) -> bool:
        """Gives an authorisation back; False where the money was captured already."""
        ...

    def read_webhook(self, body: bytes, headers: dict[str, str]) -> list[Message]:
        """The messages of a webhook call; Unauthenticated where its signature is not good,
        Malformed where it cannot be read."""
        ...
