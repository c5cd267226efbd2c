"""Letters: what leaves PostgreSQL, each written in the transaction of the fact that causes it."""

from datetime import datetime
from typing import Final, Literal

import msgspec

# What others are told of, by "notice" (mail, SMS) and by "hook" (organisers' webhooks). The subject
# of a letter that tells a fact is the fact, a space, and the id named here.
Fact = Literal[
    "booking.confirmed",  # booking id
    "booking.cancelled",  # booking id: unpaid, or its money could not be had
    "booking.expired",  # booking id
    "booking.refunded",  # refund id: tickets given back, some or all
    "ticket.transferred",  # ticket id and its new serial, with a dot between
    "ticket.used",  # scan id
    "event.cancelled",  # event id
    "offer.made",  # waiting-list entry id and the attempt, with a dot between
    "event.reminder",  # booking id: its event is tomorrow
]

# Who hears of what. A fact is told in the transaction that makes it one.
HEARD_BY: Final[dict[Fact, tuple[str, ...]]] = {
    "booking.confirmed": ("notice", "hook"),
    "booking.cancelled": ("notice", "hook"),
    "booking.expired": ("notice", "hook"),
    "booking.refunded": ("notice", "hook"),
    "ticket.transferred": ("notice", "hook"),
    "ticket.used": ("hook",),
    "event.cancelled": ("hook",),
    "offer.made": ("notice",),
    "event.reminder": ("notice",),
}

ATTEMPTS_MAX: Final = 150  # with the pauses below about a day: longer than a provider is away


class Letter(msgspec.Struct, frozen=True):
    """One piece of work: what to do (`kind`) with what (`subject`); `attempts` counts this one."""

    id: int
    kind: str
    subject: str
    attempts: int


State = Literal["pending", "done", "dead"]


class Posted(msgspec.Struct, frozen=True):
    """A letter as it stands on the outbox."""

    id: int
    kind: str
    subject: str
    state: State
    attempts: int
    fault: str
    due: datetime
    created_at: datetime
    done_at: datetime | None


class Count(msgspec.Struct, frozen=True):
    """How many letters of a kind are in a state, and since when the oldest was written."""

    kind: str
    state: State
    letters: int
    oldest: datetime


def retry_after_s(attempts: int) -> float:
    """Exponential back-off, half a second doubling to ten minutes."""
    return float(min(600.0, 0.5 * 2 ** min(attempts, 20)))
