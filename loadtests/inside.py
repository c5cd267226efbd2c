"""What a load test on this machine can sample of a sale without asking its HTTP, which may be just
what gives way under the load."""

from loadtests.sampler import Found, Probe
from usher.keys import Keys
from usher.plumbing.lua import Runner
from usher.wiring import House

_CONFIRMED = "SELECT count(*) FROM booking WHERE event_id = $1 AND state = 'confirmed'"


def inside(house: House, event: str) -> Probe:
    """The sale from its curve in Redis, bookings from PostgreSQL, and the ledger: entries not
    committed and the age of the oldest. `house` is one of the load test's own, on the same
    servers as the processes under load. The figures are of this moment: consoles share answers
    up to a second old, so that every other sample would be the one before."""

    async def ask() -> Found:
        known = await house.curves.of(event, fresh_s=0)
        found: dict[str, float] = dict(await ledger(house.runner, event))
        async with house.database.connection() as connection:
            found["confirmed"] = await connection.fetchval(_CONFIRMED, event)
        if known is None:  # not laid out yet
            return found
        curve = known.curve
        return found | {
            "at": curve.now_ms / 1000,
            "waiting": curve.waiting + curve.in_lobby,
            "shopping": curve.shopping,
            "joined": curve.joined,
            "called": curve.called,
            "admitted": curve.admitted,
            "free": curve.free,
            "held": curve.held,
            "claimed": curve.claimed,
            "sold": curve.sold,
            "rate_per_min": curve.rate,
            "capacity": curve.capacity,
        }

    return ask


async def ledger(runner: Runner, event: str) -> Found:
    """How many entries of an event's ledger are not committed, and the age of the oldest. They are
    deleted once they are committed, so those that are there are on their way."""
    key = Keys(event).named(("ledger",))[0]
    pending = int(await runner.command("XLEN", key))
    oldest = await runner.command("XRANGE", key, "-", "+", "COUNT", 1)
    if not oldest:
        return {"ledger_pending": pending, "ledger_lag_s": 0.0}
    seconds, microseconds = await runner.command("TIME")
    now_ms = int(seconds) * 1000 + int(microseconds) / 1000
    born_ms = int(oldest[0][0].partition("-")[0])
    return {
        "ledger_pending": pending,
        "ledger_lag_s": round(max(0.0, now_ms - born_ms) / 1000, 3),
    }
