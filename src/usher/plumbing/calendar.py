"""A calendar file of one event (RFC 5545): what every calendar program reads."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

MEDIA_TYPE: Final = "text/calendar; charset=utf-8"
_LINE_BYTES: Final = 75  # a longer line goes on in the next one, after a blank


def calendar_file(
    *, uid: str, starts_at: datetime, stamp: datetime, title: str, place: str, text: str, url: str
) -> bytes:
    """The file. `uid` is for ever the same for the same thing, so that a second download corrects
    the first; `stamp` is when what is said here was last changed. Nobody knows when it ends."""
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//usher//bookings//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{_text(uid)}",
        f"DTSTAMP:{_utc(stamp)}",
        f"DTSTART:{_utc(starts_at)}",
        f"SUMMARY:{_text(title)}",
        f"LOCATION:{_text(place)}",
        f"DESCRIPTION:{_text(text)}",
        f"URL:{url}",
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return b"".join(folded + b"\r\n" for line in lines for folded in _fold(line))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    """A value of type TEXT: what would end it or part it is escaped, control characters are not
    to be there at all."""
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,")):
        text = text.replace(plain, escaped)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    return "".join(c for c in text if c == "\t" or (ord(c) >= 32 and ord(c) != 127))


def _fold(line: str) -> Iterator[bytes]:
    """The line in pieces of at most 75 bytes; no character is cut in two."""
    piece = b""
    for character in line:
        one = character.encode("utf-8", "replace")
        if len(piece) + len(one) > _LINE_BYTES:
            yield piece
            piece = b" "
        piece += one
    yield piece
