"""Stripe's words, as far as they are read here: sessions, intents, refunds, events, amounts."""

from typing import Any, Final, Literal

import msgspec

from usher.currency import minor_digits
from usher.errors import Conflict
from usher.payment.model import Payment, Standing

# How many digits Stripe counts behind the point of a major unit, where that is not two. ISK and
# UGX are absent on purpose: Stripe has them as "two digits that are always 00".
# https://docs.stripe.com/currencies
_NONE: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV"}
    | {"XAF", "XOF", "XPF"}
)
_THREE: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

# Events about a charge that may have been authorised, declined, or closed. Whatever else an
# endpoint is subscribed to is passed over.
EVENTS: Final = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.expired",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "payment_intent.amount_capturable_updated",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
    }
)


class Charge(msgspec.Struct, frozen=True):
    id: str
    amount_refunded: int = 0


class Intent(msgspec.Struct, frozen=True):
    """A PaymentIntent: there is one as soon as somebody has tried to pay."""

    id: str
    status: str
    amount: int
    currency: str
    amount_capturable: int = 0
    amount_received: int = 0
    metadata: dict[str, str] = {}
    last_payment_error: dict[str, Any] | None = None
    latest_charge: Charge | str | None = None


class Session(msgspec.Struct, frozen=True):
    """A Checkout Session: one page on which one payment is made, or none."""

    id: str
    status: Literal["open", "complete", "expired"] | None
    amount_total: int | None
    currency: str | None
    url: str | None = None
    client_reference_id: str | None = None
    metadata: dict[str, str] | None = None
    payment_intent: Intent | str | None = None

    @property
    def intent(self) -> Intent | None:
        """Its intent, which is always asked for along with it."""
        return self.payment_intent if isinstance(self.payment_intent, Intent) else None


class Repaid(msgspec.Struct, frozen=True):
    """A Refund."""

    id: str
    status: str | None
    amount: int
    metadata: dict[str, str] | None = None


class Thing(msgspec.Struct, frozen=True):
    """What an event is about: only its name is taken, its state is asked for."""

    id: str
    object: str


class EventData(msgspec.Struct, frozen=True):
    object: Thing


class Event(msgspec.Struct, frozen=True):
    """The body of a webhook call. `account` is set where it is another account's (Connect)."""

    id: str
    type: str
    data: EventData
    account: str | None = None


def _scales(currency: str) -> tuple[int, int]:
    """How many minor units a major one has here, and how many at Stripe."""
    theirs = 1 if currency in _NONE else 1_000 if currency in _THREE else 100
    return int(10 ** minor_digits(currency)), theirs


def to_stripe(amount: int, currency: str) -> int:
    """An amount of ours as Stripe counts it; Conflict where it cannot be charged there.

    Ours are minor units by ISO 4217 (100 to a krona of Sweden, none to one of Iceland), which are
    Stripe's nearly everywhere.
    """
    ours, theirs = _scales(currency)
    whole, rest = divmod(amount * theirs, ours)
    # Of three digits the last must be 0: card networks know two.
    if rest or (theirs == 1_000 and whole % 10):
        raise Conflict(f"Stripe cannot charge this amount of {currency}", amount=amount)
    return whole


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's amount as ours."""
    ours, theirs = _scales(currency)
    return amount * ours // theirs


def labels_of(payment: Payment) -> dict[str, str]:
    """What is written on everything at Stripe that belongs to a payment."""
    return {"payment": payment.id, "booking": payment.booking_id, "event": payment.event_id}


def standing_of(session: Session | None, intent: Intent | None) -> Standing | None:
    """How a charge stands; None where it is none of ours.

    "declined" is the last card: the page takes another one while it is open.
    """
    labels = (session and session.metadata) or (intent and intent.metadata) or {}
    if "payment" not in labels:
        return None
    refunded = 0
    if intent is None:
        assert session is not None
        state: Any = "open" if session.status == "open" else "voided"
        amount, currency = session.amount_total or 0, session.currency or ""
    else:
        amount, currency = intent.amount, intent.currency
        match intent.status:
            case "requires_capture":
                state, amount = "authorised", intent.amount_capturable
            case "succeeded":
                state, amount = "captured", intent.amount_received
                charge = intent.latest_charge
                refunded = charge.amount_refunded if isinstance(charge, Charge) else 0
            case "canceled":
                state = "voided"
            case _ if session is not None and session.status == "expired":
                state = "voided"
            case "requires_payment_method" if intent.last_payment_error:
                state = "declined"
            case _:
                state = "open"
    currency = currency.upper()
    return Standing(
        reference=session.id if session else "",  # an intent does not know its session
        payment_id=labels["payment"],
        booking_id=labels.get("booking", ""),
        event_id=labels.get("event", ""),
        state=state,
        amount=from_stripe(amount, currency),
        currency=currency,
        refunded=from_stripe(refunded, currency),
    )
