"""`usher rehearse`: is this installation ready for that sale?"""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, NamedTuple

import click

from usher.errors import BadInput, UsherError
from usher.plumbing import log
from usher.plumbing.command import EXIT_REFUSED
from usher.rehearsal.commands import STDOUT, check_json, write
from usher.rehearsal.readiness import options as choices
from usher.rehearsal.readiness.options import RehearsalOptions, check
from usher.rehearsal.readiness.place import Deployment

EXIT_NOT_READY: Final = 1
EXIT_NOT_RUN: Final = 2


class Opened(NamedTuple):
    """An installation that was reached; `keys_given` is whether USHER_SECRETS is set."""

    place: Deployment
    keys_given: bool


Open = Callable[[], AbstractAsyncContextManager[Opened]]


def rehearse_command(open_place: Open) -> click.Command:
    """The verb, on whatever installation `open_place` reaches."""

    @click.command("rehearse")
    @click.argument("event", required=False)
    @click.option(
        "--fans",
        type=int,
        default=choices.FANS_DEFAULT,
        show_default=True,
        help="Synthetic fans to send.",
    )
    @click.option(
        "--expect",
        type=int,
        default=0,
        help="How many the sale itself will bring: limits are judged by it. [default: --fans]",
    )
    @click.option("--url", default="", help="Where fans come in. [default: USHER_PUBLIC_URL]")
    @click.option(
        "--for",
        "for_s",
        type=float,
        default=choices.FOR_S_DEFAULT,
        show_default=True,
        metavar="SECONDS",
        help="The crowd goes home after so long.",
    )
    @click.option(
        "--listen",
        "listen_s",
        type=float,
        default=choices.LISTEN_S_DEFAULT,
        show_default=True,
        metavar="SECONDS",
        help="Listen to one stream for at least so long.",
    )
    @click.option(
        "--seed", type=int, default=1, show_default=True, help="The same, the same crowd."
    )
    @click.option("--checks-only", is_flag=True, help="Send no crowd.")
    @click.option("--during-sale", is_flag=True, help="Though real fans are at the event now.")
    @click.option(
        "--clean", is_flag=True, help="Only erase what rehearsals that were killed have left."
    )
    @click.option(
        "--json",
        "json_file",
        type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
        help="Write what was found to a file; - is stdout, and all else then goes to stderr.",
    )
    def rehearse(
        event: str | None,
        fans: int,
        expect: int,
        url: str,
        for_s: float,
        listen_s: float,
        seed: int,
        checks_only: bool,
        during_sale: bool,
        clean: bool,
        json_file: Path | None,
    ) -> None:
        """Send synthetic fans through this installation before a sale.

        They come by its public address to a shadow of EVENT that nobody is shown, pay at a bank of
        its own and are written no mail; all of it is erased afterwards. Then a list of what is
        good, what to look at and what is bad, each with what to do. Exit code 0: ready; 1: not
        ready; 2: it could not be run.
        """
        log.set_up("console", "error")
        try:
            if clean:
                code = asyncio.run(_clean(open_place))
            else:
                wished = RehearsalOptions(
                    event=event or "",
                    fans=fans,
                    expect=expect,
                    url=url,
                    for_s=for_s,
                    listen_s=listen_s,
                    seed=seed,
                    checks_only=checks_only,
                    during_sale=during_sale,
                )
                if event is None:
                    raise BadInput("name an event: `usher event list` has them")
                check(wished)
                check_json(json_file)
                code = _run(open_place, wished, json_file)
        except UsherError as error:
            click.echo(f"usher: {error.detail}", err=True)
            sys.exit(EXIT_NOT_RUN)
        except (KeyboardInterrupt, asyncio.CancelledError):
            click.echo("usher: stopped before the end", err=True)
            sys.exit(EXIT_NOT_RUN)
        sys.exit(code)

    return rehearse


async def _clean(open_place: Open) -> int:
    async with open_place() as opened:
        shadows = opened.place.shadows
        gone = await shadows.sweep()
        for shadow in gone:
            click.echo(f"erased {shadow}")
        for shadow, source in await shadows.going_on():
            click.echo(f"{source} is being rehearsed on {shadow}: left alone")
        left = await shadows.silent()
        for shadow, _ in left:
            click.echo(f"something is left of {shadow}: do all workers run this version?", err=True)
        if not gone and not left:
            click.echo("nothing to erase")
        return EXIT_REFUSED if left else 0


def _run(open_place: Open, wished: RehearsalOptions, json_file: Path | None) -> int:
    import uvloop

    from usher.plumbing.presence import raise_open_files

    raise_open_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_rehearse(open_place, wished, json_file))


async def _rehearse(open_place: Open, wished: RehearsalOptions, json_file: Path | None) -> int:
    # Here, so that every other verb starts without them.
    from rich.console import Console

    from usher.rehearsal.panel import screen_on
    from usher.rehearsal.readiness.service import rehearse
    from usher.rehearsal.readiness.telling import tell

    me = asyncio.current_task()
    assert me is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    console = Console(stderr=json_file == STDOUT)
    screen = screen_on(console)
    async with open_place() as opened:
        with screen:
            report = await rehearse(opened.place, wished, screen, keys_given=opened.keys_given)
    tell(report, console)
    if json_file is not None:
        write(report.to_json(), json_file)
    return 0 if report.ready else EXIT_NOT_READY
