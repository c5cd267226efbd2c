"""The course of a load test: a site, a crowd by Locust, the audit, the verdict, the report."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from loadtests.calibrate import carried, steps
from loadtests.crowd.names import MARKS
from loadtests.drive import Say, play
from loadtests.found import lost
from loadtests.options import Kind, Options, kind_of, plan_of
from loadtests.outcome import Outcome, clients_in, missed, phases_of, summed, write
from loadtests.record import read_records
from loadtests.report import render
from loadtests.sampler import cpu, sampling
from loadtests.site import Site, elsewhere, own_site
from loadtests.verdict import judge, read_budgets
from usher.errors import SetupError
from usher.insight.model import Verdict as Audit

_DRAIN_S: Final = 90.0
_CALIBRATED_S: Final = 5.0  # after the last step; whoever is still there then goes home
# What may still be on its way after the last fan has gone home.
_UNDER_WAY: Final = (
    "bookings_awaiting",
    "captures_pending",
    "voids_pending",
    "letters_pending",
    "held",
)


def out_dir(options: Options) -> Path:
    """Where a run writes: a folder of its own, named by scenario and time unless given."""
    named = f"{options.scenario}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    out = options.out or Path("load-results") / named
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise SetupError(f"{out} is not empty: each run has a folder of its own")
    return out.absolute()


async def run(options: Options, say: Say) -> Outcome:
    """Runs a scenario and judges it. SetupError, BudgetError and UsherError where it could not
    be run."""
    kind = kind_of(options)
    wanted = read_budgets(options.scenario, *([options.budgets] if options.budgets else []))
    out = out_dir(options)
    where: AbstractAsyncContextManager[Site] = (
        elsewhere(options) if options.host else own_site(options, kind)
    )
    say(f"{options.scenario}: {kind.says}")
    notes: dict[str, str] = {}
    async with where as site:
        say(f"event {site.event} at {' '.join(site.urls)}")
        if options.scenario == "overload" and options.rate is None:
            kind = await _calibrated(options, kind, site, out, notes, say)
        plan = plan_of(options, kind, site.event, site.urls, out)
        crowd: list[int] = []
        probes = [*site.probes(), cpu(lambda: {**site.server_pids(), "client": crowd})]
        async with sampling(out, probes):
            began = time.time()
            client_cpu_s = await play(options, kind, plan, site, crowd, say)
            ended = time.time()
            clients = clients_in(out)
            # Of a population that is smaller than its processes some have nobody to play.
            if why := missed(clients, min(kind.processes, kind.fans or kind.processes)):
                raise SetupError(f"{why}; see {out / 'locust.log'}")
            audit = await _drained(site, say)
        drain_s = time.time() - ended
        gone = await lost(site, out)
    phases, counts = phases_of(clients), summed(clients)
    verdict = judge(
        wanted,
        read_records(out),
        audit,
        phases=phases,
        lost=gone,
        counts=counts,
        marks=read_records(out / MARKS),
    )
    outcome = Outcome(
        verdict=verdict,
        audit=audit,
        clients=clients,
        counts=counts,
        out=out,
        client_cpu_s=client_cpu_s,
        began=began,
        ended=ended,
        drain_s=drain_s,
        phases=phases,
        notes=notes,
    )
    write(outcome, options, kind, site.event, " ".join(site.urls))
    _render(out, say)
    return outcome


async def _calibrated(
    options: Options, kind: Kind, site: Site, out: Path, notes: dict[str, str], say: Say
) -> Kind:
    """The scenario at the rate that is carried here; SetupError where nothing is."""
    say("no --rate given: first, how many arrivals a second are carried")
    folder = out / "calibration"
    folder.mkdir()
    phases = steps()
    # On an event of its own: who goes home in the middle stands in its line, and in nobody's way.
    event = await site.another(kind)
    plan = msgspec.structs.replace(
        plan_of(options, kind, event, site.urls, folder),
        scenario="steady",
        phases=phases,
        deadline_s=sum(phase.seconds for phase in phases) + _CALIBRATED_S,
    )
    await play(options, kind, plan, site, [], say)
    await site.close_sale(event)
    rate, why = carried(
        read_records(folder), read_records(folder / MARKS), phases, phases_of(clients_in(folder))
    )
    if not rate:
        raise SetupError(f"not even {phases[0].name} arrivals are carried: {why}")
    notes["carried"] = f"{rate:.0f} arrivals a second; {why}"
    say(f"carried: {notes['carried']}")
    return msgspec.structs.replace(kind, rate=rate)


async def _drained(site: Site, say: Say) -> Audit | None:
    """The audit, once nothing is on its way any more, or as it is when time is up."""
    say(f"the crowd is gone; the audit, once all has come to rest, or in {_DRAIN_S:.0f} s")
    late = time.monotonic() + _DRAIN_S
    while True:
        audit = await site.audit()
        if audit is None:
            say("no audit: without USHER_LOAD_TOKEN the verdict is of latencies and answers alone")
            return None
        left = audit.figure("ledger_pending") + sum(audit.facts.get(n, 0) for n in _UNDER_WAY)
        if not left or time.monotonic() > late:
            return audit
        await asyncio.sleep(1)


def _render(out: Path, say: Say) -> None:
    """The report; a run is not spoilt where no picture can be made of it."""
    try:
        render(out)
    except Exception as fault:  # noqa: BLE001 - see above
        say(f"no report: {type(fault).__name__}: {fault}")
