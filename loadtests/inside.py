"""What a load test on this machine can sample of a sale without asking its HTTP, which may be just
what gives way under the load."""

from loadtests.sampler import Found, Probe
from usher.keys import Keys
from usher.wiring import House

_NO_TRAIL = 2**45


def inside(house: House, event: str) -> Probe:
    """The pulse of the sale, and the ledger: entries not committed and the age of the oldest.
    `house` is one of the load test's own, on the same servers as the processes under load."""
    ledger = Keys(event).named(("ledger",))[0]

    async def ask() -> Found:
        pulse = await house.pulses.of(event, _NO_TRAIL)
        found = {"confirmed": pulse.bookings}
        if pulse.built:
            found |= {
                "waiting": pulse.waiting,
                "shopping": pulse.shopping,
                "joined": pulse.joined,
                "called": pulse.called,
                "admitted": pulse.admitted,
                "free": pulse.free,
                "held": pulse.held,
                "claimed": pulse.claimed,
                "sold": pulse.sold,
                "rate_per_min": pulse.rate_per_min,
                "capacity": pulse.capacity,
            }
        return found | await _ledger(house, ledger)

    return ask


async def _ledger(house: House, key: str) -> dict[str, float]:
    """Entries are deleted once they are committed, so those that are there are on their way."""
    oldest = await house.runner.command("XRANGE", key, "-", "+", "COUNT", 1)
    pending = int(await house.runner.command("XLEN", key))
    if not oldest:
        return {"ledger_pending": pending, "ledger_lag_s": 0.0}
    seconds, microseconds = await house.runner.command("TIME")
    now_ms = int(seconds) * 1000 + int(microseconds) / 1000
    born_ms = int(oldest[0][0].partition("-")[0])
    return {
        "ledger_pending": pending,
        "ledger_lag_s": round(max(0.0, now_ms - born_ms) / 1000, 3),
    }
