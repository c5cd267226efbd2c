"""What a run comes to, and the file it is kept in."""

import contextlib
import os
import platform
from pathlib import Path
from typing import Any

import msgspec

from loadtests.options import Kind, Options
from loadtests.verdict import Verdict, as_json
from usher.insight.model import Verdict as Audit


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of the crowd says of itself; see crowd/session.py. One that has not `ended`
    was killed: what it would have seen is not in the records."""

    cpu_s: float
    began: float
    until: float
    memory_peak_mb: float
    connections: int
    counts: dict[str, int]
    fault: str = ""
    ended: bool = False
    phases: dict[str, tuple[float, float]] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run."""

    verdict: Verdict
    audit: Audit | None
    clients: list[Client]
    counts: dict[str, int]
    out: Path
    client_cpu_s: float
    began: float
    ended: float
    drain_s: float
    phases: dict[str, tuple[float, float]]
    notes: dict[str, str] = {}


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


def clients_in(out: Path) -> list[Client]:
    """What each process of the crowd has left."""
    return [
        msgspec.json.decode(path.read_bytes(), type=Client)
        for path in sorted(out.glob("client-*.json"))
    ]


def missed(clients: list[Client], processes: int) -> str:
    """Why these are not what the crowd of so many processes saw, "" where they are."""
    if not clients:
        return "no process of the crowd has begun"
    if faults := [each.fault for each in clients if each.fault]:
        return f"the crowd could not play its part: {faults[0]}"
    if len(clients) < processes:
        return f"only {len(clients)} of {processes} processes of the crowd have begun"
    if dead := sum(not each.ended for each in clients):
        return f"{dead} of {processes} processes of the crowd died on the way"
    return ""


def summed(clients: list[Client]) -> dict[str, int]:
    """What all have counted together."""
    found: dict[str, int] = {}
    for each in clients:
        for name, count in each.counts.items():
            found[name] = found.get(name, 0) + count
    return dict(sorted(found.items()))


def phases_of(clients: list[Client]) -> dict[str, tuple[float, float]]:
    """From the first process's beginning of each phase to the last one's end."""
    found: dict[str, tuple[float, float]] = {}
    for each in clients:
        for name, (begin, end) in each.phases.items():
            first, last = found.get(name, (begin, end))
            found[name] = (min(first, begin), max(last, end))
    return found


def write(outcome: Outcome, options: Options, kind: Kind, event: str, base_url: str) -> None:
    """run.json. No token stands in it; nor, of a deployment, what only events made here are."""
    told = {name: value for name, value in msgspec.to_builtins(kind).items() if value != 0}
    for name in ("seats", "apis", "sale") if options.host else ():
        told.pop(name, None)
    body: dict[str, Any] = {
        "scenario": options.scenario,
        "options": told | {"seed": options.seed},
        "machine": machine(),
        "began": outcome.began,
        "ended": outcome.ended,
        "event": event,
        "base_url": base_url,
        "phases": outcome.phases,
        "audit": msgspec.to_builtins(outcome.audit) if outcome.audit else None,
        "counts": outcome.counts,
        "notes": outcome.notes,
        "client_cpu_s": round(outcome.client_cpu_s, 2),
        "clients": msgspec.to_builtins(outcome.clients),
        **as_json(outcome.verdict),
    }
    (outcome.out / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(body)))
