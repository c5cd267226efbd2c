"""`usher account`, on a service that is not there."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import click
import pytest
from click.testing import CliRunner

from usher.account.commands import account_commands
from usher.account.model import Account, Role
from usher.errors import Conflict, NotFound, Unavailable

T = TypeVar("T")
ADA = Account(account_id="acc_1", email="ada@example.com", name="Ada", role=Role.STAFF)


class Accounts:
    """Remembers what it was asked for; refuses what it is told to."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.refusal = refusal

    async def add(self, email: str, password: str, name: str, role: Role) -> Account:
        self.asked.append((email, password, name, role))
        if self.refusal:
            raise self.refusal
        return Account(account_id="acc_1", email=email, name=name, role=role)

    async def find_email(self, email: str) -> Account:
        if self.refusal:
            raise self.refusal
        return ADA

    async def set_password(self, account_id: str, password: str) -> None:
        self.asked.append((account_id, password))

    async def page(self, after: str, rows: int, role: Role | None) -> list[Account]:
        self.asked.append((after, rows, role))
        return [ADA]


def commands(accounts: Accounts) -> click.Group:
    def run(work: Callable[[Any], Awaitable[T]]) -> T:
        async def call() -> T:
            return await work(accounts)

        # A thread of its own: this one may hold the event loop of the session's fixtures.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, call()).result()

    return account_commands(run)


def test_add_uses_the_password_given() -> None:
    accounts = Accounts()
    told = CliRunner().invoke(
        commands(accounts), ["add", "ada@example.com", "--password", "of my choice"]
    )
    assert told.exit_code == 0, told.output
    assert accounts.asked == [("ada@example.com", "of my choice", "", Role.ORGANISER)]
    assert "ada@example.com is organiser: acc_1" in told.stdout
    assert "of my choice" not in told.output


def test_add_makes_a_password_where_nobody_can_be_asked() -> None:
    accounts = Accounts()
    told = CliRunner().invoke(
        commands(accounts), ["add", "a@example.com", "--role", "admin", "--name", "A", "--json"]
    )
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    assert accounts.asked == [("a@example.com", document["password"], "A", Role.ADMIN)]
    assert len(document["password"]) >= 20
    assert document["role"] == "admin"


def test_add_asks_twice_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts()
    monkeypatch.setattr("usher.account.commands._at_terminal", lambda: True)
    told = CliRunner().invoke(
        commands(accounts), ["add", "a@example.com", "--json"], input="typed once\ntyped once\n"
    )
    assert told.exit_code == 0, told.output
    assert accounts.asked[0][1] == "typed once"
    assert "password" not in json.loads(told.stdout)


@pytest.mark.parametrize(
    ("refusal", "code"), [(Conflict("has an account already"), 1), (Unavailable("away"), 3)]
)
def test_a_refusal_is_told_by_exit_code_and_sentence(refusal: Exception, code: int) -> None:
    told = CliRunner().invoke(commands(Accounts(refusal)), ["add", "a@example.com"])
    assert told.exit_code == code
    assert str(refusal) in told.stderr
    assert told.stdout == ""


def test_an_unknown_role_is_a_wrong_command_line() -> None:
    told = CliRunner().invoke(commands(Accounts()), ["add", "a@example.com", "--role", "emperor"])
    assert told.exit_code == 2


def test_password_replaces_it() -> None:
    accounts = Accounts()
    told = CliRunner().invoke(commands(accounts), ["password", "ada@example.com"])
    assert told.exit_code == 0, told.output
    assert accounts.asked == [("acc_1", told.stdout.split("password: ")[1].strip())]


def test_password_of_nobody_is_refused() -> None:
    told = CliRunner().invoke(commands(Accounts(NotFound("no account"))), ["password", "a@b.cd"])
    assert told.exit_code == 1


def test_list_shows_accounts_and_where_to_go_on() -> None:
    accounts = Accounts()
    told = CliRunner().invoke(commands(accounts), ["list", "--limit", "1", "--role", "staff"])
    assert told.exit_code == 0
    assert accounts.asked == [("", 1, Role.STAFF)]
    assert told.stdout == "ada@example.com  staff      active    Ada\n"
    assert "--after ada@example.com" in told.stderr
    told = CliRunner().invoke(commands(accounts), ["list", "--json"])
    assert [account["email"] for account in json.loads(told.stdout)["accounts"]] == [ADA.email]


@pytest.mark.parametrize("verb", ["add", "password", "list"])
def test_every_verb_explains_itself(verb: str) -> None:
    told = CliRunner().invoke(commands(Accounts()), [verb, "--help"])
    assert told.exit_code == 0
    assert "--json" in told.stdout
