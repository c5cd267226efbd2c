"""`usher demo`: a whole sale on this machine, from the lobby to the audit."""

import asyncio
import contextlib
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import click
import msgspec
import uvloop
from rich.console import Console

from usher.account.model import Role
from usher.embedded import delete_data
from usher.errors import UsherError
from usher.plumbing import log
from usher.plumbing.command import EXIT_REFUSED, fail
from usher.rehearsal import model
from usher.rehearsal.crowd import raise_open_files
from usher.rehearsal.model import DemoHall, DemoOptions, Running, check, hall_of
from usher.rehearsal.panel import AnyScreen, audit_table, closing_lines, screen_on
from usher.rehearsal.service import Outcome, run_demo

UpForDemo = Callable[[Path | None, int], AbstractAsyncContextManager[Running]]


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
    @click.option("--fans", type=int, default=model.FANS_DEFAULT, show_default=True)
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
        default=model.RATE_DEFAULT,
        show_default=True,
        help="Fans called in a minute.",
    )
    @click.option(
        "--capacity",
        type=int,
        default=model.CAPACITY_DEFAULT,
        show_default=True,
        help="Fans shopping at once.",
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
        type=click.Path(path_type=Path, allow_dash=True),
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
        console = Console(stderr=json_file == Path("-"))
        log.set_up("console", "error")
        options = DemoOptions(**given)
        try:
            check(options)
            _check_json(json_file)
            hall = hall_of(options)
            code = _run(up, options, hall, console, leave, json_file, data_dir, port)
        except UsherError as error:
            fail(error)
        except (KeyboardInterrupt, asyncio.CancelledError):
            click.echo("usher: stopped before the end", err=True)
            sys.exit(EXIT_REFUSED)
        sys.exit(code)

    return demo


def _check_json(json_file: Path | None) -> None:
    if json_file is None or json_file == Path("-"):
        return
    try:
        with json_file.open("ab"):
            pass
    except OSError as fault:
        raise click.BadParameter(
            f"{json_file} cannot be written: {fault.strerror}", param_hint="--json"
        ) from None


def _run(
    up: UpForDemo,
    options: DemoOptions,
    hall: DemoHall,
    console: Console,
    leave: bool,
    json_file: Path | None,
    data_dir: Path | None,
    port: int,
) -> int:
    raise_open_files()
    with _data_dir(data_dir) as folder, screen_on(console) as screen:
        work = _demo(up, options, hall, console, screen, leave, json_file, folder, port)
        # The crowd is most of this process's work, and uvloop halves what its sockets cost.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)


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
    up: UpForDemo,
    options: DemoOptions,
    hall: DemoHall,
    console: Console,
    screen: AnyScreen,
    leave: bool,
    json_file: Path | None,
    data_dir: Path,
    port: int,
) -> int:
    me = asyncio.current_task()
    assert me is not None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, me.cancel)
    screen.say("bringing up the servers, the API and a worker")
    async with up(data_dir, port) as site:
        outcome = await run_demo(site, options, hall, screen)
        screen.__exit__(None, None, None)
        _tell(outcome, console, json_file)
        if not leave:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop.set)
            for line in await _visit(site, outcome.event):
                screen.say(line)
            await stop.wait()
            screen.say("stopping")
    return outcome.verdict.exit


def _tell(outcome: Outcome, console: Console, json_file: Path | None) -> None:
    console.print(audit_table(outcome.audit))
    for line in closing_lines(outcome.verdict):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if json_file is not None:
        text = msgspec.json.format(msgspec.json.encode(outcome.verdict), indent=2) + b"\n"
        if json_file == Path("-"):
            click.echo(text, nl=False)
        else:
            json_file.write_bytes(text)


async def _visit(site: Running, event: str) -> list[str]:
    """How to look at what has happened."""
    password = secrets.token_urlsafe(12)
    email = f"organiser-{secrets.token_hex(3)}@example.com"
    await site.accounts.add(email, password, "Demo organiser", Role.ORGANISER)
    return [
        "",
        f"the site stays up:  {site.url}",
        f"the event:          {site.url}/api/v1/events/{event}",
        f"an organiser login: {email}  {password}",
        "Ctrl-C stops it in order",
    ]
