"""Sending the crowd to a shadow, and what became of it."""

import asyncio
import time
from typing import Final

from usher.errors import Unavailable
from usher.insight.model import Verdict as Audit
from usher.rehearsal.crowd import run_crowd
from usher.rehearsal.readiness.crowd import CrowdFacts
from usher.rehearsal.readiness.options import RehearsalOptions, gate_s
from usher.rehearsal.readiness.place import Deployment
from usher.rehearsal.service import Opening, Screen, lost_bookings
from usher.rehearsal.tally import Tally
from usher.rehearsal.verdict import tickets_told_twice
from usher.sale.model import SaleChange

ACTOR: Final = "usher rehearse"
_DRAIN_S: Final = 30.0
_DRAIN_LOOK_S: Final = 0.3
_UNDER_WAY: Final = ("bookings_awaiting", "captures_pending", "voids_pending", "held")
# What an audit counts of the whole installation: no rehearsal is at fault for it.
_OF_ALL: Final = ("letters_dead",)
# A shop that is closed in the middle leaves seats with those who were shopping.
_ROUTES: Final = ("join", "place", "claim", "hold", "book", "pay", "booking")


async def send_crowd(
    place: Deployment, options: RehearsalOptions, screen: Screen, shadow: str, mode: str, url: str
) -> CrowdFacts:
    """Opens the sale of a shadow, sends the crowd, and audits what it left."""
    crowd = options.crowd(mode)
    opening = Opening(place.sales, shadow, crowd.arrive_s, ACTOR)
    if mode == "simple":
        await opening.open()
    else:
        await place.sales.change(shadow, ACTOR, SaleChange(state="lobby"))
    screen.say(f"{options.fans:,} fans are on their way, for {options.for_s:.0f} s at most")

    def progress(tally: Tally) -> None:
        screen.note(tally)
        opening.note(tally)

    tally = await run_crowd(url, shadow, crowd, progress)
    await opening.done()
    screen.say("the crowd has gone; waiting for what is on its way")
    audit = await _drained(place, shadow)
    lost = await lost_bookings(place.auditor, url, shadow, tally)
    sale = await place.sales.find(shadow)
    meter = tally.meter
    broken = [check.name for check in audit.checks if not check.holds and check.name not in _OF_ALL]
    if twice := tickets_told_twice(tally):
        broken.append(f"told twice {twice}")
    return CrowdFacts(
        fans=tally.fans,
        joined=tally.joined,
        admitted=tally.admitted,
        confirmed=len(tally.confirmed),
        sold=audit.facts["tickets_sold"],
        seats=audit.facts["seats"],
        told_over=tally.told_over,
        gave_up=tally.gave_up,
        unfinished=tally.unfinished,
        http_5xx=meter.faults(),
        transport_errors=meter.transport_errors,
        told_to_wait=meter.told_to_wait,
        feed_wrong=tally.feed_wrong,
        replays_differ=tally.replays_differ,
        lost=lost,
        broken=broken,
        checkouts_per_s=tally.checkouts_per_s,
        duration_s=round(tally.ended_at - tally.began_at, 1),
        needed_s=round(gate_s(sale, tally.fans), 1),
        client_cpu_s=round(tally.cpu_s, 1),
        p99_ms={route: meter.percentile_ms(route, 0.99) for route in _ROUTES},
    )


async def _drained(place: Deployment, shadow: str) -> Audit:
    """The audit, once nothing of the shadow is on its way, or as it is when time is up. Letters of
    others are nobody's here."""
    late = time.monotonic() + _DRAIN_S
    while True:
        try:
            audit = await place.auditor.audit(shadow)
        except Unavailable:
            if time.monotonic() > late:
                raise
        else:
            under_way = audit.figure("ledger_pending") + sum(audit.facts[n] for n in _UNDER_WAY)
            if not under_way or time.monotonic() > late:
                return audit
        await asyncio.sleep(_DRAIN_LOOK_S)
