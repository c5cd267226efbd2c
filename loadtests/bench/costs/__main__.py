"""Measures the unit costs and writes their sheet."""

import asyncio
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from loadtests.bench.costs import line, page, purchase
from loadtests.bench.costs.meter import Meter, memory_bytes
from loadtests.bench.costs.steps import Steps
from loadtests.bench.costs.streams import StreamCosts
from usher.capacity.costs import NAMES, Cost, Costs
from usher.embedded import delete_data
from usher.plumbing import log
from usher.plumbing.presence import raise_open_files
from usher.settings import Settings, read_settings
from usher.up import up

SHIPPED: Final = Path(__file__).parents[3] / "src/usher/capacity/costs.json"
IDLE_S: Final = 3.0


async def _measure(settings: Settings) -> dict[str, tuple[float, str]]:
    """Every cost by name, with the module that measured it."""
    found: dict[str, tuple[float, str]] = {}

    began = time.monotonic()

    def note(by: str, values: dict[str, float]) -> None:
        click.echo(f"{time.monotonic() - began:6.1f} s: {by}", err=True)
        found.update(
            {name: (value, f"loadtests/bench/costs/{by}.py") for name, value in values.items()}
        )

    async with up(settings) as site:
        meter = Meter(site)
        await asyncio.sleep(2)
        note(
            "__main__",
            {
                "api.base_bytes": memory_bytes(meter.api_pid),
                "worker.base_bytes": memory_bytes(meter.worker_pid),
            },
        )
        idle = await meter.over(IDLE_S)
        drawn = await line.measure(site, meter, idle)
        note("line", drawn)
        idle = await meter.over(IDLE_S)
        streams = StreamCosts(site, meter, idle, drawn["redis.draw_1000"] / 1_000)
        await streams.measure()
        note("streams", streams.values)
        idle = await meter.over(IDLE_S)
        steps = Steps(site, meter, idle)
        await steps.line()
        note("steps", steps.values)
        await purchase.measure(steps)
        note("purchase", {})
        await purchase.measure_alone(steps)
        note("steps", steps.values)
    mailing = settings.with_(mail_url=f"maildir://{settings.data_dir}/mail")
    async with up(mailing) as site:
        meter = Meter(site)
        await asyncio.sleep(2)
        idle = await meter.over(IDLE_S)
        booking_us = steps.values["worker.booking"]
        note(
            "purchase", {"worker.mail": await purchase.measure_mail(site, meter, idle, booking_us)}
        )
    return found


def _machine() -> str:
    text = Path("/proc/cpuinfo").read_text()
    model = next(
        (
            row.partition(":")[2].strip()
            for row in text.splitlines()
            if row.startswith("model name")
        ),
        "",
    )
    parts = [
        f"{os.cpu_count()} cores",
        model,
        platform.machine(),
        f"Python {platform.python_version()}",
    ]
    return ", ".join(part for part in parts if part)


@click.command()
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), default=SHIPPED, help="Where to."
)
def main(json_file: Path) -> None:
    """Measure the unit costs of `usher plan`, in two or three minutes."""
    log.set_up("console", "warning")
    raise_open_files()
    data_dir = Path(tempfile.mkdtemp(prefix="usher-costs-"))
    settings = read_settings().alone(data_dir, 0, "warning")
    try:
        found = asyncio.run(_measure(settings))
    finally:
        delete_data(data_dir)
    missing = NAMES.keys() - found.keys()
    assert not missing, missing
    sheet = Costs(
        machine=_machine(),
        measured=datetime.now(UTC).date().isoformat(),
        costs={
            name: Cost(
                value=float(f"{found[name][0]:.4g}"),
                unit=unit,
                what=what,
                measured_by=found[name][1],
            )
            for name, (unit, what) in NAMES.items()
        },
    )
    json_file.write_bytes(msgspec.json.format(msgspec.json.encode(sheet), indent=2) + b"\n")
    if json_file == SHIPPED:
        page.redraw()
    for name, cost in sheet.costs.items():
        click.echo(f"{name:24}{cost.value:>14,.1f} {cost.unit:8}{cost.what}")


if __name__ == "__main__":
    main()
