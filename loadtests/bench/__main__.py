"""Runs the benchmarks and prints their table."""

import asyncio
import os
import platform
import sys
import tempfile
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from loadtests.bench import best, commit, http, million, scripts
from loadtests.bench.figure import Figure
from usher.embedded import delete_data, start_embedded
from usher.plumbing import log
from usher.settings import read_settings
from usher.wiring import opened


async def _measure(data_dir: Path) -> list[Figure]:
    async with start_embedded(data_dir) as servers:
        settings = servers.apply(read_settings())
        async with opened(settings) as house:
            await house.database.migrate()
            figures = [await scripts.hold_time(house)]
            figures += await best.measure(house)
            figures += await http.measure(house, settings)
            figures += await commit.measure(house)
            figures += await million.measure(house)  # last: the others' Redis is not so full
    return figures


@click.command()
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write them there too.")
def main(json_file: Path | None) -> None:
    """Measure usher against baselines, in minutes."""
    log.set_up("console", "warning")
    data_dir = Path(tempfile.mkdtemp(prefix="usher-bench-"))
    try:
        figures = asyncio.run(_measure(data_dir))
    finally:
        delete_data(data_dir)
    table = Table(
        title=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    )
    for column in (
        "figure",
        "value",
        "unit",
        "goal",
        "reached",
        "baseline in the same run",
        "detail",
    ):
        table.add_column(column)
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
    Console(width=170).print(table)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.encode(figures))
    sys.exit(0 if all(each.reached for each in figures) else 1)


if __name__ == "__main__":
    main()
