"""Runs the storm on embedded servers and says what came of it; exit 4 where the audit fails."""

import asyncio
import os
import platform
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from loadtests.storm.fan import StormFan, lots
from usher.clock import utc_now
from usher.embedded import delete_data
from usher.event.model import NewEvent
from usher.insight.commands import lines
from usher.insight.model import Verdict
from usher.plumbing import log
from usher.plumbing.command import EXIT_VIOLATED
from usher.rehearsal.client import Client
from usher.rehearsal.tally import Meter
from usher.sale.model import SaleChange, SaleSettings
from usher.settings import read_settings
from usher.up import Up, up
from usher.venue.bowl import bowl
from usher.venue.price import default_prices

_REST_S = 60.0  # everything must have come to rest a minute after the last booking was due
_FIGURES = {
    "bookings": "SELECT state, count(*) FROM booking WHERE event_id = $1 GROUP BY 1 ORDER BY 1",
    "of these paid late": "SELECT 'confirmed', count(*) FROM booking WHERE event_id = $1"
    " AND reason = 'paid late'",
    "payments": "SELECT state, count(*) FROM payment WHERE event_id = $1 GROUP BY 1 ORDER BY 1",
    "given back because": "SELECT reason, count(*) FROM payment WHERE event_id = $1"
    " AND state IN ('voided', 'failed') GROUP BY 1 ORDER BY 1",
    "refunds": "SELECT state, count(*) FROM refund WHERE event_id = $1 GROUP BY 1 ORDER BY 1",
    "letters": "SELECT kind || ' ' || state, count(*) FROM outbox WHERE $1 <> ''"
    " GROUP BY 1 ORDER BY 1",
    "letters carried more than once": "SELECT kind, count(*) FROM outbox WHERE $1 <> ''"
    " AND attempts > 1 GROUP BY 1 ORDER BY 1",
    "webhooks": "SELECT CASE WHEN sent_at IS NULL THEN 'not delivered' ELSE 'delivered' END,"
    " count(*) FROM sandbox_webhook AS w JOIN sandbox_charge AS c ON c.id = w.charge_id"
    " WHERE c.metadata ->> 'event' = $1 GROUP BY 1",
}


async def _put_on_sale(site: Up, seats: int, payment_s: int) -> str:
    plan = bowl(seats)
    new = NewEvent(
        title="The storm",
        starts_at=utc_now() + timedelta(days=30),
        prices=default_prices(plan),
        cancel_before_s=3_600,
    )
    sale = SaleSettings(mode="simple", capacity=100_000, rate_per_min=600_000, payment_s=payment_s)
    event = await site.house.events.create(new, plan, sale)
    await site.house.events.publish(event)
    await site.house.inventory.build(event)
    await site.house.sales.change(event, "storm", SaleChange(state="open"))
    return event


async def _kill(site: Up, name: str, times: int, over_s: float) -> int:
    """SIGKILL to a process or a server, `times` within `over_s`, at any moment of its life."""
    for _ in range(times):
        await asyncio.sleep(random.uniform(0.5, 1.5) * over_s / times)
        if name == "database":
            assert site.servers is not None
            await site.servers.kill(name)
            await asyncio.sleep(1)
            await site.servers.restart(name)
        else:
            child = site.child(name)
            child.kill()
            child.restarts = 0  # it is we who kill it: no growing pauses
    return times


async def _rest(site: Up, event: str) -> float:
    """Seconds until nothing is on its way any more; raises TimeoutError after _REST_S."""
    began = time.monotonic()
    left = (
        "SELECT (SELECT count(*) FROM outbox WHERE state = 'pending')"
        " + (SELECT count(*) FROM payment WHERE event_id = $1"
        "    AND state IN ('authorised', 'voiding'))"
        " + (SELECT count(*) FROM refund WHERE event_id = $1 AND state = 'pending')"
        " + (SELECT count(*) FROM booking WHERE event_id = $1 AND state = 'awaiting_payment')"
        " + (SELECT count(*) FROM sandbox_webhook WHERE sent_at IS NULL)"
    )
    while True:
        async with site.house.database.connection() as connection:
            count = await connection.fetchval(left, event)
        if not count:
            return time.monotonic() - began
        if time.monotonic() - began > _REST_S:
            click.echo(f"{count} things are still on their way after {_REST_S:.0f} s")
            return time.monotonic() - began
        await asyncio.sleep(0.25)


