"""Calendar files, read back by a library that is not ours."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import icalendar
from hypothesis import given
from hypothesis import strategies as st

from usher.plumbing.calendar import calendar_file

_SAID: dict[str, Any] = {
    "uid": "bkg_1@usher",
    "starts_at": datetime(2026, 12, 7, 19, 30, tzinfo=UTC),
    "stamp": datetime(2026, 11, 25, 8, 0, tzinfo=UTC),
    "title": "Night of strings",
    "place": "Hall, Graz",
    "text": "row A · seat 1",
    "url": "https://usher.example/bookings/bkg_1",
}


def _read(body: bytes) -> Any:
    (event,) = icalendar.Calendar.from_ical(body.decode()).walk("VEVENT")
    return event


def test_says_what_it_was_told() -> None:
    event = _read(calendar_file(**_SAID))
    assert event["UID"] == "bkg_1@usher"
    assert event.decoded("DTSTART") == _SAID["starts_at"]
    assert event.decoded("DTSTAMP") == _SAID["stamp"]
    assert event["SUMMARY"] == "Night of strings"
    assert event["LOCATION"] == "Hall, Graz"
    assert event["URL"] == _SAID["url"]


def test_times_are_utc() -> None:
    vienna = timezone(timedelta(hours=1))
    body = calendar_file(**_SAID | {"starts_at": datetime(2026, 12, 7, 20, 30, tzinfo=vienna)})
    assert b"DTSTART:20261207T193000Z\r\n" in body


def test_nothing_typed_can_begin_a_line_of_its_own() -> None:
    body = calendar_file(**_SAID | {"title": "x\r\nATTENDEE:mailto:all@example.org\nEND:VEVENT\r"})
    event = _read(body)
    assert "ATTENDEE" not in event
    assert event["SUMMARY"] == "x\nATTENDEE:mailto:all@example.org\nEND:VEVENT\n"


@given(st.text(max_size=300))
def test_any_text_comes_back(text: str) -> None:
    body = calendar_file(**_SAID | {"text": text})
    lines = body.split(b"\r\n")
    assert lines[-1] == b""
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    body.decode()  # no character is cut in two
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in plain if c in "\t\n" or (ord(c) >= 32 and ord(c) != 127))
    expected = kept.encode("utf-8", "replace").decode()
    assert _read(body)["DESCRIPTION"] == expected
