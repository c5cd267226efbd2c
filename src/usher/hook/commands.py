"""`usher hooks`: organisers' webhooks, from the command line."""

from typing import get_args

import click

from usher import limits
from usher.account.model import Role
from usher.account.service import AccountService
from usher.errors import BadInput, UsherError
from usher.hook.model import Hook, HookRequest, Kind, hook_view
from usher.hook.routes import secret_view
from usher.hook.service import HookService, by_hand
from usher.plumbing.command import Run, echo_json, fail, json_option


def hook_commands(run: Run[HookService], run_accounts: Run[AccountService]) -> click.Group:
    """The verbs of hooks, on whatever house `run` opens."""

    @click.group("hooks")
    def group() -> None:
        """Webhooks: where facts are posted to."""

    @group.command("list")
    @click.option(
        "--limit",
        type=click.IntRange(1, limits.page_rows_max),
        default=limits.page_rows_max,
        show_default=True,
        help="At most so many.",
    )
    @json_option
    def list_hooks(limit: int, as_json: bool) -> None:
        """List everybody's webhooks, newest first."""
        try:
            found = run(lambda hooks: hooks.mine(by_hand(), None, limit))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json({"hooks": [hook_view(hook) for hook in found]})
            return
        for hook in found:
            click.echo(_line(hook))

    @group.command("add")
    @click.argument("url")
    @click.option("--organiser", metavar="EMAIL", help="Whose it is; of all events if left out.")
    @click.option(
        "--kind",
        "kinds",
        multiple=True,
        type=click.Choice(get_args(Kind)),
        help="What it hears of; may be given again; all if left out.",
    )
    @json_option
    def add(url: str, organiser: str | None, kinds: tuple[Kind, ...], as_json: bool) -> None:
        """Have facts posted to URL. The secret that signs them is printed, this once."""
        try:
            owner = None
            if organiser is not None:
                account = run_accounts(lambda accounts: accounts.find_email(organiser))
                if not account.role.covers(Role.ORGANISER):
                    raise BadInput(f"{account.email} is no organiser")
                owner = account.account_id
            asked = HookRequest(url=url, kinds=list(kinds))
            hook, secret = run(lambda hooks: hooks.add(by_hand(), None, asked, owner))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(secret_view(hook, secret))
            return
        click.echo(_line(hook))
        click.echo(f"secret: {secret}")

    @group.command("replay")
    @click.argument("hook")
    @click.argument("deliveries", nargs=-1, metavar="[DELIVERY]...")
    @json_option
    def replay(hook: str, deliveries: tuple[str, ...], as_json: bool) -> None:
        """Have DELIVERIES of HOOK made again, or all that were given up."""

        async def work(hooks: HookService) -> int:
            if not deliveries:
                return await hooks.replay_dead(by_hand(), hook)
            for delivery in deliveries:  # all must be there before any is sent
                await hooks.delivery(by_hand(), hook, delivery)
            for delivery in deliveries:
                await hooks.replay(by_hand(), hook, delivery)
            return len(deliveries)

        try:
            number = run(work)
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json({"replayed": number})
        else:
            click.echo(f"replayed: {number}")

    return group


def _line(hook: Hook) -> str:
    state = f"{hook.state} ({hook.reason})" if hook.reason else hook.state
    state = "failing" if state == "active" and hook.failing_since else state
    kinds = ", ".join(hook.kinds) or "everything"
    return f"{hook.id}  {state:<16}  {hook.account_id or 'all events':<24}  {hook.url}  ({kinds})"
