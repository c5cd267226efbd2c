"""Prometheus metrics: one registry per process, named once, here."""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What a process counts. Labels never hold an id, so the number of series is bounded."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        make: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter(
            "usher_http_requests_total", "answers by route and status", ["route", "status"], **make
        )
        self.request_s = Histogram(
            "usher_http_request_seconds",
            "time to answer",
            ["route"],
            buckets=LATENCY_BUCKETS_S,
            **make,
        )
        self.streams = Gauge("usher_sse_streams", "open SSE streams", ["kind"], **make)
        self.pushes = Counter("usher_sse_pushes_total", "SSE messages sent", **make)
        self.dropped = Counter("usher_sse_dropped_total", "SSE readers too slow to keep", **make)
        self.shed = Counter(
            "usher_shed_total", "requests refused because the process is behind", ["tier"], **make
        )
        self.ledger_batch = Histogram(
            "usher_ledger_batch_entries",
            "ledger entries committed at once",
            buckets=(1, 5, 10, 25, 50, 100, 250, 500),
            **make,
        )
        self.commit_s = Histogram(
            "usher_ledger_commit_seconds", "time of one commit", buckets=LATENCY_BUCKETS_S, **make
        )
        self.ledger_lag_s = Gauge(
            "usher_ledger_lag_seconds", "age of the newest entry committed", **make
        )
        self.dead_letters = Counter(
            "usher_ledger_dead_letters_total", "ledger entries set aside", **make
        )
        self.released = Counter("usher_gate_released_total", "fans called", **make)
        self.swept = Counter("usher_holds_swept_total", "holds that lapsed", **make)
        self.messages = Counter(
            "usher_messages_total", "messages to fans", ["channel", "state"], **make
        )
        self.hook_deliveries = Counter(
            "usher_hook_deliveries_total", "attempts to post to a hook", ["outcome"], **make
        )
        self.letters = Gauge(
            "usher_outbox_letters", "letters that wait or were given up", ["kind", "state"], **make
        )
        self.outbox_done = Counter("usher_outbox_done_total", "outbox rows done", ["kind"], **make)

    def watch(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A gauge that is read when it is scraped."""
        Gauge(name, help_text, registry=self.registry).set_function(read)

    def text(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_PLAIN_0_0_4