async def _figures(site: Up, event: str) -> dict[str, dict[str, int]]:
    found = {}
    for name, sql in _FIGURES.items():
        async with site.house.database.connection() as connection:
            rows = await connection.fetch(sql, event)
        found[name] = {str(row[0]): int(row[1]) for row in rows}
    return found


async def _storm(data_dir: Path, asked: dict[str, Any]) -> tuple[Verdict, dict[str, Any]]:
    bookings, rate, seed = (asked[n] for n in ("bookings", "rate", "seed"))
    dice = random.Random(seed)
    settings = read_settings().with_(data_dir=data_dir, port=0, log_level="error")
    async with up(settings) as site:
        # Hardly more than are wanted: what lapses is bought by others before late money comes.
        event = await _put_on_sale(site, int(bookings * 2.1), asked["payment_s"])
        told: Counter[str] = Counter()
        meter, drawn = Meter(), lots(bookings, dice)
        deaths = {name: asked[f"{name}_kills"] for name in ("worker", "api", "database")}
        killing = [
            asyncio.create_task(_kill(site, name, times, bookings / rate))
            for name, times in deaths.items()
        ]
        began = time.monotonic()
        async with Client(site.url, event, meter, connections=32) as client:

            async def one(number: int, lot: str) -> str:
                await asyncio.sleep(number / rate)
                return await StormFan(client, lot, random.Random(f"{seed} {number}"), told).go()

            made = await asyncio.gather(*(one(n, lot) for n, lot in enumerate(drawn)))
        storm_s = time.monotonic() - began
        killed = await asyncio.gather(*killing)
        # The last booking that nobody pays for is still to lapse.
        await asyncio.sleep(asked["payment_s"] + 3)
        rest_s = await _rest(site, event)
        report = await site.house.reconciler.reconcile(3_600)
        verdict = await site.house.auditor.audit(event)
        lost = await site.house.auditor.lost([each for each in made if each])
        figures = {
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.python_version()}",
            "seed": seed,
            "fans": dict(Counter(drawn)),
            "bookings made": sum(map(bool, made)),
            "bookings lost": len(lost),
            "told": dict(told),
            "killed": dict(zip(deaths, killed, strict=True)),
            "storm seconds": round(storm_s, 1),
            "seconds to rest": round(rest_s, 1),
            "answers of 500 and above": meter.faults(),
            "books": {"mended": len(report.mended), "differ": len(report.findings)},
            **await _figures(site, event),
        }
    return verdict, figures


@click.command()
@click.option("--bookings", type=click.IntRange(1, 20_000), default=2_000, show_default=True)
@click.option("--worker-kills", type=click.IntRange(0, 1_000), default=20, show_default=True)
@click.option("--api-kills", type=click.IntRange(0, 1_000), default=0, show_default=True)
@click.option("--database-kills", type=click.IntRange(0, 1_000), default=0, show_default=True)
@click.option(
    "--rate",
    type=click.FloatRange(1, 1_000),
    default=40,
    show_default=True,
    help="Bookings begun in a second.",
)
@click.option("--payment-s", type=click.IntRange(5, 600), default=30, show_default=True)
@click.option("--seed", type=int, default=None, help="The same storm again, but for its timing.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all there too.")
def main(seed: int | None, json_file: Path | None, **asked: Any) -> None:
    """A storm over the money, and the audit afterwards."""
    log.set_up("console", "error")
    data_dir = Path(tempfile.mkdtemp(prefix="usher-storm-"))
    asked["seed"] = random.randrange(1 << 30) if seed is None else seed
    try:
        verdict, figures = asyncio.run(_storm(data_dir, asked))
    finally:
        delete_data(data_dir)
    for name, figure in figures.items():
        text = figure
        if isinstance(figure, dict):
            text = ", ".join(f"{key} {count:,}" for key, count in figure.items()) or "none"
        click.echo(f"{name:<32}{text}")
    for line in lines(verdict):
        click.echo(line)
    if json_file:
        json_file.write_bytes(msgspec.json.encode({"figures": figures, "audit": verdict}))
    if not verdict.holds or figures["bookings lost"]:
        sys.exit(EXIT_VIOLATED)


if __name__ == "__main__":
    main()
