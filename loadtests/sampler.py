"""Samples a sale and its processes once a second into `OUT/series.jsonl`.

    async with sampling(out_dir, [line(http, event), cpu(lambda: {"api": [4711]})]): ...

or as a process of its own, until SIGTERM:

    python -m loadtests.sampler --out DIR --url URL --event ID [--token T] [--pid api=4711 ...]
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from loadtests.processes import CLIENT, cpu_by_group
from loadtests.series import FILE, Sample
from usher.errors import UsherError

_PERIOD_S: Final = 1.0
_PROBE_S: Final = 2.0  # an answer that takes longer is left out

# No answer, a refusal, an answer of another shape.
_FAULTS: Final = (httpx.HTTPError, OSError, UsherError, ValueError, LookupError, TypeError)

# Some fields of a Sample, by name.
Found = Mapping[str, Any]
Probe = Callable[[], Awaitable[Found]]


_PULSE: Final = (
    "waiting",
    "shopping",
    "joined",
    "called",
    "admitted",
    "free",
    "held",
    "claimed",
    "sold",
    "rate_per_min",
    "capacity",
)


def line(http: httpx.AsyncClient, event: str) -> Probe:
    """The line as everybody may see it. `http` has the deployment's address as its base."""

    async def ask() -> Found:
        told = (await http.get(f"/api/v1/events/{event}/queue")).raise_for_status().json()
        found = {"waiting": told["waiting"], "shopping": told["shopping"], "free": told["left"]}
        if told["admitted_per_minute"] is not None:
            found["called_per_min"] = told["admitted_per_minute"]
        return found

    return ask


def pulse(http: httpx.AsyncClient, event: str, token: str) -> Probe:
    """The sale as its organiser sees it; `token` is an access token."""

    async def ask() -> Found:
        answer = await http.get(
            f"/api/v1/events/{event}/pulse",
            params={"after": 2**45},  # none of the trail: it is taken here, once a second
            headers={"authorization": f"Bearer {token}"},
        )
        told = answer.raise_for_status().json()
        # Until the event is laid out, its counts are zeros that nobody has counted.
        found = {name: told[name] for name in _PULSE if told["built"]}
        return found | {
            "at": datetime.fromisoformat(told["at"]).timestamp(),
            "confirmed": told["bookings"],
        }

    return ask


def metrics(http: httpx.AsyncClient) -> Probe:
    """The commit lag from `/metrics`, where the process that answers commits at all: an API
    process shows the gauge too, at zero."""

    async def ask() -> Found:
        text = (await http.get("/metrics")).raise_for_status().text
        seen = {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if not sample.labels
        }
        if not seen.get("usher_ledger_commit_seconds_count"):
            return {}
        return {"ledger_lag_s": seen["usher_ledger_lag_seconds"]}

    return ask


def cpu(groups: Callable[[], Mapping[str, Iterable[int]]]) -> Probe:
    """The CPU seconds of processes by the name of their group: "client" for those who make the
    load, anything else is a server. `groups` is asked each time: restarts change pids."""

    async def ask() -> Found:
        spent = cpu_by_group(groups())
        found: dict[str, Any] = {}
        if CLIENT in spent:
            found["client_cpu_s"] = spent.pop(CLIENT)
        if spent:
            found["server_cpu_s"] = spent
        return found

    return ask


async def take(probes: Iterable[Probe]) -> dict[str, Any]:
    """What the probes find now, together; what fails or takes too long is left out."""

    async def ask(probe: Probe) -> Found:
        # Whatever is wrong with a server under load must not end the record of it.
        with contextlib.suppress(*_FAULTS):
            async with asyncio.timeout(_PROBE_S):
                return await probe()
        return {}

    now = time.time()
    found: dict[str, Any] = {"t": round(now, 3)}
    for each in await asyncio.gather(*map(ask, probes)):
        found.update(each)
    return found


async def _run(file: BinaryIO, probes: Iterable[Probe]) -> None:
    """Until cancelled. A sample that is late leaves seconds out; none are made up for."""
    due = time.monotonic()
    while True:
        _write(file, await take(probes))
        due += _PERIOD_S * max(1, -(-(time.monotonic() - due) // _PERIOD_S))
        await asyncio.sleep(due - time.monotonic())


def _write(file: BinaryIO, found: dict[str, Any]) -> None:
    file.write(msgspec.json.encode(msgspec.convert(found, Sample)) + b"\n")
    file.flush()


def _open(out_dir: Path) -> BinaryIO:
    out_dir.mkdir(parents=True, exist_ok=True)
    return (out_dir / FILE).open("ab")


@contextlib.asynccontextmanager
async def sampling(out_dir: Path, probes: Iterable[Probe]) -> AsyncIterator[None]:
    """Samples within the `async with`, and once more at its end."""
    probes = list(probes)
    with _open(out_dir) as file:
        task = asyncio.create_task(_run(file, probes), name="sampler")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            _write(file, await take(probes))


async def _sample(
    out_dir: Path, url: str, event: str, token: str, pids: dict[str, list[int]]
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with httpx.AsyncClient(base_url=url, timeout=_PROBE_S, trust_env=False) as http:
        probes = [line(http, event), metrics(http), cpu(lambda: pids)]
        if token:
            # After the line: where both tell the same, the organiser's is the newer.
            probes.append(pulse(http, event, token))
        async with sampling(out_dir, probes):
            await stop.wait()


@click.command()
@click.option("--out", "out_dir", type=click.Path(path_type=Path), required=True)
@click.option("--url", required=True, help="The deployment's address.")
@click.option("--event", required=True)
@click.option("--token", default="", envvar="USHER_TOKEN", help="An organiser's access token.")
@click.option(
    "--pid", "named", multiple=True, metavar="NAME=PID", help="Whose CPU; client=PID for the load."
)
def main(out_dir: Path, url: str, event: str, token: str, named: tuple[str, ...]) -> None:
    """Sample a sale once a second, until SIGTERM."""
    pids: dict[str, list[int]] = {}
    for each in named:
        name, _, pid = each.partition("=")
        if not name or not pid.isdecimal():
            raise click.BadParameter(f"{each!r} is not NAME=PID", param_hint="--pid")
        pids.setdefault(name, []).append(int(pid))
    asyncio.run(_sample(out_dir, url, event, token, pids))


if __name__ == "__main__":
    main()
