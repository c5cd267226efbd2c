"""`usher account` on a real database."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import click
import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from structlog.testing import capture_logs

from usher.account.commands import account_commands
from usher.account.service import AccountService
from usher.embedded import Embedded
from usher.ids import new_id
from usher.plumbing.postgres import Database
from usher.plumbing.signing import KeyRing, Signer, new_secret

T = TypeVar("T")


@pytest.fixture
def commands(servers: Embedded) -> Iterator[click.Group]:
    def run(work: Callable[[AccountService], Awaitable[T]]) -> T:
        async def call() -> T:
            database = Database(servers.database_url, connections=1)
            await database.open()
            await database.migrate()
            cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
            try:
                return await work(AccountService(database, Signer(KeyRing(new_secret())), cheap))
            finally:
                await database.close()

        # A thread of its own: this one may hold the event loop of the session's fixtures.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, call()).result()

    with capture_logs():  # which the command line sends to stderr
        yield account_commands(run)


def test_an_account_made_here_can_be_listed_and_given_a_password(commands: click.Group) -> None:
    stem = new_id("account")
    email = f"{stem}@example.com"
    made = CliRunner().invoke(commands, ["add", email.upper(), "--role", "staff", "--json"])
    assert made.exit_code == 0, made.output
    listed = CliRunner().invoke(commands, ["list", "--after", stem, "--limit", "1", "--json"])
    account = json.loads(listed.stdout)["accounts"][0]
    assert account["email"] == email
    assert account | {"password": "?"} == json.loads(made.stdout) | {"password": "?"}
    assert CliRunner().invoke(commands, ["password", email]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add", "nobody"], "no email address"),
        (["add", "a@example.com", "--password", "short"], "10 to 256 characters"),
        (["add", "a@example.com", "--name", "\x01"], "name"),
        (["password", "no.such.account@example.com"], "no account"),
    ],
)
def test_a_refusal_says_why(commands: click.Group, arguments: list[str], sentence: str) -> None:
    told = CliRunner().invoke(commands, arguments)
    assert told.exit_code == 1
    assert sentence in told.stderr
    assert told.stdout == ""
