"""Payments: what a provider must be able to do, what it may tell us, what may follow what."""

from collections.abc import Mapping
from typing import Final, Literal, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from usher import limits
from usher.errors import Unavailable

# The provider of shadows, which is always there and takes nobody's money: a bank of their own.
REHEARSAL: Final = "rehearsal"

State = Literal["started", "authorised", "captured", "voiding", "voided", "declined", "failed"]
Kind = Literal["authorised", "declined"]

# From each state, the states a payment may go to. Every move is a conditional UPDATE.
TRANSITIONS: Final[dict[State, tuple[State, ...]]] = {
    "started": ("authorised", "declined", "voiding"),
    # "failed": authorised, and then there was nothing to capture
    "authorised": ("captured", "failed"),
    # money is money: an authorisation heard of after "declined" is used, or given back
    "declined": ("authorised", "voiding"),
    "captured": (),
    "voiding": ("voided",),
    "voided": (),
    "failed": (),
}

RefundState = Literal["pending", "done", "failed", "dropped"]

# "dropped": the capture it would have undone failed for good; "failed": the provider will not.
REFUND_TRANSITIONS: Final[dict[RefundState, tuple[RefundState, ...]]] = {
    "pending": ("done", "failed", "dropped"),
    "done": (),
    "failed": ("pending", "done"),  # ordered again, or given back by people by another way
    "dropped": (),
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
    reference: str = ""  # the provider's own name of the charge, once it has told us


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Tickets of a confirmed booking given back, and their money: `amount` minor units."""

    id: str
    booking_id: str
    event_id: str
    payment_id: str | None
    seats: list[int]
    amount: int
    currency: str
    state: RefundState
    reason: str
    actor: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A charge as its provider has it now. `refunded` is what went back of what was captured;
    ids of ours are "" where the provider's record holds none."""

    reference: str
    payment_id: str
    booking_id: str
    event_id: str
    state: Literal["open", "authorised", "captured", "declined", "voided"]
    amount: int
    currency: str
    refunded: int = 0


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


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """A charge prepared at a provider: its name there, and where a browser goes (`url`) or what
    its form needs (`client_secret`)."""

    reference: str
    url: str = ""
    client_secret: str = ""


class Busy(Unavailable):
    """A provider that has too much to do, and says so: later, but no outage."""


class Provider(Protocol):
    """A payment provider. Every call may be repeated: the payment's (or the refund's) id is its
    idempotency key, and an answer that was lost is given again.

    Raises Unavailable where the provider does not answer, or not sensibly; the caller tries again
    later. "False" is an answer for good.
    """

    name: str

    async def start(self, payment: Payment, due_ms: int) -> Started:
        """Prepares a charge of `payment.amount`, to be authorised (not captured) until `due_ms`."""
        ...

    async def look(self, payment: Payment) -> Standing | None:
        """The charge as the provider has it; None where it has none."""
        ...

    async def recent(self, since_ms: int) -> list[Standing]:
        """The charges that were prepared since then, for who compares books."""
        ...

    async def capture(self, payment: Payment) -> bool:
        """Takes the authorised money; True also where it was taken before. False where there is
        none to take, and never will be."""
        ...

    async def void(self, payment: Payment) -> bool:
        """Gives an authorisation back, or closes a charge that nobody has paid yet, so that nobody
        can; True also where there was none. False where the money was captured already."""
        ...

    async def refund(self, payment: Payment, refund_id: str, amount: int) -> bool:
        """Gives back `amount` of what was captured; True also where this very refund was made
        before. False where it will never be possible."""
        ...

    async def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Message]:
        """The messages of a webhook call, names of `headers` in lower case; Unauthenticated where
        its signature is not good or too old, Malformed where it cannot be read."""
        ...
