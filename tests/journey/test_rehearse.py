"""`usher rehearse` from outside, on servers of its own: it finds what is wrong, and leaves nothing.

The site takes Stripe, played by our own: a rehearsal must not be seen there.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, NamedTuple

import pytest

from tests.sale import put_on_sale
from tests.standin.proxy import holding_proxy
from tests.standin.stripe import KEY, SECRET, StripeStandin, stripe_standin
from usher.embedded import delete_data
from usher.keys import Keys
from usher.plumbing.presence import roll
from usher.plumbing.stream import readers
from usher.settings import Settings, environ_of
from usher.up import Up, up
from usher.venue.generate import rows_by_columns

pytestmark = [pytest.mark.anyio, pytest.mark.chaos]

# What moves by itself, whether anybody rehearses or not.
_JOBS: Final = ("arq:", "usher:jobs")
_SWEPT_S: Final = 90.0


@pytest.fixture(scope="module")
def stripe() -> Iterator[StripeStandin]:
    with stripe_standin() as stripe:
        yield stripe


@pytest.fixture(scope="module")
async def site(
    tmp_path_factory: pytest.TempPathFactory, stripe: StripeStandin, anyio_backend: str
) -> AsyncIterator[Up]:
    """Everything on this machine, set up as it should be, on its own data directory."""
    data_dir = tmp_path_factory.mktemp("rehearsal") / "data"
    settings = Settings(
        data_dir=data_dir,
        port=0,
        log_level="warning",
        mail_url=f"maildir://{tmp_path_factory.mktemp('mail')}",
        payments="stripe",
        stripe_key=KEY,
        stripe_webhook_secret=SECRET,
        stripe_api=stripe.address,
    )
    async with up(settings) as site:
        for _ in range(100):
            if len(await roll(site.house.runner)) == 2:
                break
            await asyncio.sleep(0.1)
        yield site
    delete_data(data_dir)


@pytest.fixture(scope="module")
async def event(site: Up) -> str:
    """An event that is to be sold, with seats that are not for sale and a hook that listens."""
    event = await put_on_sale(site.house, rows_by_columns(6, 10), state="draft")
    ledger = Keys(event).named(("ledger",))[0]
    for _ in range(100):  # its worker has begun to read it
        if await readers(site.house.runner, ledger):
            break
        await asyncio.sleep(0.1)
    async with site.house.database.connection() as connection:
        await connection.execute(
            "UPDATE seat SET blocked = true WHERE event_id = $1 AND index < 4", event
        )
        await connection.execute(
            "INSERT INTO hook (id, url, digest, kid, salt)"
            " VALUES ('hok_1', 'http://127.0.0.1:9/', 'd', 'k', 's')"
        )
    return event


class Rehearsed(NamedTuple):
    code: int | None
    report: dict[str, Any]
    err: str

    def item(self, area: str, name: str) -> dict[str, Any]:
        (found,) = [e for e in self.report["items"] if (e["area"], e["name"]) == (area, name)]
        return dict(found)

    @property
    def bad(self) -> list[tuple[str, str]]:
        return [(e["area"], e["name"]) for e in self.report["items"] if e["state"] == "bad"]


async def start(site: Up, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "usher", "rehearse", *words),
        env=environ_of(site.settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def rehearsed(site: Up, *words: str) -> Rehearsed:
    process = await start(site, *words, "--listen", "0", "--json", "-")
    out, err = await process.communicate()
    return Rehearsed(process.returncode, json.loads(out or b"{}"), err.decode())


async def everything(site: Up) -> dict[str, Any]:
    """How many rows each table has, and every key in Redis."""
    house = site.house
    found: dict[str, Any] = {}
    async with house.database.connection() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname='public'")
        for row in tables:
            name = row["tablename"]
            found[name] = await connection.fetchval(f"SELECT count(*) FROM {name}")
    keys = await house.runner.command("KEYS", "*")
    found["redis"] = sorted(key for key in keys if not key.startswith(_JOBS))
    return found


async def shadow_rows(site: Up, table: str) -> int:
    async with site.house.database.connection() as connection:
        return int(
            await connection.fetchval(
                f"SELECT count(*) FROM {table} JOIN rehearsal USING (event_id)"
            )
        )


async def until_bookings(site: Up) -> None:
    late = time.monotonic() + 60
    while not await shadow_rows(site, "booking"):
        assert time.monotonic() < late
        await asyncio.sleep(0.1)


async def test_it_ends_ready_and_leaves_no_trace(
    site: Up, event: str, stripe: StripeStandin
) -> None:
    before = await everything(site)
    run = await rehearsed(site, event, "--fans", "80", "--expect", "1000")
    assert run.code == 0, run.err
    assert run.report["ready"] is True
    assert run.bad == []
    assert run.report["crowd"]["sold"] > 40
    assert run.report["crowd"]["seats"] == 60
    assert run.report["crowd"]["broken"] == []
    assert run.item("streams", "buffering")["state"] == "good"
    assert "READY" in run.err
    assert await everything(site) == before
    assert not stripe.account.sessions


async def test_killed_in_the_middle_it_is_swept_by_a_worker(site: Up, event: str) -> None:
    before = await everything(site)
    process = await start(site, event, "--fans", "80", "--listen", "0")
    await until_bookings(site)
    process.kill()
    await process.wait()
    late = time.monotonic() + _SWEPT_S
    while await site.house.shadows.going_on() or await site.house.shadows.silent():
        assert time.monotonic() < late, "no worker has swept it"
        await asyncio.sleep(0.5)
    assert await everything(site) == before


async def test_interrupted_it_erases_what_there_is(site: Up, event: str) -> None:
    before = await everything(site)
    process = await start(site, event, "--fans", "80", "--listen", "0")
    await until_bookings(site)
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 2, err
    assert b"stopped before the end" in err
    assert await everything(site) == before


async def test_an_eviction_policy_is_bad(site: Up, event: str) -> None:
    await site.house.runner.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        run = await rehearsed(site, event, "--checks-only")
    finally:
        await site.house.runner.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert run.code == 1, run.err
    assert run.bad == [("Redis", "maxmemory-policy")]
    assert "allkeys-lru" in run.item("Redis", "maxmemory-policy")["seen"]
    assert "NOT READY" in run.err


async def test_a_proxy_that_holds_streams_back_is_bad(site: Up, event: str) -> None:
    async with holding_proxy(site.url, hold_bytes=64 * 1024) as address:
        run = await rehearsed(site, event, "--checks-only", "--url", address)
    assert run.code == 1, run.err
    assert run.bad == [("streams", "buffering")]
    assert "proxy_buffering off" in run.item("streams", "buffering")["do"]


async def test_an_address_where_nobody_is(site: Up, event: str) -> None:
    before = await everything(site)
    run = await rehearsed(site, event, "--url", "http://127.0.0.1:9")
    assert run.code == 1
    assert run.bad == [("public URL", "reached")]
    assert await everything(site) == before


async def test_what_cannot_be_run(site: Up, event: str) -> None:
    for words, said in (
        (["evt_" + "0" * 20], "there is no event"),
        ([event, "--fans", "0"], "--fans"),
        ([event, "--url", "ftp://x"], "--url"),
        ([], "name an event"),
    ):
        process = await start(site, *words)
        _, err = await process.communicate()
        assert process.returncode == 2
        assert said in err.decode()
