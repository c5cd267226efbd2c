"""The event of a booking for a calendar, and seats in words."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from usher.event.model import EventRow
from usher.plumbing.calendar import calendar_file
from usher.plumbing.language import Language


def booking_calendar(
    site: str,
    say: Language,
    event: EventRow,
    booking: str,
    seats: Iterable[Mapping[str, Any]],
    stamp: datetime,
) -> bytes:
    """The file; `site` is where this site stands, without a slash at its end."""
    return calendar_file(
        uid=f"{booking}@usher",
        starts_at=event.starts_at,
        stamp=stamp,
        title=event.title,
        place=", ".join(each for each in (event.venue, event.hall, event.city) if each),
        text="\n".join(seat_text(say, each) for each in seats),
        url=f"{site}/bookings/{booking}",
    )


def seat_text(say: Language, seat: Mapping[str, Any]) -> str:
    """A seat in words; areas have no rows."""
    words = [seat["zone"]]
    if seat["row"]:
        words.append(say.gettext("row %(row)s") % {"row": seat["row"]})
    if seat["number"]:
        words.append(say.gettext("seat %(number)s") % {"number": seat["number"]})
    return " · ".join(word for word in words if word)
