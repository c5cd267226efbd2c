"""The bank's own words: a charge, what it may be told to do, what it sends."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from usher.plumbing.answer import Money

# "out_of_order": declined, then approved, and told the other way round; the last two approve, and
# then go wrong when the shop captures.
Outcome = Literal[
    "approve",
    "decline",
    "delay",
    "duplicate",
    "late",
    "out_of_order",
    "timeout_on_capture",
    "capture_fails",
]
Trouble = Literal["", "timeout_on_capture", "capture_fails"]

DELAY_S_DEFAULT: Final = 3.0
DUPLICATES: Final = 3
# `late` is told this long after the booking's due, unless the request says otherwise.
LATE_S: Final = 2.0
STALE_S: Final = 0.5  # what was overtaken arrives this long after what overtook it


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /api/v1/payments/sandbox/{payment}: how the bank shall decide.

    `delay_s` moves the webhook of `delay` and `late`. Each message is delivered `copies` times,
    each copy up to `scatter_s` seconds later than it would be, by chance: in any order.
    """

    outcome: Outcome
    delay_s: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    copies: Annotated[int, Meta(ge=1, le=10)] | None = None
    scatter_s: Annotated[float, Meta(ge=0, le=600)] = 0


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the bank's book. `metadata` is what the shop wrote on it."""

    id: str
    amount: int
    currency: str
    metadata: dict[str, str]
    state: Literal["open", "authorised", "declined", "captured", "voided"] = "open"
    trouble: Trouble = ""
    refunded: int = 0


class ChargeView(msgspec.Struct):
    """A charge as the bank tells of it."""

    payment_id: str
    state: str
    amount: Money


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery: several deliveries of one message have one `message_id`."""

    id: str
    message_id: str
    kind: Literal["authorised", "declined"]
    payment_id: str
    amount: int
    currency: str
    metadata: dict[str, str]


class Envelope(msgspec.Struct, frozen=True):
    """The body of a webhook call: all that has become due, signed together."""

    sent_s: int
    messages: list[Webhook]
