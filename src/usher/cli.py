"""The third door: one command tree.

Where no servers are set by USHER_ variables, commands talk to the embedded ones that `usher up`
runs on the same data directory.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from usher.account.commands import account_commands
from usher.booking.refunding.commands import booking_commands, cancel_event_command
from usher.capacity.commands import plan_command
from usher.embedded import find_embedded
from usher.errors import Unreachable, UsherError
from usher.event.commands import event_commands
from usher.hook.commands import hook_commands
from usher.insight.commands import audit_command
from usher.notice.commands import message_commands
from usher.outbox.commands import outbox_commands
from usher.payment.reconciling.commands import payments_commands
from usher.plumbing import log
from usher.plumbing.child import stop_with_parent
from usher.plumbing.command import fail
from usher.plumbing.signing import new_secret
from usher.queue.commands import gate_commands
from usher.rehearsal.commands import demo_command
from usher.rehearsal.readiness.commands import Opened, rehearse_command
from usher.sale.commands import sale_commands
from usher.settings import Settings, read_settings
from usher.site import Stage, on_stage
from usher.ticket.commands import ticket_commands
from usher.waitlist.commands import waitlist_commands
from usher.wiring import House, opened

T = TypeVar("T")
_parent_option = click.option("--with-parent", is_flag=True, hidden=True)


async def _resolved(settings: Settings) -> Settings:
    if settings.redis_url and settings.database_url and settings.secrets:
        return settings
    servers = await find_embedded(settings.data_dir)
    if servers is None:
        raise Unreachable(
            "no servers are set (USHER_REDIS_URL, USHER_DATABASE_URL, USHER_SECRETS) and none are "
            f"embedded at {settings.data_dir}: start `usher up` in another terminal first, or set "
            "USHER_DATA_DIR to the --data-dir of the one that runs"
        )
    return servers.apply(settings)


def _with(pick: Callable[[House], Any]) -> Any:
    """A `Run` of one service: opens a house, works, closes it."""

    def run(work: Callable[[Any], Awaitable[T]]) -> T:
        async def go() -> T:
            log.set_up("console", "warning")
            async with opened(await _resolved(read_settings())) as house:
                return await work(pick(house))

        return asyncio.run(go())

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="usher")
def main() -> None:
    """usher: a waiting room, seats that are sold once, and money that moves once.

    Try it: `usher demo` sells out a hall to a crowd; `usher up` runs a site to look at.

    Exit codes: 0 done, 1 refused or failed, 2 wrong command line, 3 a server is away, 4 an
    invariant does not hold.
    """


@main.command()
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where the data is kept.")
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; 0 takes any. [default: 8000]")
@click.option("--workers", type=click.IntRange(1, 16), default=1, show_default=True)
def up(data_dir: Path | None, host: str | None, port: int | None, workers: int) -> None:
    """Run everything: embedded servers (where none are set), the API, a worker.

    Needs no set-up. Stops in order on Ctrl-C; the data stays for the next time.
    """
    from usher.site import run_site

    changes: dict[str, Any] = {"data_dir": data_dir, "host": host, "port": port}
    try:
        settings = read_settings().with_(**{n: v for n, v in changes.items() if v is not None})
        log.set_up(settings.log_format, settings.log_level)
        asyncio.run(run_site(settings, workers=workers, say=click.echo))
    except KeyboardInterrupt:
        pass
    except UsherError as error:
        fail(error)


@main.command()
@click.option("--host")
@click.option("--port", type=click.IntRange(1, 65_535))
@_parent_option
def serve(host: str | None, port: int | None, with_parent: bool) -> None:
    """Run one API process on the servers that are set."""
    from usher.web import serve as run

    _process(with_parent, lambda settings: run(settings), host=host, port=port)


@main.command()
@_parent_option
def worker(with_parent: bool) -> None:
    """Run one worker process on the servers that are set. Any number may run."""
    from usher.worker import work

    _process(with_parent, work)


def _process(with_parent: bool, run: Callable[[Settings], None], **changes: Any) -> None:
    if with_parent:
        stop_with_parent()
    try:
        settings = asyncio.run(_resolved(read_settings()))
        run(settings.with_(**{n: v for n, v in changes.items() if v is not None}))
    except UsherError as error:
        fail(error)


@main.command()
def migrate() -> None:
    """Bring the database to this version's schema. Again, or from two places, is harmless."""
    try:
        click.echo(_with(lambda house: house.database)(lambda database: database.migrate()))
    except UsherError as error:
        fail(error)


@main.command()
def secret() -> None:
    """Print a fresh key ring for USHER_SECRETS. Put it in front of the old one to rotate."""
    click.echo(new_secret())


def _up_for_demo(data_dir: Path, port: int) -> AbstractAsyncContextManager[Stage]:
    settings = read_settings().alone(data_dir, port, "warning")
    log.set_up(settings.log_format, settings.log_level)
    return on_stage(settings)


@asynccontextmanager
async def _opened_place() -> AsyncIterator[Opened]:
    given = read_settings()
    async with opened(await _resolved(given)) as house:
        yield Opened(house, keys_given=bool(given.secrets))


main.add_command(demo_command(_up_for_demo))
main.add_command(plan_command())
main.add_command(rehearse_command(_opened_place))
main.add_command(account_commands(_with(lambda house: house.accounts)))
events = event_commands(_with(lambda house: house.events))
events.add_command(cancel_event_command(_with(lambda house: house.refunds)))
main.add_command(events)
main.add_command(booking_commands(_with(lambda house: house.refunds)))
main.add_command(sale_commands(_with(lambda house: house.sales)))
main.add_command(gate_commands(_with(lambda house: house.queue), _with(lambda house: house.sales)))
main.add_command(
    payments_commands(_with(lambda house: house.reconciler), _with(lambda house: house.cashier))
)
main.add_command(message_commands(_with(lambda house: house.messages)))
main.add_command(outbox_commands(_with(lambda house: house.outbox)))
main.add_command(hook_commands(_with(lambda house: house.hooks), _with(lambda h: h.accounts)))
main.add_command(ticket_commands(_with(lambda house: house.ticket_keys)))
main.add_command(waitlist_commands(_with(lambda house: house.waitlist)))
main.add_command(audit_command(_with(lambda house: house.auditor)))
