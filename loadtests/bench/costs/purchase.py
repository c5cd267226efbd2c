"""What a booking takes of everything behind the API: of Redis, the worker, PostgreSQL, the disk."""

import asyncio
from typing import Any, Final

from loadtests.bench.costs.meter import Meter, Spent
from loadtests.bench.costs.steps import Steps
from usher.keys import Keys
from usher.up import Up

BUYERS: Final = 1_000
READERS: Final = 100
SINGLES: Final = 100
PAUSE_S: Final = 0.05
TELL_S: Final = 10.5


async def measure(steps: Steps) -> None:
    """From the call to the ticket, without mail."""
    event = await steps.shop(BUYERS)
    house = steps.house
    before = await _books(house)
    watch = steps.meter.start()
    bookings = await steps.buy()
    spent = watch.stop().less(steps.idle)
    after = await _books(house)
    values, count = steps.values, len(bookings)
    values["redis.purchase"] = spent.redis / count
    values["worker.booking"] = spent.worker / count
    values["postgres.purchase"] = spent.postgres / count
    for name, figure in after.items():
        values[f"postgres.{name}"] = (figure - before[name]) / count
    await steps.read(bookings)
    keys = Keys(event)
    held = [
        await house.runner.command("MEMORY", "USAGE", key, "SAMPLES", "0")
        for key in keys.named(("hold", "hold_due", "fan"))
    ]
    values["redis.hold_bytes"] = sum(each or 0 for each in held) / count
    (feed,) = keys.named(("feed",))
    entries = await house.runner.command("XLEN", feed)
    size = await house.runner.command("MEMORY", "USAGE", feed, "SAMPLES", "0")
    values["redis.entry_bytes"] = size / entries


async def _books(house: Any) -> dict[str, float]:
    """What PostgreSQL has written so far. A backend that has nothing to do tells its counters
    within ten seconds."""
    await asyncio.sleep(TELL_S)
    async with house.database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS wal_bytes,"
            " (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables) AS rows,"
            " (SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r')"
            " AS disk_bytes"
        )
    return {name: float(row[name]) for name in ("wal_bytes", "rows", "disk_bytes")}


async def measure_alone(steps: Steps) -> None:
    """How much dearer a booking is that nothing travels together with."""
    values = dict(steps.values)
    await steps.shop(SINGLES, pages=False)
    steps.values.update(values)  # those of so few are not as good
    watch = steps.meter.start()
    bookings = await steps.buy_apart(PAUSE_S)
    spent = watch.stop().less(steps.idle)
    for part, each, of in (
        ("worker", spent.worker, values["worker.booking"]),
        ("postgres", spent.postgres, values["postgres.purchase"]),
    ):
        steps.values[f"{part}.alone"] = each / len(bookings) / of


async def measure_mail(site: Up, meter: Meter, idle: Spent, booking_us: float) -> float:
    """Worker time of a booking's mail: what a booking takes with it, less `booking_us`."""
    for _ in range(2):  # fonts are read and templates compiled once
        steps = Steps(site, meter, idle)
        await steps.shop(READERS, pages=False)
        watch = meter.start()
        bookings = await steps.buy()
        sent = "SELECT count(*) FROM message WHERE state = 'sent' AND booking_id = ANY($1)"
        await steps.until(sent, bookings)
        spent = watch.stop().less(idle)
    return max(0.0, spent.worker / len(bookings) - booking_us)
