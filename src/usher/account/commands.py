"""`usher account`: who may manage sales and check in, from the command line."""

import secrets
import sys

import click

from usher import limits
from usher.account.model import Account, Role
from usher.account.service import AccountService
from usher.clock import iso
from usher.errors import UsherError
from usher.plumbing.command import Run, echo_json, fail, json_option

# 16 bytes: nobody guesses it, and it may be typed once into a password manager.
_GENERATED_BYTES = 16

password_option = click.option(
    "--password",
    metavar="TEXT",
    help="The password. Others on this machine can read it from the process list: better leave it"
    " out, and be asked for it, or have one made where there is no terminal.",
)


def account_commands(run: Run[AccountService]) -> click.Group:
    """The verbs of accounts, on whatever house `run` opens."""

    @click.group("account")
    def group() -> None:
        """Accounts: people who log in, and what they may do."""

    @group.command("add")
    @click.argument("email")
    @click.option(
        "--role",
        type=click.Choice([str(role) for role in Role]),
        default=str(Role.ORGANISER),
        show_default=True,
        help="What the account may do: fan buys; staff looks at sales and checks tickets in;"
        " organiser also manages events, sales and gates; admin may do everything.",
    )
    @click.option("--name", default="", metavar="TEXT", help="The person's name, as shown.")
    @password_option
    @json_option
    def add(email: str, role: str, name: str, password: str | None, as_json: bool) -> None:
        """Make an account for EMAIL.

        Without --password it is asked for, twice. Where nobody can be asked (stdin is no
        terminal) one is made and printed, this once.
        """
        password, generated = _choose(password)
        try:
            account = run(lambda accounts: accounts.add(email, password, name, Role(role)))
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(_view(account) | ({"password": password} if generated else {}))
            return
        click.echo(f"{account.email} is {account.role}: {account.account_id}")
        if generated:
            click.echo(f"password: {password}")

    @group.command("password")
    @click.argument("email")
    @password_option
    @json_option
    def set_password(email: str, password: str | None, as_json: bool) -> None:
        """Give the account of EMAIL a new password.

        Without --password it is asked for, twice. Where nobody can be asked (stdin is no
        terminal) one is made and printed, this once.
        """
        password, generated = _choose(password)

        async def change(accounts: AccountService) -> Account:
            account = await accounts.find_email(email)
            await accounts.set_password(account.account_id, password)
            return account

        try:
            account = run(change)
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json(_view(account) | ({"password": password} if generated else {}))
            return
        click.echo(f"{account.email} has a new password")
        if generated:
            click.echo(f"password: {password}")

    @group.command("list")
    @click.option(
        "--role",
        type=click.Choice([str(role) for role in Role]),
        help="Only accounts of this role.",
    )
    @click.option("--after", default="", metavar="EMAIL", help="Begin past this email.")
    @click.option(
        "--limit",
        type=click.IntRange(1, limits.page_rows_max),
        default=limits.page_rows_max,
        show_default=True,
        help="At most so many.",
    )
    @json_option
    def list_accounts(role: str | None, after: str, limit: int, as_json: bool) -> None:
        """List accounts by email, a page at a time."""
        try:
            found = run(
                lambda accounts: accounts.page(after, limit, role=Role(role) if role else None)
            )
        except UsherError as error:
            fail(error)
        if as_json:
            echo_json({"accounts": [_view(account) for account in found]})
            return
        width = max((len(account.email) for account in found), default=0)
        for account in found:
            line = (
                f"{account.email:<{width}}  {account.role:<9}  {account.state:<8}  {account.name}"
            )
            click.echo(line.rstrip())
        if len(found) == limit:
            click.echo(f"there may be more: --after {found[-1].email}", err=True)

    return group


def _choose(password: str | None) -> tuple[str, bool]:
    """A password, and whether it was made here."""
    if password is not None:
        return password, False
    if _at_terminal():
        asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return asked, False
    return secrets.token_urlsafe(_GENERATED_BYTES), True


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _view(account: Account) -> dict[str, str]:
    return {
        "account_id": account.account_id,
        "email": account.email,
        "name": account.name,
        "role": str(account.role),
        "state": account.state,
        "created_at": iso(account.created_at) if account.created_at else "",
    }
