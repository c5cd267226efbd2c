"""What was answered: statuses by kind of request, times, and what must never be."""

from collections import Counter, defaultdict
from typing import Any, Final

import msgspec

from loadtests.overload.wire import Reply

ALLOWED: Final = frozenset({200, 201, 202, 204, 303, 409, 429, 503})


class Kind(msgspec.Struct):
    """Answers to one kind of request. Times are milliseconds: of those that were served and of
    those that were refused, from when they were due; of all, from when they were really sent (they
    may have had to wait for a connection)."""

    statuses: dict[int, int]
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused_p99_ms: float
    wire_p99_ms: float


class Tally:
    def __init__(self) -> None:
        self.statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self.served_ms: dict[str, list[float]] = defaultdict(list)
        self.refused_ms: dict[str, list[float]] = defaultdict(list)
        self.wire_ms: dict[str, list[float]] = defaultdict(list)
        self.without_retry = 0

    def note(self, kind: str, reply: Reply, wire_s: float | None = None) -> None:
        """Takes an answer in; `wire_s` is its time since it was sent, where that is another."""
        self.wire_ms[kind].append((reply.took_s if wire_s is None else wire_s) * 1000)
        self.statuses[kind][reply.status] += 1
        if reply.status in (429, 503):
            self.without_retry += not reply.retry_s
            self.refused_ms[kind].append(reply.took_s * 1000)
        else:
            self.served_ms[kind].append(reply.took_s * 1000)

    def wrong(self) -> dict[str, int]:
        """Answers that must never be, by kind and status; 0 is a reset, -1 a hang."""
        return {
            f"{kind} {status}": count
            for kind, statuses in self.statuses.items()
            for status, count in statuses.items()
            if status not in ALLOWED
        }

    def report(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        return {
            "kinds": {
                kind: Kind(
                    dict(sorted(statuses.items())),
                    share(self.served_ms[kind], 0.5),
                    share(self.served_ms[kind], 0.99),
                    share(self.served_ms[kind], 1),
                    share(self.refused_ms[kind], 0.99),
                    share(self.wire_ms[kind], 0.99),
                )
                for kind, statuses in self.statuses.items()
            },
            "wrong": self.wrong(),
            "without_retry_after": self.without_retry,
        }


def share(values: list[float], of: float) -> float:
    """The quantile of some values; 0 of none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(of * len(ordered)))], 1) if ordered else 0.0
