"""Measures what one API process and one worker carry, then sends five times as much, and says how
those who shop fared, how the gate was slowed, and how long it took to recover.

Exit 1 where something was answered that must not be, fans in the shop waited beyond the budget, or
it did not recover; 4 where the audit fails or a booking was lost.
"""

import asyncio
import os
import platform
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import msgspec

from loadtests.bench.http import event_on_sale
from loadtests.bench.wire import request
from loadtests.overload.fan import Fan
from loadtests.overload.flood import Order
from loadtests.overload.report import faults, table
from loadtests.overload.tally import Tally
from loadtests.overload.wire import Wire
from usher.embedded import delete_data
from usher.embedded.guard import children
from usher.ids import new_id
from usher.insight.commands import lines
from usher.insight.model import Verdict
from usher.plumbing import log
from usher.plumbing.command import EXIT_VIOLATED
from usher.queue.curves import KnownCurve
from usher.queue.pacing import slowed_by
from usher.sale.model import GateChange
from usher.settings import read_settings
from usher.up import Up, up

_WELL: Final = 20  # probes in a row that are served in time: it has recovered
_RECOVERY_MAX_S: Final = 90.0
_PROBE_MS: Final = 250.0


class Moment(msgspec.Struct):
    """The sale in one second of the run."""

    at_s: float
    rate_now: int
    lag_ms: int
    answers_ms: int
    called: int
    waiting: int
    sold: int
    slowed: str


async def _flood(order: Order) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loadtests.overload.flood",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(msgspec.json.encode(order))
    if process.returncode:
        raise RuntimeError("the flood has failed")
    found: dict[str, Any] = msgspec.json.decode(said)
    return found


async def _known(site: Up, event: str) -> KnownCurve:
    known = await site.house.curves.of(event, fresh_s=0)
    assert known is not None
    return known


async def _watch(site: Up, event: str, began: float, seen: list[Moment]) -> None:
    """A moment each second, until cancelled."""
    while True:
        curve = (await _known(site, event)).curve
        moment = Moment(
            round(time.monotonic() - began, 1),
            curve.rate_now,
            curve.lag_ms,
            curve.delay_ms,
            curve.called,
            curve.waiting,
            curve.sold,
            slowed_by(curve),
        )
        seen.append(moment)
        if len(seen) % 5 == 1:
            click.echo(
                f"{moment.at_s:>6.0f} s  rate {moment.rate_now:>5}/min  lag {moment.lag_ms:>6} ms"
                f"  answers {moment.answers_ms:>5} ms  called {moment.called:>6}"
                f"  waiting {moment.waiting:>7}  sold {moment.sold:>6}  {moment.slowed}"
            )
        await asyncio.sleep(1)


async def _stall(site: Up, after_s: float, for_s: float) -> None:
    """PostgreSQL stands still for a while: every process of it stopped, none ended."""
    if not for_s or site.servers is None:
        return
    await asyncio.sleep(after_s)
    postmaster = site.servers.pids()["database"][1]
    stopped = [postmaster]
    for number in (signal.SIGSTOP, signal.SIGCONT):
        if number == signal.SIGSTOP:
            stopped += children(postmaster)
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        click.echo(f"PostgreSQL: {number.name}")
        if number == signal.SIGSTOP:
            await asyncio.sleep(for_s)


async def _recovered(wire: Wire, site: Up, event: str, since: float) -> tuple[float, float]:
    """Seconds until newcomers are served in time again, and until the gate calls its rate."""
    served_s = rate_s = -1.0
    well = number = 0
    while time.monotonic() - since < _RECOVERY_MAX_S and (served_s < 0 or rate_s < 0):
        number += 1
        ask = request(
            "POST",
            f"/api/v1/events/{event}/queue",
            b"{}",
            {"idempotency-key": f"probe-after-overload-{number}"},
        )
        reply = await wire.ask(ask)
        good = reply.status == 202 and reply.took_s * 1000 < _PROBE_MS
        well = well + 1 if good else 0
        now = time.monotonic() - since
        if served_s < 0 and well >= _WELL:
            served_s = now - _WELL * 0.05
        curve = (await _known(site, event)).curve
        if rate_s < 0 and curve.rate_now >= curve.rate:
            rate_s = now
        await asyncio.sleep(0.05)
    return round(max(served_s, -1.0), 1), round(rate_s, 1)


async def _rest(site: Up, event: str, bookings: list[str]) -> None:
    """Returns when what was accepted has come to rest, or after a minute."""
    late = time.monotonic() + 60
    left = (
        "SELECT (SELECT count(*) FROM outbox WHERE state = 'pending')"
        " + (SELECT count(*) FROM sandbox_webhook WHERE sent_at IS NULL)"
        " + (SELECT count(*) FROM payment WHERE event_id = $1 AND state = 'authorised')"
    )
    while time.monotonic() < late:
        async with site.house.database.connection() as connection:
            waits = await connection.fetchval(left, event)
        if not waits and not (await _known(site, event)).curve.ledger_n:
            return
        await asyncio.sleep(0.5)
    click.echo(f"still on its way after a minute: {waits} (of {len(bookings)} bookings)")


