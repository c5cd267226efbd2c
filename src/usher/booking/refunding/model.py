"""Giving tickets back: what is asked for, who may, and until when."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from usher import limits
from usher.event.model import EventRow

Reason = Annotated[
    str, Meta(max_length=limits.reason_chars_max, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")
]


class CancellationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST .../cancellation; an empty one cancels the whole booking."""

    tickets: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]],
        Meta(max_length=limits.hold_seats_max),
    ] = []
    reason: Reason = ""


class EventCancellationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST of an event's cancellation: what every fan is told."""

    reason: Reason = ""


class WoundUp(msgspec.Struct):
    """An event that was cancelled: how many of its bookings are still to be given back."""

    event_id: str
    state: Literal["cancelled"]
    bookings_left: int


def cancellable_until(event: EventRow) -> datetime | None:
    """Until when fans may give tickets of an event back; None where only its organiser may."""
    if event.cancel_before_s is None or event.state != "published":
        return None
    return event.starts_at - timedelta(seconds=event.cancel_before_s)
