"""What a run comes to: one flat document, and whether it did what it set out to do."""

import msgspec

from usher.insight.model import Verdict as Audit
from usher.rehearsal.model import CrowdOptions, DemoHall, DemoOptions, Goal
from usher.rehearsal.tally import Tally


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run, flat, in this order. Those above `http_5xx` that are not counts of
    fans, seats or bookings promise to be zero. Latencies are the clients', of one request each.
    """

    fans: int
    joined: int
    admitted: int
    over_admitted: int
    seats: int
    sold: int
    double_sold: int
    holds_orphaned: int
    bookings_confirmed: int
    bookings_lost: int
    captured_without_ticket: int
    tickets_without_payment: int
    http_5xx: int
    duration_s: float
    checkouts_per_s: float
    join_p99_ms: float
    hold_p99_ms: float
    # --- more about the same run
    invariants_hold: bool
    goal: Goal
    mode: str
    seed: int
    rate_per_min: int
    capacity: int
    plan_repairs: int
    feed_wrong: int
    replays: int
    replays_differ: int
    shopping_max: int
    hold_409: int
    http_409: int
    declined: int
    walked_away: int
    late: int
    late_confirmed: int
    lapsed: int
    rejoined: int
    bookings_expired: int
    told_over: int
    gave_up: int
    unfinished: int
    revenue: int
    payments_voided: int
    requests: int
    transport_errors: int
    told_to_wait: int
    claim_p99_ms: float
    book_p99_ms: float
    pay_p99_ms: float
    client_cpu_s: float
    drain_s: float
    total_s: float
    exit: int = 0

    def to_json(self) -> bytes:
        """One indented JSON document, its members in the order above."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def tickets_told_twice(tally: Tally) -> int:
    """Seats that two fans were both told are theirs: what the crowd itself can tell of a double
    sale, without asking any server."""
    told = [guid for booking in tally.confirmed.values() for guid in booking.tickets]
    return len(told) - len(set(told))


def verdict(
    options: DemoOptions,
    hall: DemoHall,
    crowd: CrowdOptions,
    goal: Goal,
    tally: Tally,
    audit: Audit,
    *,
    lost: int,
    drain_s: float,
    total_s: float,
) -> Verdict:
    """The verdict on a run. `lost` counts bookings that were accepted, or told confirmed, and
    are not so in PostgreSQL."""
    meter = tally.meter
    line = options.mode == "queued"
    rate, capacity = options.gate(hall.plan.seat_count) if line else (0, 0)
    found = Verdict(
        fans=tally.fans,
        joined=tally.joined,
        admitted=tally.admitted,
        over_admitted=audit.figure("over_rate") + audit.figure("over_capacity"),
        seats=audit.facts["seats"],
        sold=audit.facts["tickets_sold"],
        double_sold=max(audit.figure("double_sold"), tickets_told_twice(tally)),
        holds_orphaned=audit.figure("holds_orphaned"),
        bookings_confirmed=audit.facts["bookings_confirmed"],
        bookings_lost=lost,
        captured_without_ticket=audit.figure("captured_without_ticket"),
        tickets_without_payment=audit.figure("tickets_without_payment"),
        http_5xx=meter.faults(),
        duration_s=round(tally.ended_at - tally.began_at, 1),
        checkouts_per_s=tally.checkouts_per_s,
        join_p99_ms=meter.percentile_ms("join", 0.99),
        hold_p99_ms=meter.percentile_ms("hold", 0.99),
        invariants_hold=audit.holds,
        goal=goal,
        mode=options.mode,
        seed=crowd.seed,
        rate_per_min=rate,
        capacity=capacity,
        plan_repairs=hall.repairs,
        feed_wrong=tally.feed_wrong,
        replays=tally.replays,
        replays_differ=tally.replays_differ,
        shopping_max=audit.facts["shopping_max"],
        hold_409=meter.answers("hold", 409),
        http_409=meter.conflicts(),
        declined=tally.declined,
        walked_away=tally.walked_away,
        late=tally.late,
        late_confirmed=tally.late_confirmed,
        lapsed=tally.lapsed,
        rejoined=tally.rejoined,
        bookings_expired=tally.bookings_expired,
        told_over=tally.told_over,
        gave_up=tally.gave_up,
        unfinished=tally.unfinished,
        revenue=audit.facts["revenue"],
        payments_voided=audit.facts["payments_voided"],
        requests=meter.requests,
        transport_errors=meter.transport_errors,
        told_to_wait=meter.told_to_wait,
        claim_p99_ms=meter.percentile_ms("claim", 0.99),
        book_p99_ms=meter.percentile_ms("book", 0.99),
        pay_p99_ms=meter.percentile_ms("pay", 0.99),
        client_cpu_s=round(tally.cpu_s, 1),
        drain_s=round(drain_s, 1),
        total_s=round(total_s, 1),
    )
    return msgspec.structs.replace(found, exit=exit_code(found))


def broken(found: Verdict) -> list[str]:
    """The promises that this run did not keep, by name."""
    names = (
        "over_admitted",
        "double_sold",
        "holds_orphaned",
        "bookings_lost",
        "captured_without_ticket",
        "tickets_without_payment",
        "feed_wrong",
        "replays_differ",
    )
    return [name for name in names if getattr(found, name)]


def shortfall(found: Verdict) -> str:
    """Why the run did not do what it set out to do, in a sentence; "" where it did."""
    if found.http_5xx:
        return f"the API answered {found.http_5xx:,} times with a 5xx"
    if found.gave_up:
        return f"{found.gave_up:,} fans could not reach the API and gave up"
    if found.unfinished:
        return f"time was up with {found.unfinished:,} fans still at it"
    if found.goal == "sold_out" and found.sold < found.seats:
        return (
            f"{found.seats - found.sold:,} of {found.seats:,} seats were not sold and nobody was "
            "left to buy them; a larger crowd (--fans) sells them"
        )
    return ""


def exit_code(found: Verdict) -> int:
    """4 where an invariant does not hold, 1 where the run fell short, else 0."""
    if broken(found) or not found.invariants_hold:
        return 4
    return 1 if shortfall(found) else 0
