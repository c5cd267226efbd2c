"""The course of a load test: a site, a crowd by Locust, the audit, the verdict, the report."""

import asyncio
import contextlib
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import msgspec

from loadtests.crowd.names import NOT_REQUESTS
from loadtests.options import Kind, Options, deadline_s, kind_of, plan_of
from loadtests.record import read_records
from loadtests.sampler import cpu, sampling
from loadtests.site import Site, elsewhere, own_site
from loadtests.verdict import Verdict, as_json, judge, read_budgets
from usher.errors import SetupError
from usher.insight.model import Verdict as Audit
from usher.up import free_port

Say = Callable[[str], None]

SCENARIOS: Final = Path(__file__).parent / "scenarios"
_STOP_S: Final = 20.0
_DRAIN_S: Final = 90.0
_LOBBY_PATIENCE_S: Final = 15.0
# What may still be on its way after the last fan has gone home.
_UNDER_WAY: Final = (
    "bookings_awaiting",
    "captures_pending",
    "voids_pending",
    "letters_pending",
    "held",
)


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of the crowd says of itself; see crowd/session.py."""

    cpu_s: float
    began: float
    until: float
    memory_peak_mb: float
    connections: int
    counts: dict[str, int]
    phases: dict[str, tuple[float, float]] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run."""

    verdict: Verdict
    audit: Audit | None
    clients: list[Client]
    counts: dict[str, int]
    out: Path
    seconds: float
    drain_s: float


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
    began = time.time()
    async with where as site:
        say(f"event {site.event} at {' '.join(site.urls)}")
        plan = plan_of(options, kind, site.event, site.urls, out)
        crowd: list[int] = []
        probes = [*site.probes(), cpu(lambda: {**site.server_pids(), "client": crowd})]
        async with sampling(out, probes):
            await _play(options, kind, plan.to_json(), site, out, crowd, say)
            ended = time.time()
            audit = await _drained(site, say)
        drain_s = time.time() - ended
        clients = _clients(out)
        lost = await _lost(site, out)
    if not clients:
        raise SetupError(f"no process of the crowd has begun; see {out / 'locust.log'}")
    phases = _phases(clients)
    counts = _summed(clients)
    verdict = judge(
        wanted,
        read_records(out),
        audit,
        phases=phases,
        lost=lost,
        counts=counts,
        seats=kind.seats if not options.host else 0,
        not_requests=NOT_REQUESTS,
    )
    body = {
        "scenario": options.scenario,
        "options": msgspec.to_builtins(kind) | {"seed": options.seed},
        "machine": machine(),
        "began": began,
        "ended": ended,
        "event": site.event,
        "base_url": " ".join(site.urls),
        "phases": phases,
        "audit": msgspec.to_builtins(audit) if audit else None,
        "counts": counts,
        "client_cpu_s": round(sum(each.cpu_s for each in clients), 2),
        "clients": msgspec.to_builtins(clients),
        **as_json(verdict),
    }
    (out / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(body)))
    _render(out, say)
    return Outcome(
        verdict=verdict,
        audit=audit,
        clients=clients,
        counts=counts,
        out=out,
        seconds=ended - began,
        drain_s=drain_s,
    )


def machine() -> str:
    """What it ran on, for people."""
    model = ""
    with contextlib.suppress(OSError):
        for text in Path("/proc/cpuinfo").read_text().splitlines():
            if text.startswith("model name"):
                model = text.partition(":")[2].strip()
                break
    return (
        f"{os.cpu_count()} cores{f' ({model})' if model else ''}, {platform.system()}"
        f" {platform.machine()}, Python {platform.python_version()}"
    )


