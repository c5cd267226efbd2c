"""Latencies in log-scaled buckets: small, quick to note, exact to two in a hundred at any scale."""

import math
from collections.abc import Mapping
from typing import Final

GROWTH: Final = 1.02  # each bucket reaches 2 % further than the one before
LEAST_US: Final = 10.0  # anything quicker counts as this
_PER_LOG: Final = 1 / math.log(GROWTH)
_LEAST: Final = math.ceil(math.log(LEAST_US) * _PER_LOG)

PERCENTILES: Final = {
    "p50": 50.0,
    "p90": 90.0,
    "p95": 95.0,
    "p99": 99.0,
    "p99.9": 99.9,
    "max": 100.0,
}


def bucket_of(microseconds: float) -> int:
    """The bucket of a latency: the least whole i for which GROWTH**i is not below it."""
    if microseconds <= LEAST_US:
        return _LEAST
    return math.ceil(math.log(microseconds) * _PER_LOG)


def upper_us(bucket: int) -> float:
    """The longest latency of a bucket, in microseconds."""
    return float(GROWTH**bucket)


class Histogram:
    """How many latencies fell into each bucket; `counts` is {bucket: count}."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    def note(self, seconds: float) -> None:
        """One latency, in seconds."""
        bucket = bucket_of(seconds * 1e6)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1

    def add(self, other: "Histogram") -> None:
        """All that `other` has noted, as if it had been noted here."""
        counts = self.counts
        for bucket, count in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count

    @property
    def count(self) -> int:
        """How many latencies were noted."""
        return sum(self.counts.values())

    def percentile_ms(self, percent: float) -> float | None:
        """The nearest-rank percentile in milliseconds: the least latency that `percent` of all do
        not exceed, given as its bucket's end - so never less than it was, and at most 2 % more.
        None where there is nothing."""
        if not self.counts:
            return None
        # Rounded, since 99.9 / 100 * 1000 must be rank 999 and not, by binary fractions, 1000.
        rank = max(1, math.ceil(round(percent / 100 * self.count, 6)))
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return upper_us(bucket) / 1000
        raise AssertionError("no percentile is above 100")

    def summary_ms(self) -> dict[str, float]:
        """All of PERCENTILES in milliseconds; empty where there is nothing."""
        found = {name: self.percentile_ms(percent) for name, percent in PERCENTILES.items()}
        return {name: value for name, value in found.items() if value is not None}

    def to_wire(self) -> dict[str, int]:
        """{the bucket's end in microseconds: count}, as it stands in files."""
        return {f"{upper_us(bucket):.6g}": self.counts[bucket] for bucket in sorted(self.counts)}

    @classmethod
    def from_wire(cls, wire: Mapping[float, int]) -> "Histogram":
        """The reverse of `to_wire`. Ends that another scale has written come to the next bucket."""
        found = cls()
        for end_us, count in wire.items():
            # A little less, since what was written has been rounded to six digits.
            bucket = bucket_of(end_us * (1 - 1e-5))
            found.counts[bucket] = found.counts.get(bucket, 0) + count
        return found
