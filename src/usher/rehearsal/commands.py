"""`usher demo`: a whole sale on this machine, from the lobby to the audit."""

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import click

from usher.embedded import delete_data
from usher.errors import UsherError
from usher.plumbing import log
from usher.plumbing.command import EXIT_REFUSED, fail
from usher.rehearsal import model
from usher.rehearsal.model import DemoHall, DemoOptions, Running, check, hall_of

UpForDemo = Callable[[Path, int], AbstractAsyncContextManager[Running]]
STDOUT = Path("-")


class _Ways:
    """Where a demo runs and what becomes of it, apart from what it does."""

    def __init__(self, leave: bool, json_file: Path | None, data_dir: Path | None, port: int):
        self.leave = leave
        self.json_file = json_file
        self.data_dir = data_dir
        self.port = port


def demo_command(up: UpForDemo) -> click.Command:
    """The verb, on whatever `up` brings up in a data directory and at a port."""

    @click.command("demo")
    @click.option(
        "--plan",
        type=click.Path(path_type=Path),
        help="A hall from a pretix seating plan (JSON); guids that repeat are repaired.",
    )
    @click.option(
        "--side",
        type=click.Path(path_type=Path),
        help="What the plan's format has no room for: areas, prices, accessible seats (JSON).",
    )
    @click.option(
        "--rows", type=int, help=f"Rows of a straight hall. [default: {model.ROWS_DEFAULT}]"
    )
    @click.option("--columns", type=int, help=f"Seats a row. [default: {model.COLUMNS_DEFAULT}]")
    @click.option("--bowl", type=int, metavar="SEATS", help="An arena of so many seats instead.")
    @click.option(
        "--fans", type=int, default=model.FANS_DEFAULT, show_default=True, help="The crowd."
    )
    @click.option(
        "--mode",
        type=click.Choice(["queued", "simple"]),
        default="queued",
        show_default=True,
        help="queued: a lobby, a lot, a line. simple: everybody shops at once.",
    )
    @click.option(
        "--rate-per-min",
        type=int,
        help=f"Fans called in a minute. [default: {model.RATE_DEFAULT}]",
    )
    @click.option(
        "--capacity",
        type=int,
        help="Fans shopping at once. [default: 3 in 10 of the seats, "
        f"{model.CAPACITY_LEAST} to {model.CAPACITY_MOST}]",
    )
    @click.option(
        "--seed", type=int, default=1, show_default=True, help="The same seed, the same crowd."
    )
    @click.option(
        "--exit", "leave", is_flag=True, help="End after the verdict; else the site stays up."
    )
    @click.option(
        "--json",
        "json_file",
        type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
        help="Write the verdict to a file; - is stdout, and all else then goes to stderr.",
    )
    @click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Keep the data here; without it, it is deleted afterwards.",
    )
    @click.option(
        "--port",
        type=click.IntRange(0, 65_535),
        default=0,
        show_default=True,
        help="Port of the site; 0 takes any.",
    )
    def demo(
        leave: bool, json_file: Path | None, data_dir: Path | None, port: int, **given: Any
    ) -> None:
        """Sell out a hall to a crowd, and prove what became of it.

        Brings up everything on this machine, opens a sale, sends in fans who join, wait, shop,
        collide, pay, are declined, pay late or walk away, and audits the books. Exit code 0: all
        went as it should; 1: the run fell short of what it set out to do; 4: an invariant does
        not hold.
        """
        log.set_up("console", "error")
        options = DemoOptions(**given)
        try:
            check(options)
            check_json(json_file)
            code = _run(up, options, hall_of(options), _Ways(leave, json_file, data_dir, port))
        except UsherError as error:
            fail(error)
        except (KeyboardInterrupt, asyncio.CancelledError):
            click.echo("usher: stopped before the end", err=True)
            sys.exit(EXIT_REFUSED)
        sys.exit(code)

    return demo


def check_json(json_file: Path | None) -> None:
    """Refuses a file that could not be written at the end of the run."""
    if json_file is None or json_file == STDOUT:
        return
    there = json_file.exists()
    try:
        with json_file.open("ab"):
            pass
        if not there:
            json_file.unlink()
    except OSError as fault:
        raise click.BadParameter(
            f"{json_file} cannot be written: {fault.strerror}", param_hint="--json"
        ) from None


def _run(up: UpForDemo, options: DemoOptions, hall: DemoHall, ways: _Ways) -> int:

    import uvloop

    from usher.plumbing.presence import raise_open_files

    raise_open_files()
    # The crowd is most of this process's work: 0.25 ms of CPU a request, 0.30 ms without uvloop.
    with (
        _data_dir(ways.data_dir) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_demo(up, options, hall, ways, folder))


@contextlib.contextmanager
def _data_dir(given: Path | None) -> Iterator[Path]:
    """`given`, or a directory of its own that is gone afterwards."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="usher-demo-") as folder:
        data = Path(folder) / "data"
        try:
            yield data
        finally:
            delete_data(data)


async def _demo(
    up: UpForDemo, options: DemoOptions, hall: DemoHall, ways: _Ways, data_dir: Path
) -> int:
    # Here, so that every other verb starts without them.
    from rich.console import Console

    from usher.rehearsal.panel import screen_on
    from usher.rehearsal.report import tell, visit
    from usher.rehearsal.service import run_demo

    me = asyncio.current_task()
    assert me is not None
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, me.cancel)
    console = Console(stderr=ways.json_file == STDOUT)
    screen = screen_on(console)
    screen.say("bringing up the servers, the API and a worker")
    async with up(data_dir, ways.port) as site:
        with screen:
            outcome = await run_demo(site, options, hall, screen)
        tell(outcome, console)
        if ways.json_file is not None:
            write(outcome.verdict.to_json(), ways.json_file)
        if not ways.leave:
            stop = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop.set)
            for line in await visit(site, outcome.event):
                screen.say(line)
            await stop.wait()
            screen.say("stopping")
    return outcome.verdict.exit


def write(text: bytes, json_file: Path) -> None:
    """A JSON document into a file, or to stdout."""
    if json_file == STDOUT:
        click.echo(text, nl=False)
    else:
        json_file.write_bytes(text)
