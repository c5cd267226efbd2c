"""Runs the benchmarks and prints their table."""

import os
import platform
import sys
import tempfile
from pathlib import Path

import click
import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from loadtests.bench.figure import Figure
from loadtests.bench.ground import Ground
from loadtests.bench.parts import PARTS
from usher.embedded import delete_data, start_embedded
from usher.plumbing import log
from usher.settings import read_settings
from usher.wiring import opened

COLUMNS = ("figure", "value", "unit", "goal", "reached", "baseline in the same run", "detail")


async def _measure(part: str, streams: int) -> list[Figure]:
    """The figures of a part, on servers of its own: no part finds what another left behind."""
    data_dir = Path(tempfile.mkdtemp(prefix="usher-bench-"))
    try:
        async with start_embedded(data_dir) as servers:
            settings = servers.apply(read_settings())
            async with opened(settings) as house:
                await house.database.migrate()
                pids = {name: found[-1] for name, found in servers.pids().items()}
                return await PARTS[part](Ground(house, settings, pids, streams))
    finally:
        delete_data(data_dir)


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write them there too.")
@click.option(
    "--streams",
    default=20_000,
    show_default=True,
    type=click.IntRange(min=1_000),
    help="Open streams, and fans who wait; as many at most as this machine lets a process have.",
)
def main(parts: tuple[str, ...], json_file: Path | None, streams: int) -> None:
    """Measure usher against baselines, in minutes: all of it, or only these PARTS. Exit code 1
    where a goal is missed or a part could not be measured."""
    log.set_up("console", "warning")
    console, figures = Console(width=170), list[Figure]()
    broken = []
    for part in parts or PARTS:
        # Each on a loop of its own, so that none waits for what another left running.
        console.print(f"measuring: {part}", style="dim")
        try:
            figures += uvloop.run(_measure(part, streams))
        except Exception as fault:  # noqa: BLE001 - what the other parts found is told all the same
            broken.append(part)
            console.print(f"{part} could not be measured: {fault}", style="bold red")
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    table = Table(*COLUMNS, title=machine)
    for each in figures:
        table.add_row(
            each.name,
            f"{each.value:g}",
            each.unit,
            f"{'>=' if each.more_is_better else '<='} {each.goal:g}",
            "yes" if each.reached else "NO",
            each.baseline,
            ", ".join(f"{name} {value}" for name, value in each.detail.items()),
        )
    console.print(table)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.encode(figures))
    sys.exit(0 if not broken and all(each.reached for each in figures) else 1)


if __name__ == "__main__":
    main()
