"""Renders a run's report again, or two runs side by side."""

import sys
from pathlib import Path

import click

from loadtests.record import RecordError
from loadtests.report import compare, render


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path), required=False)
def main(folder: Path, other: Path | None) -> None:
    """Write FOLDER/report.html; with OTHER, FOLDER/comparison.html of both runs."""
    try:
        click.echo(render(folder) if other is None else compare(folder, other))
    except RecordError as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
