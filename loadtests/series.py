"""What is sampled once a second of a load test, and the file it stands in: `OUT/series.jsonl`.

What could not be had is left out of a line; nothing is ever made up for it.
"""

from pathlib import Path

import msgspec

from loadtests.record import read_lines

FILE = "series.jsonl"


class Sample(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The sale and the machine at one moment, `t` in unix seconds.

    `at` is when the figures of the sale are from, by the server's clock, where it tells: what it
    answers may be as old as a second, and twice the same.
    Fans: `waiting`, `shopping` now; `joined`, `called`, `admitted` since the sale began;
    `called_per_min` as the public page tells it. Seats: `free`, `held`, `claimed`, `sold`.
    Bookings: `confirmed`. The gate: `rate_per_min`, `capacity`. The ledger: `ledger_pending`
    entries not yet committed, `ledger_lag_s` the age of the oldest of them. CPU seconds spent
    since some beginning: `client_cpu_s` by those who make the load, `server_cpu_s` by name.
    """

    t: float
    at: float | None = None
    waiting: float | None = None
    shopping: float | None = None
    joined: float | None = None
    called: float | None = None
    admitted: float | None = None
    called_per_min: float | None = None
    free: float | None = None
    held: float | None = None
    claimed: float | None = None
    sold: float | None = None
    confirmed: float | None = None
    rate_per_min: float | None = None
    capacity: float | None = None
    ledger_pending: float | None = None
    ledger_lag_s: float | None = None
    client_cpu_s: float | None = None
    server_cpu_s: dict[str, float] = {}


def read_series(out_dir: Path) -> list[Sample]:
    """All samples in the order of time; none where there is no such file. RecordError."""
    path = out_dir / FILE
    if not path.exists():
        return []
    return sorted(read_lines(path, Sample), key=lambda sample: sample.t)