async def _play(
    options: Options, kind: Kind, plan: str, site: Site, out: Path, crowd: list[int], say: Say
) -> None:
    """The crowd, from the first to the last; the sale is opened when it is time."""
    command = _command(options, kind, plan, site, out)
    with (out / "locust.txt").open("wb") as said:
        process = await asyncio.create_subprocess_exec(*command, env=_environ(), stdout=said)
    crowd.append(process.pid)
    opening = asyncio.create_task(_open(kind, site, out, say), name="opening")
    try:
        # Locust's own start and end, and what a page may be looked at, come on top.
        async with asyncio.timeout(
            deadline_s(options.scenario, kind) + 60 + (3_600 if options.web else 0)
        ):
            code = await process.wait()
        if code not in (0, 1):  # 1: some request failed, which is the verdict's to weigh
            raise SetupError(f"locust ended with {code}; see {out / 'locust.log'}")
    except TimeoutError:
        raise SetupError("locust did not come to its end in time") from None
    finally:
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _command(options: Options, kind: Kind, plan: str, site: Site, out: Path) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", str(SCENARIOS / f"{options.scenario}.py")]
    command += ["--host", site.urls[0], "--plan", plan, "--logfile", str(out / "locust.log")]
    command += ["--only-summary", "--csv", str(out / "locust")]
    if options.web:
        command += ["--web-host", "127.0.0.1", "--web-port", str(options.web_port)]
        command += ["--autostart", "--autoquit", "3"]
    else:
        command += ["--headless"]
    if kind.processes > 1:
        port = str(free_port("127.0.0.1", 0))
        command += ["--processes", str(kind.processes), "--master-port", port]
        command += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
        command += ["--stop-timeout", "5"]
    return command


def _environ() -> Mapping[str, str]:
    """This environment, by which the scenarios find this package, and nothing usher is set to."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("USHER_")}
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join(each for each in (root, kept.get("PYTHONPATH", "")) if each)
    return {**kept, "PYTHONPATH": path}


async def _open(kind: Kind, site: Site, out: Path, say: Say) -> None:
    """Opens the sale once the lobby has all that are to come to it, or they are late."""
    if kind.opens == "before":
        return
    wanted = round(kind.fans * kind.lobby_share)
    patience_s = wanted / kind.lobby_per_s + _LOBBY_PATIENCE_S
    first_at = 0.0
    async with httpx.AsyncClient(base_url=site.urls[0], timeout=5, trust_env=False) as http:
        while True:
            await asyncio.sleep(0.25)
            if not first_at and not _begun(out):  # Locust takes its seconds to start
                continue
            first_at = first_at or time.monotonic()
            waiting = 0
            with contextlib.suppress(httpx.HTTPError):
                told = await http.get(f"/api/v1/events/{site.event}/queue")
                if told.is_success:
                    waiting = int(told.json()["waiting"])
            if waiting >= wanted or time.monotonic() - first_at > patience_s:
                break
    if await site.open_sale():
        say(f"{waiting:,} in the lobby: the sale opens")
    else:
        say("the sale is not ours to open: the crowd waits for it")


async def _drained(site: Site, say: Say) -> Audit | None:
    """The audit, once nothing is on its way any more, or as it is when time is up."""
    say("the crowd is gone; the audit, once all has come to rest")
    late = time.monotonic() + _DRAIN_S
    while True:
        audit = await site.audit()
        if audit is None:
            return None
        left = audit.figure("ledger_pending") + sum(audit.facts.get(n, 0) for n in _UNDER_WAY)
        if not left or time.monotonic() > late:
            return audit
        await asyncio.sleep(1)


async def _lost(site: Site, out: Path) -> int | None:
    """Bookings that fans were told are confirmed and that cannot be found."""
    lost = await site.lost(_confirmed(out))
    return None if lost is None else len(lost)


def _confirmed(out: Path) -> list[str]:
    texts = [path.read_text() for path in out.glob("confirmed-*.txt")]
    return [line.split()[0] for text in texts for line in text.splitlines()]


def _begun(out: Path) -> bool:
    """Whether some process of the crowd has written down that it is there."""
    return any(out.glob("client-*.json"))


def _clients(out: Path) -> list[Client]:
    return [
        msgspec.json.decode(path.read_bytes(), type=Client)
        for path in sorted(out.glob("client-*.json"))
    ]


def _summed(clients: list[Client]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in clients:
        for name, count in each.counts.items():
            found[name] = found.get(name, 0) + count
    return dict(sorted(found.items()))


def _phases(clients: list[Client]) -> dict[str, tuple[float, float]]:
    """From the first process's beginning of each phase to the last one's end."""
    found: dict[str, tuple[float, float]] = {}
    for each in clients:
        for name, (begin, end) in each.phases.items():
            first, last = found.get(name, (begin, end))
            found[name] = (min(first, begin), max(last, end))
    return found


def _render(out: Path, say: Say) -> None:
    """The report, where it can be made: a run is not spoilt by a picture of it."""
    try:
        from loadtests.report import render
    except ImportError:
        return
    try:
        render(out)
    except Exception as fault:  # noqa: BLE001 - see above
        say(f"no report: {type(fault).__name__}: {fault}")