async def _run(data_dir: Path, asked: dict[str, Any]) -> tuple[Verdict, dict[str, Any], list[str]]:
    settings = read_settings().with_(data_dir=data_dir, port=asked["port"], log_level="warning")
    async with up(settings) as site:
        where = urlsplit(site.url)
        host, port = str(where.hostname), int(where.port or 80)
        rate, seconds = asked["rate"], asked["seconds"]
        fans = int((seconds + 20) * rate / 60)
        # Enough seats for all of them: that the hall is full is no overload.
        rows = max(10, fans * 2 // 40 + 1)
        event = await event_on_sale(
            site.house, rows, 60, rate_per_min=rate, capacity=100_000, gate_state="paused"
        )
        wire = Wire(host, port, 2_000)
        tally, bookings = Tally(), list[str]()
        tokens = [
            (await site.house.queue.join(event, new_id("fan"))).place_token for _ in range(fans)
        ]
        bots = [(await site.house.queue.join(event, new_id("fan"))).place_token for _ in range(500)]

        def order(per_s: float, for_s: float, connections: int, seed: int) -> Order:
            return Order(
                host=host,
                port=port,
                event=event,
                place_tokens=bots,
                per_s=per_s,
                seconds=for_s,
                connections=connections,
                seed=seed,
            )

        await _flood(order(0, 2, 64, 1))  # the first requests of a process compile and connect
        carries = await _flood(order(0, asked["measure"], 64, 2))
        per_s = carries["per_s"]
        click.echo(
            f"one API process carries {per_s:,.0f} of these requests a second (closed loop, 64"
            f" connections; client {carries['client_cpu_share']:.0%} of a core)"
        )
        await site.house.sales.change(event, "overload", GateChange(state="open"))
        began = time.monotonic()
        seen: list[Moment] = []
        watching = asyncio.create_task(_watch(site, event, began, seen))
        shopping = [
            asyncio.create_task(Fan(wire, event, token, tally, bookings, token[-16:]).shop())
            for token in tokens
        ]
        stalling = asyncio.create_task(_stall(site, seconds / 3, asked["stall"]))
        flood = await _flood(order(asked["times"] * per_s, seconds, asked["connections"], 3))
        over = time.monotonic()
        served_s, rate_s = await _recovered(wire, site, event, over)
        await stalling
        done, unfinished = await asyncio.wait(shopping, timeout=60)
        for task in unfinished:
            task.cancel()
        watching.cancel()
        await _rest(site, event, bookings)
        verdict = await site.house.auditor.audit(event)
        lost = await site.house.auditor.lost(bookings)
        wire.close()
        outcomes: dict[str, int] = {"still at it": len(unfinished)}
        for task in done:
            outcomes[task.result()] = outcomes.get(task.result(), 0) + 1
        shop = tally.report()
        figures = {
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.python_version()}",
            "carries_per_s": round(per_s),
            "overload": {"times": asked["times"], "seconds": seconds, "stall_s": asked["stall"]},
            "flood": flood,
            "fans": {"outcomes": outcomes, **shop},
            "rate_now": {"least": min(each.rate_now for each in seen), "of": rate},
            "recovery_s": {"newcomers_served": served_s, "gate_at_its_rate": rate_s},
            "bookings": {"accepted": len(bookings), "lost": len(lost)},
            "seconds": seen,
        }
        wrong = faults(figures, tally, asked["budget_ms"])
    return verdict, figures, wrong


@click.command()
@click.option("--seconds", type=click.IntRange(5, 3_600), default=180, show_default=True)
@click.option("--times", type=click.FloatRange(0.1, 50), default=5, show_default=True)
@click.option("--rate", type=click.IntRange(60, 60_000), default=600, show_default=True)
@click.option(
    "--stall",
    type=click.IntRange(0, 600),
    default=0,
    help="Seconds for which PostgreSQL stands still, a third into it.",
)
@click.option("--connections", type=click.IntRange(1, 15_000), default=3_000, show_default=True)
@click.option("--measure", type=click.IntRange(1, 60), default=5, show_default=True)
@click.option("--budget-ms", type=float, default=1_000, show_default=True)
@click.option(
    "--port", type=int, default=0, help="Where the API listens; any free one if left out."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all there too.")
def main(json_file: Path | None, **asked: Any) -> None:
    """Send usher more than it can carry."""
    log.set_up("console", "warning")
    data_dir = Path(tempfile.mkdtemp(prefix="usher-overload-"))
    try:
        verdict, figures, wrong = asyncio.run(_run(data_dir, asked))
    finally:
        delete_data(data_dir)
    flood = figures["flood"]
    click.echo(
        f"flood: {flood['sent']:,} requests, {flood['per_s']:,.0f}/s where one process carries"
        f" {figures['carries_per_s']:,}/s; {flood['unsent']:,} found no connection; client"
        f" {flood['client_cpu_share']:.0%} of a core"
    )
    table(flood["kinds"])
    click.echo(f"fans: {figures['fans']['outcomes']}")
    table(figures["fans"]["kinds"])
    for name in ("rate_now", "recovery_s", "bookings"):
        told = ", ".join(f"{key} {value}" for key, value in figures[name].items())
        click.echo(f"{name}: {told}")
    for line in lines(verdict):
        click.echo(line)
    for line in wrong:
        click.echo(f"WRONG {line}")
    if json_file:
        json_file.write_bytes(msgspec.json.encode({"figures": figures, "audit": verdict}))
    if not verdict.holds or figures["bookings"]["lost"]:
        sys.exit(EXIT_VIOLATED)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
