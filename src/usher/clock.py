"""Time on the wire and in the code: UTC, milliseconds since 1970, ISO 8601 with Z."""

import time
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Final
from zoneinfo import available_timezones

# Moments beyond these are typing errors; with an offset added they overflow inside PostgreSQL.
EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2990, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """The host's clock; deadlines come from Redis TIME instead."""
    return datetime.now(UTC)


def now_ms() -> int:
    """The host's clock in milliseconds, for measuring and for token lifetimes only."""
    return time.time_ns() // 1_000_000


def wrong_time(moment: datetime) -> str:
    """What is wrong with a moment somebody wrote down; "" where nothing is."""
    if moment.tzinfo is None:
        return "must carry its offset from UTC, like a final Z"
    return "" if EARLIEST < moment < LATEST else "must be a time of this millennium"


@cache
def timezones() -> frozenset[str]:
    """The names of the tz database that name places, and UTC."""
    skipped = ("Etc/", "posix", "right", "SystemV", "US/")
    names = (n for n in available_timezones() if "/" in n and not n.startswith(skipped))
    return frozenset(names) | {"UTC"}


def is_timezone(name: str) -> bool:
    """Whether a venue can be in that time zone."""
    return name in timezones()


def from_ms(ms: int) -> datetime:
    """An aware UTC datetime from milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime."""
    return round(moment.timestamp() * 1000)


def iso(moment: datetime) -> str:
    """``2026-11-20T19:30:00Z``; milliseconds only where there are any."""
    moment = moment.astimezone(UTC)
    timespec = "milliseconds" if moment.microsecond else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def iso_ms(ms: int) -> str:
    """The wire form of milliseconds since 1970, to the millisecond; on the hot path."""
    seconds, rest = divmod(ms, 1000)
    return f"{_to_the_second(seconds)}.{rest:03}Z"


@lru_cache(maxsize=4_096)
def _to_the_second(seconds: int) -> str:
    # What is due in the same second is asked for by many: 2.2 us without this, 0.4 us with it.
    year, month, day, hour, minute, second, *_ = time.gmtime(seconds)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
