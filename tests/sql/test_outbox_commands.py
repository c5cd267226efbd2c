"""`usher outbox` and `usher hooks` on a real database; what is swept, what is counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import click
import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from tests.places import database_of_its_own
from tests.sql.hooked import Office
from usher.account.service import AccountService
from usher.embedded import Embedded
from usher.hook.commands import hook_commands
from usher.hook.service import HookService
from usher.outbox import queries
from usher.outbox.commands import outbox_commands
from usher.outbox.service import Carrier, Outbox
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database
from usher.plumbing.signing import KeyRing, Signer, new_secret

pytestmark = pytest.mark.anyio

T = TypeVar("T")
LETTERS = [("capture", "done"), ("capture", "dead"), ("refund", "dead"), ("settle", "pending")]


async def _nothing(_: Any) -> dict[str, str]:
    return {}


def outbox_of(database: Database, metrics: Metrics | None = None) -> Outbox:
    return Outbox(database, {"void": Carrier(_nothing)}, metrics or Metrics())


@pytest.fixture(scope="module")
async def url(servers: Embedded, anyio_backend: str) -> AsyncIterator[str]:
    async with database_of_its_own(servers, "letters") as url:
        yield url


@pytest.fixture
async def database_(url: str) -> AsyncIterator[Database]:
    database = Database(url, connections=2)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def letters(database_: Database) -> list[int]:
    """One of each of LETTERS; their ids."""
    async with database_.connection() as connection:
        await connection.execute("DELETE FROM outbox")
        return [
            await connection.fetchval(
                "INSERT INTO outbox (kind, subject, state, attempts, fault, done_at, due) VALUES"
                " ($1, 'pay_1' || $2, $2, 7, CASE WHEN $2 = 'done' THEN '' ELSE 'away' END,"
                " CASE WHEN $2 = 'done' THEN now() END, now() + interval '1 hour') RETURNING id",
                kind,
                state,
            )
            for kind, state in LETTERS
        ]


@pytest.fixture
def call(url: str) -> Iterator[Callable[..., Result]]:
    """Runs a command line; each opens what it needs, as the real one does."""

    def runs(make: Callable[[Database], Any]) -> Any:
        def run(work: Callable[[Any], Awaitable[T]]) -> T:
            async def go() -> T:
                database = Database(url, connections=1)
                await database.open()
                try:
                    return await work(make(database))
                finally:
                    await database.close()

            # A thread of its own: this one may hold the event loop of the session's fixtures.
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(asyncio.run, go()).result()

        return run

    ring = KeyRing(new_secret())

    def hooks(database: Database) -> HookService:
        return Office(database).service

    tree = click.Group("usher")
    tree.add_command(outbox_commands(runs(outbox_of)))
    tree.add_command(
        hook_commands(runs(hooks), runs(lambda database: AccountService(database, Signer(ring))))
    )
    with capture_logs():
        yield lambda *words: CliRunner().invoke(tree, [str(word) for word in words])


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def states(database: Database, ids: list[int]) -> list[tuple[str, int]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT state, attempts FROM outbox WHERE id = ANY($1::bigint[]) ORDER BY id", ids
        )
    return [(row["state"], row["attempts"]) for row in rows]


async def test_letters_are_listed(call: Callable[..., Result], letters: list[int]) -> None:
    def ids(*words: Any) -> list[int]:
        found = told(call("outbox", "list", *words, "--json"))["letters"]
        return [letter["id"] for letter in found]

    assert ids() == letters[::-1]
    assert ids("--state", "dead") == [letters[2], letters[1]]
    assert ids("--state", "dead", "--kind", "refund") == [letters[2]]
    assert ids("--limit", 1) == letters[3:]
    assert ids("--limit", 2, "--before", letters[2]) == [letters[1], letters[0]]
    (line,) = call("outbox", "list", "--kind", "refund").stdout.splitlines()
    assert line.split()[:3] == [str(letters[2]), "refund", "dead"]
    assert line.endswith("attempts 7  away")


async def test_letters_are_counted(call: Callable[..., Result], letters: list[int]) -> None:
    found = told(call("outbox", "counts", "--json"))["counts"]
    assert [(each["kind"], each["state"], each["letters"]) for each in found] == [
        ("capture", "dead", 1),
        ("capture", "done", 1),
        ("refund", "dead", 1),
        ("settle", "pending", 1),
    ]
    assert call("outbox", "counts").stdout.count("\n") == 4


async def test_retried_it_is_as_new(
    call: Callable[..., Result], letters: list[int], database_: Database
) -> None:
    assert told(call("outbox", "retry", letters[1], letters[3], "--json")) == {"retried": 2}
    assert await states(database_, letters) == [
        ("done", 7),
        ("pending", 0),
        ("dead", 7),
        ("pending", 0),
    ]
    assert {each.id for each in await queries.take(database_, "capture", 9, 30)} == {letters[1]}


async def test_what_is_done_stays_done(
    call: Callable[..., Result], letters: list[int], database_: Database
) -> None:
    refused = call("outbox", "retry", letters[0], letters[2], 999_999_999)
    assert refused.exit_code == 1
    assert f"{letters[0]}, 999999999; retried: 1" in refused.stderr
    assert (await states(database_, letters))[0] == ("done", 7)


@pytest.mark.parametrize(("kind", "number"), [("", 2), ("refund", 1), ("mail", 0)])
async def test_all_that_were_given_up(
    call: Callable[..., Result], letters: list[int], kind: str, number: int
) -> None:
    only = ["--kind", kind] if kind else []
    assert told(call("outbox", "retry", "--dead", *only, "--json")) == {"retried": number}
    left = told(call("outbox", "list", "--state", "dead", "--json"))["letters"]
    assert len(left) == 2 - number


@pytest.mark.parametrize(
    "words", [[], ["--kind", "refund"], ["1", "--dead"], ["1", "--kind", "x"]], ids=" ".join
)
async def test_what_to_retry_must_be_said(call: Callable[..., Result], words: list[str]) -> None:
    refused = call("outbox", "retry", *words)
    assert refused.exit_code == 1
    assert "--dead" in refused.stderr


async def test_letters_done_long_ago_are_forgotten(letters: list[int], database_: Database) -> None:
    async with database_.connection() as connection:
        await connection.execute(
            "INSERT INTO outbox (kind, subject, state, done_at) SELECT 'capture', 'old' || i,"
            " 'done', now() - interval '30 days 1 minute' FROM generate_series(1, 1001) AS i"
        )
        await connection.execute(
            "UPDATE outbox SET created_at = now() - interval '1 year' WHERE id = ANY($1::bigint[])",
            letters,
        )
    assert await outbox_of(database_).sweep() == 1_001
    assert len(await states(database_, letters)) == len(LETTERS)


async def test_letters_that_wait_are_gauged(letters: list[int], database_: Database) -> None:
    metrics = Metrics()
    outbox = outbox_of(database_, metrics)
    await outbox.watch()
    text = metrics.text()[0].decode()
    for kind, state, number in (
        ("capture", "dead", 1),
        ("capture", "pending", 0),
        ("settle", "pending", 1),
        ("void", "pending", 0),
    ):
        line = f'usher_outbox_letters{{kind="{kind}",state="{state}"}} {number}.0'
        assert line in text
    assert 'state="done"' not in text


async def test_without_postgresql_no_old_figure_is_told(url: str) -> None:
    metrics = Metrics()
    metrics.letters.labels("capture", "dead").set(7)
    away = Database(url, connections=1)  # never opened
    await outbox_of(away, metrics).watch()
    assert "usher_outbox_letters{" not in metrics.text()[0].decode()


# --- usher hooks


async def test_hooks_by_hand(call: Callable[..., Result], database_: Database) -> None:
    actor = await Office(database_).organiser()
    email = f"{actor.account_id}@example.org"
    words = ("--organiser", email, "--kind", "ticket.used", "--kind", "booking.confirmed")
    mine = told(call("hooks", "add", "http://example.org/", *words, "--json"))
    assert (mine["account_id"], mine["kinds"]) == (
        actor.account_id,
        ["booking.confirmed", "ticket.used"],
    )
    all_events = call("hooks", "add", "http://example.org/all")
    assert "secret: whsec_" in all_events.stdout
    listed = told(call("hooks", "list", "--json"))["hooks"]
    assert [hook["account_id"] for hook in listed] == [None, actor.account_id]
    assert all("secret" not in hook for hook in listed)
    assert len(call("hooks", "list").stdout.splitlines()) == 2
    async with database_.connection() as connection:
        await connection.execute(
            "INSERT INTO hook_delivery (id, hook_id, fact, subject, body, state, until)"
            " SELECT 'dlv_' || repeat(i::text, 20), $1, 'hook.ping', '', '{}', 'dead', now()"
            " FROM generate_series(1, 3) AS i",
            mine["hook_id"],
        )
    one = told(call("hooks", "replay", mine["hook_id"], "dlv_" + "1" * 20, "--json"))
    assert one == {"replayed": 1}
    assert told(call("hooks", "replay", mine["hook_id"], "--json")) == {"replayed": 2}
    wrong = call("hooks", "replay", mine["hook_id"], "dlv_" + "9" * 20)
    assert (wrong.exit_code, "no such delivery" in wrong.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["add", "nowhere"], "url must begin with"),
        (["add", "http://example.org/", "--organiser", "nobody@example.org"], "no account"),
        (["replay", "hok_x"], "no such hook"),
    ],
    ids=["no-url", "nobody", "no-hook"],
)
async def test_a_refusal_says_why(
    call: Callable[..., Result], words: list[str], sentence: str
) -> None:
    told = call("hooks", *words)
    assert told.exit_code == 1
    assert sentence in told.stderr


@pytest.mark.usefixtures("letters")
async def test_a_fault_in_any_words_is_written_down(database_: Database) -> None:
    """One that could not be would have its whole batch carried again for ever."""

    async def carry(_: Any) -> dict[str, str]:
        return {"pay_odd": "said \x00 and \ud800"}

    async with database_.transaction() as connection:
        await queries.post(connection, "void", ["pay_odd", "pay_even"])
    assert await Outbox(database_, {"void": Carrier(carry)}, Metrics()).relay() >= 2
    odd, even = sorted(await queries.page(database_, "", "void", 0, 2), key=lambda each: each.id)
    assert (odd.state, odd.fault) == ("pending", "said ? and ?")
    assert even.state == "done"
