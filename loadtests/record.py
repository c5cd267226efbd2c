"""What a process of a load test writes down, and how the files of all are read as one.

`OUT/requests-<pid>.jsonl` has a line per second and request name:

    {"t": unix_s, "name": str, "status": {"200": n}, "latency_us": {"<end of bucket>": n},
     "refused_us": {...}}

Status 0 is a request that got no answer; its latency is the time until that was clear.
`refused_us` is left out where empty. It has the latencies of answers that ask to come back later
(429, 503): they are quick and serve nobody, so that among the others they would make a server look
the faster the more it refuses.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, Final, TypeVar

import msgspec

from loadtests.histogram import Histogram, bucket_of

NO_ANSWER: Final = 0
REFUSALS: Final = frozenset({429, 503})
STEPS_MAX: Final = 600
T = TypeVar("T")
_EndUs = Annotated[float, msgspec.Meta(gt=0, le=1e12)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class RecordError(Exception):
    """A record that cannot be read; the message names file and line."""


class Tally:
    """The requests of one name within some time: status codes and latencies."""

    __slots__ = ("latency", "refused", "statuses")

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.latency = Histogram()
        self.refused = Histogram()

    def add(self, other: "Tally") -> None:
        """All that `other` has counted, as if it had been counted here."""
        self.statuses.update(other.statuses)
        self.latency.add(other.latency)
        self.refused.add(other.refused)

    @property
    def count(self) -> int:
        """Requests of any outcome."""
        return self.statuses.total()


class Recorder:
    """Counts what one process sees. Make it in the process itself, after any fork; not for
    several threads at once."""

    def __init__(self, out_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = out_dir / f"requests-{os.getpid()}.jsonl"
        self._clock = clock
        self._second = 0
        self._rows: dict[str, Tally] = {}
        self._file: BinaryIO | None = None

    def note(self, name: str, status: int, latency_s: float) -> None:
        """One request that has ended now. Where arrivals are scheduled, `latency_s` counts from
        when it was due, not from when it was sent. Once a second this writes down the last one."""
        second = int(self._clock())
        if second != self._second:
            self.flush()
            self._second = second
        row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = Tally()
        row.statuses[status] += 1
        # What Histogram.note does, without the call: this is all that a request costs.
        counts = (row.refused if status in REFUSALS else row.latency).counts
        bucket = bucket_of(latency_s * 1e6)
        counts[bucket] = counts.get(bucket, 0) + 1

    def flush(self) -> None:
        """Writes what has not been written. A second may be written in several lines."""
        if not self._rows:
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab")
        rows, self._rows = self._rows, {}
        self._file.write(b"".join(_line(self._second, name, row) for name, row in rows.items()))
        self._file.flush()

    def close(self) -> None:
        """Writes the rest and closes the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None


def _line(second: int, name: str, row: Tally) -> bytes:
    line: dict[str, object] = {
        "t": second,
        "name": name,
        "status": {str(status): count for status, count in sorted(row.statuses.items())},
        "latency_us": row.latency.to_wire(),
    }
    if row.refused.counts:
        line["refused_us"] = row.refused.to_wire()
    return msgspec.json.encode(line) + b"\n"


class _When(msgspec.Struct):
    t: int


class _Row(_When):
    name: str
    status: dict[int, _Count]
    latency_us: dict[_EndUs, _Count]
    refused_us: dict[_EndUs, _Count] = {}


class Records:
    """What all processes counted together: {name: {t: Tally}}, `t` being the unix time at which a
    step of `step_s` seconds begins. Steps in which nothing ended are missing."""

    def __init__(self, step_s: int = 1) -> None:
        self.step_s = step_s
        self.by_name: dict[str, dict[int, Tally]] = {}

    def add(self, t: int, name: str, tally: Tally) -> None:
        """What was counted under `name` in the second `t`."""
        steps = self.by_name.setdefault(name, {})
        steps.setdefault(t - t % self.step_s, Tally()).add(tally)

    def total(self, name: str) -> Tally:
        """All of one name; empty where there is none."""
        return _sum(self.by_name.get(name, {}).values())

    def totals(self) -> dict[str, Tally]:
        """All of each name, by name."""
        return {name: self.total(name) for name in sorted(self.by_name)}

    def overall(self) -> Tally:
        """All of all names."""
        return _sum(self.totals().values())

    def steps(self, name: str | None = None) -> list[tuple[int, Tally]]:
        """[(t, what ended then)] in order, of one name or of all together."""
        if name is not None:
            return sorted(self.by_name.get(name, {}).items(), key=lambda step: step[0])
        together: dict[int, Tally] = {}
        for steps in self.by_name.values():
            for t, tally in steps.items():
                together.setdefault(t, Tally()).add(tally)
        return sorted(together.items(), key=lambda step: step[0])


def _sum(tallies: Iterable[Tally]) -> Tally:
    found = Tally()
    for tally in tallies:
        found.add(tally)
    return found


def read_records(out_dir: Path, steps_max: int = STEPS_MAX) -> Records:
    """The files of all processes as one; RecordError. A run of more than `steps_max` seconds is
    read in longer steps, so that hours take no more memory than minutes."""
    paths = sorted(out_dir.glob("requests-*.jsonl"))
    times = [row.t for path in paths for row in read_lines(path, _When)]
    if not times:
        return Records()
    found = Records(step_s=(max(times) - min(times)) // steps_max + 1)
    for path in paths:
        for row in read_lines(path, _Row):
            tally = Tally()
            tally.statuses.update(row.status)
            tally.latency = Histogram.from_wire(row.latency_us)
            tally.refused = Histogram.from_wire(row.refused_us)
            found.add(row.t, row.name, tally)
    return found


def read_lines(path: Path, shape: type[T]) -> Iterator[T]:
    """The JSON lines of a file, each of `shape`; RecordError. A last line without its end was cut
    off by the end of its process, and is left out."""
    decoder = msgspec.json.Decoder(shape)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as fault:
                raise RecordError(f"{path.name}, line {number}: {fault}") from fault
