"""What the crowd of a rehearsal went through."""

import msgspec


class CrowdFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a rehearsal's crowd, as its fans saw them, and what the audit says of its sale.
    `needed_s` is how long the gate alone takes to call everybody, at its rate."""

    fans: int
    joined: int
    admitted: int
    confirmed: int
    sold: int
    seats: int
    told_over: int
    gave_up: int
    unfinished: int
    http_5xx: int
    transport_errors: int
    told_to_wait: int
    feed_wrong: int
    replays_differ: int
    lost: int
    broken: list[str]  # invariants that do not hold
    checkouts_per_s: float
    duration_s: float
    needed_s: float
    client_cpu_s: float
    p99_ms: dict[str, float]  # by route
