"""`just load SCENARIO`: a crowd, and the verdict on what became of it."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any, Final

import click

from loadtests.options import KINDS, Options
from loadtests.outcome import Outcome
from loadtests.run import run
from loadtests.tell import tell
from loadtests.verdict import BudgetError
from usher.errors import UsherError
from usher.plumbing import log

GOOD: Final = 0
BROKEN: Final = 1
NOT_RUN: Final = 2


@click.command(epilog="\n\n".join(f"{name}: {kind.says}" for name, kind in KINDS.items()))
@click.argument("scenario", type=click.Choice(list(KINDS)))
@click.option("--fans", type=click.IntRange(1), help="The crowd; of watchers, their streams.")
@click.option("--bots", type=click.IntRange(0), help="How many bots are among them.")
@click.option("--seats", type=click.IntRange(1, 80_000), help="The hall's.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="How long.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Arrivals a second.")
@click.option("--processes", type=click.IntRange(1, 64), help="Locust's, of this machine.")
@click.option("--apis", type=click.IntRange(1, 64), help="API processes brought up for it.")
@click.option("--pace", type=click.FloatRange(0, min_open=True), help="People's pauses, times so.")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed, the same crowd."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="An empty folder.")
@click.option("--host", multiple=True, help="A deployment's address; several are used in turn.")
@click.option("--event", default="", help="The event there.")
@click.option(
    "--token",
    default="",
    envvar="USHER_LOAD_TOKEN",
    help="An organiser's access token, to open and audit; better by USHER_LOAD_TOKEN.",
)
@click.option("--web", is_flag=True, help="Show Locust's page while it runs.")
@click.option("--web-port", type=click.IntRange(1, 65_535), default=8089, show_default=True)
@click.option(
    "--budgets", type=click.Path(path_type=Path, dir_okay=False), help="Other than budgets.toml."
)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Of the API brought up.")
def main(**given: Any) -> None:
    """Let a crowd loose on servers of its own, or on a deployment, and judge what became of it.

    Exit code 0: every budget is kept and every invariant holds; 1: not so; 2: it could not be run.
    """
    log.set_up("console", "error")
    options = Options(**given)
    try:
        outcome = asyncio.run(_run(options))
    except (UsherError, BudgetError, OSError) as fault:
        click.echo(f"load: {getattr(fault, 'detail', fault)}", err=True)
        sys.exit(NOT_RUN)
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("load: stopped before the end", err=True)
        sys.exit(NOT_RUN)
    for text in tell(outcome):
        click.echo(text)
    sys.exit(GOOD if outcome.verdict.ok else BROKEN)


async def _run(options: Options) -> Outcome:
    me = asyncio.current_task()
    assert me is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    return await run(options, click.echo)


if __name__ == "__main__":
    main()
